"""Local Python files that a file may import, told from its source: nothing is imported to tell it.

Every import statement counts, wherever it stands, and every local place that it may mean, not the first alone. Code
that looks for modules by means of its own may import anything: of such code the whole project counts.
"""

from __future__ import annotations

import ast
import functools
import importlib.machinery
import importlib.util
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_qparity.digest import file_digest, json_digest
from pytest_qparity.sources import SITE, is_local, sources_digest

__all__ = ["code_digest", "module_files"]

_OWN = "pytest_qparity"  # its version, or all of it, stands beside each of these digests
_MARKS = ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", "setup.py")
_ENDINGS = tuple(ending for ending in importlib.machinery.all_suffixes() if not ending.endswith(".pyc"))
# What finds code by names that no import statement states (pickles hold such names), or has another process find it.
_LOADERS = frozenset(
    (
        *("importlib", "imp", "pkgutil", "pkg_resources", "runpy", "subprocess", "zipimport", "builtins", "ctypes"),
        *("pickle", "cloudpickle", "dill", "joblib"),
    )
)
_HOW = ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")
_CALLS = frozenset(("__import__", "compile", "eval", "exec"))
_ATTRIBUTES = frozenset(
    (
        ("sys", "meta_path"),
        ("sys", "modules"),
        ("sys", "path"),
        ("sys", "path_hooks"),
        ("site", "addsitedir"),
        ("asyncio", "create_subprocess_exec"),
        ("asyncio", "create_subprocess_shell"),
        *(("os", name) for name in ("popen", "system", "posix_spawn", "posix_spawnp")),
        *(("os", f"{start}{end}") for start in ("exec", "spawn") for end in _HOW),
    )
)
# Text without any of these finds no code by such means: most files are not searched node by node.
_HINTS = re.compile(
    rb"importlib|\bimp\b|pkgutil|pkg_resources|runpy|subprocess|zipimport|builtins|ctypes|pickle|\bdill\b|joblib"
    rb"|__import__|\bcompile\b|\beval\b|\bexec\b|addsitedir"
    rb"|\bsys[\s\\]*\.[\s\\]*(?:meta_path|modules|path)|\bos[\s\\]*\.[\s\\]*(?:popen|system|posix_spawn|exec|spawn)"
    rb"|\bfrom[\s\\]+(?:sys|os|site|asyncio)\b|\bsys[\s\\]+as\b"
)


@dataclass(frozen=True, slots=True)
class _Import:
    """`level` dots, the names between dots, and whether every module below the last one may be used."""

    level: int
    names: tuple[str, ...]
    is_whole: bool


def code_digest(files: Iterable[Path], roots: Iterable[Path] = ()) -> str:
    """SHA-256 of `files` with the modules beside them, and of all local code that importing them may execute. `roots`:
    folders where modules are looked for besides sys.path. Raises OSError where a file cannot be read."""
    given = [file.resolve() for file in files]
    places = _places((*(file.parent for file in given), *roots))
    found: dict[Path, set[str]] = {}  # by file all of its names: which one comes first is left to chance
    waiting = [*given, *(each for file in given for each, _ in _packages_around(file))]
    followed: set[tuple[_Import, Path | None]] = set()
    is_told = True
    while waiting:
        file = waiting.pop()
        imports = _imports_of(file)
        is_told = is_told and imports is not None
        wanted = {(one, file.parent if one.level else None) for one in imports or ()} - followed
        followed |= wanted
        for path, name in (each for one, _ in wanted for each in _files_of(one, file, places)):
            if path not in found and path not in given:
                waiting.append(path)
            found.setdefault(path, set()).add(name)
    if not is_told:
        for root in {*places, *(_project_of(file.parent) for file in given)}:
            for path, name in _below(root, root):
                found.setdefault(path, set()).add(name)
    reached = sorted([sorted(names), file_digest(path)] for path, names in found.items())
    return json_digest({"beside": sources_digest(given), "reached": reached, "is_told": is_told})


def module_files(module: str, roots: Iterable[Path] = ()) -> frozenset[Path]:
    """The local files that importing "package.module" executes first: its own and those of the packages around it."""
    wanted = _Import(0, tuple(module.split(".")), is_whole=False)
    return frozenset(path for path, _ in _files_of(wanted, Path(), _places(roots)))


def _places(roots: Iterable[Path]) -> tuple[Path, ...]:
    """Folders where a local module may lie; the one of console scripts holds none that is imported."""
    scripts = Path(sysconfig.get_path("scripts")).resolve()
    entries = dict.fromkeys(Path(entry or ".").resolve() for entry in (*map(str, roots), *sys.path))
    return tuple(entry for entry in entries if entry.is_dir() and entry != scripts and is_local(entry))


