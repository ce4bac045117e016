"""Which files of a project the runs of a case need: what its case file names, and what those files name."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.functions import find_function, is_function
from pytest_qparity.case.loading import Case, ConformanceCase
from pytest_qparity.case.model import read_model_file, resolve_model
from pytest_qparity.case.schema import UrlModel
from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    from pytest_qparity.worker.protocol import Worker

__all__ = ["fetched_model", "files_of_case", "files_of_globs"]


def files_of_case(case_file: Path, golden: Path, worker: Worker) -> list[Path]:
    """The case file, each file and folder that a text in it names, the external data of such models, modules beside it
    when it names a function, and its golden in the folder `golden`. `worker` reads the models.

    A text that names no file is passed over: whoever needs one says so when the run is judged.
    """
    folder = case_file.parent
    found: dict[Path, None] = {case_file: None}
    for text in _texts(tomllib.loads(case_file.read_text(encoding="utf-8"))):
        if is_function(text):
            found.update(dict.fromkeys(_modules_beside(text, folder)))
            continue
        with contextlib.suppress(OSError, ValueError):  # a text that can be no path
            found.update(dict.fromkeys(_files_at(folder / text)))
    for model in [path for path in found if path.suffix == ".onnx"]:
        found.update(dict.fromkeys(_external_data(model, worker)))
    found.update(dict.fromkeys(_files_at(golden)))
    return [path for path in found if path.is_file()]


def files_of_globs(root: Path, globs: Iterable[str]) -> list[Path]:
    return sorted({path for glob in globs for path in root.glob(glob) if path.is_file()})


def fetched_model(case: Case | ConformanceCase, cache: Path, worker: Worker) -> dict[str, Path]:
    """The model that a case names by its address, by its name in the cache folder: a node may have no way there."""
    if isinstance(case, ConformanceCase) or not isinstance(case.spec.model, UrlModel):
        return {}
    try:
        path = resolve_model(case.spec.model, case.folder, cache / "models", worker)
    except CannotJudge:
        return {}  # the node tries itself, and says what it got
    return {path.relative_to(cache).as_posix(): path}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _files_at(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir() and path.name not in ("", ".", ".."):
        yield from (each for each in sorted(path.rglob("*")) if each.is_file())


def _modules_beside(name: str, folder: Path) -> Iterator[Path]:
    """All modules beside the case file: one imports the others."""
    with contextlib.suppress(CannotJudge):
        if find_function(name, folder).beside_case:
            yield from sorted(folder.rglob("*.py"))


def _external_data(model: Path, worker: Worker) -> Iterator[Path]:
    with contextlib.suppress(CannotJudge):  # told again when the run is judged
        yield from (model.parent / place for place in read_model_file(model, worker).external)
