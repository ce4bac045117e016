"""A float model and its candidate, judged without a case file of the user's: one is written for them.

What is written is a case like any other, in `.qparity/pairs`, so that goldens, ledger, canaries and verdicts are the
real ones.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.digest import json_digest
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.model import ModelFile, TensorInfo
    from pytest_qparity.worker.protocol import Worker

__all__ = ["Pair", "PairError", "PairPlace", "Prepared", "prepare", "write_drawn"]

SAMPLES = 16
_FOLDER = Path(".qparity") / "pairs"
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


class PairError(Exception):
    """A pair that was named wrongly: "got X, should be Y"."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What was asked: files as they were named; `data`: None where inputs are to be drawn; `precision`: what the
    candidate is meant to be, None where its file is to tell; `sizes`: of axes that the model leaves open;
    `speedup`: how many times as fast as the float model it must be on each of `backends`, None where it need not.
    `changes_weights`: its maker changed them on purpose."""

    model: Path
    candidate: Path
    data: Path | None = None
    precision: str | None = None
    samples: int = SAMPLES
    sizes: Mapping[str, int] = field(default_factory=dict)
    speedup: float | None = None
    backends: tuple[str, ...] = ()
    changes_weights: bool = False

    def as_json(self) -> dict[str, Any]:
        data = None if self.data is None else str(self.data)
        return {"model": str(self.model), "candidate": str(self.candidate), "data": data}


@dataclass(frozen=True, slots=True)
class PairPlace:
    """Where a pair's case is under the root `root`, whether or not it has been written."""

    pair: Pair
    root: Path

    @property
    def folder(self) -> Path:
        return self.root / _FOLDER

    @property
    def name(self) -> str:
        """Of the case: for people the candidate's, for goldens one that no other pair has."""
        named = [self.pair.model, self.pair.candidate, self.pair.data]
        asked = {
            "files": [None if path is None else str(path.absolute()) for path in named],
            "precision": self.pair.precision,
            "samples": self.pair.samples,
            "sizes": dict(self.pair.sizes),
            "speedup": [self.pair.speedup, *self.pair.backends],
            **({"weights": "changed"} if self.pair.changes_weights else {}),
        }
        stem = _UNSAFE.sub("-", self.pair.candidate.stem).strip("-_") or "candidate"
        return f"{stem[:40]}-{json_digest(asked)[:6]}"

    @property
    def case_file(self) -> Path:
        return self.folder / f"{self.name}.toml"

    @property
    def inputs(self) -> Path:
        return self.pair.data if self.pair.data is not None else self.folder / f"{self.name}.npz"

    @property
    def golden_root(self) -> Path:
        return self.folder / "golden"

    @property
    def roots(self) -> tuple[Path, ...]:
        """Whoever names a file lets it be read."""
        named = [path for path in (self.pair.model, self.pair.candidate, self.pair.data) if path is not None]
        folders = (folder for path in named for folder in (path.absolute().parent, path.resolve().parent))
        return tuple(dict.fromkeys(folders))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A pair whose case has been written. `told`: what is to be known of its inputs and its golden."""

    precision: str
    told: tuple[str, ...]


def prepare(place: PairPlace, worker: Worker) -> Prepared:
    """Look at both files, draw inputs where none are given, write the case.

    Raises PairError where what was named cannot be a pair, CannotJudge where a file cannot be judged, OSError where
    nothing can be written.
    """
    from pytest_qparity.case.model import read_model_file
    from pytest_qparity.gate.pair_files import TARGET

    pair = place.pair
    _require_files(pair)
    model, candidate = (read_model_file(path, worker) for path in (pair.model, pair.candidate))
    paths = {"model": str(pair.model.absolute()), "candidate": str(pair.candidate.absolute())}
    found = worker.call(TARGET, paths, {}, f"Reading {pair.candidate.name}", worker.limits.load).value
    _require_order(pair, found)
    precision = _precision(pair, found["candidate_precision"])
    if pair.speedup is not None and precision == "fp32":
        raise PairError("got a speed-up for a candidate that is fp32 itself, should be none: nothing is to be compared")
    _require_inputs(pair, model, candidate)
    inputs = (
        (f"Inputs: {_shown(pair.data)}.",)
        if pair.data is not None
        else write_drawn(place.inputs, model.inputs, found["hints"], pair.samples, pair.sizes)
    )
    golden = f"Golden: made here of {_shown(pair.model)}, which is taken as right; nobody has looked at its outputs."
    told = (*inputs, golden)
    _write_case(place, precision, model, told)
    return Prepared(precision, told)


def _shown(path: Path) -> str:
    """As whoever is here would name it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _require_files(pair: Pair) -> None:
    named = {"the float model": pair.model, "the candidate": pair.candidate, "data": pair.data}
    for role, path in named.items():
        if path is None:
            continue
        if not path.exists():
            raise PairError(f"got no file {_shown(path)} as {role}, should be one")
        if path.is_dir() and role != "data":
            raise PairError(f"got the folder {_shown(path)} as {role}, should be an ONNX file")
    if pair.model.resolve() == pair.candidate.resolve():
        raise PairError(f"got {_shown(pair.model)} twice, should be the float model and then its candidate")
    if pair.samples < 1:
        raise PairError(f"got {pair.samples} samples, should be 1 or more")


