"""What a case file names outside its own tables: files, functions, and precisions that other tables are about.

It works on the document as parsed, so that these problems are reported together with those of the schema.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.functions import find_function, is_function
from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.case.problems import Finding, place, shown, table_name, uncapitalized
from pytest_qparity.case.schema import KNOWN_METRICS, TASK_METRICS
from pytest_qparity.verdict import CannotJudge, Code, run_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_qparity.case.location import Location
    from pytest_qparity.case.reach import Reach

OUTSIDE_REMEDY = "copy it there, or name its folder in the ini qparity_roots (--qparity-roots)"
_READ_WHOLE = ("*.npz", "*.npy", "*/*.npy", "*.parquet", "*.arrow")
FLOAT = "fp32"  # the float model itself: a counterpart that every case has


def reference_findings(document: dict[str, Any], reach: Reach) -> list[Finding]:
    return [
        *_model(document.get("model"), reach),
        *_data(_table(document, "data"), reach),
        *_given_files(_table(document, "precisions"), reach),
        *_makers(_table(document, "precisions"), reach),
        *_precisions_named(document),
        *_metric(document, reach.folder),
    ]


def known_findings(document: dict[str, Any], reach: Reach) -> list[Finding]:
    """What is wrong with the files of known deviations that a conformance case names."""
    known = _table(_table(document, "conformance"), "known")
    return [
        finding
        for backend, file in known.items()
        if isinstance(file, str) and file
        for finding in _file(("conformance", "known", backend), file, reach)
    ]


def _table(document: dict[str, Any], key: str) -> dict[str, Any]:
    """The table, or an empty one where there is none: that is the schema's to report."""
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _model(model: object, reach: Reach) -> Iterator[Finding]:
    if isinstance(model, str) and model:
        yield from _file(("model",), model, reach)
    elif isinstance(model, dict) and isinstance(build := model.get("build"), str) and build:
        yield from _function(("model", "build"), build, reach.folder)


def _data(data: dict[str, Any], reach: Reach) -> Iterator[Finding]:
    for key in ("test", "calibration"):
        source = data.get(key)
        if not isinstance(source, str) or not source:
            continue
        if is_function(source):
            yield from _function(("data", key), source, reach.folder)
        else:
            yield from _samples(("data", key), source, reach)
    yield from _file_if_stated(("data", "classes"), data.get("classes"), reach)
    yield from _file_if_stated(("data", "text", "tokenizer"), _table(data, "text").get("tokenizer"), reach)


def _file_if_stated(location: Location, source: object, reach: Reach) -> Iterator[Finding]:
    if isinstance(source, str) and source:
        yield from _file(location, source, reach)


def _samples(location: Location, source: str, reach: Reach) -> Iterator[Finding]:
    if (target := reach.outside(source)) is not None:
        yield _outside(location, source, target, reach)
        return
    mode = _mode(reach.folder, source)
    if mode is None:
        yield _missing(location, source, reach.folder, "a file, a folder or module:function")
    elif stat.S_ISDIR(mode):
        top = reach.folder / source  # of trees of images and sounds each link is followed when they are listed
        for path in sorted(path for kind in _READ_WHOLE for path in top.glob(kind)):
            part = f"{source.rstrip('/')}/{path.relative_to(top)}"
            if (target := reach.outside(part)) is not None:
                yield _outside(location, part, target, reach)


def _given_files(precisions: dict[str, Any], reach: Reach) -> Iterator[Finding]:
    for name, table in precisions.items():
        for key in ("file", "ranges"):
            if isinstance(table, dict) and isinstance(file := table.get(key), str) and file:
                yield from _file(("precisions", name, key), file, reach)


def _makers(precisions: dict[str, Any], reach: Reach) -> Iterator[Finding]:
    for name, table in precisions.items():
        if isinstance(table, dict) and isinstance(maker := table.get("maker"), str) and maker:
            yield from _function(("precisions", name, "maker"), maker, reach.folder)


def _file(location: Location, source: str, reach: Reach) -> Iterator[Finding]:
    if (target := reach.outside(source)) is not None:
        yield _outside(location, source, target, reach)
        return
    mode = _mode(reach.folder, source)
    if mode is None:
        yield _missing(location, source, reach.folder, "a file")
    elif stat.S_ISDIR(mode):
        sentence = f"{place(location)}: got {shown(source)}, a folder, should be a file."
        yield Finding(Code.CASE_MISSING_FILE, location, sentence, "name the file in that folder")


def _outside(location: Location, source: str, target: Path, reach: Reach) -> Finding:
    sentence = f"{place(location)}: got {shown(source)}, which leads to {target}, should be below {reach.shown}."
    return Finding(Code.CASE_OUTSIDE, location, sentence, OUTSIDE_REMEDY)


def _mode(folder: Path, source: str) -> int | None:
    try:
        return os.stat(os.path.join(folder, source)).st_mode  # noqa: PTH116, PTH118  a tenth of the time of Path
    except (OSError, ValueError):  # ValueError: a null character in the name
        return None


