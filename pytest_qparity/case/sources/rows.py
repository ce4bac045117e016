"""Records that are rows: JSON Lines, Parquet, a data set that Hugging Face's `datasets` saved on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.case.sources.files import content_of
from pytest_qparity.case.sources.record import Record, unreadable
from pytest_qparity.verdict import CannotJudge, Code, Failure

__all__ = ["ArrowRecords", "JsonLines", "LabelOf", "no_extra", "opened_dataset", "opened_parquet"]

LabelOf = Callable[[object, str], Any]  # of a column's value and where it stands
ROWS_AT_A_TIME = 64  # that Arrow makes at once
LONGEST_LINE = 64_000_000  # bytes of JSON: no sample is that long, and a file without line ends is no JSON Lines


@dataclass(frozen=True, slots=True)
class JsonLines:
    """One JSON object a line. `file_fields` name files relative to the manifest, whose bytes take their place."""

    path: Path
    origin: str
    label_column: str | None
    label_of: LabelOf
    file_fields: tuple[str, ...] = ()
    resolve: Callable[[str, str], Path] | None = None  # a file's name, and where it stands: the path to read

    def __iter__(self) -> Iterator[Record]:
        try:
            with self.path.open("rb") as lines:
                for number, line in enumerate(iter(lambda: lines.readline(LONGEST_LINE + 1), b""), start=1):
                    if line.strip():
                        yield self._record(line, f"{self.origin}:{number}")
        except OSError as error:
            raise unreadable(self.origin, f'"{error.strerror}"', "a file that can be read", "check it") from None

    def _record(self, line: bytes, where: str) -> Record:
        if len(line) > LONGEST_LINE:
            raise unreadable(where, f"more than {LONGEST_LINE:,} bytes", "a line for each sample", "write JSON Lines")
        try:
            fields = json.loads(line, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise unreadable(where, f"{type(error).__name__}: {error}", "a JSON object", "correct the line") from None
        if not isinstance(fields, dict):
            raise unreadable(
                where, f"a JSON {type(fields).__name__}", "an object in curly brackets", "correct the line"
            )
        label = _label(fields, self.label_column, self.label_of, where)
        for name in self.file_fields:
            if isinstance(fields.get(name), str) and self.resolve is not None:
                fields[name] = content_of(self.resolve(fields[name], where), f"{where}: {fields[name]}")
        return Record(where, fields, label)


@dataclass(frozen=True, slots=True)
class ArrowRecords:
    """Rows of Arrow tables, a batch of them in memory at a time. `columns`: those that are read; None: all.
    `group`: one that is read beside them where it is there."""

    batches: Callable[[Sequence[str] | None], Iterable[Any]]
    known: tuple[str, ...]
    origin: str
    label_column: str | None
    label_of: LabelOf
    columns: tuple[str, ...] | None = None
    group: str | None = None

    def __iter__(self) -> Iterator[Record]:
        wanted = None
        if self.columns is not None:
            beside = (name for name in (self.label_column, self.group) if name in self.known)
            wanted = list(dict.fromkeys([*self.columns, *(name for name in beside if name is not None)]))
            for name in self.columns:
                if name not in self.known:
                    raise missing_column(self.origin, name, self.known)
        start = 0
        for batch in self.batches(wanted):
            columns = {name: _values(batch.column(name), name, self.origin, start) for name in batch.schema.names}
            for index in range(batch.num_rows):
                where = f"{self.origin}[{start + index}]"
                fields = {name: values[index] for name, values in columns.items()}
                yield Record(where, fields, _label(fields, self.label_column, self.label_of, where))
            start += batch.num_rows


def opened_parquet(
    files: Sequence[Path],
    origin: str,
    label: str | None,
    label_of: LabelOf,
    columns: tuple[str, ...] | None,
    group: str | None = None,
) -> ArrowRecords:
    """The rows of Parquet files, one after the other. Raises CannotJudge where pyarrow is absent or cannot read one."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise no_extra("datasets", "pyarrow", origin) from None

    def opened(path: Path) -> Any:
        try:
            return pyarrow.parquet.ParquetFile(path)
        except (OSError, pyarrow.ArrowException) as error:
            got = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            raise unreadable(path.name, got, "a whole Parquet file", "make or fetch the file again") from None

    def batches(wanted: Sequence[str] | None) -> Iterator[Any]:
        for path in files:
            with opened(path) as file:
                try:
                    yield from file.iter_batches(batch_size=ROWS_AT_A_TIME, columns=wanted)
                except (OSError, pyarrow.ArrowException) as error:
                    raise unreadable(path.name, f"{type(error).__name__}: {error}", "whole", "fetch it again") from None

    schemas = []
    for path in files:
        with opened(path) as file:
            schemas.append(file.schema_arrow)
    for path, schema in zip(files, schemas, strict=True):
        if not schema.equals(schemas[0]):
            got, should = known_list(schema.names), known_list(schemas[0].names)
            raise unreadable(path.name, f"columns {got}", f"those of {files[0].name}, of its types: {should}", "align")
    return ArrowRecords(batches, tuple(schemas[0].names), origin, label, label_of, columns, group)