def _require_order(pair: Pair, found: Mapping[str, Any]) -> None:
    if found["model_precision"] is None:
        return
    if found["candidate_precision"] is None:
        raise PairError(
            f"got {_shown(pair.model)} ({found['model_precision']}) before {_shown(pair.candidate)} (float32), should "
            f"be the float model first: {_shown(pair.candidate)} {_shown(pair.model)}"
        )
    if found["model_precision"] not in ("fp16", "bf16"):
        raise PairError(
            f"got {_shown(pair.model)}, which is {found['model_precision']} already, as the float model, should be the "
            "model before it was quantized"
        )


def _precision(pair: Pair, found: str | None) -> str:
    if pair.precision is not None:
        return pair.precision
    if found is None:
        raise CannotJudge(
            Failure(
                Code.PREFLIGHT_NOT_QUANTIZED,
                f"{pair.candidate.name}: got a file in which nothing is quantized or half precision, should hold a "
                "precision other than float32.",
                "name the quantized file; of one that is meant to be float32, say so: --precision fp32",
            )
        )
    return found


def _require_inputs(pair: Pair, model: ModelFile, candidate: ModelFile) -> None:
    """As each run would say, before any is begun."""
    wanted, got = ([(each.name, each.dtype) for each in file.inputs] for file in (model, candidate))
    if sorted(wanted) == sorted(got):
        return
    raise CannotJudge(
        Failure(
            Code.VARIANT_INTERFACE,
            f"{pair.candidate.name}: got the inputs {_listed(candidate.inputs)}, should be {_listed(model.inputs)} as "
            f"in {pair.model.name}.",
            "name two files of one model; export the candidate with the float model's inputs",
        )
    )


def _listed(tensors: Sequence[TensorInfo]) -> str:
    return ", ".join(f'"{each.name}" {each.dtype}' for each in tensors) or "none"


def write_drawn(
    target: Path,
    inputs: Sequence[TensorInfo],
    hints: Mapping[str, Mapping[str, Any]],
    samples: int,
    sizes: Mapping[str, int],
) -> tuple[str, ...]:
    """Inputs for a model, drawn and written to `target`; what is to be known of them. `hints`: as `read_pair` has
    them. Raises as `draw` does, and OSError."""
    import numpy as np

    from pytest_qparity.case.drawing import DRAWN_NOTE, InputHint, draw
    from pytest_qparity.durable import replacing

    known = {
        name: InputHint(None if each["span"] is None else tuple(each["span"]), each["rows"], each["convolved"])
        for name, each in hints.items()
    }
    drawn = draw(inputs, known, samples, sizes)
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **drawn.arrays)  # type: ignore[arg-type]  # its stub takes the names for its own options
    told = [DRAWN_NOTE, *(f"Drawn, {samples} samples: {each}." for each in drawn.told)]
    if any(hint.span is not None for hint in known.values()):
        told.append("Ranges are the candidate's own: that it was calibrated for other inputs than yours is not seen.")
    return tuple(told)


def _write_case(place: PairPlace, precision: str, model: ModelFile, told: Sequence[str]) -> None:
    from pytest_qparity.durable import write_bytes

    place.folder.mkdir(parents=True, exist_ok=True)
    write_bytes(place.case_file, _case_text(place, precision, model, told).encode())


def _case_text(place: PairPlace, precision: str, model: ModelFile, told: Sequence[str]) -> str:
    pair = place.pair
    lines = [
        *(f"# {' '.join(each.split())}" for each in told),
        "",
        f"model = {_path(pair.model, place.folder)}",
        "",
        "[data]",
        f"test = {_path(place.inputs, place.folder)}",
        *(["drawn = true"] if pair.data is None else []),
        "",
        *(["[precisions.fp32]"] if precision != "fp32" else []),
        f"[precisions.{precision}]",
        f"file = {_path(pair.candidate, place.folder)}",
        *(['weights = "changed"'] if pair.changes_weights else []),
        *_budgets(pair, precision),
        *(["", "[accuracy]", 'metric = "top1"'] if _has_classes(pair, model) else []),
    ]
    return "\n".join(lines) + "\n"


def _budgets(pair: Pair, precision: str) -> list[str]:
    if pair.speedup is None:
        return []
    over = f"speedup_over = {{ fp32 = {pair.speedup} }}"
    return [line for backend in pair.backends for line in ("", f"[budgets.{backend}.{precision}]", over)]


def _path(path: Path, folder: Path) -> str:
    """As TOML text, from the case file's folder."""
    text = os.path.relpath(path.absolute(), folder.absolute())
    return json.dumps(Path(text).as_posix(), ensure_ascii=False).replace("\x7f", "\\u007f")


def _has_classes(pair: Pair, model: ModelFile) -> bool:
    """Whether the data hold a whole number for each sample as `labels`, and the model gives scores of classes."""
    import numpy as np

    scores = model.outputs[0].shape
    if pair.data is None or pair.data.suffix != ".npz" or scores is None or len(scores) != 2:
        return False
    try:
        with np.load(pair.data, allow_pickle=False) as archive:
            return "labels" in archive.files and archive["labels"].dtype.kind in "iu" and archive["labels"].ndim == 1
    except (OSError, ValueError, EOFError):
        return False  # what reads the data says what is wrong with them
