"""Samples that are made when they are asked for: what is known of them all, and their feeds, in bounded memory."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.case.data import Samples, make_feeds, require_batch, require_labels
from pytest_qparity.case.feeding import Array, Feed, Span, prefetched
from pytest_qparity.case.groups import group_array
from pytest_qparity.case.sources.labels import label_array
from pytest_qparity.case.sources.record import HASH_BYTES, Decoder, Records, content_hash, sample_hash, unreadable
from pytest_qparity.digest import arrays_digest, json_digest
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.model import TensorInfo

__all__ = ["FedHashes", "StreamedFeeds", "StreamedSamples", "streamed_feeds", "surveyed"]

SPAN_SAMPLES = 256  # a scaling that was left out shows in the first ones


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One sample as it is fed: arrays by name of model input."""

    id: str
    arrays: Mapping[str, Array]


@dataclass(slots=True, eq=False)
class FedHashes:
    """What the last whole pass over samples gave: `sample_hash` of each, so that nobody decodes them for it. None
    before the first one has ended."""

    hashes: Sequence[bytes] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class StreamedSamples:
    """What one pass over the records found: labels, ids, and a hash of each one's content. Inputs are not held.

    `digest`: of the content, labels, settings and the first sample's arrays, which another decoder makes otherwise;
    `inputs_digest`: the same without labels and groups. `hashes`: of the content, which other bytes may hold too: a PNG
    with another comment is fed as the same pixels.
    """

    records: Records
    decoder: Decoder
    labels: Array | None
    ids: Sequence[str]
    digest: str
    inputs_digest: str
    largest_mb: float
    hashes: bytes  # HASH_BYTES for each sample
    groups: Array | None = None  # what each sample belongs to, texts (samples,)
    fed: FedHashes | None = None  # where each pass is to leave what it gave

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def origin(self) -> str:
        return self.records.origin

    @property
    def source_kind(self) -> str:
        return self.decoder.kind

    def source_hashes(self) -> Sequence[bytes]:
        return _cut(self.hashes)

    def input_hashes(self) -> Iterator[bytes]:
        """Of the last whole pass where one was gone through with `fed`; else by decoding all once more."""
        if self.fed is not None and self.fed.hashes is not None:
            return iter(self.fed.hashes)
        return (sample_hash(sample.arrays) for sample in self.stream())

    def input_spans(self) -> Mapping[str, Span]:
        """Over the first 256 samples."""
        spans: dict[str, Span] = {}
        for sample in itertools.islice(self.stream(), SPAN_SAMPLES):
            for name, array in sample.arrays.items():
                if array.dtype.kind == "f" and array.size:
                    low, high = spans.get(name, (np.inf, -np.inf))
                    spans[name] = (min(low, float(array.min())), max(high, float(array.max())))
        return spans

    def stream(self) -> Iterator[Sample]:
        """Each sample's arrays. Raises CannotJudge where the content is no longer what the pass before found."""
        index, fed = -1, bytearray()
        for index, record in enumerate(self.records):
            known = self.hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]
            if content_hash(self.decoder.content(record)) != known:
                raise _changed(record.id, "other content than before")
            arrays = self.decoder.arrays(record)
            if self.fed is not None:
                fed += sample_hash(arrays)
            yield Sample(record.id, arrays)
        if index + 1 != len(self):
            raise _changed(self.origin, f"{index + 1:,} samples, {len(self):,} before")
        if self.fed is not None:
            self.fed.hashes = _cut(bytes(fed))


def surveyed(records: Records, decoder: Decoder, largest_mb: float) -> StreamedSamples:
    """Go through all records once, and decode the first. Raises CannotJudge where there is none, or a wrong label."""
    ids: list[str] = []
    labels: list[object] = []
    groups: list[object] = []
    hashes = bytearray()
    first: Mapping[str, Array] | None = None
    for record in records:
        hashes += content_hash(decoder.content(record))
        if first is None:
            first = decoder.arrays(record)
        ids.append(record.id)
        labels.append(record.label)
        groups.append(record.group)
    if first is None:
        sentence = f"{records.origin}: got 0 samples, should be 1 or more."
        raise CannotJudge(Failure(Code.DATA_EMPTY, sentence, "add some"))
    joined, grouped = label_array(labels, ids), group_array(groups, ids)
    content = {
        "samples": hashlib.sha256(hashes).hexdigest(),
        "settings": dict(decoder.settings),
        "first": arrays_digest(first),
    }
    labelled = content | ({} if joined is None else {"labels": arrays_digest({"labels": joined})})
    labelled |= {} if grouped is None else {"groups": arrays_digest({"groups": grouped})}
    return StreamedSamples(
        records, decoder, joined, ids, json_digest(labelled), json_digest(content), largest_mb, bytes(hashes), grouped
    )


