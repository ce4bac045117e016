"""What every adapter does: go through the planted faults in an environment of its own, and write down what came.

Runs in the peers' environments: needs Python and NumPy alone.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

PASSES, CAUGHT, NOT_ASKED = "passes", "caught", "not asked"
# Where a tool has no limit of its own: twice what the sound int8 file differs by. See `limits` in the faults' folder.
Judge = Callable[[Path, dict[str, Any]], "str | None"]


def adapt(judge: Judge, packages: list[str], asks: set[str], *, makes: bool = False) -> None:
    """Judge each fault's folder below argv[1] and write the verdicts to argv[2].

    `judge(folder, question)`: None where the tool lets the pair pass, else what it said; an exception is what a user
    would see as a failed command. `asks`: needs (`Need`) that the tool can be given. `makes`: it quantizes by itself,
    and is asked only where the fault is in how that is done.
    """
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    only = set(sys.argv[3].split(",")) if len(sys.argv) > 3 else None
    written: dict[str, Any] = {"packages": {name: _version(name) for name in packages}, "verdicts": {}}
    for question_file in sorted(folder.glob("*/question.json")):
        question = json.loads(question_file.read_text(encoding="utf-8"))
        if only is not None and question["id"] not in only:
            continue
        is_business = set(question["needs"]) <= asks
        if makes:
            is_business = is_business and (question["recipe"] is not None or question["id"] == "sound")
        elif not (question_file.parent / "int8.onnx").stat().st_size:
            is_business = False  # no file was made
        verdict, says = (NOT_ASKED, "") if not is_business else _judged(judge, question_file.parent, question)
        written["verdicts"][question["id"]] = {"verdict": verdict, "says": says}
        target.write_text(json.dumps(written, indent=1, ensure_ascii=False), encoding="utf-8")


def _judged(judge: Judge, folder: Path, question: dict[str, Any]) -> tuple[str, str]:
    try:
        says = judge(folder, question)
    except (ImportError, AttributeError):
        raise  # the adapter is wrong, or the environment: no answer of the peer's
    except Exception as error:  # noqa: BLE001  whatever a peer raises is its answer
        lines = traceback.format_exception_only(error)
        return CAUGHT, _short(lines[-1] if len(lines) == 1 else " ".join(lines))
    return (PASSES, "") if says is None else (CAUGHT, _short(says))


def _short(text: str) -> str:
    return " ".join(text.split())[:240]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def limits(folder: Path) -> dict[str, Any]:
    """`atol` by output and `sqnr_db`, measured on the sound pair and doubled; `drop_points`."""
    return json.loads((folder.parent / "limits.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as held:
        return {name: held[name] for name in held.files}


def batches(inputs: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(inputs), size):
        yield inputs[start : start + size]
