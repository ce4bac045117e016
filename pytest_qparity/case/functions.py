"""`module:function` in a case file, or `module:function:argument`: found without importing anything, called at the
border to foreign code.

A module is looked for beside the case file first (`folder/module.py`, a dot is a subfolder), then where
Python looks.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.machinery
import importlib.util
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.digest import bytes_digest
from pytest_qparity.import_graph import code_digest
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DIGEST = "__qparity_digest__"  # of the source that a module beside the case file was executed from


@dataclass(frozen=True, slots=True)
class FoundFunction:
    """A function that a case file names, and the file that defines its module. `arguments`: the text behind a second
    colon, where there is one."""

    module: str
    function: str
    source: Path
    beside_case: bool
    arguments: tuple[str, ...] = ()


def is_function(source: str) -> bool:
    """Whether a data source is `module:function` and not a path: it has a colon, and no slash but in an argument."""
    module, colon, rest = source.partition(":")
    return bool(colon) and "/" not in module and "/" not in rest.partition(":")[0]


def find_function(name: str, folder: Path) -> FoundFunction:
    """Find the module's file and the function's name in it; nothing is imported."""
    module, _, rest = name.partition(":")
    function, colon, argument = rest.partition(":")
    if not function.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise _not_found(
            f'Got "{name}", should be "module:function" made of Python names.',
            f'install the plugin whose data source "{module}" is, or write "module:function"'
            if "-" in module
            else 'write "module:function"; a file whose name has a colon is written "./name"',
        )
    if colon and not argument:
        raise _not_found(f'Got "{name}", should have an argument behind its second colon.', "write it, or no colon")
    beside = _beside(module, folder)
    source = beside or _installed(module)
    if source is None:
        raise _not_found(
            f'Got "{name}", should name a module beside the case file or an installed one: '
            f'there is neither {module.replace(".", "/")}.py nor an installed "{module}".',
            _nearest_module(module, folder),
        )
    found = FoundFunction(module, function, source, beside is not None, (argument,) if colon else ())
    _look_for_function(found, name)
    return found


def load_function(name: str, folder: Path) -> Callable[..., Any]:
    """The function of a case in `folder`, not called. Importing its module may raise anything."""
    found = find_function(name, folder)
    module = _import_beside(found, folder) if found.beside_case else importlib.import_module(found.module)
    function: Callable[..., Any] = getattr(module, found.function)
    return function


def call_function(name: str, folder: Path, code: Code) -> object:
    """What `module:function` of a case in `folder` gives; what it raises becomes a failure with `code`."""
    found = find_function(name, folder)
    try:
        return load_function(name, folder)(*found.arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  foreign code; its SystemExit or pytest.skip ends no check
        raise raised(error, name, folder, code) from None


def raised(error: BaseException, name: str, folder: Path, code: Code) -> CannotJudge:
    """What `module:function` of a case raised, as a failure with `code` that says where."""
    found = find_function(name, folder)
    return CannotJudge(
        Failure(
            code,
            f'Got {_message(error)} from "{name}"{_raised_at(error, found, folder)}, should give a value.',
            f"call {_call_of(found)} of {_shown(found.source, folder)} by itself and correct it",
        )
    )


def _call_of(found: FoundFunction) -> str:
    return f"{found.function}({', '.join(map(repr, found.arguments))})"


def source_digest(found: FoundFunction, folder: Path) -> str:
    """SHA-256 of the function's module, and of all local code that importing it may execute."""
    return code_digest([found.source], [folder])


def _not_found(sentence: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.CASE_FUNCTION, sentence, remedy))


def _beside(module: str, folder: Path) -> Path | None:
    stem = folder.joinpath(*module.split("."))
    for candidate in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")):
        if candidate.is_file():
            return candidate
    return None


