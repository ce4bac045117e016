"""A sample before it is decoded, where such samples come from, and what makes arrays of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pytest_qparity.digest import array_digest
from pytest_qparity.verdict import CannotJudge, Code, Failure

__all__ = ["HASH_BYTES", "Decoder", "Record", "Records", "content_hash", "sample_hash", "unreadable"]

Array = np.ndarray[Any, Any]
HASH_BYTES = 16  # of SHA-256: two of 10⁹ samples agree by chance once in 10²⁰


@dataclass(frozen=True, slots=True)
class Record:
    """A sample as its container holds it. `id`: as a person finds it again; `label`: a number, text or list, or None;
    `group`: what it belongs to, or None; `fields`: bytes, text, numbers, arrays and lists by name."""

    id: str
    fields: Mapping[str, Any]
    label: Any = None
    group: Any = None


class Records(Protocol):
    """Samples of one container; can be gone through again."""

    @property
    def origin(self) -> str: ...
    def __iter__(self) -> Iterator[Record]: ...


class Decoder(Protocol):
    """Makes a sample's arrays: without an axis for the batch, or with it where each sample is fed as it is.

    `kind`: what its content is ("image", "text"): hashes of one kind can be compared, wherever records come from.
    """

    @property
    def kind(self) -> str: ...
    @property
    def settings(self) -> Mapping[str, Any]:
        """All that decides upon the arrays beside the record, as JSON: content of files, never their names."""

    @property
    def padding(self) -> Mapping[str, int | float] | None:
        """By input, what shorter samples of a batch are filled with; None: all of a batch have one shape."""

    @property
    def makes_one_shape(self) -> bool:
        """Whether its settings give all samples one shape, whatever they are made of."""

    def content(self, record: Record) -> Mapping[str, Any]:
        """What the arrays are made of, and nothing else. Raises CannotJudge where it is not there."""

    def arrays(self, record: Record) -> Mapping[str, Array]: ...


def content_hash(content: Mapping[str, Any]) -> bytes:
    """SHA-256, cut, of fields by name. A single field goes without its name, so that a file in a folder and the same
    one in a row are one sample."""
    parts = [_field_hash(value) for _, value in sorted(content.items())]
    if len(parts) == 1:
        return parts[0]
    named = (name.encode() + b"\0" + part for name, part in zip(sorted(content), parts, strict=True))
    return hashlib.sha256(b"".join(named)).digest()[:HASH_BYTES]


def sample_hash(arrays: Mapping[str, Array]) -> bytes:
    """SHA-256, cut, of a sample's inputs as they are fed: names, types, shapes, elements."""
    return content_hash(dict(arrays))


def unreadable(where: str, got: str, should: str, remedy: str) -> CannotJudge:
    """Data that cannot be read, with the file, line or row in which that is so."""
    return CannotJudge(Failure(Code.DATA_UNREADABLE, f"{where}: got {got}, should be {should}.", remedy))


def _field_hash(value: object) -> bytes:
    if isinstance(value, bytes):
        return hashlib.sha256(value).digest()[:HASH_BYTES]
    if isinstance(value, np.ndarray):
        return bytes.fromhex(array_digest(value))[:HASH_BYTES]
    if isinstance(value, Mapping):
        return content_hash({str(name): each for name, each in value.items()} | {"": "table"})
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{type(value).__name__} {text}".encode()).digest()[:HASH_BYTES]
