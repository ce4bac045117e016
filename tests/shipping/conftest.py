from __future__ import annotations

from pathlib import Path

import pytest

from tests.shipping.judged import Judged, judge


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    """A project whose run ort-int8 passed: a made variant with external data, and the ledger."""
    return judge(tmp_path)
