"""Samples made on demand: again and again the same, in bounded memory, one batch ahead."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest

from pytest_qparity.case.data import make_feeds
from pytest_qparity.case.data_loading import load_samples
from pytest_qparity.case.data_streams import StreamedSamples
from pytest_qparity.case.feeding import prefetched
from pytest_qparity.case.model import TensorInfo
from pytest_qparity.precision.variants import calibration_digest
from pytest_qparity.verdict import CannotJudge, Code
from tests.case.sources.opening import all_of, failure_of, fed, opened, said

X = TensorInfo("x", "float32", ("N", 2))
TOML = 'test = "samples:made"\nbatch = 2\n'
DIGEST = "3656064a0e7eb6a6a7e9b63dbab870aa439b56eb072df76492c3cb0c5e07d7a2"
CALIBRATION_DIGEST = "83569d50ed38bb398772ebe29dc6f5369ff68ba5c65da70a523888c5fdae459f-1"
MADE = """
import numpy as np

def made():
    for index in range(5):
        yield {"x": np.full(2, index, np.float32), "label": index % 2, "id": f"recording {index}"}
"""


def function(folder, source=MADE):
    (folder / "samples.py").write_text(source)
    return folder


def test_a_function_may_give_an_iterator_of_samples(tmp_path):
    function(tmp_path)

    samples = opened(tmp_path, TOML, (X,))
    feeds = fed(tmp_path, TOML, (X,))

    assert isinstance(samples, StreamedSamples)
    assert samples.labels.tolist() == [0, 1, 0, 1, 0]
    assert samples.ids[4] == "recording 4"
    assert [feed.count for feed in feeds] == [2, 2, 1]
    assert all_of(feeds)["x"][:, 0].tolist() == [0, 1, 2, 3, 4]


def test_a_function_that_gives_a_dict_is_read_as_before(tmp_path):
    function(tmp_path, "import numpy as np\n\ndef made():\n    return {'x': np.ones((3, 2), np.float32)}\n")

    samples = opened(tmp_path, TOML, (X,))

    assert samples.digest == load_samples("samples:made", tmp_path, 10.0).digest
    assert list(samples.ids) == ["samples:made[0]", "samples:made[1]", "samples:made[2]"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            "yield {'x': np.ones(2), 'id': 'a'}; yield {'x': np.zeros(2), 'id': 'a'}",
            'samples:made[1]: got the id "a" a second time, should be another one for each sample.',
        ),
        ("yield 3", "samples:made[0]: got int, should be a dict of NumPy arrays by input name."),
        ("yield {'x': [1.0]}", "samples:made[0]: got list for 'x', should be a dict of NumPy arrays by input name."),
        ("yield {'x': np.array([None])}", 'samples:made[0]: got "x" of dtype object, should be numbers or text.'),
        ("yield {'x': np.ones(2)}; 1 / 0", 'Got ZeroDivisionError: division by zero from "samples:made" (samples.py'),
    ],
    ids=["an id twice", "a number", "a list", "objects", "an error later"],
)
def test_what_is_no_sample_is_named(tmp_path, body, sentence):
    function(tmp_path, f"import numpy as np\n\ndef made():\n    {body}\n")

    assert said(opened, tmp_path, TOML, (X,)).startswith(sentence)


def test_a_function_without_samples_is_empty(tmp_path):
    function(tmp_path, "def made():\n    return iter(())\n")

    assert said(opened, tmp_path, TOML, (X,), code=Code.DATA_EMPTY).startswith("samples:made: got 0 samples")


@pytest.mark.parametrize(
    ("change", "got"),
    [("+ CALLS", "got other content than before"), (")[: 5 - CALLS]", "got 3 samples, 5 before")],
    ids=["content", "count"],
)
def test_a_function_that_gives_something_else_each_time_is_told(tmp_path, change, got):
    numbers = "np.arange(5.0)" + (change if change.startswith("+") else change[1:])
    function(
        tmp_path,
        f"import numpy as np\nCALLS = -1\n\ndef made():\n    global CALLS\n    CALLS += 1\n"
        f"    for each in {numbers}:\n        yield {{'x': np.full(2, each, np.float32)}}\n",
    )

    def twice():
        feeds = fed(tmp_path, TOML, (X,))
        all_of(feeds)

    assert got in said(twice, code=Code.DATA_CHANGED)


@pytest.mark.parametrize(
    ("made", "code", "sentence"),
    [
        ("{'y': ONES}", Code.DATA_ARRAYS, 'samples:made[0]: got no array "x", an array "y" that is no input'),
        ("{'x': np.ones(2)}", Code.DATA_LAYOUT, 'samples:made[0]: "x": got float64, should be float32.'),
        ("{'x': np.ones(3, np.float32)}", Code.DATA_LAYOUT, 'samples:made[0]: "x": got 3 on axis 1'),
        ("{'x': ONES / ZERO}", Code.DATA_LAYOUT, 'samples:made[0]: "x": got 2 NaN or Inf'),
        ("{'x': np.float32(1)}", Code.DATA_LAYOUT, 'samples:made[0]: "x": got rank 1'),
    ],
    ids=["name", "type", "shape", "not finite", "rank"],
)
def test_the_first_sample_has_to_fit_the_model(tmp_path, made, code, sentence):
    head = "import numpy as np\nnp.seterr(all='ignore')\nONES, ZERO = np.ones(2, np.float32), np.float32(0)\n"
    function(tmp_path, f"{head}\ndef made():\n    yield {made}\n")

    assert said(fed, tmp_path, TOML, (X,), code=code).startswith(sentence)


def test_every_later_sample_has_to_fit_too(tmp_path):
    function(
        tmp_path,
        "import numpy as np\n\ndef made():\n    yield {'x': np.ones(2, np.float32)}\n"
        "    yield {'x': np.full(2, np.nan, np.float32)}\n",
    )

    assert said(all_of, fed(tmp_path, TOML, (X,)), code=Code.DATA_LAYOUT).startswith('samples:made[1]: "x": got 2 NaN')


def test_samples_of_the_input_s_rank_are_fed_as_they_are(tmp_path):
    function(
        tmp_path,
        "import numpy as np\n\ndef made():\n    for rows in (3, 4):\n"
        "        yield {'x': np.ones((rows, 2), np.float32)}\n",
    )
    toml = 'test = "samples:made"\n'

    feeds = fed(tmp_path, toml, (X,))

    assert feeds.stacked
    assert [feed.arrays["x"].shape for feed in feeds] == [(3, 2), (4, 2)]
    assert len(list(feeds.of_each_shape())) == 2
    assert "batch: got 2, should be 1" in said(fed, tmp_path, TOML, (X,), code=Code.DATA_LAYOUT)


def test_a_fixed_batch_of_the_model_is_held_to(tmp_path):
    function(tmp_path)
    fixed = TensorInfo("x", "float32", (2, 2))

    assert '"x": got 5 samples, should be a multiple of 2' in said(fed, tmp_path, TOML, (fixed,), code=Code.DATA_LAYOUT)


def test_shapes_are_known_without_another_pass(tmp_path):
    function(tmp_path)

    shapes = [feed.arrays["x"].shape for feed in fed(tmp_path, TOML, (X,)).of_each_shape()]

    assert shapes == [(2, 2), (1, 2)]


def test_feeds_of_several_shapes_are_all_gone_through(tmp_path):
    function(
        tmp_path, "import numpy as np\n\ndef made():\n    for size in (2, 9, 3):\n        yield {'x': np.ones(size)}\n"
    )
    open_ended = TensorInfo("x", "float64", ("N", "length"))

    feeds = fed(tmp_path, 'test = "samples:made"\nbatch = 1\n', (open_ended,))

    assert [feed.arrays["x"].shape for feed in feeds.of_each_shape()] == [(1, 2), (1, 9), (1, 3)]


def test_a_stream_and_its_arrays_are_fed_alike(tmp_path):
    function(tmp_path)
    feeds = fed(tmp_path, TOML, (X,))
    np.savez(tmp_path / "t.npz", **feeds.whole())
    saved = load_samples("t.npz", tmp_path, 10.0)
    arrays = make_feeds(saved, [X], 2)

    assert [feed.arrays["x"].tolist() for feed in feeds] == [feed.arrays["x"].tolist() for feed in arrays]
    assert list(opened(tmp_path, TOML, (X,)).input_hashes()) == list(saved.input_hashes())
    assert calibration_digest(feeds).endswith("-2")


def test_the_digest_of_arrays_is_what_it_was(tmp_path):
    """That of the first version of this package: goldens and variants must not become stale."""
    np.savez(tmp_path / "t.npz", x=np.arange(6, dtype=np.float32).reshape(3, 2), labels=np.array([0, 1, 2]))
    samples = load_samples("t.npz", tmp_path, 10.0)

    assert samples.digest == DIGEST
    assert calibration_digest(make_feeds(samples, [X], 1)) == CALIBRATION_DIGEST


def test_no_more_than_two_batches_are_made_ahead(tmp_path):
    function(
        tmp_path,
        "import numpy as np\nMADE = []\n\ndef made():\n    MADE.clear()\n    for index in range(100):\n"
        "        MADE.append(index)\n        yield {'x': np.full(2, index, np.float32)}\n",
    )
    feeds = fed(tmp_path, 'test = "samples:made"\nbatch = 5\n', (X,))
    made = feeds.source.records  # its module is the one that was called
    from pytest_qparity.case.functions import load_function

    counted = load_function(made.origin, tmp_path).__globals__["MADE"]

    for index, _ in enumerate(feeds):
        assert len(counted) <= 5 * (index + 2)


def test_memory_is_that_of_batches_and_not_of_samples(tmp_path):
    function(
        tmp_path,
        "import numpy as np\n\ndef made():\n    for index in range(2_000):\n"
        "        yield {'x': np.full(20_000, index, np.float32), 'label': 0}\n",
    )
    inputs = (TensorInfo("x", "float32", ("N", 20_000)),)
    tracemalloc.start()
    try:
        for feed in fed(tmp_path, 'test = "samples:made"\nbatch = 4\n', inputs):
            assert feed.count == 4
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 8e6, "160 MB of samples, 0.32 MB a batch"


def test_all_of_a_stream_at_once_is_bounded(tmp_path):
    function(tmp_path)

    assert said(fed(tmp_path, TOML, (X,), largest_mb=0.00003).whole).startswith(
        "samples:made: got more than 3e-05 MB of inputs"
    )
    assert said(all_of, fed(tmp_path, TOML, (X,), largest_mb=0.00001)).startswith("recording 0: got 0.0 MB for a batch")


class TestPrefetching:
    def test_items_come_in_their_order(self):
        assert list(prefetched(iter(range(50)))) == list(range(50))
        assert list(prefetched(iter(()))) == []

    def test_what_making_one_raises_is_raised_in_its_place(self):
        def failing():
            yield 1
            raise ZeroDivisionError

        items = prefetched(failing())

        assert next(items) == 1
        with pytest.raises(ZeroDivisionError):
            next(items)

    def test_the_next_is_made_while_one_is_used(self):
        made = [threading.Event() for _ in range(3)]

        def making():
            for event in made:
                event.set()
                yield event

        items = prefetched(making())
        next(items)

        assert made[1].wait(10)
        assert not made[2].is_set()
        items.close()

    def test_no_thread_is_left_behind(self):
        before = threading.active_count()

        next(iter(prefetched(iter(range(5)))))

        assert threading.active_count() == before


def test_npy_files_are_inputs_by_their_names(tmp_path):
    (tmp_path / "data").mkdir()
    np.save(tmp_path / "data" / "x.npy", np.ones((3, 2), np.float32))
    np.save(tmp_path / "data" / "labels.npy", np.arange(3))

    samples = opened(tmp_path, 'test = "data"\n', (X,))

    assert samples.inputs["x"].shape == (3, 2)
    assert samples.labels.tolist() == [0, 1, 2]
    assert opened(tmp_path, 'test = "data/x.npy"\n', (X,)).inputs["x"].shape == (3, 2)


def test_folders_of_npy_files_are_joined_in_the_order_of_their_names(tmp_path):
    for index in range(3):
        (tmp_path / "data" / f"part {index}").mkdir(parents=True)
        np.save(tmp_path / "data" / f"part {index}" / "x.npy", np.full((2, 2), index, np.float32))

    samples = opened(tmp_path, 'test = "data"\n', (X,))

    assert samples.inputs["x"][:, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert samples.ids[2] == "part 1[0]"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x93NUMPY", "x.npy: got ValueError"),
        (b"", "x.npy: got "),
        (b"version https://git-lfs.github.com/spec/v1\n", "x.npy: got a Git LFS pointer"),
    ],
    ids=["cut", "empty", "LFS"],
)
def test_an_npy_file_that_is_not_whole_is_named(tmp_path, content, sentence):
    (tmp_path / "x.npy").write_bytes(content)

    assert said(opened, tmp_path, 'test = "x.npy"\n', (X,)).startswith(sentence)


def test_npy_files_are_held_to_the_limit_together(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((100, 2), np.float32))

    failure = failure_of(opened, tmp_path, 'test = "x.npy"\n', (X,), largest_mb=0.0005)

    assert failure.sentence == "x.npy: got 0.0 MB of arrays, should be at most 0.0005 MB."


def test_pickled_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.array([None]), allow_pickle=True)

    with pytest.raises(CannotJudge, match="dtype object"):
        opened(tmp_path, 'test = "x.npy"\n', (X,))