def opened_dataset(
    folder: Path,
    origin: str,
    label: str | None,
    label_of: LabelOf,
    columns: tuple[str, ...] | None,
    group: str | None = None,
) -> ArrowRecords:
    """The rows of a data set that `save_to_disk` wrote, mapped and not loaded."""
    if (folder / "dataset_dict.json").exists():
        splits = sorted(path.name for path in folder.iterdir() if path.is_dir())
        remedy = f'name one of them: "{origin}/{splits[0]}"' if splits else "save a split by itself"
        raise unreadable(origin, f"splits: {known_list(splits)}", "one split", remedy)
    try:
        import datasets
    except ImportError:
        raise no_extra("datasets", "datasets", origin) from None
    try:
        found = datasets.load_from_disk(str(folder)).with_format("arrow")
    except Exception as error:  # noqa: BLE001  it raises whatever its parts do at a folder that is not whole
        got = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        raise unreadable(origin, got, "a data set that save_to_disk wrote", "save it again") from None

    def batches(wanted: Sequence[str] | None) -> Iterator[Any]:
        chosen = found if wanted is None else found.select_columns(list(wanted))
        yield from chosen.iter(batch_size=ROWS_AT_A_TIME)

    return ArrowRecords(batches, tuple(found.column_names), origin, label, label_of, columns, group)


def no_extra(extra: str, package: str, origin: str) -> CannotJudge:
    """What is said where an optional library is not installed."""
    sentence = f"{origin}: got no {package}, should be installed to read it."
    return CannotJudge(Failure(Code.DATA_PACKAGE, sentence, f'pip install "pytest-qparity[{extra}]"'))


def missing_column(where: str, name: str, known: Iterable[str]) -> CannotJudge:
    known = list(known)
    if not known:
        remedy = f'add "{name}", or name the column that has it'
        return unreadable(where, f'no column "{name}"', "there: it has none beside the label", remedy)
    near = nearest(name, known)
    remedy = f'write "{near}"' if near is not None else "name a column that is there"
    return unreadable(where, f'no column "{name}"', f"one of: {known_list(known)}", remedy)


def stored_file(record: Record, column: str, one: str, many: str) -> Mapping[str, Any]:
    """The bytes of a file in a column, by its name; Hugging Face's features store them in a table. `one`, `many`: what
    such files are called."""
    if column not in record.fields:
        raise missing_column(record.id, column, record.fields)
    value = record.fields[column]
    if isinstance(value, Mapping):
        value = value.get("bytes")
    if not isinstance(value, bytes):
        got = f"{type(value).__name__} for {one}"
        raise unreadable(record.id, got, "the bytes of its file", f"store {many} with their bytes")
    return {column: value}


def _label(fields: dict[str, Any], column: str | None, label_of: LabelOf, where: str) -> Any:
    """The label, taken out of the fields; None without such a column, which is no mistake before a metric wants it."""
    if column is None:
        return None
    value = fields.pop(column, None)
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return None if value is None else label_of(value, where)


def _values(column: Any, name: str, origin: str, start: int) -> Sequence[Any]:
    """A column's values: numbers and lists of them as arrays of their own type, texts, bytes, and tables as dicts."""
    import pyarrow

    if isinstance(column, pyarrow.ChunkedArray):
        column = column.combine_chunks()
        column = column.chunk(0) if isinstance(column, pyarrow.ChunkedArray) else column
    if column.null_count:
        row = next(index for index in range(len(column)) if not column[index].is_valid)
        raise unreadable(
            f"{origin}[{start + row}]", f'no value in column "{name}"', "a value", "fill it, or drop the row"
        )
    kind, shape = column.type, None
    if isinstance(kind, pyarrow.FixedShapeTensorType):
        shape = tuple(kind.shape)
    if isinstance(kind, pyarrow.BaseExtensionType):
        column = column.storage
        kind = column.type
    if pyarrow.types.is_primitive(kind) and not pyarrow.types.is_temporal(kind):
        return column.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    if not _is_list(kind) or not _is_numbers(kind):
        return column.to_pylist()  # type: ignore[no-any-return]
    arrays = [_array(column[index].values, f"{origin}[{start + index}]", name) for index in range(len(column))]
    return arrays if shape is None else [array.reshape(shape) for array in arrays]


def _array(values: Any, where: str, name: str) -> Any:
    if values.null_count:
        raise unreadable(where, f'no value within "{name}"', "numbers throughout", "fill it, or drop the row")
    if not _is_list(values.type):
        return values.to_numpy(zero_copy_only=False)
    try:
        return np.stack([_array(values[index].values, where, name) for index in range(len(values))])
    except ValueError:
        raise unreadable(where, f'rows of differing lengths in "{name}"', "of one length", "pad them") from None


def _is_list(kind: Any) -> bool:
    import pyarrow

    types = pyarrow.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_numbers(kind: Any) -> bool:
    import pyarrow

    while _is_list(kind):
        kind = kind.value_type
    return bool(pyarrow.types.is_primitive(kind) and not pyarrow.types.is_temporal(kind))


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")
