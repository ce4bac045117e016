"""Samples of a case, and the feeds that they make for a session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import numpy as np

from pytest_qparity.case.feeding import Array, Feed, Span
from pytest_qparity.case.groups import require_groups
from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.case.sources.record import sample_hash
from pytest_qparity.digest import arrays_digest
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.feeding import FeedSource
    from pytest_qparity.case.model import TensorInfo

__all__ = ["Array", "Feed", "Feeds", "Samples", "make_feeds", "require_batch", "require_labels", "some_in_memory"]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Arrays by name of model input, and labels where the source has them. `parts`: files of the source and how many
    samples each holds, where it is more than one. `groups`: what each sample belongs to, integers or texts
    (samples,)."""

    inputs: Mapping[str, Array]
    labels: Array | None
    digest: str
    origin: str
    parts: tuple[tuple[str, int], ...] = ()
    groups: Array | None = None

    def __len__(self) -> int:
        return min((len(array) for array in self.inputs.values()), default=0)

    @property
    def ids(self) -> Sequence[str]:
        """File and row: `test.npz[17]`."""
        parts = self.parts or ((self.origin, len(self)),)
        return [f"{name}[{row}]" for name, count in parts for row in range(count)]

    @property
    def source_kind(self) -> str:
        return "arrays"

    def source_hashes(self) -> Sequence[bytes]:
        return list(self.input_hashes())

    def input_hashes(self) -> Iterator[bytes]:
        for index in range(len(self)):
            yield sample_hash({name: array[index, ...] for name, array in self.inputs.items()})

    def input_spans(self) -> Mapping[str, Span]:
        floats = {name: array for name, array in self.inputs.items() if array.dtype.kind == "f" and array.size}
        return {name: (float(array.min()), float(array.max())) for name, array in floats.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Feeds(Sequence[Feed]):
    """All samples as feeds; can be gone through again.

    `stacked`: each sample is fed as it is, so that a session's outputs have no axis that counts samples.
    """

    arrays: Mapping[str, Array]
    samples: int
    batch: int
    stacked: bool

    def __len__(self) -> int:
        return (self.samples + self.batch - 1) // self.batch

    def chosen(self, indices: Array) -> Feeds:
        """Feeds of these samples alone, in this order; copies them."""
        arrays = {name: array[indices] for name, array in self.arrays.items()}
        return Feeds(arrays, len(indices), self.batch, self.stacked)

    @property
    def data_digest(self) -> str:
        return arrays_digest(self.arrays)

    def of_each_shape(self) -> Iterable[Feed]:
        return self

    def whole(self) -> Mapping[str, Array]:
        return self.arrays

    @overload
    def __getitem__(self, index: int) -> Feed: ...
    @overload
    def __getitem__(self, index: slice) -> list[Feed]: ...
    def __getitem__(self, index: int | slice) -> Feed | list[Feed]:
        if isinstance(index, slice):
            return [self._feed(each) for each in range(*index.indices(len(self)))]
        return self._feed(range(len(self))[index])

    def __iter__(self) -> Iterator[Feed]:
        return (self._feed(index) for index in range(len(self)))

    def _feed(self, index: int) -> Feed:
        start = index * self.batch
        stop = min(start + self.batch, self.samples)
        if self.stacked:
            return Feed({name: array[start, ...] for name, array in self.arrays.items()}, 1)
        return Feed({name: array[start:stop] for name, array in self.arrays.items()}, stop - start)


def some_in_memory(feeds: FeedSource, most: int) -> Feeds:
    """The feeds themselves where they are in memory; of a stream, `most` samples or fewer: the first that are shaped as
    its very first one is."""
    if isinstance(feeds, Feeds):
        return feeds
    taken: list[Feed] = []
    for feed in feeds:
        if not taken or all(array.shape[1:] == taken[0].arrays[name].shape[1:] for name, array in feed.arrays.items()):
            taken.append(feed)
        if sum(each.count for each in taken) >= most:
            break
    join = np.stack if feeds.stacked else np.concatenate
    arrays = {name: join([feed.arrays[name] for feed in taken]) for name in taken[0].arrays}
    return Feeds(arrays, sum(each.count for each in taken), feeds.batch, feeds.stacked)


def make_feeds(samples: Samples, inputs: Sequence[TensorInfo], batch: int) -> Feeds:
    """Lay samples out as a session takes them, strictly: names, types, ranks, fixed dimensions, counts, finiteness."""
    _check_names(samples, inputs)
    stacked = {tensor.name: _is_stacked(samples.inputs[tensor.name], tensor) for tensor in inputs}
    counts = {name: len(array) for name, array in samples.inputs.items()}
    first = inputs[0].name
    for name, count in counts.items():
        if count != counts[first]:
            sentence = f'"{name}": got {count:,} samples, should be {counts[first]:,} as in "{first}".'
            raise _layout(sentence, "give each input the same samples")
        if stacked[name] != stacked[first]:
            raise _layout(
                f'"{name}": got an array {_kind(stacked[name])}, should be {_kind(stacked[first])} as "{first}" is.',
                "lay all inputs out in one way",
            )
    total = counts[first]
    if total == 0:
        raise CannotJudge(
            Failure(Code.DATA_EMPTY, f"{samples.origin}: got 0 samples, should be 1 or more.", "add some")
        )
    for tensor in inputs:
        _check_array(samples.inputs[tensor.name], tensor, stacked[first])
    require_batch(total, inputs, batch, stacked[first])
    require_labels(samples.labels, total, samples.origin)
    require_groups(samples.groups, total, samples.origin)
    return Feeds({tensor.name: samples.inputs[tensor.name] for tensor in inputs}, total, batch, stacked[first])


def _layout(sentence: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.DATA_LAYOUT, sentence, remedy))


