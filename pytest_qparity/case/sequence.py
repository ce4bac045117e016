"""Samples as steps of recordings: outputs of a step that are inputs of the next one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.case.data import Feeds, Samples
from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.case.sources.record import sample_hash
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.feeding import FeedSource, SampleSet
    from pytest_qparity.case.model import ModelFile, TensorInfo

    Shape = tuple[int | str | None, ...] | None

__all__ = [
    "RECORDING",
    "Recordings",
    "recording_hashes",
    "recordings_of",
    "with_states",
    "without_states",
    "wrong_state",
]

RECORDING = "recording"  # the array of the data that says which recording each step belongs to


@dataclass(frozen=True, slots=True, eq=False)
class Recordings:
    """`state`: the output of a step → the input that it is at the next step of the same recording. `steps`: int64
    (samples,), the number of each sample within its recording, from 1."""

    state: Mapping[str, str]
    steps: np.ndarray

    @property
    def count(self) -> int:
        return int(np.count_nonzero(self.steps == 1))

    @property
    def of_each(self) -> np.ndarray:
        """Which recording each sample is a step of, int64 (samples,), from 0 on."""
        return np.cumsum(self.steps == 1) - 1

    @property
    def longest(self) -> int:
        return int(self.steps.max())

    def begins(self, sample: int) -> bool:
        return bool(self.steps[sample] == 1)


def recordings_of(samples: SampleSet, state: Mapping[str, str], model: ModelFile) -> tuple[Samples, Recordings]:
    """The samples as the steps that they are, with an array for each input of the model.

    An array `recording`, integers (samples,), says which recording a step belongs to, and the steps of one follow each
    other; without it all are one recording. Of an array for a state the first step of each recording is fed, the others
    come from the outputs; without one recordings begin with zeros. Raises CannotJudge where an output or input of
    `state` is not the model's, both are of different types or shapes, or the recordings are torn apart.
    """
    if not isinstance(samples, Samples):
        remedy = "give arrays: an .npz, .npy files, or a function that gives a dict of them"
        raise wrong_state("data that are made one by one", "arrays, whose first axis counts steps", remedy)
    inputs = {tensor.name: tensor for tensor in model.inputs}
    outputs = {tensor.name: tensor for tensor in model.outputs}
    for output, name in state.items():
        _require_there(output, outputs, "output")
        _require_there(name, inputs, "input")
        _require_alike(outputs[output], inputs[name])
    arrays = dict(samples.inputs)
    stated = arrays.pop(RECORDING, None) if RECORDING not in inputs else None
    given = {name: array for name, array in arrays.items() if name in inputs and array.ndim}
    total = next((len(array) for array in given.values()), 0)
    stacked = any(array.ndim == len(inputs[name].shape or ()) + 1 for name, array in given.items())
    for name in state.values():
        if name not in arrays:
            arrays[name] = _zeros(inputs[name], total, stacked)
    return replace(samples, inputs=arrays), Recordings(state, _steps(stated, total, samples.origin))


def with_states(feeds: FeedSource, recordings: Recordings, outputs: Mapping[str, np.ndarray]) -> Feeds:
    """The feeds with the states that a rollout went through: at each step the output of the step before.

    `outputs`: those of all steps, laid out as the feeds are; raises CannotJudge where a state is not.
    """
    assert isinstance(feeds, Feeds)  # of `recordings_of` nothing else comes
    arrays = dict(feeds.arrays)
    first = recordings.steps == 1
    for output, name in recordings.state.items():
        before, given = outputs[output], arrays[name]
        if before.shape != given.shape or before.dtype != given.dtype:
            got = f'output "{output}" {before.dtype}{list(before.shape)} over all steps'
            should = f'laid out as input "{name}" is: {given.dtype}{list(given.shape)}'
            raise wrong_state(got, should, "name an output of its shape")
        fed = np.empty_like(given)
        fed[1:] = before[:-1]
        fed[first] = given[first]
        arrays[name] = fed
    return replace(feeds, arrays=arrays)


def recording_hashes(feeds: FeedSource, recordings: Recordings) -> list[bytes]:
    """A hash of each recording's content: what is fed at its steps, and of states what it begins with."""
    assert isinstance(feeds, Feeds)  # of `recordings_of` nothing else comes
    ends = np.append(np.flatnonzero(recordings.steps == 1), len(recordings.steps))
    fed_once = set(recordings.state.values())
    return [
        sample_hash({name: array[at : at + 1 if name in fed_once else end] for name, array in feeds.arrays.items()})
        for at, end in itertools.pairwise(ends.tolist())
    ]


