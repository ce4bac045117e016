from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pytest_qparity.backends.border import require_available
from pytest_qparity.backends.outputs import Misfit, gather_outputs, gather_outputs_like
from pytest_qparity.backends.protocol import Session, SessionFacts, SessionOptions, Unavailable
from pytest_qparity.verdict import CannotJudge, Code, Failure
from tests.backends.stand_ins import LARGEST_MB, Feeds, feeds_of, hosted, one_by_one, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SAMPLES = np.arange(20, dtype=np.float32).reshape(5, 4)


class Computed:
    """A session that answers each feed with `compute(feed)`."""

    def __init__(self, compute: Callable[[Mapping[str, np.ndarray]], Any]) -> None:
        self.compute = compute

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        answer: dict[str, np.ndarray] = self.compute(feed)
        return answer

    def facts(self) -> SessionFacts:
        return SessionFacts("computed", "1", "CPU", {}, {"here": 1}, "here")

    def close(self) -> None: ...


class Loading:
    """A backend that does what it is told when asked whether it works, and when it loads."""

    def __init__(
        self, load: Callable[[], Session], unavailable: Callable[[], Unavailable | None] = lambda: None
    ) -> None:
        self._load, self._unavailable = load, unavailable

    def unavailable(self) -> Unavailable | None:
        return self._unavailable()

    def load(self, model: Path, options: SessionOptions) -> Session:
        return self._load()


def raising(error: Exception) -> Callable[..., Any]:
    def raise_it(*_: object) -> Any:
        raise error

    return raise_it


def refusal(compute: Callable[[Mapping[str, np.ndarray]], Any], feeds: Feeds) -> Failure:
    with pytest.raises(CannotJudge) as caught:
        gather_outputs(hosted(Computed(compute)), feeds, LARGEST_MB)
    return caught.value.failure


def test_batches_are_joined_along_the_first_axis() -> None:
    session = Computed(lambda feed: {"twice": feed["input"] * 2, "sums": feed["input"].sum(axis=1)})

    outputs = gather_outputs(hosted(session), feeds_of(SAMPLES, batch=2), LARGEST_MB)

    np.testing.assert_array_equal(outputs["twice"], SAMPLES * 2)
    np.testing.assert_array_equal(outputs["sums"], SAMPLES.sum(axis=1))


def test_samples_fed_as_they_are_get_a_first_axis() -> None:
    square = np.arange(32, dtype=np.float32).reshape(2, 4, 4)
    session = Computed(lambda feed: {"row": feed["input"][:1], "total": feed["input"].sum()[...]})

    outputs = gather_outputs(hosted(session), one_by_one(square), LARGEST_MB)

    assert outputs["row"].shape == (2, 1, 4)
    np.testing.assert_array_equal(outputs["total"], square.sum(axis=(1, 2)))


def test_an_output_without_a_batch_axis_has_one_row_a_feed() -> None:
    session = Computed(lambda feed: {"mean": feed["input"].mean()[...], "table": np.ones((3, 2), np.float32)})

    outputs = gather_outputs(hosted(session), feeds_of(SAMPLES, batch=2), LARGEST_MB)

    assert outputs["mean"].shape == (3,)
    assert outputs["table"].shape == (3, 3, 2)


def test_a_table_as_long_as_one_batch_is_not_joined() -> None:
    session = Computed(lambda feed: {"table": np.arange(2, dtype=np.float32)})

    outputs = gather_outputs(hosted(session), feeds_of(SAMPLES, batch=2), LARGEST_MB)

    assert outputs["table"].shape == (3, 2)


def test_outputs_keep_the_engines_order() -> None:
    session = Computed(lambda feed: {"z": feed["input"], "a": feed["input"], "m": feed["input"]})

    assert list(gather_outputs(hosted(session), feeds_of(SAMPLES, batch=2), LARGEST_MB)) == ["z", "a", "m"]


