from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.case.data import Feeds, Samples, make_feeds
from pytest_qparity.case.data_loading import load_samples
from pytest_qparity.case.model import TensorInfo
from pytest_qparity.digest import arrays_digest
from pytest_qparity.verdict import CannotJudge, Code

if TYPE_CHECKING:
    from pathlib import Path

Array = np.ndarray[Any, Any]

IMAGE = TensorInfo("image", "float32", ("N", 2, 3))
MASK = TensorInfo("mask", "int64", (None, 3))
FIXED = TensorInfo("image", "float32", (4, 2, 3))


def samples_of(labels: Array | None = None, **inputs: Array) -> Samples:
    return Samples(inputs, labels, "digest", "t.npz")


def images(count: int, rank: int = 3) -> Array:
    shape = (count, 2, 3) if rank == 3 else (count, 4, 2, 3)
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def failure_of(samples: Samples, *inputs: TensorInfo, batch: int = 1) -> tuple[Code, str]:
    with pytest.raises(CannotJudge) as caught:
        make_feeds(samples, inputs, batch)
    assert caught.value.failure.remedy
    return caught.value.failure.code, caught.value.failure.sentence


def test_an_array_of_the_inputs_rank_is_fed_a_batch_at_a_time() -> None:
    feeds = make_feeds(samples_of(image=images(5)), [IMAGE], 2)

    assert (len(feeds), feeds.samples, feeds.stacked) == (3, 5, False)
    assert [feed.count for feed in feeds] == [2, 2, 1]
    assert np.array_equal(np.concatenate([feed.arrays["image"] for feed in feeds]), images(5))


def test_an_array_of_one_rank_more_is_fed_sample_by_sample_as_it_is() -> None:
    feeds = make_feeds(samples_of(image=images(3, rank=4)), [FIXED], 1)

    assert (len(feeds), feeds.samples, feeds.stacked) == (3, 3, True)
    assert [feed.arrays["image"].shape for feed in feeds] == [(4, 2, 3)] * 3
    assert [feed.count for feed in feeds] == [1, 1, 1]


def test_a_scalar_input_takes_one_number_for_each_sample() -> None:
    feeds = make_feeds(samples_of(x=np.array([1.0, 2.0])), [TensorInfo("x", "float64", ())], 1)

    assert [(feed.arrays["x"].shape, float(feed.arrays["x"])) for feed in feeds] == [((), 1.0), ((), 2.0)]


def test_feeds_can_be_gone_through_again_indexed_and_cut() -> None:
    feeds = make_feeds(samples_of(image=images(5)), [IMAGE], 2)

    assert [feed.count for feed in feeds] == [feed.count for feed in feeds]
    assert feeds[-1].count == 1
    assert [feed.count for feed in feeds[1:]] == [2, 1]
    with pytest.raises(IndexError):
        feeds[3]


def test_feeds_hold_the_models_inputs_in_its_order() -> None:
    feeds = make_feeds(samples_of(mask=np.zeros((2, 3), np.int64), image=images(2)), [IMAGE, MASK], 1)

    assert list(feeds[0].arrays) == ["image", "mask"]


def test_a_feed_is_a_view_of_the_samples() -> None:
    """A worker copies and aligns what it is fed: twice would be once too often."""
    array = images(5)
    feeds = make_feeds(samples_of(image=array), [IMAGE], 2)

    assert all(np.shares_memory(feed.arrays["image"], array) for feed in feeds)


def test_a_fixed_batch_axis_takes_exactly_its_batch() -> None:
    assert [feed.count for feed in make_feeds(samples_of(image=images(8)), [FIXED], 4)] == [4, 4]


NAN = images(3)
NAN[1, 0, 2] = np.nan
NAN[2, 1, 0] = np.inf
STRING = TensorInfo("image", "str", ("N",))

