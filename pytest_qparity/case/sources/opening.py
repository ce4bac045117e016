"""What a [data] table names: told by its kind of file, and opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.reach import Reach
from pytest_qparity.case.sources.files import AUDIO, IMAGES, list_files
from pytest_qparity.case.sources.images import ImageDecoder
from pytest_qparity.case.sources.labels import Classes, classes_from_file
from pytest_qparity.case.sources.numbers import NumberDecoder
from pytest_qparity.case.sources.record import Decoder, Records, unreadable
from pytest_qparity.case.sources.rows import JsonLines, LabelOf, opened_dataset, opened_parquet
from pytest_qparity.case.sources.sounds import SoundDecoder
from pytest_qparity.case.sources.texts import opened_tokenizer
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.data_spec import DataSpec
    from pytest_qparity.case.model import TensorInfo

__all__ = ["is_streamed", "opened"]

ROWS = (".jsonl", ".parquet")


def is_streamed(path: Path, spec: DataSpec) -> bool:
    """Whether a source is one of rows or files that are decoded, and not arrays by name."""
    if path.is_dir():
        return _is_dataset(path) or bool(_parquets(path)) or spec.image is not None or spec.audio is not None
    return path.suffix in ROWS


def opened(source: str, reach: Reach, spec: DataSpec, inputs: tuple[TensorInfo, ...]) -> tuple[Records, Decoder]:
    """Records and decoder of a source that is no function and holds no .npz or .npy.

    `reach`: where its path starts, and where files that it names may lie.
    """
    path = reach.folder / source
    classes = None if spec.classes is None else classes_from_file(reach.folder / spec.classes)
    if path.is_dir() and not _is_dataset(path) and not _parquets(path):
        suffixes = IMAGES if spec.image is not None else AUDIO
        files = list_files(path, suffixes, classes, reach, source.rstrip("/"))
        return files, _decoder(spec, inputs, reach, source, "file")
    decoder = _decoder(spec, inputs, reach, source, (_columns_read(spec) or ("",))[0])
    return _rows(path, source, reach, spec, classes, decoder), decoder


def _decoder(spec: DataSpec, inputs: tuple[TensorInfo, ...], reach: Reach, source: str, column: str) -> Decoder:
    """`column`: the field of a record that holds an image or a sound."""
    if spec.image is not None:
        return ImageDecoder(spec.image, _input(spec.image.input, inputs, "[data.image]"), column)
    if spec.audio is not None:
        return SoundDecoder(spec.audio, _input(spec.audio.input, inputs, "[data.audio]"), column)
    if spec.text is not None:
        return opened_tokenizer(spec.text, reach.folder, inputs, source)
    columns = {tensor.name: (spec.columns or {}).get(tensor.name, tensor.name) for tensor in inputs}
    extra = [name for name in spec.columns or {} if name not in columns]
    if extra:
        sentence = f'[data.columns]: got "{extra[0]}", should be an input of the model: {", ".join(columns)}.'
        raise CannotJudge(Failure(Code.DATA_ARRAYS, sentence, "name inputs on the left, columns on the right"))
    return NumberDecoder(columns, inputs)


def _rows(path: Path, source: str, reach: Reach, spec: DataSpec, classes: Classes | None, decoder: Decoder) -> Records:
    label, label_of = spec.label or "label", _label_of(classes)
    if path.suffix == ".jsonl":
        files = _file_fields(spec)
        return JsonLines(path, source, label, label_of, files, _resolver(path.parent, reach))
    columns = _columns_read(spec) or (tuple(decoder.columns.values()) if isinstance(decoder, NumberDecoder) else None)
    if _is_dataset(path):
        return opened_dataset(path, source, label, label_of, columns, spec.group)
    return opened_parquet(_parquets(path) if path.is_dir() else [path], source, label, label_of, columns, spec.group)


def _columns_read(spec: DataSpec) -> tuple[str, ...] | None:
    """Which columns are decoded, where the table says so; a wide table is not read for one of them."""
    if spec.image is not None:
        return (spec.image.column or "image",)
    if spec.audio is not None:
        return (spec.audio.column or "audio",)
    if spec.text is not None:
        return (spec.text.column,) if isinstance(spec.text.column, str) else spec.text.column
    return None if spec.columns is None else tuple(spec.columns.values())


def _file_fields(spec: DataSpec) -> tuple[str, ...]:
    return (_columns_read(spec) or ()) if spec.image is not None or spec.audio is not None else ()


def _label_of(classes: Classes | None) -> LabelOf:
    def label_of(value: object, where: str) -> Any:
        return value if classes is None else classes.index_of(value, where)

    return label_of


def _resolver(folder: Path, reach: Reach) -> Callable[[str, str], Path]:
    def resolve(name: str, where: str) -> Path:
        path = folder / name
        if (target := Reach(folder, reach.roots).outside(name)) is not None:
            sentence = f'{where}: got "{name}", which leads to {target}, should be below {reach.shown}.'
            raise CannotJudge(
                Failure(Code.CASE_OUTSIDE, sentence, "copy it there, or name its folder in qparity_roots")
            )
        return path

    return resolve


def _input(stated: str | None, inputs: Sequence[TensorInfo], table: str) -> str:
    """The input that images or sounds are for: one that is not the model's is told with the arrays."""
    if stated is not None:
        return stated
    if len(inputs) != 1:
        names = ", ".join(tensor.name for tensor in inputs)
        raise unreadable(
            table, f"a model with {len(inputs)} inputs", "one, or input stated", f"write input = one of: {names}"
        )
    return inputs[0].name


def _is_dataset(path: Path) -> bool:
    return (path / "state.json").is_file() or (path / "dataset_dict.json").is_file()


def _parquets(path: Path) -> list[Path]:
    return sorted(path.glob("*.parquet"))
