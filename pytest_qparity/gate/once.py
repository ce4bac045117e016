"""A value computed on first use; what could not be had is remembered as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from pytest_qparity.verdict import CannotJudge

Value = TypeVar("Value")


class once(Generic[Value]):  # noqa: N801  (reads as the decorator it is, like functools.cached_property)
    """Like functools.cached_property, and a CannotJudge is kept too: five checks of a run ask for one golden, and a
    golden that is stale is read once and is the same failure in all five."""

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> once[Value]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: object | None, owner: type) -> once[Value] | Value:
        if instance is None:
            return self
        kept = instance.__dict__.setdefault("_kept", {})
        if self._name not in kept:
            try:
                kept[self._name] = self._compute(instance)
            except CannotJudge as reason:
                kept[self._name] = reason
        if isinstance(kept[self._name], CannotJudge):
            raise CannotJudge(kept[self._name].failure) from None
        value: Value = kept[self._name]
        return value


def made_so_far(instance: object) -> dict[str, Any]:
    """The values of `instance`'s `once` properties that were asked for and could be had, by name."""
    kept = instance.__dict__.get("_kept", {})
    return {name: value for name, value in kept.items() if not isinstance(value, CannotJudge)}


def hand_over(name: str, giver: object, heir: object) -> None:
    """What a `once` property of `giver` gave is that of `heir`, as if it had been asked for there; `giver` has none."""
    heir.__dict__.setdefault("_kept", {})[name] = giver.__dict__["_kept"].pop(name)
