"""A project's first case file: which models, data and engines are there, and what is written of them."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.environment import version_of
from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    from pytest_qparity.case.model import TensorInfo
    from pytest_qparity.worker.protocol import Worker

__all__ = ["Choice", "FoundModel", "Surroundings", "backends_here", "case_text", "look_around", "pairs_among"]

DEPTH = 3  # folders below the project's own that are looked into
MOST_MODELS = 40  # that are opened
_PASSED_OVER = frozenset({"node_modules", "site-packages", "venv", "env", "golden", "build", "dist"})
_PACKAGES = (("ort", ("onnxruntime", "onnxruntime-gpu")), ("openvino", ("openvino",)))


@dataclass(frozen=True, slots=True)
class FoundModel:
    """An ONNX file; `precision`: what its content says, None of a file that is all float32."""

    path: Path
    precision: str | None
    inputs: tuple[TensorInfo, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`unread`: files that are no models, or cannot be read, with why; `left`: models that were not opened."""

    models: tuple[FoundModel, ...]
    data: tuple[Path, ...]
    backends: tuple[str, ...]
    unread: tuple[str, ...] = ()
    left: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """What a case file is to be of. `candidate`: None where there is none yet; `drawn`: whether `data` were drawn."""

    model: FoundModel
    candidate: FoundModel | None
    data: Path
    drawn: bool
    has_labels: bool
    backends: tuple[str, ...]


def look_around(root: Path, worker: Worker) -> Surroundings:
    """The models and arrays in `root` and three folders deep, hidden ones left out, opened in `worker`."""
    found = sorted(_files(root), key=lambda path: (len(path.parts), path))
    named = [path for path in found if path.suffix == ".onnx"]
    models, unread = [], []
    for path in named[:MOST_MODELS]:
        try:
            models.append(read_model(path, worker))
        except CannotJudge as reason:
            unread.append(reason.failure.sentence)
    data = tuple(path for path in found if path.suffix == ".npz")
    return Surroundings(tuple(models), data, backends_here(), tuple(unread), max(0, len(named) - MOST_MODELS))


def read_model(path: Path, worker: Worker) -> FoundModel:
    """What a file is. Raises CannotJudge where it is no model."""
    from pytest_qparity.case.model import read_model_file
    from pytest_qparity.gate.pair_files import ONE

    inputs = read_model_file(path, worker).inputs
    arguments = {"model": str(path.absolute())}
    precision = worker.call(ONE, arguments, {}, f"Reading {path.name}", worker.limits.load).value
    return FoundModel(path, precision, inputs)


def backends_here() -> tuple[str, ...]:
    """Those of `ort` and `openvino` whose packages are installed; they are not imported."""
    return tuple(name for name, packages in _PACKAGES if any(version_of(package) for package in packages))


def pairs_among(models: Sequence[FoundModel]) -> list[tuple[FoundModel, FoundModel]]:
    """Float models and their candidates: the same inputs, and of several float models the one whose name begins most
    like the candidate's. The likeliest pair first."""
    pairs = []
    for candidate in models:
        if candidate.precision is None:
            continue
        floats = [each for each in models if each.precision is None and _names(each) == _names(candidate)]
        if floats:
            pairs.append((max(floats, key=lambda each: _alike(each, candidate)), candidate))
    return sorted(pairs, key=lambda pair: -_alike(*pair))


def _names(model: FoundModel) -> list[tuple[str, str]]:
    return sorted((each.name, each.dtype) for each in model.inputs)


def _alike(one: FoundModel, other: FoundModel) -> int:
    """How many characters their names have in common from the first on."""
    both = zip(one.path.stem, other.path.stem, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], both))


def _files(root: Path) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(root):
        place = Path(folder)
        if len(place.relative_to(root).parts) >= DEPTH:
            subfolders.clear()
        subfolders[:] = sorted(each for each in subfolders if not each.startswith(".") and each not in _PASSED_OVER)
        yield from (place / name for name in names if name.endswith((".onnx", ".npz")))


def case_text(choice: Choice, folder: Path) -> str:
    """The case file, for `folder`: what is known is stated, what is not stands there as a comment."""
    precision = "fp16" if choice.candidate is None else choice.candidate.precision or "int8"
    backends = ",".join(choice.backends) or "ort"
    first = choice.backends[0] if choice.backends else "ort"
    lines = [
        "# Which promises the quantized model must keep. All keys: docs/case-file.md of pytest-qparity.",
        "# Once: qparity accept --missing, then look at golden/ and commit it.",
        f"# Each time: pytest --backend={backends}",
        "",
        f"model = {_path(choice.model.path, folder)}  # the float model: the reference",
        '# task = "image-classification"  # sets the metric and the tolerances',
        "",
        *_data_lines(choice, folder),
        "",
        "[precisions.fp32]  # the float model itself, to compare speed and memory with",
        *_precision_lines(choice, precision, folder),
        "",
        f"# [parity.{precision}]",
        "# sqnr_db = 20.0  # how near outputs must be; without it that of the precision",
        "",
        *_accuracy_lines(choice),
        "",
        "# What it must bring. Without budgets latency and memory are measured and recorded.",
        f"# [budgets.{first}.{precision}]",
        "# speedup_over = { fp32 = 1.5 }",
        "# memory_mb = 64",
    ]
    return "\n".join(lines) + "\n"


def _data_lines(choice: Choice, folder: Path) -> list[str]:
    if choice.drawn:
        return [
            "[data]",
            "# Drawn inputs show parity, not accuracy. Put recorded ones in their place: an .npz with an array for",
            "# each input (the first axis counts samples) and labels; then remove drawn.",
            f"test = {_path(choice.data, folder)}",
            "drawn = true",
            '# calibration = "data/calibration.npz"  # for precisions that are made here',
        ]
    return [
        "[data]",
        f"test = {_path(choice.data, folder)}",
        '# calibration = "data/calibration.npz"  # for precisions that are made here; other samples than test',
        "# batch = 8  # samples that go through the model at a time",
        "# population = false  # where these samples are all that matter, and stand for no others",
    ]


def _precision_lines(choice: Choice, precision: str, folder: Path) -> list[str]:
    if choice.candidate is None:
        return [
            "[precisions.fp16]  # made here",
            "# [precisions.int8]  # made here too, with calibration data",
            "# [precisions.int8-shipped]  # or given: exactly the file that ships",
            f'# file = "{choice.model.path.stem}_int8.onnx"',
        ]
    return [
        f"[precisions.{precision}]  # given: exactly the file that ships",
        f"file = {_path(choice.candidate.path, folder)}",
    ]


def _accuracy_lines(choice: Choice) -> list[str]:
    if choice.has_labels:
        return [
            "[accuracy]",
            'metric = "top1"  # others: docs/metrics.md',
            "margin = 0.5  # percentage points that may be lost, at most",
        ]
    return ["# [accuracy]  # needs labels", '# metric = "top1"', "# margin = 0.5"]


def _path(path: Path, folder: Path) -> str:
    text = Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def matching_data(model: FoundModel, data: Sequence[Path]) -> tuple[Path, bool] | None:
    """The first file whose arrays are the model's inputs, and whether it has labels beside them."""
    import zipfile

    wanted = {each.name for each in model.inputs}
    for path in data:
        try:
            with zipfile.ZipFile(path) as archive:
                arrays = {name.removesuffix(".npy") for name in archive.namelist()}
        except (OSError, zipfile.BadZipFile):
            continue
        if arrays - {"labels"} == wanted:
            return path, "labels" in arrays
    return None