@dataclass(frozen=True, slots=True, eq=False)
class StreamedFeeds:
    """All samples as feeds, each made when it is asked for and the next one meanwhile; two are held at a time."""

    source: StreamedSamples
    inputs: tuple[TensorInfo, ...]
    batch: int
    stacked: bool

    @property
    def samples(self) -> int:
        return len(self.source)

    @property
    def data_digest(self) -> str:
        return self.source.inputs_digest

    def __len__(self) -> int:
        return (self.samples + self.batch - 1) // self.batch

    def __iter__(self) -> Iterator[Feed]:
        return prefetched(self._feeds())

    def of_each_shape(self) -> Iterable[Feed]:
        """The first feed, cut to the samples of the last one too, where all samples must have one shape, by the model
        or by how they are made; otherwise all."""
        if self.stacked or not self._is_of_one_shape:
            return self
        whole = next(iter(self))
        last = self.samples - self.batch * (len(self) - 1)
        return whole, Feed({name: array[:last] for name, array in whole.arrays.items()}, last)

    @property
    def _is_of_one_shape(self) -> bool:
        if self.source.decoder.makes_one_shape:
            return True
        sizes = (size for tensor in self.inputs for size in (tensor.shape or (None, None))[1:])
        return all(isinstance(size, int) for size in sizes)

    def whole(self) -> Mapping[str, Array]:
        arrays: dict[str, list[Array]] = {}
        size = 0
        for sample in self.source.stream():
            for name, array in sample.arrays.items():
                arrays.setdefault(name, []).append(array)
                size += array.nbytes
            if size > self.source.largest_mb * 1e6:
                got = f"more than {self.source.largest_mb:,g} MB of inputs"
                remedy = "give fewer samples, or allow more: --qparity-largest-data-mb"
                raise unreadable(self.source.origin, got, "less, to be held at once", remedy)
        return {name: self._together(name, parts, self.source.ids) for name, parts in arrays.items()}

    def _feeds(self) -> Iterator[Feed]:
        samples = self._checked()
        while chunk := list(itertools.islice(samples, self.batch)):
            if self.stacked:
                yield Feed(chunk[0].arrays, 1)
                continue
            ids = [sample.id for sample in chunk]
            names = [tensor.name for tensor in self.inputs]
            arrays = {name: self._together(name, [sample.arrays[name] for sample in chunk], ids) for name in names}
            yield Feed(arrays, len(chunk))

    def _checked(self) -> Iterator[Sample]:
        """Each sample is held against the model's inputs by itself; the last feed's size was looked at before."""
        batch = self.batch if not self.stacked else 1
        for sample in self.source.stream():
            _require_fit(sample, self.inputs, self.stacked)
            size = sum(array.nbytes for array in sample.arrays.values()) * batch
            if size > self.source.largest_mb * 1e6:
                got, should = f"{size / 1e6:,.1f} MB for a batch of {batch}", f"at most {self.source.largest_mb:,g} MB"
                raise unreadable(sample.id, got, should, "lower batch, or allow more: --qparity-largest-data-mb")
            yield sample

    def _together(self, name: str, arrays: Sequence[Array], ids: Sequence[str]) -> Array:
        padding = self.source.decoder.padding
        if padding is not None and name in padding:
            shape = tuple(max(sizes) for sizes in zip(*(array.shape for array in arrays), strict=True))
            arrays = [_padded(array, shape, padding[name]) for array in arrays]
        for id_, array in zip(ids, arrays, strict=False):
            if array.shape != arrays[0].shape:
                sentence = f'"{name}": got {array.shape} in {id_}, should be as in {ids[0]}: {arrays[0].shape}.'
                raise CannotJudge(Failure(Code.DATA_LAYOUT, sentence, "make samples of a batch alike, or batch = 1"))
        return np.stack(arrays)


def streamed_feeds(source: StreamedSamples, inputs: Sequence[TensorInfo], batch: int) -> StreamedFeeds:
    """Lay samples out as a session takes them, as strictly as `make_feeds`; each is looked at when it is made."""
    first = next(source.stream())
    stacked = all(
        tensor.shape is not None and first.arrays[tensor.name].ndim == len(tensor.shape)
        for tensor in inputs
        if tensor.name in first.arrays
    )
    _require_fit(first, inputs, stacked)
    require_batch(len(source), inputs, batch, stacked)
    require_labels(source.labels, len(source), source.origin)
    return StreamedFeeds(source, tuple(inputs), batch, stacked)


def _require_fit(sample: Sample, inputs: Sequence[TensorInfo], stacked: bool) -> None:
    alone = {name: array[None] for name, array in sample.arrays.items()}
    try:
        feeds = make_feeds(Samples(alone, None, "", sample.id), _of_one(inputs, stacked), 1)
    except CannotJudge as error:
        failure = error.failure
        if failure.sentence.startswith(sample.id):
            raise
        raise CannotJudge(Failure(failure.code, f"{sample.id}: {failure.sentence}", failure.remedy)) from None
    if feeds.stacked != stacked:
        sentence = f"{sample.id}: got a sample of another rank than the first, should be of one rank."
        raise CannotJudge(Failure(Code.DATA_LAYOUT, sentence, "lay all samples out in one way"))


def _of_one(inputs: Sequence[TensorInfo], stacked: bool) -> list[TensorInfo]:
    """The inputs, with a batch axis that takes a single sample, whatever the model's own is."""
    from dataclasses import replace

    if stacked:
        return list(inputs)
    return [replace(tensor, shape=tensor.shape and (None, *tensor.shape[1:])) for tensor in inputs]


def _padded(array: Array, shape: tuple[int, ...], value: float) -> Array:
    more = [(0, wanted - size) for wanted, size in zip(shape, array.shape, strict=True)]
    return np.pad(array, more, constant_values=value)


def _cut(hashes: bytes) -> Sequence[bytes]:
    return [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]


def _changed(where: str, got: str) -> CannotJudge:
    remedy = "let nothing write to data while they are judged; a function must give the same whenever it is called"
    return CannotJudge(Failure(Code.DATA_CHANGED, f"{where}: got {got}, should be the same each time.", remedy))
