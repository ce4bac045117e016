"""The manifest of a golden: which arrays belong to it, of which bytes, made from what. Imports no NumPy."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_qparity.digest import json_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
LARGEST_BYTES = 4 * 2**20
LARGEST_DIGITS = 20  # of an int64 or uint64
LARGEST_RANK = 32  # NumPy 1.26 has no more

# An output's element type and how its `.npy` file holds it; NumPy's format has no bfloat16.
ELEMENT_TYPES: Mapping[str, str] = {
    "bool": "|b1",
    "int8": "|i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "uint8": "|u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "uint64": "<u8",
    "float16": "<f2",
    "bfloat16": "<u2",
    "float32": "<f4",
    "float64": "<f8",
}


class NewerFormatError(ValueError):
    """A manifest of a format that only a newer version of this library reads."""


@dataclass(frozen=True, slots=True)
class GoldenKey:
    """What makes a golden stale when it changes: digests of the model, the test data and the reference recipe."""

    model: str
    data: str
    recipe: str

    def __post_init__(self) -> None:
        if not (self.model and self.data and self.recipe):
            raise ValueError("a golden's key needs all three digests")


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """One output as the manifest names it; `sha256` is that of the whole file."""

    name: str
    file: str
    dtype: str
    shape: tuple[int, ...]
    sha256: str
    min: float
    max: float
    mean: float


@dataclass(frozen=True, slots=True)
class Manifest:
    key: GoldenKey
    outputs: tuple[StoredOutput, ...]
    samples: int
    provenance: Mapping[str, str]


def file_name(index: int, output: str, sha256: str) -> str:
    """The only place that names an array file.

    The digest in the name keeps the arrays of an old and a new golden apart, so that a write that is killed
    half way leaves the old golden whole.
    """
    return f"{index:03d}_{re.sub(r'[^A-Za-z0-9_-]+', '-', output)[:48]}.{sha256[:12]}.npy"


def is_array_file(name: str) -> bool:
    return re.fullmatch(r"\d{3,}_[A-Za-z0-9_-]*\.[0-9a-f]{12}\.npy", name, re.ASCII) is not None


def render(manifest: Manifest) -> str:
    """Sorted keys, one value a line, floats by repr: a small diff in git; `digest` covers all the rest."""
    content = {"format": FORMAT, **asdict(manifest)}
    content = {**content, "digest": json_digest(content)}
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def parse(content: bytes) -> Manifest:
    """The manifest in a file's bytes; ValueError is a sentence "got X, should be Y"."""
    if len(content) > LARGEST_BYTES:
        raise ValueError(f"got more bytes than a manifest has, should be at most {LARGEST_BYTES}")
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse,
            parse_int=_whole_number,
        )
    except RecursionError:
        raise ValueError("got brackets nested beyond reason, should be a manifest") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"got a file that is not JSON ({error}), should be a manifest") from None
    if isinstance(value, dict) and repr(format_read := value.get("format", FORMAT)) != repr(FORMAT):
        is_newer = type(format_read) is int and format_read > FORMAT
        refusal = NewerFormatError if is_newer else ValueError
        raise refusal(f"got format {format_read!r}, should be {FORMAT}")
    fields = _fields(value, "the manifest", {"digest", "format", "key", "outputs", "provenance", "samples"})
    manifest = Manifest(_key(fields["key"]), _outputs(fields["outputs"]), fields["samples"], fields["provenance"])
    if type(manifest.samples) is not int or manifest.samples < 1:
        raise ValueError(f"got samples {manifest.samples!r}, should be a whole number from 1")
    if type(fields["provenance"]) is not dict or any(type(text) is not str for text in fields["provenance"].values()):
        raise ValueError("got a provenance with other values, should be texts by name")
    try:
        digest = json_digest({name: fields[name] for name in fields.keys() - {"digest"}})
    except UnicodeEncodeError:
        raise ValueError("got half of a surrogate pair, should be Unicode text") from None
    if fields["digest"] != digest:
        raise ValueError(f"got digest {str(fields['digest'])[:12]} beside content of {digest[:12]}, should be the same")
    return manifest


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("got one key twice, should be once")
    return fields


def _whole_number(digits: str) -> int:
    if len(digits) > LARGEST_DIGITS:
        raise ValueError(f"got a number of {len(digits)} digits, should be at most {LARGEST_DIGITS}")
    return int(digits)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"got {constant}, should be a finite number")


def _fields(value: object, where: str, names: set[str]) -> dict[str, Any]:
    if type(value) is not dict or value.keys() != names:
        got = ", ".join(sorted(value)) if isinstance(value, dict) else type(value).__name__
        raise ValueError(f"got {got or 'nothing'} in {where}, should be {', '.join(sorted(names))}")
    return value


def _key(value: object) -> GoldenKey:
    fields = _fields(value, "the key", {"model", "data", "recipe"})
    if not all(type(digest) is str and digest for digest in fields.values()):
        raise ValueError("got a key without its digests, should be those of model, data and recipe")
    return GoldenKey(**fields)


def _outputs(value: object) -> tuple[StoredOutput, ...]:
    if type(value) is not list or not value:
        raise ValueError("got no outputs, should be at least one")
    outputs = tuple(_output(index, fields) for index, fields in enumerate(value))
    if len({output.name for output in outputs}) != len(outputs):
        raise ValueError("got two outputs of one name, should be each once")
    return outputs


def _output(index: int, value: object) -> StoredOutput:
    where = f"output {index}"
    fields = _fields(value, where, {"name", "file", "dtype", "shape", "sha256", "min", "max", "mean"})
    if type(fields["name"]) is not str or not fields["name"]:
        raise ValueError(f"got name {fields['name']!r} for {where}, should be a text")
    if type(fields["dtype"]) is not str or fields["dtype"] not in ELEMENT_TYPES:
        raise ValueError(f"got type {fields['dtype']!r} for {where}, should be one of {', '.join(ELEMENT_TYPES)}")
    shape = fields["shape"]
    if type(shape) is not list or len(shape) > LARGEST_RANK or any(type(size) is not int or size < 1 for size in shape):
        raise ValueError(f"got shape {str(shape)[:80]} for {where}, should be whole numbers from 1")
    if type(fields["sha256"]) is not str or not re.fullmatch(r"[0-9a-f]{64}", fields["sha256"]):
        raise ValueError(f"got sha256 {str(fields['sha256'])[:80]!r} for {where}, should be 64 hex digits")
    if fields["file"] != (name := file_name(index, fields["name"], fields["sha256"])):
        raise ValueError(f"got file {str(fields['file'])[:80]!r} for {where}, should be {name!r}")
    for name in ("min", "max", "mean"):
        if type(fields[name]) not in (int, float) or not math.isfinite(fields[name]):
            raise ValueError(f"got {name} {fields[name]!r} for {where}, should be a finite number")
    return StoredOutput(**{**fields, "shape": tuple(shape)})
