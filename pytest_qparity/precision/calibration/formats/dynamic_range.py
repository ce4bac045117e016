"""ranges.txt: `tensor: value` lines, the largest magnitude of a tensor, as `ITensor.set_dynamic_range` took it.

Source: NVIDIA/TensorRT, samples/sampleINT8API (readPerTensorDynamicRangeValues, resnet50_per_tensor_dynamic_range.txt),
for which the range is [−value, value]. Of several values each is that of a channel along axis 1, which an activation's
channels are (N, C, …). The name ends at the last colon, not at the first as there: TensorFlow's names hold one.
"""

from __future__ import annotations

import re

from pytest_qparity.precision.calibration.formats.numbers import magnitude
from pytest_qparity.precision.calibration.formats.problem import unusable
from pytest_qparity.precision.calibration.formats.text_lines import read_lines, require_names
from pytest_qparity.precision.calibration.method import GIVEN, Method
from pytest_qparity.precision.calibration.ranges import Ranges, TensorRange, largest_magnitude, symmetric

__all__ = ["CHANNEL_AXIS", "LINE", "read", "render"]

CHANNEL_AXIS = 1
_NUMBER = r"[-+]?[\w.][\w.+-]*"  # what looks like one, so that a wrong one is named as such
LINE = re.compile(rf"(?P<name>.*\S)\s*:(?:\s+(?P<values>{_NUMBER}(?:\s+{_NUMBER})*)|(?P<value>{_NUMBER}))\s*")


def read(text: str, file: str) -> Ranges:
    return Ranges(read_lines(text, 0, file, _entry), Method(GIVEN), "ranges.txt")


def render(ranges: Ranges, file: str = "ranges.txt") -> str:
    """Largest magnitudes: a range loses its smaller side. Raises CannotJudge for names that are no part of a line."""
    require_names(ranges, "ranges.txt", file)
    lines = []
    for name, found in ranges.tensors.items():
        values = " ".join(repr(largest_magnitude(channel)) for channel in found.channels)
        lines.append(f"{name}: {values}\n")
    return "".join(lines)


def _entry(line: str, file: str, place: str) -> tuple[str, TensorRange]:
    match = LINE.fullmatch(line)
    if match is None:
        raise unusable(file, place, f"{line.strip()!r:.60}", "`tensor: value`", "write one tensor a line")
    values = (match["values"] or match["value"]).split()
    channels = tuple(symmetric(magnitude(value, file, place)) for value in values)
    return match["name"].strip(), TensorRange(channels, CHANNEL_AXIS if len(channels) > 1 else None)