def test_an_engine_that_reuses_its_buffer_does_no_harm() -> None:
    buffer = np.zeros((1, 4), np.float32)

    def compute(feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        buffer[:] = feed["input"]
        return {"y": buffer}

    outputs = gather_outputs(hosted(Computed(compute)), feeds_of(SAMPLES, batch=1), LARGEST_MB)

    np.testing.assert_array_equal(outputs["y"], SAMPLES)


def expected_of(compute: Callable[[Mapping[str, np.ndarray]], Any], feeds: Feeds) -> dict[str, np.ndarray]:
    return gather_outputs(hosted(Computed(compute)), feeds, LARGEST_MB)


@pytest.mark.parametrize(
    "compute",
    [
        pytest.param(lambda feed: {"twice": feed["input"] * 2, "sums": feed["input"].sum(axis=1)}, id="joined"),
        pytest.param(lambda feed: {"mean": feed["input"].mean()[...], "table": np.ones((3, 2))}, id="stacked"),
        pytest.param(lambda feed: {"table": np.arange(2.0)}, id="a table as long as one batch"),
    ],
)
@pytest.mark.parametrize(
    "feeds", [feeds_of(SAMPLES, batch=2), feeds_of(SAMPLES, batch=1), one_by_one(SAMPLES.reshape(5, 2, 2))]
)
def test_outputs_that_are_laid_out_as_expected_are_gathered(
    compute: Callable[[Mapping[str, np.ndarray]], Any], feeds: Feeds
) -> None:
    expected = expected_of(compute, feeds)

    gathered = gather_outputs_like(hosted(Computed(compute)), feeds, expected)

    assert not isinstance(gathered, Misfit)
    assert {name: array.tobytes() for name, array in gathered.items()} == {
        name: array.tobytes() for name, array in expected.items()
    }


@pytest.mark.parametrize(
    ("outputs", "shape"),
    [
        pytest.param(lambda x: {"y": np.repeat(x, 10**6, axis=1)}, (5, 4 * 10**6), id="larger by far"),
        pytest.param(lambda x: {"y": np.broadcast_to(np.float32(1), (10**12,))}, (3, 10**12), id="larger than memory"),
        pytest.param(lambda x: {"y": x[:, :3]}, (5, 3), id="smaller"),
        pytest.param(lambda x: {"y": x[:1]}, (3, 1, 4), id="a row less"),
        pytest.param(lambda x: {"y": x[0, 0]}, (3,), id="a scalar"),
        pytest.param(lambda x: {"y": x.astype(np.float64)}, (5, 4), id="another type"),
        pytest.param(lambda x: {"z": x}, (5, 4), id="another name"),
    ],
)
def test_outputs_that_are_not_laid_out_as_expected_are_known_by_the_first_feed(
    outputs: Callable[[np.ndarray], dict[str, np.ndarray]], shape: tuple[int, ...]
) -> None:
    feeds = feeds_of(SAMPLES, batch=2)
    expected = expected_of(lambda feed: {"y": feed["input"]}, feeds)
    runs = []

    def compute(feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        runs.append(feed)
        return {name: np.asarray(array) for name, array in outputs(feed["input"]).items()}

    found = gather_outputs_like(hosted(Computed(compute)), feeds, expected)

    assert isinstance(found, Misfit)
    assert [layout.shape for layout in found.layouts.values()] == [shape]
    assert len(runs) == 1


def test_outputs_that_grow_after_the_first_feed_do_not_leave_their_worker() -> None:
    feeds = feeds_of(SAMPLES, batch=1)
    expected = expected_of(lambda feed: {"y": feed["input"]}, feeds)
    answers = by_feed({"y": SAMPLES[:1]}, {"y": np.ones((1, 10**7), np.float32)})

    with pytest.raises(CannotJudge, match="in feed 1, should be") as caught:
        gather_outputs_like(hosted(Computed(answers)), feeds, expected)

    assert caught.value.failure.code is Code.BACKEND_OUTPUTS


def test_more_than_the_largest_in_all_is_refused() -> None:
    session = hosted(Computed(lambda feed: {"y": np.ones((len(feed["input"]), 1000), np.float32)}))

    gather_outputs(session, feeds_of(SAMPLES, batch=1), 0.025)
    with pytest.raises(CannotJudge, match=r"got outputs of more than 0\.01 MB over 5 feeds"):
        gather_outputs(session, feeds_of(SAMPLES, batch=1), 0.01)


def test_no_feeds_are_no_outputs() -> None:
    assert refusal(lambda feed: {"y": feed["input"]}, Feeds(())).code is Code.DATA_EMPTY


def test_what_the_engine_raises_is_one_sentence() -> None:
    failure = refusal(raising(RuntimeError("out of memory in Conv_3\nand a long log")), feeds_of(SAMPLES, batch=1))

    assert failure.code is Code.BACKEND_RUN
    assert 'RuntimeError: "out of memory in Conv_3"' in failure.sentence


def by_feed(*answers: dict[str, Any]) -> Callable[[Mapping[str, np.ndarray]], Any]:
    remaining = list(answers)
    return lambda feed: remaining.pop(0)


ONE = np.ones((1, 3), np.float32)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        pytest.param([{"a": ONE, "b": ONE}, {"a": ONE}], "['a'] of feed 1", id="an output goes missing"),
        pytest.param([{"a": ONE, "b": ONE}, {"b": ONE, "a": ONE}], "['b', 'a'] of feed 1", id="the order changes"),
        pytest.param([{"a": ONE}, {"a": np.ones((1, 4), np.float32)}], "(1, 4) in feed 1", id="ragged"),
        pytest.param([{"a": ONE}, {"a": np.ones((7, 3), np.float32)}], "(7, 3) in feed 1", id="ragged count"),
        pytest.param([{"a": ONE}, {"a": ONE.astype(np.float64)}], "float64 in feed 1", id="another type"),
        pytest.param([{"a": [1.0, 2.0]}], "a list", id="a list"),
        pytest.param([{"a": np.float32(1)}], "a float32", id="no array"),
        pytest.param([{"a": np.array(["x", None], object)}], "object", id="objects"),
        pytest.param([{"a": np.array(["x"])}], "strings", id="strings"),
        pytest.param([{}], "without outputs", id="nothing"),
        pytest.param([[ONE]], "a dict", id="no dict"),
    ],
)
def test_outputs_that_do_not_fit_together_are_refused(answers: list[dict[str, Any]], said: str) -> None:
    failure = refusal(by_feed(*answers), feeds_of(SAMPLES[:2], batch=1))

    assert failure.code is Code.BACKEND_OUTPUTS
    assert said in failure.sentence


