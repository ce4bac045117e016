"""Python code that is not of an installed package: which files it lies in, as far as that can be told."""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

from pytest_qparity.digest import file_digest, json_digest, tree_digest

__all__ = ["SITE", "is_local", "local_sources", "sources_digest", "sources_of_target"]

SITE = frozenset(("site-packages", "dist-packages"))
_OWN = "pytest_qparity"


@functools.cache
def _standard_library() -> tuple[Path, ...]:
    return tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))


def is_local(path: Path) -> bool:
    """Whether no version of a package stands for the code: it is neither the standard library's nor installed."""
    if SITE.intersection(path.parts):
        return False
    return not any(path.is_relative_to(folder) for folder in _standard_library())


def local_sources(modules: Mapping[str, ModuleType] | None = None) -> frozenset[Path]:
    """Files of the modules that are imported now and are local, without this package's own."""
    known = dict(sys.modules if modules is None else modules)
    named = (
        getattr(module, "__file__", None)
        for name, module in known.items()
        if name.partition(".")[0] not in (_OWN, "__main__")
    )
    files = (Path(file) for file in _resolved({file for file in named if isinstance(file, str)}))
    return frozenset(file for file in files if is_local(file) and file.is_file())


def _resolved(files: Iterable[str]) -> Iterator[str]:
    """Each without links. A folder is resolved once for all of its files: sessions import a thousand modules."""
    folders: dict[str, str] = {}
    for file in files:
        folder, name = os.path.split(file)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        path = os.path.join(folders[folder], name)  # noqa: PTH118
        yield os.path.realpath(path) if os.path.islink(path) else path  # noqa: PTH114


def sources_of_target(target: str) -> frozenset[Path]:
    """The file of the package that "package.module:name" is in, not imported; empty where it is an installed one.
    Raises LookupError where it cannot be told."""
    top = target.partition(":")[0].partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or ())]
    files = [Path(place).resolve() for place in places if place is not None and Path(place).exists()]
    if not files:
        raise LookupError(f"got no file of {top}, should be a module")
    local = (file for file in files if is_local(file))
    return frozenset(next(iter(sorted(file.glob("*.py"))), file) if file.is_dir() else file for file in local)


def sources_digest(files: Iterable[Path]) -> str:
    """SHA-256 of what the code in `files` may be made of: of a file in a package all of that package, of another one
    the modules beside it. Code is imported late, and nobody tells what else it will import."""
    return json_digest({"folders": sorted(_of_folder(folder) for folder in {_reach_of(file) for file in files})})


def _reach_of(file: Path) -> Path:
    folder = file.parent
    while (folder.parent / "__init__.py").is_file() and (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _of_folder(folder: Path) -> str:
    if (folder / "__init__.py").is_file():
        return tree_digest(folder, "*.py")
    return json_digest({path.name: file_digest(path) for path in sorted(folder.glob("*.py")) if path.is_file()})