def _installed(module: str) -> Path | None:
    """The file of an installed module. Its packages are searched, not imported, as importlib.util.find_spec would."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # ValueError: a module in sys.modules without a spec
        return None
    name = top
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = f"{name}.{part}"
        spec = importlib.machinery.PathFinder.find_spec(name, spec.submodule_search_locations)
    if spec is None or not spec.has_location or spec.origin is None:
        return None
    return Path(spec.origin)


def _nearest_module(module: str, folder: Path) -> str:
    beside = nearest(module, [path.stem for path in folder.glob("*.py")])
    return f'write "{beside}" for "{module}"' if beside else f"put {module.replace('.', '/')}.py beside the case file"


def _look_for_function(found: FoundFunction, name: str) -> None:
    if found.source.suffix != ".py":
        return  # an extension module: only a call can tell
    try:
        state = found.source.stat()
        names = _names_in(found.source, state.st_mtime_ns, state.st_size)
    except (SyntaxError, ValueError, OSError) as error:
        line = f" line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise _not_found(
            f'Got {_message(error)} in {found.source.name}{line}, should be a Python module for "{name}".',
            f"correct {found.source.name}",
        ) from None
    if found.function in names or "*" in names or "__getattr__" in names:
        return
    near = nearest(found.function, names)
    public = [known for known in names if not known.startswith("_")]
    raise _not_found(
        f'Got "{name}", should name a function of {found.source.name}, which has: {known_list(public)}.',
        f'write "{found.module}:{near}"' if near else f"define {found.function} in {found.source.name}",
    )


@functools.lru_cache(maxsize=64)
def _names_in(source: Path, modified_ns: int, size: int) -> frozenset[str]:
    """Kept for the state of the file that `modified_ns` and `size` tell: cases by the thousand share one module."""
    return frozenset(_top_level_names(ast.parse(source.read_bytes()).body))


def _top_level_names(body: list[ast.stmt]) -> Iterator[str]:
    """Names that a module binds at its top level, also under `if`, `try` and `with`; `*` for a star import."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in statement.names)
        else:
            for node in ast.iter_child_nodes(statement):
                if isinstance(node, ast.stmt):
                    yield from _top_level_names([node])
                elif isinstance(node, ast.ExceptHandler | ast.match_case):
                    yield from _top_level_names(node.body)
                else:
                    yield from (name.id for name in ast.walk(node) if isinstance(name, ast.Name) and _is_bound(name))


def _is_bound(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _import_beside(found: FoundFunction, folder: Path) -> ModuleType:
    """Execute a module beside the case file, under a package of its own for the folder: sys.path stays as it is.

    It runs again when its source has changed, and writes no bytecode beside the cases.
    """
    root = _package_of(folder)
    parent, _, last = found.module.rpartition(".")
    if parent:
        importlib.import_module(f"{root}.{parent}")
    name = f"{root}.{found.module}"
    content = found.source.read_bytes()
    digest = bytes_digest(content)
    module = sys.modules.get(name)
    if module is not None and getattr(module, _DIGEST, None) == digest:
        return module
    packages = [str(found.source.parent)] if found.source.name == "__init__.py" and last != "__init__" else None
    spec = importlib.util.spec_from_file_location(name, found.source, submodule_search_locations=packages)
    if spec is None:
        raise ImportError(f"{found.source.name} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    setattr(module, _DIGEST, digest)
    sys.modules[name] = module
    try:
        exec(compile(content, found.source, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _package_of(folder: Path) -> str:
    resolved = folder.resolve()
    name = f"_qparity_beside_{bytes_digest(str(resolved).encode())[:12]}"
    if name not in sys.modules:
        package = ModuleType(name)
        package.__path__ = [str(resolved)]
        sys.modules[name] = package
    importlib.invalidate_caches()
    return name


def _message(error: BaseException) -> str:
    """Type and first line of what was raised: the only part of foreign errors that messages carry."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    lines = text.strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _raised_at(error: BaseException, found: FoundFunction, folder: Path) -> str:
    """The last line of the user's own file on the way to the raise, or the raise itself where there is none."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f" ({_shown(Path(error.filename), folder)}, line {error.lineno})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    own = [frame for frame in frames if Path(frame.filename) == found.source]
    if not frames:
        return ""
    frame = (own or frames)[-1]
    return f" ({_shown(Path(frame.filename), folder)}, line {frame.lineno})"


def _shown(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
