"""All faults that are planted, and the models that can have them."""

from __future__ import annotations

from pathlib import Path

from tests.diagnose.planting import OWN_FAULTS, Planted, sound
from tests.diagnose.planting_integers import INTEGER_FAULTS
from tests.diagnose.planting_stock import STOCK_FAULTS

QDQ_FAULTS = {**OWN_FAULTS, **STOCK_FAULTS}
FAULTS = {**QDQ_FAULTS, **INTEGER_FAULTS}


def planted(fault: str, kind: str, seed: int, folder: Path) -> Planted:
    make, kinds = FAULTS[fault]
    assert kind in kinds
    folder.mkdir(parents=True, exist_ok=True)
    return make(sound(kind, seed, folder, fault))
