"""A mutant: one edit in the source of one function, put in that function's place while a block runs."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis.errors import HypothesisException

PACKAGE = "pytest_qparity.quantmath"
# A mutant is to compute something else, not to be no program.
_NO_PROGRAM = (NameError, AttributeError, ImportError, SyntaxError)


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` stands once in the source of `target` ("module:function" or "module:Class.method"), and `new` for it.

    `group` are the properties that must catch it; of these `likely` is tried first.
    """

    what: str
    target: str
    old: str
    new: str
    group: str
    likely: str


@contextlib.contextmanager
def mutated(target: str, old: str, new: str, package: str = PACKAGE) -> Iterator[None]:
    """The function named by `target` in `package` with `old` replaced. ValueError where that does not stand there
    once."""
    path, _, qualified = target.partition(":")
    module = importlib.import_module(f"{package}.{path}")
    *classes, name = qualified.split(".")
    owner = functools.reduce(getattr, classes, module)
    original = vars(owner)[name]
    function = original.fget if isinstance(original, property) else original
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(old) != 1 or old == new:
        raise ValueError(f"got {old!r} {source.count(old)} times in {target}, should be once, and be changed")
    code = compile(source.replace(old, new), f"<mutant of {target}>", "exec", annotations.compiler_flag)
    made: dict[str, object] = {}
    exec(code, vars(module), made)
    setattr(owner, name, made[name])
    try:
        yield
    finally:
        setattr(owner, name, original)


class _Broken(BaseException):
    """Ends hypothesis at the first example that fails, which would otherwise be shrunk for seconds."""


def failure_of(prop) -> BaseException | None:
    """The assertion that a property fails with, called as a plain function; None where it holds.

    An example that ends in another exception says nothing: what computes the wrong thing must be seen to do so.
    """
    try:
        with _stopping_at_the_first(prop) as call:
            call()
    except _Broken as broken:
        error = broken.__cause__
    except HypothesisException as unhealthy:
        error = unhealthy
    else:
        return None
    if isinstance(error, _NO_PROGRAM):
        raise error
    return error


@contextlib.contextmanager
def _stopping_at_the_first(prop):
    handle = getattr(prop, "hypothesis", None)
    inner = handle.inner_test if handle else prop

    @functools.wraps(inner)
    def stopping(*arguments, **named):
        try:
            return inner(*arguments, **named)
        except HypothesisException:
            raise
        except (AssertionError, pytest.fail.Exception, *_NO_PROGRAM) as error:
            raise _Broken from error
        except Exception:  # noqa: BLE001 - a mutant may raise anything
            return None

    if handle is None:
        yield stopping
        return
    handle.inner_test = stopping
    try:
        yield prop
    finally:
        handle.inner_test = inner


def properties(group: str, likely: str = "") -> dict[str, object]:
    """The properties of a group by name, in the order in which they stand there but for the likely one."""
    module = importlib.import_module(f"tests.quantmath.properties.test_{group}")
    found = {name: value for name, value in vars(module).items() if name.startswith("test_")}
    if likely and likely not in found:
        raise ValueError(f"got {likely}, should be a property of {group}")
    return ({likely: found[likely]} if likely else {}) | found


def catcher(mutant: Mutant) -> str | None:
    """The first property of its group that fails with the mutant in place."""
    with mutated(mutant.target, mutant.old, mutant.new):
        tried = properties(mutant.group, mutant.likely)
        return next((name for name, prop in tried.items() if failure_of(prop) is not None), None)
