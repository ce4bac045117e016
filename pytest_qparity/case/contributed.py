"""Precisions and data sources that plugins name, and a case file with what they stand for written out.

From there on a case is as if its author had written it: no worker, cluster or cache knows of plugins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_qparity.verdict import Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_qparity.case.problems import Finding

__all__ = ["NOTHING_CONTRIBUTED", "Contributed", "DataSource", "NamedPrecision", "contributed_by", "written_out"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_JOINED = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")  # which no Python module can be named
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
# What belongs to a case: files beside it, commands that run in its folder, what a canary must be caught by.
_OF_A_CASE = frozenset({"base", "caught_by", "command", "command_version", "file", "maker", "ranges"})
_SOURCES = ("file", "command", "maker")  # with one of these a case says itself how the variant comes to be


@dataclass(frozen=True, slots=True)
class NamedPrecision:
    """A precision by a name of a plugin's: one of this package's (`base`, whose tolerances and checks it has), made by
    a recipe with these keys of [precisions.<name>], or by `maker`, a "package.module:function".

    A case that has it, by name or as `base`, gets the recipe's keys where it states none of its own. Raises ValueError
    at what cannot be.
    """

    name: str
    base: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    maker: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            should = 'lower-case words joined by "-" ("acme-int8")'
            raise ValueError(f"got precision name {self.name!r}, should be {should}")
        if not isinstance(self.recipe, Mapping) or not all(isinstance(key, str) for key in self.recipe):
            raise ValueError(f'got a recipe of precision "{self.name}" that is no dict of keys, should be one')
        wrong = sorted(_OF_A_CASE.intersection(self.recipe))
        if wrong:
            raise ValueError(f'got {wrong[0]} in the recipe of precision "{self.name}", should be left to the case')
        if self.maker is not None:
            _require_target(self.maker, "maker", self.name)
            if self.recipe:
                raise ValueError(f'got a recipe beside the maker of precision "{self.name}", should be one of both')

    @property
    def table(self) -> dict[str, Any]:
        """As the table of a case would say it."""
        made = {"maker": self.maker} if self.maker is not None else {}
        return {**self.recipe, **made, "base": self.base}


@dataclass(frozen=True, slots=True)
class DataSource:
    """Data by a name of a plugin's: a case's "<name>:<argument>" calls `target`, a "package.module:function", with the
    argument's text, "<name>:" without any. Raises ValueError at what cannot be, as a name without a "-": a module
    beside a case file may have that."""

    name: str
    target: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _JOINED.fullmatch(self.name):
            should = 'two lower-case words or more, joined by "-" ("acme-hub")'
            raise ValueError(f"got data source name {self.name!r}, should be {should}")
        _require_target(self.target, "target", self.name)


def _require_target(target: object, kind: str, name: str) -> None:
    if not isinstance(target, str) or not _TARGET.fullmatch(target):
        raise ValueError(f'got {kind} {target!r} of "{name}", should be "package.module:function"')


@dataclass(frozen=True, slots=True)
class Contributed:
    """What plugins name, by name."""

    precisions: Mapping[str, NamedPrecision] = field(default_factory=dict)
    data: Mapping[str, DataSource] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[str, ...]:
        """Each "package.module:function" that a case may come to call."""
        makers = [each.maker for each in self.precisions.values() if each.maker is not None]
        return (*makers, *(each.target for each in self.data.values()))

    def precision_behind(self, name: str) -> NamedPrecision | None:
        """The precision that a case's name stands for: the longest known name that it is or that stands before one of
        its "-"."""
        parts = name.split("-")
        stems = ("-".join(parts[:count]) for count in range(len(parts), 0, -1))
        return next((self.precisions[stem] for stem in stems if stem in self.precisions), None)


NOTHING_CONTRIBUTED = Contributed()
Named = TypeVar("Named", NamedPrecision, DataSource)


def contributed_by(precisions: Iterable[NamedPrecision], data: Iterable[DataSource]) -> Contributed:
    """Raises ValueError where two that are not the same share a name."""
    return Contributed(_by_name(precisions, "precisions"), _by_name(data, "data sources"))


def _by_name(each_of: Iterable[Named], kind: str) -> dict[str, Named]:
    named: dict[str, Named] = {}
    for each in each_of:
        if named.setdefault(each.name, each) != each:
            raise ValueError(f'got two {kind} named "{each.name}", should be one: rename one of them where it is added')
    return named


def written_out(document: dict[str, Any], contributed: Contributed) -> tuple[dict[str, Any], list[Finding]]:
    """A case file's document with what plugins named in the place of their names, and what is wrong with these.

    What the case states itself stands. Kinds of values are the schema's to judge: what is no table or text stays.
    """
    findings: list[Finding] = []
    whole = dict(document)
    precisions = document.get("precisions")
    if contributed.precisions and isinstance(precisions, dict):
        whole["precisions"] = {
            name: _with_recipe(name, table, contributed, findings) if isinstance(table, dict) else table
            for name, table in precisions.items()
        }
    data = document.get("data")
    if contributed.data and isinstance(data, dict):
        sources = {key: data[key] for key in ("test", "calibration") if isinstance(data.get(key), str)}
        whole["data"] = data | {key: _called(source, contributed) for key, source in sources.items()}
    return whole, findings


def _with_recipe(name: str, table: dict[str, Any], contributed: Contributed, findings: list[Finding]) -> dict[str, Any]:
    stated = table.get("base", name)
    named = contributed.precision_behind(stated) if isinstance(stated, str) else None
    if named is None:
        return table
    if any(key in table for key in _SOURCES):
        return table | {"base": named.base}
    findings.extend(_wrong_recipe(name, named))
    return named.table | table | {"base": named.base}


def _wrong_recipe(name: str, named: NamedPrecision) -> Iterator[Finding]:
    """What the schema says of a plugin's keys: of no line of the case, whose author did not write them."""
    from pydantic import ValidationError

    from pytest_qparity.case.precision_spec import PrecisionSpec
    from pytest_qparity.case.problems import Finding, findings, uncapitalized

    try:
        PrecisionSpec.model_validate(named.table)
    except ValidationError as error:
        for each in findings(error.errors(include_url=False), PrecisionSpec):
            sentence = f'Of the precision "{named.name}", which a plugin adds: {uncapitalized(each.sentence)}'
            yield Finding(Code.CASE_VALUE, ("precisions", name), sentence, f"correct the plugin: {each.remedy}")


def _called(source: str, contributed: Contributed) -> str:
    name, colon, argument = source.partition(":")
    named = contributed.data.get(name) if colon else None
    if named is None:
        return source
    return f"{named.target}:{argument}" if argument else named.target
