"""What is tried: the table of a precision with other keys and more nodes kept float."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.patterns import OPERATOR_PREFIX
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.digest import json_digest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Candidate", "patterns_for", "table_text"]

_PREFIXES = ("op:", "output:", "between:")
_GLOB = re.compile(r"[*?[]")


@dataclass(frozen=True, slots=True)
class Candidate:
    """changes: keys of the precision's table with their values, None where the key is taken out. keep_float: names of
    nodes, on top of the patterns that the case states."""

    changes: tuple[tuple[str, str | float | None], ...] = ()
    keep_float: tuple[str, ...] = ()

    def with_float(self, names: Sequence[str]) -> Candidate:
        return replace(self, keep_float=tuple(names))

    @property
    def key(self) -> str:
        """What a journal knows it by: the order of names means nothing."""
        return json_digest({"changes": dict(self.changes), "keep_float": sorted(self.keep_float)})

    def spec(self, stated: PrecisionSpec, patterns: Sequence[str] | None = None) -> PrecisionSpec:
        """The table that it stands for. patterns: in the place of the names, where others name the same nodes."""
        return PrecisionSpec.model_validate(self.table(stated, patterns))

    def table(self, stated: PrecisionSpec, patterns: Sequence[str] | None = None) -> dict[str, Any]:
        """The same by key: those that the case states, in its order, and the changed ones behind."""
        keys = {key: getattr(stated, key) for key in type(stated).model_fields if key in stated.model_fields_set}
        for key, value in self.changes:
            keys.pop(key, None)
            if value is not None:
                keys[key] = value
        named = [exactly(name) for name in self.keep_float] if patterns is None else patterns
        kept = tuple(dict.fromkeys((*stated.keep_float, *named)))
        keys.pop("keep_float", None)
        return {**keys, "keep_float": kept} if kept else keys

    def spec_from_ranges(self, stated: PrecisionSpec, ranges: Path) -> PrecisionSpec:
        """The same table with ranges that were found before in the place of a calibration."""
        table = self.table(stated)
        for key in ("calibration", "percentile"):
            table.pop(key, None)
        return PrecisionSpec.model_validate({**table, "ranges": str(ranges.absolute())})

    def as_json(self) -> dict[str, Any]:
        return {"changes": dict(self.changes), "keep_float": list(self.keep_float)}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Candidate:
        return Candidate(tuple(value["changes"].items()), tuple(value["keep_float"]))


def exactly(name: str) -> str:
    """A pattern that matches one name."""
    escaped = _GLOB.sub(lambda found: f"[{found[0]}]", name)
    if escaped.startswith(_PREFIXES):
        escaped = f"[{escaped[0]}]{escaped[1:]}"
    return escaped


def patterns_for(names: Sequence[str], operators: Mapping[str, str]) -> tuple[str, ...]:
    """Patterns that match `names` and no other node: one for an operator where it is all nodes of it, two or more.

    operators: the operator of each node of the float model, by name.
    """
    chosen = set(names)
    by_operator: dict[str, set[str]] = {}
    for name, operator in operators.items():
        by_operator.setdefault(operator, set()).add(name)
    whole = [kind for kind, nodes in by_operator.items() if len(nodes) > 1 and nodes <= chosen]
    covered = {name for kind in whole for name in by_operator[kind]}
    rest = [exactly(name) for name in names if name not in covered]
    return (*(f"{OPERATOR_PREFIX}{kind}" for kind in whole), *rest)


def table_text(name: str, table: Mapping[str, Any]) -> str:
    """A [precisions.<name>] table as TOML, to paste into a case file."""
    key = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)
    lines = [f"[precisions.{key}]", *(f"{each} = {_value(value)}" for each, value in table.items())]
    return "\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(key)} = {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, Sequence):
        parts = [_value(each) for each in value]
        whole = f"[{', '.join(parts)}]"
        return whole if len(whole) <= 60 else "[\n" + "".join(f"    {part},\n" for part in parts) + "]"
    return repr(value)


def _text(value: str) -> str:
    """A basic string of TOML: what JSON escapes, TOML does alike, and DEL besides."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
