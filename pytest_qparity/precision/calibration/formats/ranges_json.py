"""ranges.json, this project's own format: readable, one line a tensor, whole or absent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_qparity.durable import write_bytes
from pytest_qparity.precision.calibration.formats.numbers import range_of
from pytest_qparity.precision.calibration.formats.problem import unusable
from pytest_qparity.precision.calibration.method import Method, MethodName
from pytest_qparity.precision.calibration.ranges import Ranges, TensorRange

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FORMAT", "VERSION", "read", "render", "write"]

FORMAT = "pytest-qparity ranges"
VERSION = 1

_Digest = Annotated[str, Field(pattern="^[0-9a-f]{8,64}(-[0-9a-z-]+)?$")]
_Ends = float | list[float]
_UNION_TAGS = ("float", "list[float]")  # what pydantic puts into a place for the members of `_Ends`


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Tensor(_Strict):
    low: _Ends
    high: _Ends
    axis: int | None = None
    histogram: _Digest | None = None


class _Method(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)
    __pydantic_extra__: dict[str, int | float]
    name: MethodName


class _File(_Strict):
    format: str
    version: int
    made_by: str
    method: _Method
    samples: Annotated[int, Field(ge=1)] | None = None
    model: _Digest | None = None
    data: _Digest | None = None
    notes: list[str] = []
    tensors: dict[str, _Tensor]


def render(ranges: Ranges) -> str:
    """The file's text: keys in a fixed order, tensors in theirs, one a line, floats as Python reads them back."""
    head: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "made_by": ranges.made_by,
        "method": ranges.method.as_json(),
        "samples": ranges.samples,
        "model": ranges.model,
        "data": ranges.data,
        "notes": list(ranges.notes),
    }
    lines = [f"  {_json(key)}: {_json(value)}," for key, value in head.items() if value not in (None, [])]
    tensors = [f"    {_json(name)}: {_json(_entry(found))}" for name, found in ranges.tensors.items()]
    return "\n".join(["{", *lines, '  "tensors": {', ",\n".join(tensors), "  }", "}", ""])


def write(path: Path, ranges: Ranges) -> None:
    write_bytes(path, render(ranges).encode())


def read(parsed: dict[str, Any], file: str) -> Ranges:
    """Ranges out of parsed JSON. Raises CannotJudge with the file's name and the entry that is wrong."""
    version = parsed.get("version")
    if isinstance(version, int) and version > VERSION:
        raise unusable(file, "version", str(version), f"at most {VERSION}", "read it with a newer pytest-qparity")
    try:
        found = _File.model_validate(parsed)
    except ValidationError as error:
        first = error.errors()[0]
        entry = ".".join(str(part) for part in first["loc"] if part not in _UNION_TAGS)
        got = "it missing" if first["type"] == "missing" else f"{first['input']!r:.60}"
        should = "none of this name" if first["type"] == "extra_forbidden" else first["msg"]
        raise unusable(file, entry, got, should, "correct the entry; docs/calibration.md has the format") from None
    if found.format != FORMAT or found.version != VERSION:
        got = f"{found.format} {found.version}"
        raise unusable(file, "format and version", got, f"{FORMAT} {VERSION}", "name a file of ranges")
    try:
        method = Method(found.method.name, tuple(found.method.__pydantic_extra__.items()))
    except ValueError as error:
        raise unusable(file, "method", str(error).removeprefix("got "), "a method", "correct the entry") from None
    return Ranges(
        tensors={name: _tensor(entry, file, name) for name, entry in found.tensors.items()},
        method=method,
        made_by=found.made_by,
        samples=found.samples,
        model=found.model,
        data=found.data,
        notes=tuple(found.notes),
    )


def _entry(found: TensorRange) -> dict[str, Any]:
    stated = {"axis": found.axis, "low": found.low, "high": found.high, "histogram": found.histogram}
    return {key: value for key, value in stated.items() if value is not None}


def _tensor(entry: _Tensor, file: str, name: str) -> TensorRange:
    where = f"tensors.{name}"
    if isinstance(entry.low, list) != isinstance(entry.high, list) or isinstance(entry.low, list) != (
        entry.axis is not None
    ):
        got = f"low {entry.low}, high {entry.high}, axis {entry.axis}"
        raise unusable(file, where, got, "two numbers, or two lists and an axis", "correct the entry")
    lows = entry.low if isinstance(entry.low, list) else [entry.low]
    highs = entry.high if isinstance(entry.high, list) else [entry.high]
    if not lows or len(lows) != len(highs):
        got = f"{len(lows)} low and {len(highs)} high"
        raise unusable(file, where, got, "as many of either, and one or more", "correct the entry")
    pairs = zip(lows, highs, strict=True)
    return TensorRange(tuple(range_of(low, high, file, where) for low, high in pairs), entry.axis, entry.histogram)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