def _kind(stacked: bool) -> str:
    return "of one rank more than its input" if stacked else "of its input's rank"


def _check_names(samples: Samples, inputs: Sequence[TensorInfo]) -> None:
    names = [tensor.name for tensor in inputs]
    if not names:
        raise _layout("The model: got no inputs, should have one or more.", "a model without inputs takes no samples")
    missing = [name for name in names if name not in samples.inputs]
    extra = [name for name in samples.inputs if name not in names]
    if not missing and not extra:
        return
    wrong = [f'no array "{name}"' for name in missing] + [f'an array "{name}" that is no input' for name in extra]
    renamed = [f'rename "{near}" to "{name}"' for name in missing if (near := nearest(name, extra))]
    sentence = f"{samples.origin}: got {', '.join(wrong)}, should be the model's inputs: {known_list(names)}."
    remedy = ", ".join(renamed) or "give one array for each input of the model, by its name"
    raise CannotJudge(Failure(Code.DATA_ARRAYS, sentence, remedy))


def _is_stacked(array: Array, tensor: TensorInfo) -> bool:
    if tensor.shape is None:
        raise _layout(
            f'"{tensor.name}": got an input without a rank, should state its shape.',
            "state the input's shape in the model; without it no axis of the data is known to count samples",
        )
    rank = len(tensor.shape)
    if array.ndim not in (rank, rank + 1) or array.ndim == 0:
        allowed = f"{rank}, or {rank + 1} to feed each sample as it is" if rank else "1"
        raise _layout(
            f'"{tensor.name}": got rank {array.ndim} {array.shape}, should be rank {allowed} ({_stated(tensor)}).',
            "the first axis of each array counts samples",
        )
    return array.ndim == rank + 1


def _stated(tensor: TensorInfo) -> str:
    return f"the input is {tensor.dtype} [{', '.join('?' if d is None else str(d) for d in tensor.shape or ())}]"


def _check_array(array: Array, tensor: TensorInfo, stacked: bool) -> None:
    dtype = "str" if array.dtype.kind == "U" else array.dtype.name
    if dtype != tensor.dtype:
        remedy = f'convert the array to {tensor.dtype} where it is written, not here: "{tensor.name}"'
        raise _layout(f'"{tensor.name}": got {dtype}, should be {tensor.dtype}.', remedy)
    stated = (tensor.shape or ())[0 if stacked else 1 :]
    for axis, (size, dimension) in enumerate(zip(array.shape[1:], stated, strict=True), start=1):
        if isinstance(dimension, int) and size != dimension:
            sentence = f'"{tensor.name}": got {size} on axis {axis} of {array.shape}, should be {dimension}'
            raise _layout(f"{sentence} ({_stated(tensor)}).", "write the data in the model's layout")
    if ("float" in dtype or "complex" in dtype) and not (finite := np.isfinite(array)).all():
        where = tuple(int(each) for each in np.argwhere(~finite)[0])
        got = f"{np.count_nonzero(~finite):,} NaN or Inf, the first at {where}"
        raise _layout(f'"{tensor.name}": got {got}, should be finite.', "remove the samples, or what made them so")


def require_batch(total: int, inputs: Sequence[TensorInfo], batch: int, stacked: bool) -> None:
    """Raises CannotJudge where `total` samples cannot be fed `batch` at a time."""
    if stacked:
        if batch != 1:
            raise _layout(
                f"batch: got {batch}, should be 1: each sample is fed as it is (arrays of one rank more).",
                "remove batch from [data]",
            )
        return
    for tensor in inputs:
        fixed = (tensor.shape or (None,))[0]
        if isinstance(fixed, int) and fixed != batch:
            raise _layout(
                f'batch: got {batch}, should be {fixed}: "{tensor.name}" has a fixed first axis ({_stated(tensor)}).',
                f"write batch = {fixed} in [data]",
            )
        if isinstance(fixed, int) and total % batch:
            sentence = f'"{tensor.name}": got {total:,} samples, should be a multiple of {batch} ({_stated(tensor)}).'
            raise _layout(sentence, f"give {total - total % batch:,} samples, or {total + batch - total % batch:,}")


def require_labels(labels: Array | None, total: int, origin: str) -> None:
    """Raises CannotJudge where labels are not one for each of `total` samples."""
    if labels is not None and (labels.ndim == 0 or len(labels) != total):
        got = f"labels of shape {labels.shape}"
        raise CannotJudge(
            Failure(
                Code.DATA_LABELS,
                f"{origin}: got {got}, should be one for each of {total:,} samples.",
                "write one label for each sample, in the order of the samples",
            )
        )
