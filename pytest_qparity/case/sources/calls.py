"""Records that a function gives: an iterator of samples, asked for anew each time that they are gone through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pytest_qparity.case.functions import call_function, raised
from pytest_qparity.case.sources.record import Record, unreadable
from pytest_qparity.verdict import Code

__all__ = ["ArrayDecoder", "CalledRecords", "is_iterator"]

Array = np.ndarray[Any, Any]
LABEL, ID = "label", "id"
_SHOULD = "a dict of NumPy arrays by input name"


def is_iterator(made: object) -> bool:
    """Whether a function gave samples one by one; a list is neither that nor a dict of arrays."""
    return isinstance(made, Iterator)


@dataclass(frozen=True, slots=True)
class CalledRecords:
    """What `module:function` yields: a dict for each sample, with an array for each input, and `label` and `id`."""

    origin: str
    folder: Path

    def __iter__(self) -> Iterator[Record]:
        samples = call_function(self.origin, self.folder, Code.DATA_UNREADABLE)
        if not isinstance(samples, Iterator):
            remedy = f"let {self.origin} give the same whenever it is called"
            raise unreadable(self.origin, type(samples).__name__, "an iterator of samples, as before", remedy)
        index, seen = 0, set[str]()
        while True:
            where = f"{self.origin}[{index}]"
            try:
                sample = next(samples)
            except StopIteration:
                return
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001  foreign code; its SystemExit ends no check
                raise raised(error, self.origin, self.folder, Code.DATA_UNREADABLE) from None
            record = _record(sample, where)
            if record.id in seen:
                got, should = f'the id "{record.id}" a second time', "another one for each sample"
                raise unreadable(where, got, should, f"yield ids that differ, or no {ID!r} at all")
            seen.add(record.id)
            yield record
            index += 1


def _record(sample: object, where: str) -> Record:
    if not isinstance(sample, Mapping):
        raise unreadable(where, type(sample).__name__, _SHOULD, "yield a dict for each sample")
    fields = dict(sample)
    label, id_ = fields.pop(LABEL, None), fields.pop(ID, None)
    for name, array in fields.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray | np.generic):
            raise unreadable(where, f"{type(array).__name__} for {name!r}", _SHOULD, "yield arrays")
        if array.dtype.hasobject:
            raise unreadable(where, f'"{name}" of dtype object', "numbers or text", "yield arrays of numbers")
    label = label.tolist() if isinstance(label, np.ndarray | np.generic) else label
    return Record(where if id_ is None else str(id_), {name: np.array(each) for name, each in fields.items()}, label)


@dataclass(frozen=True, slots=True)
class ArrayDecoder:
    """Arrays as a function gives them."""

    kind = "arrays"
    padding = None
    makes_one_shape = False

    @property
    def settings(self) -> Mapping[str, Any]:
        return {}

    def content(self, record: Record) -> Mapping[str, Any]:
        return record.fields

    def arrays(self, record: Record) -> Mapping[str, Array]:
        return record.fields