def _imports_of(file: Path) -> tuple[_Import, ...] | None:
    """What the file imports; None where that is not told by its import statements."""
    if file.suffix != ".py" or not is_local(file):
        return ()  # of an extension module nothing tells what it imports; what is installed has a version
    state = file.stat()
    return _read_imports(file, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=8192)
def _read_imports(file: Path, modified_ns: int, size: int) -> tuple[_Import, ...] | None:
    """Kept for the state of the file that `modified_ns` and `size` tell: cases by the thousand share one module."""
    content = file.read_bytes()
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return None
    if _HINTS.search(content) and any(map(_finds_code, ast.walk(tree))):
        return None
    imports: dict[_Import, None] = {}
    for node in _statements(tree.body):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names = tuple(alias.name.split("."))  # "import a.b" binds `a`, and gives access to all below it
                imports[_Import(0, names if alias.asname else names[:1], is_whole=True)] = None
        elif isinstance(node, ast.ImportFrom):
            module = tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                names = module if alias.name == "*" else (*module, alias.name)
                imports[_Import(node.level, names, is_whole=True)] = None
    return tuple(imports)


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Every statement, however deep: an import stands in no expression."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            below = getattr(node, field, None)
            waiting += below if isinstance(below, list) else ()


def _finds_code(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        tops = ((alias.name.partition(".")[0], alias.asname) for alias in node.names)
        return any(top in _LOADERS or (top == "sys" and other is not None) for top, other in tops)
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        named = {(module, alias.name) for alias in node.names}
        return node.level == 0 and (module.partition(".")[0] in _LOADERS or bool(named & _ATTRIBUTES))
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and (node.value.id, node.attr) in _ATTRIBUTES
    return isinstance(node, ast.Name) and node.id in _CALLS


def _files_of(wanted: _Import, file: Path, places: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Each local file that an import in `file` may execute, with its name: its path from where modules are found."""
    if wanted.level:
        folder = file.parent
        for _ in range(wanted.level - 1):
            folder = folder.parent
        yield from _inits(folder, folder)
        yield from _walk(wanted, folder) if wanted.names else _below(folder, folder)
        return
    top = wanted.names[0]
    if top == _OWN:
        return
    is_found = False
    for place in places:
        for each in _walk(wanted, place):
            is_found = True
            yield each
    if not is_found and top not in sys.stdlib_module_names:
        for place in _elsewhere(top):
            yield from _walk(wanted, place)


def _walk(wanted: _Import, root: Path) -> Iterator[tuple[Path, str]]:
    """From a folder down, along the names. A package that is bound by its name gives access to all below it."""
    folder = root
    for number, name in enumerate(wanted.names):
        for ending in _ENDINGS:
            path = folder / f"{name}{ending}"
            if path.is_file():
                yield path, path.relative_to(root).as_posix()
        folder /= name
        if not folder.is_dir():
            return
        yield from _inits(folder, root)
        if wanted.is_whole and number == len(wanted.names) - 1:
            yield from _below(folder, root)


def _inits(folder: Path, root: Path) -> Iterator[tuple[Path, str]]:
    for ending in _ENDINGS:
        path = folder / f"__init__{ending}"
        if path.is_file():
            yield path, path.relative_to(root).as_posix()


def _below(folder: Path, root: Path) -> Iterator[tuple[Path, str]]:
    yield from ((path, path.relative_to(root).as_posix()) for path in _tree(folder))


def _packages_around(file: Path) -> Iterator[tuple[Path, str]]:
    folder = file.parent
    while inits := list(_inits(folder, folder)):
        yield from inits
        folder = folder.parent


@functools.lru_cache(maxsize=1024)
def _found_by_python(top: str) -> tuple[str, ...]:
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # ValueError: a module in sys.modules without a spec
        return ()
    if spec is None:
        return ()
    return (*(spec.submodule_search_locations or ()), *((spec.origin,) if spec.has_location and spec.origin else ()))


def _elsewhere(top: str) -> Iterator[Path]:
    """Where a finder other than that of sys.path finds a local module: of an editable installation, say."""
    for location in _found_by_python(top):
        path = Path(location).resolve()
        if path.exists() and is_local(path):
            yield path.parent.parent if path.name.startswith("__init__.") else path.parent


def _project_of(folder: Path) -> Path:
    """The nearest repository around `folder`, or the nearest folder that tools are set up in, or itself."""
    around = (folder, *folder.parents)
    repository = next((each for each in around if (each / ".git").exists()), None)
    return repository or next((each for each in around if any((each / mark).is_file() for mark in _MARKS)), folder)


def _tree(folder: Path) -> Iterator[Path]:
    """Every module below `folder`, apart from what is installed, hidden or made."""
    for place, folders, names in os.walk(folder):
        folders[:] = [
            each for each in folders if not each.startswith(".") and each not in ("__pycache__", "node_modules", *SITE)
        ]
        yield from (Path(place, name) for name in names if name.endswith(_ENDINGS))
