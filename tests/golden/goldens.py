"""Small goldens for the tests of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.digest import bytes_digest
from pytest_qparity.golden import Golden, GoldenKey

if TYPE_CHECKING:
    from pathlib import Path

ACCEPT = "qparity accept cases/digits.toml"


def key(model: str = "model", data: str = "data", recipe: str = "recipe") -> GoldenKey:
    return GoldenKey(*(bytes_digest(part.encode()) for part in (model, data, recipe)))


def golden(seed: int = 0, made_of: GoldenKey | None = None) -> Golden:
    """Two outputs of 6 samples, "logits" float32 (6, 4) and "label/ids:0" int64 (6,); both differ from seed to seed."""
    random = np.random.default_rng(seed)
    outputs = {
        "logits": random.standard_normal((6, 4)).astype(np.float32),
        "label/ids:0": random.integers(0, 1000, 6),
    }
    return Golden(made_of or key(), outputs, 6, {"engine": "ort", "version": "1.32.0"})


def same(one: Golden, other: Golden) -> bool:
    """Equal in everything: names and their order, types, shapes, bytes, samples, key and provenance."""
    facts = [(golden.key, golden.samples, dict(golden.provenance), list(golden.outputs)) for golden in (one, other)]
    return facts[0] == facts[1] and all(
        (array.dtype, array.shape, array.tobytes())
        == (other.outputs[name].dtype, other.outputs[name].shape, other.outputs[name].tobytes())
        for name, array in one.outputs.items()
    )


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
