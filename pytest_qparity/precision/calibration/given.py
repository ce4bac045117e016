"""Ranges that come from a file: what quantizing with them loses or makes up, and doubts beside a case's own data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.precision.calibration.evidence import Doubt, unscaled_input
from pytest_qparity.quantmath import Range

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pytest_qparity.case.data import Samples
    from pytest_qparity.precision.calibration.ranges import Ranges

__all__ = ["changed_in_use", "doubts_about_ranges", "entries_for", "entries_notes"]

SHOWN = 12  # digits of a digest
_NAMED = 5  # entries in a note


def entries_for(ranges: Ranges, names: Collection[str], moved: Mapping[str, Mapping[str, bool]]) -> dict[str, str]:
    """For each of `names` the tensor whose entry it takes: itself, or, where it has none, one that holds all of its
    values elsewhere. `moved`: by name the tensors that hold its values, and whether they hold all of them."""
    taken = {}
    for name in names:
        alike = [other for other, whole in moved.get(name, {}).items() if whole and other in ranges.tensors]
        taken[name] = name if name in ranges.tensors or not alike else alike[0]
    return taken


def entries_notes(
    ranges: Ranges, entries: Mapping[str, str], moved: Mapping[str, Mapping[str, bool]]
) -> tuple[str, ...]:
    """Sentences on entries of tensors that move another's values: those that stand in for it, and those that say
    another range than it has, and change nothing. `entries`: as `entries_for` gives them."""
    instead = [f'"{entry}" for "{name}"' for name, entry in entries.items() if name != entry]
    others = [
        f'"{other}" (has that of "{name}")'
        for name, entry in entries.items()
        for other in moved.get(name, {})
        if other in ranges.tensors and ranges.tensors[other].whole != ranges.tensors[entry].whole
    ]
    notes = []
    if instead:
        notes.append(f"the ranges: taken from where the same values are moved to: {_listed(instead)}")
    if others:
        notes.append(
            f"the ranges: {len(others)} of tensors that only move values are not used, theirs is that of what they "
            f"move: {_listed(others)}"
        )
    return tuple(notes)


def _listed(sentences: list[str]) -> str:
    return ", ".join(sentences[:_NAMED]) + (", …" if len(sentences) > _NAMED else "")


def changed_in_use(ranges: Ranges, names: Collection[str]) -> tuple[str, ...]:
    """Sentences on those of `names` whose scale is not what their entry says.

    Ranges of channels, of which an activation takes one that holds all, and a range of zeros alone, whose scale is 1.
    """
    notes = []
    for name in names:
        found = ranges.tensors[name]
        if len(found.channels) > 1:
            notes.append(
                f'the ranges: "{name}" has {len(found.channels)} of channels, an activation one scale: it is that of '
                f"[{found.whole.low:g}, {found.whole.high:g}], which holds them all"
            )
        if found.whole == Range(0.0, 0.0):
            notes.append(
                f'the ranges: "{name}" is [0, 0], so that its scale is 1: whoever calibrated it saw zeros alone'
            )
    return tuple(notes)


def doubts_about_ranges(
    inputs: Mapping[str, Range], data: str | None, case_data: str | None, test: Samples
) -> tuple[Doubt, ...]:
    """What a file of ranges says beside the data of the case that takes it.

    `inputs`: its ranges of the model's inputs; `data`: the digest of the calibration data that it states; `case_data`:
    that of the case's, None where it has none.
    """
    return tuple(_doubts(inputs, data, case_data, test))


def _doubts(inputs: Mapping[str, Range], data: str | None, case_data: str | None, test: Samples) -> Iterator[Doubt]:
    if None not in (data, case_data) and data != case_data:
        yield Doubt(
            "ranges-of-other-data",
            {"ranges": data, "case": case_data},
            f"The ranges are of calibration data {str(data)[:SHOWN]}, the case's are {str(case_data)[:SHOWN]}.",
            "calibrate again, or name the calibration data that they are of",
        )
    for name, here in inputs.items():
        doubt = unscaled_input(name, here, test.inputs.get(name), "range")
        if doubt is not None:
            yield doubt
