"""ONNX Runtime's calibration tables: calibration.json, .flatbuffers and .cache of `write_calibration_table`.

Source: onnxruntime 1.32, quantization/quant_utils.py (write_calibration_table), quantization/calibrate.py
(CalibrationCacheEncoder, save_tensors_data, load_tensors_data) and quantization/CalTableFlatBuffers:
`table KeyValue { key: string; value: string; }`, `table TrtTable { dict: [KeyValue]; }`. The JSON has both ends of a
range, lists of them along axis 1 for channels; the other two one number a tensor, for [−value, value].

That number is written as max(highest, lowest), which is not the largest magnitude: a tensor in [−5, 1] gets 1. What is
written here is the largest magnitude; what is read gets a note.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

from pytest_qparity.precision.calibration.formats.dynamic_range import CHANNEL_AXIS
from pytest_qparity.precision.calibration.formats.numbers import magnitude, number
from pytest_qparity.precision.calibration.formats.problem import unusable
from pytest_qparity.precision.calibration.formats.text_lines import read_lines, require_one_range
from pytest_qparity.precision.calibration.method import GIVEN, Method
from pytest_qparity.precision.calibration.ranges import Ranges, TensorRange, largest_magnitude, symmetric
from pytest_qparity.quantmath.ranges.estimator import range_with_zero

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "is_table",
    "read_flatbuffers",
    "read_json",
    "read_text",
    "render_flatbuffers",
    "render_json",
    "render_text",
]

_NOTE = (
    "ONNX Runtime writes the larger end of a range, not the end of the largest magnitude: where a tensor's low end is "
    "the farther one, the range is too small (calibration.json has both ends)"
)
_METHODS = {"minmax": "MinMax", "entropy": "Entropy", "percentile": "Percentile"}
_KEY, _VALUE, _DICT = 4, 6, 4  # offsets of the fields in a table's vtable


def is_table(parsed: Mapping[str, Any]) -> bool:
    """Whether parsed JSON is such a table: the whole, its data alone, or pairs, as older versions wrote them."""
    data = parsed.get("data") if parsed.get("CLS") == "TensorsData" else parsed
    return isinstance(data, dict) and bool(data) and all(_is_entry(entry) for entry in data.values())


def read_json(parsed: dict[str, Any], file: str) -> Ranges:
    """Both ends of each range, widened to zero as ONNX Runtime's quantizer does."""
    whole = parsed.get("CLS") == "TensorsData"
    data = parsed["data"] if whole else parsed
    stated = parsed.get("calibration_method") if whole else None
    method = stated.get("value", "") if isinstance(stated, dict) else ""
    made_by = f"ONNX Runtime calibration table {method.removeprefix('CalibrationMethod.')}".strip()
    tensors = {name: _entry(entry, file, name) for name, entry in data.items()}
    return Ranges(tensors, Method(GIVEN), made_by)


def render_json(ranges: Ranges) -> str:
    """What `load_tensors_data` reads back."""

    def array(ends: float | tuple[float, ...]) -> dict[str, Any]:
        return {
            "data": list(ends) if isinstance(ends, tuple) else [ends],
            "dtype": "float32",
            "CLS": "numpy.array",
        }

    data = {
        name: {"lowest": array(found.low), "highest": array(found.high), "CLS": "TensorData"}
        for name, found in ranges.tensors.items()
    }
    method = f"CalibrationMethod.{_METHODS.get(ranges.method.name, 'MinMax')}"
    whole = {
        "CLS": "TensorsData",
        "data": data,
        "calibration_method": {"CLS": "CalibrationMethod", "value": method},
        "smooth_quant": False,
    }
    return json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=1)


def read_text(text: str, file: str) -> Ranges:
    """calibration.cache: `tensor value` lines."""
    return Ranges(read_lines(text, 0, file, _line), Method(GIVEN), "ONNX Runtime calibration.cache", notes=(_NOTE,))


def render_text(ranges: Ranges, file: str = "calibration.cache") -> str:
    require_one_range(ranges, "calibration.cache", file)
    return "".join(f"{name} {largest_magnitude(found.whole)!r}\n" for name, found in ranges.tensors.items())


