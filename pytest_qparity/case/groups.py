"""Samples that come in groups by what the data say: an array, column or field that `group` of [data] names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.sources.record import Record, Records

    Array = np.ndarray[Any, Any]

__all__ = ["GroupedRecords", "group_array", "no_groups", "require_groups"]


@dataclass(frozen=True, slots=True)
class GroupedRecords:
    """Records with their field `group` for `Record.group`; it is fed as well where the model has such an input."""

    records: Records
    group: str
    is_input: bool

    @property
    def origin(self) -> str:
        return self.records.origin

    def __iter__(self) -> Iterator[Record]:
        for record in self.records:
            kept = record.fields
            if not self.is_input:
                kept = {name: each for name, each in kept.items() if name != self.group}
            yield replace(record, fields=kept, group=record.fields.get(self.group))


def group_array(groups: Sequence[Any], ids: Iterable[str]) -> Array | None:
    """The group of each sample as a text, (samples,); None where no sample has one. Raises CannotJudge where one has
    none beside others that do, or one that is neither a whole number nor a text."""
    if all(each is None for each in groups):
        return None
    return np.array([_named(each, where) for each, where in zip(groups, ids, strict=True)])


def require_groups(groups: Array | None, total: int, origin: str) -> None:
    """Raises CannotJudge where groups are not one whole number or text for each of `total` samples."""
    if groups is None or (groups.shape == (total,) and groups.dtype.kind in "iuU"):
        return
    raise _wrong(
        f"{origin}: got groups {groups.dtype}{list(groups.shape)}, should be integers or texts [{total}].",
        "write the group of each sample, in the order of the samples",
    )


def no_groups(group: str, origin: str, known: Iterable[str]) -> CannotJudge:
    """Of test data without what `group` names; `known`: what they have."""
    names = sorted(known)
    near = nearest(group, names)
    there = f" (there are {known_list(names)})" if names else ""
    sentence = f'{origin}: got nothing named "{group}"{there}, should be the group of each sample.'
    return _wrong(sentence, f'write group = "{near}"' if near else "add it to the data, or remove group from [data]")


def _named(value: Any, where: str) -> str:
    """With its type: the number 1 is not the text "1"."""
    plain = value.item() if isinstance(value, np.ndarray | np.generic) and value.size == 1 else value
    if isinstance(plain, bool) or not isinstance(plain, int | str):
        got = "no group" if plain is None else f"a group that is a {type(plain).__name__}"
        raise _wrong(f"{where}: got {got}, should be a whole number or a text, as others have.", "give each sample one")
    return f"{type(plain).__name__} {plain}"


def _wrong(sentence: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.DATA_GROUPS, sentence, remedy))
