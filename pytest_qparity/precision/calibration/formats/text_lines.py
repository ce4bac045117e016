"""Lines of `name … value` in text files of ranges: numbered, no name twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.precision.calibration.formats.problem import unusable

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_qparity.precision.calibration.ranges import Ranges, TensorRange

__all__ = ["lines_of", "read_lines", "require_names", "require_one_range"]


def lines_of(text: str) -> list[str]:
    """Lines that end as text files' do: names may hold what else Unicode calls a line's end."""
    return text.replace("\r\n", "\n").split("\n")


def read_lines(
    text: str, first: int, file: str, entry: Callable[[str, str, str], tuple[str, TensorRange]]
) -> dict[str, TensorRange]:
    """Ranges by name. `entry` takes a line, the file and the place in it; `first`: how many lines come before."""
    found: dict[str, TensorRange] = {}
    for number, line in enumerate(lines_of(text)[first:], start=first + 1):
        if not line.strip():
            continue
        name, tensor = entry(line, file, f"line {number}")
        if name in found:
            raise unusable(file, f"line {number}", f'"{name}" again', "each tensor once", "remove one of them")
        found[name] = tensor
    if not found:
        raise unusable(file, "", "no tensor", "one or more", "calibrate again")
    return found


def require_names(ranges: Ranges, what: str, file: str) -> None:
    """Raises CannotJudge where a name would not come back from a line of `what`."""
    for name in ranges.tensors:
        if "\n" in name or name != name.strip() or not name:
            should = f"within a line: {what} has one a tensor"
            raise unusable(file, "", f"the name {name!r:.60}", should, "rename the tensor")


def require_one_range(ranges: Ranges, what: str, file: str) -> None:
    """Raises CannotJudge where a name would not come back from `what`, or a tensor has more than one range."""
    require_names(ranges, what, file)
    for name, found in ranges.tensors.items():
        if found.axis is not None:
            got = f"{len(found.channels)} ranges of channels"
            raise unusable(file, name, got, f"one range: {what} has one a tensor", "export ranges of tensors")
