"""Ranges from a file of any known format, told from its content: names of files say nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.precision.calibration.formats import (
    aimet,
    dynamic_range,
    onnxruntime_table,
    ranges_json,
    tensorrt_cache,
)
from pytest_qparity.precision.calibration.formats.numbers import parsed_json
from pytest_qparity.precision.calibration.formats.problem import unusable
from pytest_qparity.precision.calibration.formats.text_lines import lines_of

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_qparity.precision.calibration.ranges import Ranges

__all__ = ["LARGEST_BYTES", "read_ranges"]

LARGEST_BYTES = 64 * 2**20  # a line for each of some 100,000 tensors, with room for histograms; more is no table
_KNOWN = (
    "ranges.json, ranges.txt, a TensorRT calibration cache, ONNX Runtime's calibration table (.json, .flatbuffers, "
    ".cache) or AIMET encodings"
)


def read_ranges(path: Path) -> Ranges:
    """The ranges in a file. Raises CannotJudge where it cannot be read, and says what was found in it."""
    file = path.name
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise unusable(file, "", error.strerror or type(error).__name__, "a file", "correct the path") from None
    if len(content) > LARGEST_BYTES:
        raise unusable(file, "", f"more than {LARGEST_BYTES // 2**20} MiB", _KNOWN, "name a file of ranges")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return onnxruntime_table.read_flatbuffers(content, file)
    return _from_text(text, file)


def _from_text(text: str, file: str) -> Ranges:
    lines = [line for line in lines_of(text) if line.strip()]
    if not lines:
        raise unusable(file, "", "an empty file", _KNOWN, "calibrate again")
    if lines[0].lstrip().startswith(("{", "[")):
        return _from_json(text, file)
    if tensorrt_cache.HEADER.fullmatch(lines[0].strip()):
        return tensorrt_cache.read(text.lstrip(), file)
    if dynamic_range.LINE.fullmatch(lines[0]):
        return dynamic_range.read(text, file)
    if len(lines[0].split()) > 1:
        return onnxruntime_table.read_text(text, file)
    raise unusable(file, "line 1", f"{lines[0].strip()!r:.60}", _KNOWN, "name a file of ranges")


def _from_json(text: str, file: str) -> Ranges:
    parsed = parsed_json(text, file)
    if "format" in parsed or {"version", "tensors"} <= parsed.keys():
        return ranges_json.read(parsed, file)
    if aimet.is_encodings(parsed):
        return aimet.read(parsed, file)
    if onnxruntime_table.is_table(parsed):
        return onnxruntime_table.read_json(parsed, file)
    keys = ", ".join(sorted(parsed)[:5])
    raise unusable(file, "", f"a JSON object with the keys {keys or '(none)'}", _KNOWN, "name a file of ranges")
