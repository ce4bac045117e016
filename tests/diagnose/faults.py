"""All faults that are planted, and the models that can have them."""

from __future__ import annotations

from pathlib import Path

from tests.diagnose.planting import OWN_FAULTS, Planted, sound
from tests.diagnose.planting_stock import STOCK_FAULTS

FAULTS = {**OWN_FAULTS, **STOCK_FAULTS}


def planted(fault: str, kind: str, seed: int, folder: Path) -> Planted:
    make, kinds = FAULTS[fault]
    assert kind in kinds
    folder.mkdir(parents=True, exist_ok=True)
    return make(sound(kind, seed, folder, fault))