def test_a_backend_that_is_missing_something_says_what() -> None:
    backend = Loading(lambda: Computed(dict), lambda: Unavailable("it has no licence", "buy one"))

    for ask in (
        lambda: require_available(backend, "mine"),
        lambda: opened(backend, "mine", Path("m.onnx"), SessionOptions()),
    ):
        with pytest.raises(CannotJudge) as caught:
            ask()
        assert caught.value.failure.code is Code.BACKEND_UNAVAILABLE
        assert '"mine" does not work here: it has no licence' in caught.value.failure.sentence
        assert caught.value.failure.remedy == "buy one"


def test_what_a_machine_may_rightly_lack_comes_with_its_waiver() -> None:
    backend = Loading(lambda: Computed(dict), lambda: Unavailable("there is no GPU", "buy one", waivable=True))

    with pytest.raises(CannotJudge) as caught:
        require_available(backend, "mine")

    advised = caught.value.failure.remedy
    assert advised.startswith('buy one; or waive it in the case file: [[waivers]] run = "mine-*", codes = [')


def test_a_backend_that_fails_while_it_looks_for_its_engine_is_unavailable() -> None:
    backend = Loading(lambda: Computed(dict), raising(OSError("libengine.so: wrong ELF class")))

    with pytest.raises(CannotJudge, match="wrong ELF class") as caught:
        require_available(backend, "mine")

    assert caught.value.failure.code is Code.BACKEND_UNAVAILABLE


def test_what_a_load_raises_is_one_sentence() -> None:
    with pytest.raises(CannotJudge) as caught:
        opened(Loading(raising(RuntimeError("bad node\nlog"))), "mine", Path("dir/m.onnx"), SessionOptions())

    assert caught.value.failure.code is Code.BACKEND_LOAD
    assert 'RuntimeError: "bad node" from loading m.onnx' in caught.value.failure.sentence


def test_a_reason_the_backend_gives_itself_is_kept() -> None:
    reason = CannotJudge(Failure(Code.MODEL_EXTERNAL_DATA, "got no weights, should be there", "fetch them"))

    with pytest.raises(CannotJudge) as caught:
        opened(Loading(raising(reason)), "mine", Path("m.onnx"), SessionOptions())
    assert caught.value is reason

    assert refusal(raising(reason), feeds_of(SAMPLES, batch=1)) is reason.failure
