"""A process that writes a ledger, says how far it is, and goes on until it is killed."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from pytest_qparity.ledger import LedgerWriter

PLANNED = 5

if __name__ == "__main__":
    writer = LedgerWriter(Path(sys.argv[1]), {"backends": ["ort"]})
    writer.plan([f"check {index}" for index in range(PLANNED)])
    for index in count():
        writer.append({"event": "verdict", "node_id": f"check {index}", "outcome": "pass", "number": index})
        print(index, flush=True)