def _missing(location: Location, source: str, folder: Path, should: str) -> Finding:
    if (link := _link(folder, source)) is not None:
        sentence = (
            f"{place(location)}: got {shown(source)}, a link to {shown(link)} that leads nowhere, should be {should}."
        )
        remedy = f"make what it leads to, or put the file itself at {shown(source)}"
        return Finding(Code.CASE_MISSING_FILE, location, sentence, remedy)
    sentence = f"{place(location)}: got {shown(source)}, which does not exist, should be {should}."
    remedy = _nearest_file(source, folder)
    if location == ("model",) and is_function(source):
        remedy = f"write model = {{build = {shown(source)}}}"
    elif location == ("model",) and source.startswith(("https:", "http:")):
        remedy = f'write model = {{url = {shown(source)}, sha256 = "…"}}'
    return Finding(Code.CASE_MISSING_FILE, location, sentence, remedy)


def _link(folder: Path, source: str) -> str | None:
    """What a symbolic link says, as it stands; None where `source` is none."""
    try:
        return os.readlink(os.path.join(folder, source))  # noqa: PTH115, PTH118
    except (OSError, ValueError):
        return None


def _nearest_file(source: str, folder: Path) -> str:
    parent, _, name = source.rpartition("/")
    try:
        there = sorted(path.name for path in (folder / parent).iterdir()) if parent or folder.is_dir() else []
    except (OSError, ValueError):
        return (
            f"make it, or correct the path: it is relative to the case file, and {shown(parent)} is not a folder there"
        )
    near = nearest(name, there)
    if near is None:
        return "make it, or correct the path: it is relative to the case file"
    return f"write {shown(f'{parent}/{near}' if parent else near)}"


def _function(location: Location, name: str, folder: Path) -> Iterator[Finding]:
    try:
        find_function(name, folder)
    except CannotJudge as error:
        failure = error.failure
        yield Finding(failure.code, location, f"{place(location)}: {uncapitalized(failure.sentence)}", failure.remedy)


def _precisions_named(document: dict[str, Any]) -> Iterator[Finding]:
    """Keys of [parity], [budgets.<backend>], speedup_over and ratio_to that are no precision of this case."""
    known = list(_table(document, "precisions"))
    bases = {_base(name, table) for name, table in _table(document, "precisions").items()}
    for name in _table(document, "parity"):
        if name not in known and name not in bases:
            yield _no_precision(("parity", name), name, known)
    for backend, runs in _table(document, "budgets").items():
        for name, budget in runs.items() if isinstance(runs, dict) else ():
            location = ("budgets", backend, name)
            if name not in known:
                yield _no_precision(location, name, known)
            for key in ("speedup_over", "ratio_to"):
                counterparts = budget.get(key) if isinstance(budget, dict) else None
                if isinstance(counterparts, dict):
                    beside = [each for each in counterparts if key == "ratio_to" or not _may_be_a_run(each, known)]
                    yield from _counterparts((*location, key), beside, known)


def _base(name: str, table: object) -> str:
    """What limits of a precision hold for, unless it has its own: its base, of "int8-x" without one "int8"."""
    stated = table.get("base") if isinstance(table, dict) else None
    return stated if isinstance(stated, str) else name.partition("-")[0]


def _may_be_a_run(name: str, precisions: list[str]) -> bool:
    """Whether a backend could be meant by what stands before a precision: which there are is not known here."""
    return name not in precisions and any(name.endswith(f"-{precision}") for precision in (*precisions, FLOAT))


def _counterparts(location: Location, counterparts: list[str], known: list[str]) -> Iterator[Finding]:
    itself = location[-2]
    possible = sorted({*known, FLOAT} - {itself})
    for name in counterparts:
        if name not in possible:
            should = f"another precision: {known_list(possible)}"
            if location[-1] == "speedup_over":
                should += f"; or a run of another backend, such as {run_id('ort', FLOAT)}"
            sentence = f"{place(location)}: got {shown(name)}, should be {should}."
            yield Finding(Code.CASE_DEAD_PATTERN, (*location, name), sentence, _rename(name, possible))


def _no_precision(location: Location, name: str, known: list[str]) -> Finding:
    sentence = f"Got {table_name(location)}, should be for a precision of this case: {known_list(known)}."
    near = nearest(name, known)
    remedy = (
        f"write {table_name((*location[:-1], near))}" if near else f"add the table {table_name(('precisions', name))}"
    )
    return Finding(Code.CASE_DEAD_PATTERN, location, sentence, remedy)


def _rename(name: str, possible: list[str]) -> str:
    near = nearest(name, possible)
    return f'write "{near}"' if near else "remove it"


def _metric(document: dict[str, Any], folder: Path) -> Iterator[Finding]:
    accuracy, task = document.get("accuracy"), document.get("task", "other")
    metric = _table(document, "accuracy").get("metric")
    location: Location = ("accuracy", "metric")
    if isinstance(metric, dict):
        metric, location = metric.get("name"), (*location, "name")
    if isinstance(metric, str) and is_function(metric):
        yield from _function(location, metric, folder)
    if isinstance(accuracy, dict) and "metric" not in accuracy and isinstance(task, str) and task not in TASK_METRICS:
        sentence = (
            f"Got no metric in [accuracy], should be there: the task {shown(task)} has no default. "
            f"Known metrics: {', '.join(KNOWN_METRICS)}."
        )
        yield Finding(Code.CASE_VALUE, ("accuracy", "metric"), sentence, f'add metric = "{KNOWN_METRICS[0]}"')
