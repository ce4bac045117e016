from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_qparity.case.data import Samples, make_feeds
from pytest_qparity.case.model import ModelFile, TensorInfo
from pytest_qparity.case.sequence import recording_hashes, recordings_of, with_states, without_states
from pytest_qparity.verdict import CannotJudge, Code

X = TensorInfo("x", "float32", (1, 3))
STATE = TensorInfo("state", "float32", (1, 2))
Y = TensorInfo("y", "float32", (1, 1))
NEXT = TensorInfo("stateN", "float32", ("N", 2))


def model_of(*, inputs: tuple[TensorInfo, ...] = (X, STATE), outputs: tuple[TensorInfo, ...] = (Y, NEXT)) -> ModelFile:
    return ModelFile(Path("m.onnx"), "digest", 1, inputs, outputs, 17, ())


def samples_of(steps: int = 5, **more: np.ndarray) -> Samples:
    return Samples({"x": np.ones((steps, 3), np.float32), **more}, None, "digest", "t.npz")


def failure_of(samples: Samples, state: dict[str, str], model: ModelFile | None = None) -> str:
    with pytest.raises(CannotJudge) as caught:
        recordings_of(samples, state, model or model_of())
    assert caught.value.failure.code is Code.SEQUENCE_STATE
    return f"{caught.value.failure.sentence} {caught.value.failure.remedy}"


def test_samples_without_an_array_of_recordings_are_the_steps_of_one_that_begins_with_zeros() -> None:
    samples, recordings = recordings_of(samples_of(5), {"stateN": "state"}, model_of())

    assert recordings.steps.tolist() == [1, 2, 3, 4, 5]
    assert (recordings.count, recordings.longest) == (1, 5)
    assert samples.inputs["state"].shape == (5, 2)
    assert not samples.inputs["state"].any()


def test_zeros_are_laid_out_as_the_other_arrays_are() -> None:
    stacked = Samples({"x": np.ones((5, 1, 3), np.float32)}, None, "digest", "t.npz")

    samples, _ = recordings_of(stacked, {"stateN": "state"}, model_of())

    assert samples.inputs["state"].shape == (5, 1, 2)
    assert make_feeds(samples, (X, STATE), 1).stacked


def test_recordings_of_different_lengths_each_count_their_steps_from_1() -> None:
    stated = samples_of(6, recording=np.array([7, 7, 7, 2, 9, 9]))

    samples, recordings = recordings_of(stated, {"stateN": "state"}, model_of())

    assert recordings.steps.tolist() == [1, 2, 3, 1, 1, 2]
    assert recordings.count == 3
    assert "recording" not in samples.inputs


def test_a_single_step_is_a_recording() -> None:
    _, recordings = recordings_of(samples_of(1), {"stateN": "state"}, model_of())

    assert recordings.steps.tolist() == [1]


def test_an_input_of_the_model_may_have_the_name_recording() -> None:
    model = model_of(inputs=(X, STATE, TensorInfo("recording", "float32", (1,))))
    given = np.zeros(5, np.float32)

    samples, recordings = recordings_of(samples_of(5, recording=given), {"stateN": "state"}, model)

    assert samples.inputs["recording"] is given
    assert recordings.count == 1


def test_recordings_in_pieces_are_refused() -> None:
    told = failure_of(samples_of(4, recording=np.array([1, 1, 2, 1])), {"stateN": "state"})

    assert "recording 1 in pieces" in told
    assert "sort the steps" in told


@pytest.mark.parametrize("wrong", [np.array([1, 2]), np.ones(5), np.ones((5, 1), np.int64)])
def test_an_array_of_recordings_that_has_not_one_number_a_step_is_refused(wrong: np.ndarray) -> None:
    assert "the recording of each step" in failure_of(samples_of(5, recording=wrong), {"stateN": "state"})


@pytest.mark.parametrize(
    ("state", "near"), [({"staten": "state"}, 'write "stateN"'), ({"stateN": "stat"}, 'write "state"')]
)
def test_a_name_that_the_model_has_not_is_told_with_the_nearest_it_has(state: dict[str, str], near: str) -> None:
    assert near in failure_of(samples_of(), state)


@pytest.mark.parametrize(
    "output",
    [
        TensorInfo("stateN", "float16", (1, 2)),
        TensorInfo("stateN", "float32", (1, 3)),
        TensorInfo("stateN", "float32", (2,)),
    ],
)
def test_an_output_of_another_type_or_shape_is_no_state(output: TensorInfo) -> None:
    told = failure_of(samples_of(), {"stateN": "state"}, model_of(outputs=(output,)))

    assert 'of the type and shape of input "state": float32[1, 2]' in told


def test_a_state_without_a_shape_needs_an_array() -> None:
    unknown = TensorInfo("state", "float32", None)

    assert "give an array" in failure_of(samples_of(), {"stateN": "state"}, model_of(inputs=(X, unknown)))


def test_states_of_a_rollout_go_where_the_next_step_of_the_same_recording_takes_them() -> None:
    first = np.arange(10, dtype=np.float32).reshape(5, 2)
    stated = samples_of(5, recording=np.array([0, 0, 0, 1, 1]), state=first)
    samples, recordings = recordings_of(stated, {"stateN": "state"}, model_of())
    feeds = make_feeds(samples, (X, STATE), 1)
    after = 100 + np.arange(10, dtype=np.float32).reshape(5, 2)

    fed = with_states(feeds, recordings, {"stateN": after}).arrays["state"]

    assert np.array_equal(fed, np.stack([first[0], after[0], after[1], first[3], after[3]]))
    assert feeds.arrays["state"] is first


def test_states_that_are_laid_out_otherwise_are_refused() -> None:
    _, recordings = recordings_of(samples_of(5), {"stateN": "state"}, model_of())
    feeds = make_feeds(samples_of(5, state=np.zeros((5, 2), np.float32)), (X, STATE), 1)

    with pytest.raises(CannotJudge, match="stateN"):
        with_states(feeds, recordings, {"stateN": np.zeros((5, 1, 2), np.float32)})


def test_what_the_data_say_holds_no_states() -> None:
    samples = samples_of(5, state=np.zeros((5, 2), np.float32), recording=np.zeros(5, np.int64))

    assert list(without_states(samples, {"stateN": "state"}).inputs) == ["x"]


def test_recordings_are_copies_by_what_is_fed_and_by_the_state_that_they_begin_with() -> None:
    x = np.array([[1.0], [2.0], [1.0], [2.0], [1.0], [2.0], [1.0], [3.0]], np.float32).repeat(3, axis=1)
    state = np.arange(16, dtype=np.float32).reshape(8, 2)
    state[[0, 2, 6]] = 0.0  # what stands at later steps is never fed
    samples, recordings = recordings_of(
        samples_of(8, x=x, state=state, recording=np.repeat([4, 3, 2, 1], 2)), {"stateN": "state"}, model_of()
    )

    one, copy, from_elsewhere, other = recording_hashes(make_feeds(samples, (X, STATE), 1), recordings)

    assert one == copy
    assert len({one, from_elsewhere, other}) == 3
    assert recordings.of_each.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
