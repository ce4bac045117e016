"""Numbers in columns: one column for each input of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.case.sources.record import Record, unreadable
from pytest_qparity.case.sources.rows import missing_column

if TYPE_CHECKING:
    from pytest_qparity.case.model import TensorInfo

__all__ = ["NumberDecoder"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class NumberDecoder:
    """Each input's numbers as its column holds them; JSON, which knows no types, takes that of the input.

    `columns`: of each input. Floats of another width become the input's, whatever holds them (tables are written in
    float64 unless one says otherwise). Whole numbers of JSON become floats, floats never whole numbers.
    """

    columns: Mapping[str, str]
    inputs: tuple[TensorInfo, ...]

    kind = "arrays"
    padding = None
    makes_one_shape = False

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"columns": {tensor.name: tensor.dtype for tensor in self.inputs}}

    def content(self, record: Record) -> Mapping[str, Any]:
        return self.arrays(record)

    def arrays(self, record: Record) -> Mapping[str, Array]:
        for column in self.columns.values():
            if column not in record.fields:
                raise missing_column(record.id, column, record.fields)
        return {each.name: _array(record.fields[self.columns[each.name]], each, record.id) for each in self.inputs}


def _array(value: object, tensor: TensorInfo, where: str) -> Array:
    if isinstance(value, np.ndarray | np.generic):
        given = np.asarray(value)
        if given.dtype.kind != "f" or tensor.dtype not in ("float16", "float32", "float64"):
            return given  # its own type, which is compared with that of the input
        with np.errstate(over="ignore"):
            converted = given.astype(tensor.dtype)
        if (np.isfinite(given) & ~np.isfinite(converted)).any():
            got = f'numbers for "{tensor.name}" beyond {tensor.dtype}'
            raise unreadable(where, got, "within it", "correct the column")
        return converted
    if tensor.dtype == "str":
        return np.asarray(value)
    try:
        found = np.asarray(value)
    except ValueError:
        raise unreadable(
            where, f'lists of differing lengths for "{tensor.name}"', "of one length", "pad them"
        ) from None
    wanted = np.dtype(tensor.dtype)
    if found.dtype.kind not in "biuf" or (found.dtype.kind == "f" and wanted.kind in "iu"):
        raise unreadable(
            where, f'{found.dtype} for "{tensor.name}"', f"numbers that are {wanted}", "correct the column"
        )
    if wanted.kind in "iu" and found.size and not _fits(found, wanted):
        raise unreadable(where, f'numbers for "{tensor.name}" beyond {wanted}', "within it", "correct the column")
    return found.astype(wanted)


def _fits(found: Array, wanted: np.dtype[Any]) -> bool:
    limits = np.iinfo(wanted)
    return bool(int(found.min()) >= limits.min and int(found.max()) <= limits.max)
