"""The fault plan: every row that is injected, in the order of the documentation."""

from __future__ import annotations

from tests.faults.case_faults import CASE_FAULTS
from tests.faults.engine_faults import ENGINE_FAULTS
from tests.faults.model_faults import MODEL_FAULTS
from tests.faults.session_faults import ENVIRONMENT_FAULTS, LEDGER_FAULTS, XDIST_FAULTS
from tests.faults.worker_faults import WORKER_FAULTS

FAULTS = (
    *WORKER_FAULTS,
    *ENGINE_FAULTS,
    *MODEL_FAULTS,
    *CASE_FAULTS,
    *LEDGER_FAULTS,
    *XDIST_FAULTS,
    *ENVIRONMENT_FAULTS,
)
