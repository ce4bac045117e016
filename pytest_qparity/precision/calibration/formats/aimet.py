"""AIMET's encodings, versions 0.4.0 to 0.6.1 and 1.0.0, as Qualcomm's tools take them.

Source: qualcomm/aimet, Docs/techniques/encoding_spec.rst, and quic/aimet,
Docs/api_docs/quantization_encoding_specification.rst. Code c of an encoding stands for scale·(offset + c), c from 0 to
2^bw − 1. Up to 0.6.1 encodings are lists by tensor name with `min` and `max`; in 1.0.0 entries with `name`, whose ends
follow from `scale` and `offset`. A symmetric encoding with codes below zero is read as [−max, max]: its one code more
on the negative side is no range of its own, and ±max gives the same scale back.

Encodings of parameters are left out, with a note: their channels lie along an axis that depends on the operator, and
weights are here to be measured. So are float encodings, which have no range.
"""

from __future__ import annotations

import json
from typing import Any

from pytest_qparity.precision.calibration.formats.numbers import number, range_of
from pytest_qparity.precision.calibration.formats.problem import unusable
from pytest_qparity.precision.calibration.formats.text_lines import require_one_range
from pytest_qparity.precision.calibration.method import GIVEN, Method
from pytest_qparity.precision.calibration.ranges import Ranges, TensorRange, symmetric
from pytest_qparity.quantmath import Range

__all__ = ["is_encodings", "read", "render"]

_BITS = 8
_REMEDY = "export the encodings again, as version 1.0.0"


def is_encodings(parsed: dict[str, Any]) -> bool:
    return "activation_encodings" in parsed or ("encodings" in parsed and "version" in parsed)


def read(parsed: dict[str, Any], file: str) -> Ranges:
    version = str(parsed.get("version", "0.4.0"))  # files before 0.5.0 may lack it
    stated = parsed.get("activation_encodings")
    if isinstance(stated, dict) and version.startswith("0."):
        entries = [(name, encodings) for name, encodings in stated.items()]
    elif isinstance(stated, list) and version.startswith("1."):
        entries = [(_name(entry, index, file), [entry]) for index, entry in enumerate(stated)]
    else:
        kind = "no activation_encodings" if stated is None else f"activation_encodings as {type(stated).__name__}"
        raise unusable(file, "version", f"{version} with {kind}", "0.4.0 to 0.6.1, or 1.0.0", _REMEDY)
    tensors: dict[str, TensorRange] = {}
    floats = 0
    for name, encodings in entries:
        entry = f"activation_encodings.{name}"
        if name in tensors:
            raise unusable(file, entry, "it twice", "once", "remove one of them")
        if not isinstance(encodings, list) or len(encodings) != 1 or not isinstance(encodings[0], dict):
            raise unusable(file, entry, f"{encodings!r:.60}", "one encoding of the tensor", _REMEDY)
        (encoding,) = encodings
        if str(encoding.get("dtype", "int")).lower() == "float":
            floats += 1
        else:
            tensors[name] = TensorRange.of_tensor(_range(encoding, file, entry))
    if not tensors:
        raise unusable(file, "activation_encodings", "no integer encoding", "one or more", _REMEDY)
    return Ranges(tensors, Method(GIVEN), f"AIMET encodings {version}", notes=_notes(parsed, floats))


def render(ranges: Ranges, bits: int = _BITS, file: str = "encodings") -> str:
    """Version 1.0.0: symmetric where the range is, otherwise the offset is rounded: an end moves by half a step.

    A range of zeros has scale 1.
    """
    require_one_range(ranges, "an encodings file", file)
    entries = []
    for name, found in ranges.tensors.items():
        low, high = found.whole.low, found.whole.high
        mirrored = -low == high != 0.0
        steps = 2 ** (bits - 1) - 1 if mirrored else 2**bits - 1
        scale = (high if mirrored else high - low) / steps or 1.0
        offset = -(2 ** (bits - 1)) if mirrored else round(low / scale)
        entries.append(
            {
                "name": name,
                "enc_type": "PER_TENSOR",
                "dtype": "INT",
                "bw": bits,
                "is_sym": mirrored,
                "scale": [scale],
                "offset": [offset],
            }
        )
    lines = ",\n".join(f"  {json.dumps(entry, ensure_ascii=False, allow_nan=False)}" for entry in entries)
    return f'{{"version": "1.0.0", "param_encodings": [], "activation_encodings": [\n{lines}\n]}}\n'


def _name(entry: Any, index: int, file: str) -> str:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str):
        raise unusable(file, f"activation_encodings[{index}]", f"{entry!r:.60}", "an encoding with a name", _REMEDY)
    return name


def _range(encoding: dict[str, Any], file: str, entry: str) -> Range:
    if "min" in encoding and "max" in encoding and "bw" not in encoding:
        found = range_of(encoding["min"], encoding["max"], file, entry)
        is_symmetric = str(encoding.get("is_symmetric", "False")).lower() == "true"
    else:
        scale, offset, bits = (_one(encoding, key, file, entry) for key in ("scale", "offset", "bw"))
        if not (scale > 0.0 and 2 <= bits <= 32 and offset <= 0.0 <= offset + 2**bits - 1):
            got = f"scale {scale:g}, offset {offset:g}, bw {bits:g}"
            raise unusable(file, entry, got, "scale > 0, 2 ≤ bw ≤ 32 and a code for zero", _REMEDY)
        found = Range(scale * offset + 0.0, scale * (offset + 2 ** int(bits) - 1) + 0.0)
        is_symmetric = encoding.get("is_sym") is True
    return symmetric(found.high) if is_symmetric and found.low < 0.0 else found


def _one(encoding: dict[str, Any], key: str, file: str, entry: str) -> float:
    value = encoding.get(key)
    if isinstance(value, list):
        if len(value) != 1:
            raise unusable(file, f"{entry}.{key}", f"{len(value)} values", "one: of the tensor", _REMEDY)
        value = value[0]
    return number(value, file, f"{entry}.{key}")


def _notes(parsed: dict[str, Any], floats: int) -> tuple[str, ...]:
    parameters = parsed.get("param_encodings") or ()
    notes = []
    if parameters:
        notes.append(f"{len(parameters)} encodings of parameters are left out: weights are measured")
    if floats:
        notes.append(f"{floats} float encodings are left out: they have no range")
    return tuple(notes)