def read_flatbuffers(content: bytes, file: str) -> Ranges:
    """calibration.flatbuffers. Raises CannotJudge where the bytes are no such table."""
    try:
        pairs = _pairs(content)
    except (struct.error, IndexError, ValueError, TypeError, OverflowError) as error:
        got = f"bytes that are no such table ({type(error).__name__})"
        raise unusable(file, "", got, "a calibration table", "write it again") from None
    tensors = {name: TensorRange.of_tensor(symmetric(magnitude(value, file, name))) for name, value in pairs}
    if not tensors or len(tensors) != len(pairs):
        got = f"{len(pairs)} entries with {len(tensors)} names"
        raise unusable(file, "", got, "one or more, each tensor once", "write it again")
    return Ranges(tensors, Method(GIVEN), "ONNX Runtime calibration.flatbuffers", notes=(_NOTE,))


def render_flatbuffers(ranges: Ranges, file: str = "calibration.flatbuffers") -> bytes:
    import flatbuffers

    require_one_range(ranges, "calibration.flatbuffers", file)
    builder = flatbuffers.Builder(1024)
    entries = []
    for name, found in ranges.tensors.items():
        texts = builder.CreateString(name), builder.CreateString(repr(largest_magnitude(found.whole)))
        builder.StartObject(2)
        for slot, text in enumerate(texts):
            builder.PrependUOffsetTRelativeSlot(slot, text, 0)
        entries.append(builder.EndObject())
    builder.StartVector(4, len(entries), 4)
    for entry in reversed(entries):
        builder.PrependUOffsetTRelative(entry)
    vector = builder.EndVector()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, vector, 0)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


def _pairs(content: bytes) -> list[tuple[str, str]]:
    from flatbuffers import encode, packer, table

    root = table.Table(content, encode.Get(packer.uoffset, content, 0))
    vector = root.Offset(_DICT)
    if not vector:
        raise ValueError("no vector")
    length, start = root.VectorLen(vector), root.Vector(vector)
    if not 0 <= length <= len(content) // 4:
        raise ValueError("a vector beyond the file")
    entries = [table.Table(content, root.Indirect(start + 4 * index)) for index in range(length)]
    return [(_text(entry, _KEY), _text(entry, _VALUE)) for entry in entries]


def _text(entry: Any, field: int) -> str:
    offset = entry.Offset(field)
    if not offset:
        raise ValueError("a pair without key or value")
    text: str = entry.String(offset + entry.Pos).decode()
    return text


def _line(line: str, file: str, place: str) -> tuple[str, TensorRange]:
    name, blank, value = line.strip().rpartition(" ")
    if not (blank and name.strip()):
        raise unusable(file, place, f"{line.strip()!r:.60}", "`tensor value`", "write one tensor a line")
    return name.strip(), TensorRange.of_tensor(symmetric(magnitude(value, file, place)))


def _is_entry(entry: object) -> bool:
    if isinstance(entry, dict):
        return entry.get("CLS") == "TensorData"
    return isinstance(entry, list) and len(entry) == 2 and all(isinstance(end, int | float) for end in entry)


def _entry(entry: Any, file: str, name: str) -> TensorRange:
    lows, highs = (_ends(entry, key, index, file, name) for index, key in enumerate(("lowest", "highest")))
    if not lows or len(lows) != len(highs):
        raise unusable(file, name, f"{len(lows)} and {len(highs)} ends", "as many of either", "calibrate again")
    for low, high in zip(lows, highs, strict=True):
        if low > high:
            raise unusable(file, name, f"lowest {low:g} above highest {high:g}", "below it", "calibrate again")
    channels = tuple(range_with_zero(low, high) for low, high in zip(lows, highs, strict=True))
    return TensorRange(channels, CHANNEL_AXIS if len(channels) > 1 else None)


def _ends(entry: Any, key: str, index: int, file: str, name: str) -> list[float]:
    value = entry[index] if isinstance(entry, list) else entry.get(key)
    if isinstance(value, dict):
        value = value.get("data")
    return [number(each, file, f"{name}, {key}") for each in _flat(value)]


def _flat(value: Any) -> list[Any]:
    return [each for part in value for each in _flat(part)] if isinstance(value, list) else [value]