def without_states(samples: SampleSet, state: Mapping[str, str]) -> SampleSet:
    """What the data themselves say: states are the model's own."""
    if not state or not isinstance(samples, Samples):
        return samples
    kept = {name: array for name, array in samples.inputs.items() if name not in (*state.values(), RECORDING)}
    return replace(samples, inputs=kept)


def _require_there(name: str, there: Mapping[str, TensorInfo], kind: str) -> None:
    if name not in there:
        near = nearest(name, there)
        remedy = f'write "{near}"' if near else f"name an {kind} of the model"
        raise wrong_state(f'{kind} "{name}" as state', f"one of the model's: {known_list(there)}", remedy)


def _require_alike(output: TensorInfo, fed: TensorInfo) -> None:
    if output.dtype != fed.dtype or not _may_be_one(output.shape, fed.shape):
        got = f'output "{output.name}" {output.dtype}{_shown(output)} as state'
        should = f'of the type and shape of input "{fed.name}": {fed.dtype}{_shown(fed)}'
        raise wrong_state(got, should, "name the output that is this input at the next step")


def _may_be_one(one: Shape, other: Shape) -> bool:
    """Whether two shapes that may leave dimensions open can be the same."""
    if one is None or other is None:
        return True
    fixed = [(a, b) for a, b in zip(one, other, strict=False) if isinstance(a, int) and isinstance(b, int)]
    return len(one) == len(other) and all(a == b for a, b in fixed)


def _shown(tensor: TensorInfo) -> list[int | str | None] | str:
    return "" if tensor.shape is None else list(tensor.shape)


def _zeros(tensor: TensorInfo, steps: int, stacked: bool) -> np.ndarray:
    """Laid out as the other arrays are. An open dimension counts samples, of which one is fed at a time."""
    if tensor.shape is None or tensor.dtype == "str":
        remedy = f'give an array "{tensor.name}" whose first step is where recordings begin'
        raise wrong_state(f'no array "{tensor.name}" for a state without a shape', "an array", remedy)
    shape = [size if isinstance(size, int) else 1 for size in tensor.shape][0 if stacked else 1 :]
    # A broadcast view: only the steps at which recordings begin are ever fed.
    return np.broadcast_to(np.zeros(shape, np.dtype(tensor.dtype)), (steps, *shape))


def _steps(stated: np.ndarray | None, total: int, origin: str) -> np.ndarray:
    if stated is None:
        return np.arange(1, total + 1)
    if stated.shape != (total,) or stated.dtype.kind not in "iu":
        got = f'array "{RECORDING}" {stated.dtype}{list(stated.shape)} in {origin}'
        raise wrong_state(got, f"integers [{total}], the recording of each step", "write one number a step")
    begins = np.flatnonzero(np.concatenate([[True], stated[1:] != stated[:-1]])[:total])
    if len(np.unique(stated)) != len(begins):
        torn = next(number for number in stated[begins] if np.count_nonzero(stated[begins] == number) > 1)
        got = f'recording {torn} in pieces in array "{RECORDING}" of {origin}'
        raise wrong_state(got, "in one piece: its steps follow each other", "sort the steps by recording")
    lengths = np.diff(np.append(begins, total))
    return np.arange(total) - np.repeat(begins, lengths) + 1


def wrong_state(got: str, should: str, remedy: str) -> CannotJudge:
    """The only place that says so."""
    return CannotJudge(Failure(Code.SEQUENCE_STATE, f"State: got {got}, should be {should}.", remedy))
