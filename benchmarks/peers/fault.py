"""A planted fault: which pair of files and data it makes of the sound pair, and what must be asked to see it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
import onnx

Arrays = Mapping[str, np.ndarray]


class Need(StrEnum):
    """What a tool must be able to be given, beside the two files and test inputs, before a fault is its business."""

    LABELS = "labels"
    GOLDEN = "golden"  # reference outputs that were stored earlier, in the place of a fresh run of the float model
    CALIBRATION = "calibration"  # the tool quantizes by itself, with these samples
    PROVIDER = "provider"
    SIZE = "size"
    MEMORY = "memory"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class Pair:
    """What a release gate is handed.

    `test`: `input` (N, 1, 8, 8) float32 and `labels` (N,) int64. `golden`: outputs of the float model that were stored
    earlier; None: none are. `budgets`: size_mb, memory_mb, speedup. `recipe`: the maker's options, where the fault is
    in how the variant is made; None: the variant is a given file. `population`: the samples stand for more than
    themselves, to tools that can be told; `margin_points`: of top-1, to those.
    """

    float_model: onnx.ModelProto
    variant: onnx.ModelProto | bytes
    test: Arrays
    calibration: Arrays
    golden: Arrays | None = None
    provider: str = "CPUExecutionProvider"
    budgets: Mapping[str, float] = field(default_factory=dict)
    recipe: Mapping[str, object] | None = None
    golden_model: onnx.ModelProto | None = None  # what `golden` was made with, where that is another model
    population: bool = False
    margin_points: float = 0.5
    golden_test: Arrays | None = None  # and over which samples, where those are others


@dataclass(frozen=True, slots=True)
class Fault:
    """`is_sound`: a control, which must pass. `needs`: what must be given to a tool before it can see the fault."""

    id: str
    area: str
    what: str
    plant: Callable[[Pair], Pair]
    needs: tuple[Need, ...] = ()
    is_sound: bool = False


def write(fault: Fault, pair: Pair, folder: Path) -> None:
    """`pair` as files in `folder`, the way every tool gets it; `question.json` says what stands there."""
    folder.mkdir(parents=True)
    (folder / "float.onnx").write_bytes(pair.float_model.SerializeToString(deterministic=True))
    variant = pair.variant
    content = variant if isinstance(variant, bytes) else variant.SerializeToString(deterministic=True)
    (folder / "int8.onnx").write_bytes(content)
    np.savez(folder / "test.npz", **pair.test)
    np.savez(folder / "calibration.npz", **pair.calibration)
    if pair.golden is not None:
        np.savez(folder / "golden.npz", **pair.golden)
    if pair.golden_model is not None:
        (folder / "golden_model.onnx").write_bytes(pair.golden_model.SerializeToString(deterministic=True))
    if pair.golden_test is not None:
        np.savez(folder / "golden_test.npz", **pair.golden_test)
    question = {
        "id": fault.id,
        "needs": [need.value for need in fault.needs],
        "provider": pair.provider,
        "budgets": dict(pair.budgets),
        "recipe": pair.recipe,
        "batch": BATCH,
        "population": pair.population,
        "margin_points": pair.margin_points,
    }
    (folder / "question.json").write_text(json.dumps(question, indent=1), encoding="utf-8")


BATCH = 54  # 10 calls over the 540 test samples