REFUSED: dict[str, tuple[Samples, tuple[TensorInfo, ...], int, Code, str]] = {
    "missing": (
        samples_of(image=images(2)),
        (IMAGE, MASK),
        1,
        Code.DATA_ARRAYS,
        't.npz: got no array "mask", should be the model\'s inputs: image, mask.',
    ),
    "renamed": (
        samples_of(imago=images(2)),
        (IMAGE,),
        1,
        Code.DATA_ARRAYS,
        't.npz: got no array "image", an array "imago" that is no input, should be the model\'s inputs: image.',
    ),
    "extra": (
        samples_of(image=images(2), other=images(2)),
        (IMAGE,),
        1,
        Code.DATA_ARRAYS,
        't.npz: got an array "other" that is no input, should be the model\'s inputs: image.',
    ),
    "no-inputs": (
        samples_of(),
        (),
        1,
        Code.DATA_LAYOUT,
        "The model: got no inputs, should have one or more.",
    ),
    "rank-less": (
        samples_of(image=images(2)[0]),
        (IMAGE,),
        1,
        Code.DATA_LAYOUT,
        (
            '"image": got rank 2 (2, 3), should be rank 3, or 4 to feed each sample as it is '
            "(the input is float32 [N, 2, 3])."
        ),
    ),
    "rank-zero": (
        samples_of(image=np.float32(1).reshape(())),
        (TensorInfo("image", "float32", ()),),
        1,
        Code.DATA_LAYOUT,
        '"image": got rank 0 (), should be rank 1 (the input is float32 []).',
    ),
    "rank-unknown": (
        samples_of(image=images(2)),
        (TensorInfo("image", "float32", None),),
        1,
        Code.DATA_LAYOUT,
        '"image": got an input without a rank, should state its shape.',
    ),
    "dtype": (
        samples_of(image=images(2).astype(np.float64)),
        (IMAGE,),
        1,
        Code.DATA_LAYOUT,
        '"image": got float64, should be float32.',
    ),
    "text-for-numbers": (
        samples_of(image=images(2).astype("U8")),
        (IMAGE,),
        1,
        Code.DATA_LAYOUT,
        '"image": got str, should be float32.',
    ),
    "fixed-dimension": (
        samples_of(image=np.zeros((2, 2, 4), np.float32)),
        (IMAGE,),
        1,
        Code.DATA_LAYOUT,
        '"image": got 4 on axis 2 of (2, 2, 4), should be 3 (the input is float32 [N, 2, 3]).',
    ),
    "fixed-first-dimension-of-stacked": (
        samples_of(image=np.zeros((2, 5, 2, 3), np.float32)),
        (FIXED,),
        1,
        Code.DATA_LAYOUT,
        '"image": got 5 on axis 1 of (2, 5, 2, 3), should be 4 (the input is float32 [4, 2, 3]).',
    ),
    "counts": (
        samples_of(image=images(2), mask=np.zeros((3, 3), np.int64)),
        (IMAGE, MASK),
        1,
        Code.DATA_LAYOUT,
        '"mask": got 3 samples, should be 2 as in "image".',
    ),
    "two-layouts": (
        samples_of(image=images(2), mask=np.zeros((2, 1, 3), np.int64)),
        (IMAGE, MASK),
        1,
        Code.DATA_LAYOUT,
        '"mask": got an array of one rank more than its input, should be of its input\'s rank as "image" is.',
    ),
    "no-samples": (
        samples_of(image=images(0)),
        (IMAGE,),
        1,
        Code.DATA_EMPTY,
        "t.npz: got 0 samples, should be 1 or more.",
    ),
    "not-finite": (
        samples_of(image=NAN),
        (IMAGE,),
        1,
        Code.DATA_LAYOUT,
        '"image": got 2 NaN or Inf, the first at (1, 0, 2), should be finite.',
    ),
    "batch-of-stacked": (
        samples_of(image=images(4, rank=4)),
        (FIXED,),
        2,
        Code.DATA_LAYOUT,
        "batch: got 2, should be 1: each sample is fed as it is (arrays of one rank more).",
    ),
    "batch-not-the-fixed-one": (
        samples_of(image=images(8)),
        (FIXED,),
        1,
        Code.DATA_LAYOUT,
        'batch: got 1, should be 4: "image" has a fixed first axis (the input is float32 [4, 2, 3]).',
    ),
    "last-batch-short-of-the-fixed-one": (
        samples_of(image=images(9)),
        (FIXED,),
        4,
        Code.DATA_LAYOUT,
        '"image": got 9 samples, should be a multiple of 4 (the input is float32 [4, 2, 3]).',
    ),
    "labels-too-few": (
        samples_of(np.zeros(2, np.int64), image=images(3)),
        (IMAGE,),
        1,
        Code.DATA_LABELS,
        "t.npz: got labels of shape (2,), should be one for each of 3 samples.",
    ),
    "labels-scalar": (
        samples_of(np.int64(3).reshape(()), image=images(3)),
        (IMAGE,),
        1,
        Code.DATA_LABELS,
        "t.npz: got labels of shape (), should be one for each of 3 samples.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_samples_that_do_not_fit_the_model_are_refused_with_a_sentence(name: str) -> None:
    samples, inputs, batch, code, sentence = REFUSED[name]

    assert failure_of(samples, *inputs, batch=batch) == (code, sentence)


@pytest.mark.parametrize("dtype", ["float16", "float64", "bfloat16", "float8_e4m3fn", "complex64"])
def test_nan_is_refused_in_every_type_that_has_it(dtype: str) -> None:
    import ml_dtypes

    array = np.zeros(3, getattr(ml_dtypes, dtype, dtype))
    array[1] = np.nan

    code, sentence = failure_of(samples_of(x=array), TensorInfo("x", dtype, ("N",)))

    assert (code, sentence) == (Code.DATA_LAYOUT, '"x": got 1 NaN or Inf, the first at (1,), should be finite.')


def test_a_remedy_names_the_array_to_rename() -> None:
    with pytest.raises(CannotJudge) as caught:
        make_feeds(samples_of(imago=images(2)), [IMAGE], 1)

    assert caught.value.failure.remedy == 'rename "imago" to "image"'


def test_text_is_fed_to_an_input_of_strings() -> None:
    feeds = make_feeds(samples_of(image=np.array(["a", "bc"])), [STRING], 1)

    assert [feed.arrays["image"].tolist() for feed in feeds] == [["a"], ["bc"]]


@given(st.integers(1, 40), st.integers(1, 12))
def test_feeds_hold_every_sample_once_in_order(count: int, batch: int) -> None:
    feeds = make_feeds(samples_of(image=images(count)), [IMAGE], batch)

    assert isinstance(feeds, Feeds)
    assert sum(feed.count for feed in feeds) == count
    assert len(list(feeds)) == len(feeds)
    assert np.array_equal(np.concatenate([feed.arrays["image"] for feed in feeds]), images(count))


LARGEST_MB = 1.0


def load_failure(source: str, folder: Path) -> tuple[Code, str]:
    with pytest.raises(CannotJudge) as caught:
        load_samples(source, folder, LARGEST_MB)
    return caught.value.failure.code, caught.value.failure.sentence


def test_an_npz_gives_inputs_and_labels_and_a_digest_of_both(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", image=images(3), labels=np.arange(3))

    samples = load_samples("t.npz", tmp_path, LARGEST_MB)

    assert list(samples.inputs) == ["image"]
    assert samples.labels is not None
    assert samples.labels.tolist() == [0, 1, 2]
    assert samples.digest == arrays_digest({"image": images(3), "labels": np.arange(3)})
    assert samples.origin == "t.npz"


def test_other_labels_are_other_data(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=images(3), labels=np.arange(3))
    np.savez(tmp_path / "b.npz", image=images(3), labels=np.arange(3)[::-1])

    assert load_samples("a.npz", tmp_path, LARGEST_MB).digest != load_samples("b.npz", tmp_path, LARGEST_MB).digest


def test_a_folder_is_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, start in (("b", 3), ("a", 0), ("c", 5)):
        stop = {"a": 3, "b": 5, "c": 7}[name]
        np.savez(tmp_path / f"{name}.npz", image=images(7)[start:stop], labels=np.arange(start, stop))
    (tmp_path / "README.md").write_text("not data")

    samples = load_samples(".", tmp_path, LARGEST_MB)

    assert np.array_equal(samples.inputs["image"], images(7))
    assert samples.labels is not None
    assert samples.labels.tolist() == list(range(7))


def test_a_folder_whose_files_hold_too_much_together_is_refused_before_one_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    for name in ("a", "b"):
        np.savez_compressed(tmp_path / "data" / f"{name}.npz", image=np.zeros(75_000))
    load_samples("data/a.npz", tmp_path, LARGEST_MB)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("unpacked"))

    assert load_failure("data", tmp_path) == (
        Code.DATA_UNREADABLE,
        "data: got 1.2 MB of arrays, should be at most 1 MB.",
    )


def test_a_folder_without_npz_holds_no_samples(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()

    assert load_failure("data", tmp_path) == (
        Code.DATA_EMPTY,
        "data: got no .npz, .npy or folder of .npy in the folder, should hold one or more.",
    )


@pytest.mark.parametrize(
    ("second", "code", "sentence"),
    [
        (
            {"other": images(1)},
            Code.DATA_UNREADABLE,
            "b.npz: got arrays other, should be those of a.npz: image.",
        ),
        (
            {"image": images(1).astype(np.float64)},
            Code.DATA_LAYOUT,
            'b.npz: got "image" as float64 (1, 2, 3), should be as in a.npz: float32 (2, 2, 3).',
        ),
        (
            {"image": images(1)[:, :1]},
            Code.DATA_LAYOUT,
            'b.npz: got "image" as float32 (1, 1, 3), should be as in a.npz: float32 (2, 2, 3).',
        ),
    ],
    ids=["names", "dtype", "shape"],
)
def test_files_of_a_folder_must_agree(tmp_path: Path, second: dict[str, Array], code: Code, sentence: str) -> None:
    np.savez(tmp_path / "a.npz", image=images(2))
    np.savez(tmp_path / "b.npz", **second)

    assert load_failure(".", tmp_path) == (code, sentence)


def test_a_folder_of_single_numbers_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=np.float32(1))

    assert load_failure(".", tmp_path)[0] is Code.DATA_LAYOUT


def test_a_function_gives_samples(tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text(
        "import numpy as np\ndef test(): return {'image': np.zeros((2, 2, 3), np.float32), 'labels': np.zeros(2)}\n"
    )

    samples = load_samples("made:test", tmp_path, LARGEST_MB)

    assert samples.inputs["image"].shape == (2, 2, 3)
    assert samples.labels is not None
    assert samples.origin == "made:test"


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ("[1]", "list"),
        ("None", "NoneType"),
        ("{'image': [1.0]}", "list for 'image'"),
        ("{3: np.zeros(1)}", "ndarray for 3"),
        ("{'image': np.array([None])}", '"image" of dtype object'),
    ],
)
def test_a_function_that_gives_no_arrays_by_name_is_refused(tmp_path: Path, value: str, got: str) -> None:
    (tmp_path / "made.py").write_text(f"import numpy as np\ndef test(): return {value}\n")

    code, sentence = load_failure("made:test", tmp_path)

    assert code is Code.DATA_UNREADABLE
    assert sentence.startswith(f"made:test: got {got}, should be ")


def test_a_function_that_raises_makes_unreadable_data(tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text("def test(): raise OSError('disk gone')\n")

    assert load_failure("made:test", tmp_path) == (
        Code.DATA_UNREADABLE,
        'Got OSError: disk gone from "made:test" (made.py, line 1), should give a value.',
    )
