"""The ledger: the record of every planned check of a session, and of several that are shards of one plan."""

from pytest_qparity.ledger.events import CheckId, verdict_event
from pytest_qparity.ledger.merging import merge
from pytest_qparity.ledger.reading import Ledger, LedgerError, read_ledger
from pytest_qparity.ledger.shards import MergeError
from pytest_qparity.ledger.writing import LedgerWriter

__all__ = [
    "CheckId",
    "Ledger",
    "LedgerError",
    "LedgerWriter",
    "MergeError",
    "merge",
    "read_ledger",
    "verdict_event",
]
