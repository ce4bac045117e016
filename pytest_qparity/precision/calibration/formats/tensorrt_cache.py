"""TensorRT's calibration cache: `TRT-8601-EntropyCalibration2`, then `tensor: 3c010a14` lines.

The eight digits are the bits of a float32, big end first: the scale, which is the largest magnitude over 127. Sources:
ONNX Runtime's TensorRT provider (ReadDynamicRange in tensorrt_execution_provider_utils.h: range = scale · 127), NVIDIA
TAO's exporter (scale = tensor scale / 127) and ModelOpt (modelopt/onnx/quantization/calib_utils.py,
import_scales_from_calib_cache: struct "!f", used as the Q/DQ scale). The name ends at the last colon.
"""

from __future__ import annotations

import math
import re
import struct

from pytest_qparity.precision.calibration.formats.problem import unusable
from pytest_qparity.precision.calibration.formats.text_lines import lines_of, read_lines, require_one_range
from pytest_qparity.precision.calibration.method import GIVEN, Method
from pytest_qparity.precision.calibration.ranges import Ranges, TensorRange, largest_magnitude, symmetric

__all__ = ["HEADER", "read", "render"]

HEADER = re.compile(r"TRT-(?P<version>\w+)-(?P<algorithm>\w+)\s*")
VERSION = "8601"  # the last that many tools write; TensorRT takes a cache of its own version alone
LEVELS = 127  # codes of one sign
_ALGORITHMS = {"minmax": "MinMaxCalibration"}
_ALGORITHM = "EntropyCalibration2"
_LINE = re.compile(r"(?P<name>.*\S)\s*:\s*(?P<bits>[0-9a-fA-F]{1,8})\s*")


def read(text: str, file: str) -> Ranges:
    """Symmetric ranges of ±127 scales. Tensors that TensorRT named itself, "(Unnamed Layer* 4) …", are kept."""
    header = lines_of(text)[0].strip()
    found = read_lines(text, 1, file, _entry)
    return Ranges(found, Method(GIVEN), f"TensorRT calibration cache {header}")


def render(ranges: Ranges, version: str = VERSION, file: str = "calibration cache") -> str:
    """The cache, as `version` of TensorRT writes it ("8601" is 8.6.1). Raises CannotJudge for ranges of channels.

    A range loses the smaller of its sides, and its larger end is rounded as float32 scale.
    """
    require_one_range(ranges, "a TensorRT cache", file)
    lines = [f"TRT-{version}-{_ALGORITHMS.get(ranges.method.name, _ALGORITHM)}\n"]
    for name, found in ranges.tensors.items():
        scale = largest_magnitude(found.whole) / LEVELS
        try:
            bits = struct.pack(">f", scale).hex()
        except OverflowError:
            raise unusable(file, name, f"scale {scale:g}", "within float32", "keep the tensor float") from None
        lines.append(f"{name}: {bits}\n")
    return "".join(lines)


def _entry(line: str, file: str, place: str) -> tuple[str, TensorRange]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise unusable(file, place, f"{line.strip()!r:.60}", "`tensor: 3c010a14`", "write the cache again")
    (scale,) = struct.unpack(">f", bytes.fromhex(match["bits"].zfill(8)))
    if not (math.isfinite(scale) and scale >= 0.0):
        raise unusable(file, f"{place}, {match['name']}", f"scale {scale:g}", "finite and 0 or more", "calibrate again")
    return match["name"], TensorRange.of_tensor(symmetric(scale * LEVELS))
