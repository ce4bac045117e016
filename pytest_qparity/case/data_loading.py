"""Samples from what a case file names: arrays that are read whole, or records that are decoded one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.case.data import Array, Samples, make_feeds
from pytest_qparity.case.data_streams import StreamedSamples, streamed_feeds, surveyed
from pytest_qparity.case.functions import call_function, is_function
from pytest_qparity.case.groups import GroupedRecords
from pytest_qparity.case.names import known_list
from pytest_qparity.case.npz import read_npy, read_npz, require_npy_size, require_size_together, unreadable
from pytest_qparity.case.sources.calls import ArrayDecoder, CalledRecords, is_iterator
from pytest_qparity.case.sources.opening import is_streamed, opened
from pytest_qparity.digest import arrays_digest
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.data_spec import DataSpec
    from pytest_qparity.case.feeding import FeedSource
    from pytest_qparity.case.model import TensorInfo
    from pytest_qparity.case.reach import Reach
    from pytest_qparity.case.sources.record import Records

__all__ = ["feeds_of", "load_samples", "open_samples"]

LABELS = "labels"
Part = tuple[str, dict[str, Array]]  # a file's or folder's name, and its arrays


def open_samples(
    source: str, spec: DataSpec, reach: Reach, inputs: Callable[[], Sequence[TensorInfo]], largest_mb: float
) -> Samples | StreamedSamples:
    """Samples of `[data]`'s test or calibration. `inputs`: those of the model, asked for by sources of records alone.

    Arrays by name (.npz, .npy, a function that gives a dict) are read whole, `largest_mb` at most; records (images,
    sounds, texts, rows, a function that gives an iterator) are gone through once and made again when they are fed.
    """
    folder = reach.folder
    if is_function(source):
        made = call_function(source, folder, Code.DATA_UNREADABLE)
        if is_iterator(made):
            return surveyed(_grouped(CalledRecords(source, folder), spec.group, inputs), ArrayDecoder(), largest_mb)
        return _fed_too(_samples([(source, _checked(source, made))], source, group=spec.group), spec.group, inputs)
    if is_streamed(folder / source, spec):
        records, decoder = opened(source, reach, spec, tuple(inputs()))
        return surveyed(_grouped(records, spec.group, inputs), decoder, largest_mb)
    return _fed_too(load_samples(source, folder, largest_mb, spec.group), spec.group, inputs)


def feeds_of(samples: Samples | StreamedSamples, inputs: Sequence[TensorInfo], batch: int) -> FeedSource:
    """Samples as a session takes them. Raises CannotJudge where they do not fit the model."""
    if isinstance(samples, StreamedSamples):
        return streamed_feeds(samples, inputs, batch)
    return make_feeds(samples, inputs, batch)


def load_samples(source: str, folder: Path, largest_mb: float, group: str | None = None) -> Samples:
    """Read arrays by name: an .npz or .npy, a folder of them, or a function that gives a dict. Files hold `largest_mb`
    at most, all together. `group`: the array that says what samples belong to; it is no input."""
    if is_function(source):
        made = call_function(source, folder, Code.DATA_UNREADABLE)
        return _samples([(source, _checked(source, made))], source, group=group)
    path = folder / source
    if path.is_dir():
        parts = _from_folder(path, largest_mb)
        return _samples(parts, source, _joined(parts), group)
    if path.suffix == ".npy":
        return _samples([(source, {path.stem: read_npy(path, largest_mb)})], source, group=group)
    return _samples([(source, read_npz(path, largest_mb))], source, group=group)


def _grouped(records: Records, group: str | None, inputs: Callable[[], Sequence[TensorInfo]]) -> Records:
    if group is None:
        return records
    return GroupedRecords(records, group, any(tensor.name == group for tensor in inputs()))


def _fed_too(samples: Samples, group: str | None, inputs: Callable[[], Sequence[TensorInfo]]) -> Samples:
    """With groups among the inputs where the model has one of their name."""
    if group is None or samples.groups is None or all(tensor.name != group for tensor in inputs()):
        return samples
    return replace(samples, inputs={**samples.inputs, group: samples.groups})


def _samples(
    parts: Sequence[Part], source: str, joined: dict[str, Array] | None = None, group: str | None = None
) -> Samples:
    """`joined`: the parts of a folder one after the other."""
    arrays = parts[0][1] if joined is None else joined
    inputs = {name: array for name, array in arrays.items() if name not in (LABELS, group)}
    counted = tuple((name, len(next(iter(each.values()), ()))) for name, each in parts) if len(parts) > 1 else ()
    groups = None if group is None else arrays.get(group)
    return Samples(inputs, arrays.get(LABELS), arrays_digest(arrays), source, counted, groups)


def _checked(source: str, made: object) -> dict[str, Array]:
    should, remedy = "a dict of NumPy arrays by input name", f"let {source} give a dict of arrays"
    if not isinstance(made, Mapping):
        raise unreadable(source, type(made).__name__, should, remedy)
    for name, array in made.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray):
            raise unreadable(source, f"{type(array).__name__} for {name!r}", should, remedy)
        if array.dtype.hasobject:
            raise unreadable(source, f'"{name}" of dtype object', "numbers or text", remedy)
    return dict(made)


def _from_folder(folder: Path, largest_mb: float) -> list[Part]:
    """The .npz files of a folder by name; or its .npy files, one for each input; or such folders. Other files are none
    of ours."""
    files = sorted(folder.glob("*.npz"))
    if files:
        require_size_together(folder.name, files, largest_mb)
        return [(file.name, read_npz(file, largest_mb)) for file in files]
    arrays = sorted(folder.glob("*.npy"))
    parts = {folder: arrays} if arrays else {each: sorted(each.glob("*.npy")) for each in _folders(folder)}
    parts = {each: found for each, found in parts.items() if found}
    if not parts:
        sentence = f"{folder.name}: got no .npz, .npy or folder of .npy in the folder, should hold one or more."
        remedy = "add one; images and sounds need a table [data.image] or [data.audio]"
        raise CannotJudge(Failure(Code.DATA_EMPTY, sentence, remedy))
    require_npy_size(folder.name, [file for found in parts.values() for file in found], largest_mb)
    return [(each.name, {file.stem: read_npy(file, largest_mb) for file in found}) for each, found in parts.items()]


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _joined(parts: Sequence[Part]) -> dict[str, Array]:
    """One after the other on axis 0."""
    first_name, first = parts[0]
    for file, part in parts:
        if part.keys() != first.keys():
            got = f"arrays {known_list(part)}"
            raise unreadable(file, got, f"those of {first_name}: {known_list(first)}", "write both alike")
        for name, array in part.items():
            if not array.ndim or (array.dtype, array.shape[1:]) != (first[name].dtype, first[name].shape[1:]):
                got, should = (f"{each.dtype} {each.shape}" for each in (array, first[name]))
                sentence = f'{file}: got "{name}" as {got}, should be as in {first_name}: {should}.'
                raise CannotJudge(Failure(Code.DATA_LAYOUT, sentence, "all axes but the first must agree"))
    return {name: np.concatenate([part[name] for _, part in parts]) for name in first}
