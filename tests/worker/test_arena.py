from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from pytest_qparity.worker import arena as arena_module
from pytest_qparity.worker.arena import ALIGNMENT, Arena, GivenArena, LayoutError, aligned

PLACE = {"name": "x", "dtype": "<f4", "shape": [2], "offset": 0}


def _refused(*_: object) -> int:
    raise OSError(38, "Function not implemented")


@pytest.fixture(params=["sealed memory", "memory without seals", "a file"])
def arena(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Arena]:
    """On Linux, on Linux where seals are refused, and where there is no memfd."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with monkeypatch.context() as system:
        if request.param == "memory without seals":
            system.setattr(fcntl, "fcntl", _refused)
        if request.param == "a file":
            system.setattr(os, "memfd_create", _refused)
        arena = Arena()
    assert list(tmp_path.iterdir()) == []
    yield arena
    arena.close()


@given(
    st.dictionaries(
        st.text(max_size=3),
        npst.arrays(npst.scalar_dtypes().filter(lambda dtype: dtype.kind in "biufc"), npst.array_shapes(min_dims=0)),
        max_size=4,
    )
)
def test_what_one_side_writes_the_other_finds(arrays: dict[str, np.ndarray]) -> None:
    arena = Arena()
    try:
        given = GivenArena(arena.descriptor)
        found = {name: view.copy() for name, view in given.views(arena.write(arrays)).items()}
        back = arena.read(given.put(arrays), 1e9)
        for name, array in arrays.items():
            assert found[name].tobytes() == back[name].tobytes() == array.tobytes()
            assert found[name].shape == back[name].shape == array.shape
    finally:
        arena.close()


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "int4", "uint4", "float4_e2m1fn"])
def test_types_that_numpy_does_not_know_keep_their_names(arena: Arena, name: str) -> None:
    array = np.array([1, 2], getattr(ml_dtypes, name))

    assert arena.read(arena.write({"x": array}), 1e6)["x"].dtype == array.dtype


@pytest.mark.parametrize("array", [np.arange(12).reshape(3, 4)[:, ::2], np.asfortranarray(np.ones((3, 2)))], ids=str)
def test_arrays_in_any_order_are_written_in_c_order(arena: Arena, array: np.ndarray) -> None:
    back = arena.read(arena.write({"x": array}), 1e6)["x"]

    np.testing.assert_array_equal(back, array)
    assert back.flags.c_contiguous


def test_a_view_begins_at_a_cache_line(arena: Arena) -> None:
    layout = arena.write({"a": np.ones(3, np.uint8), "b": np.ones(5), "c": np.ones(1)})

    views = GivenArena(arena.descriptor).views(layout)

    assert all(view.ctypes.data % ALIGNMENT == 0 for view in views.values())


def test_a_view_is_the_memory_itself(arena: Arena) -> None:
    layout = arena.write({"x": np.zeros(4)})

    GivenArena(arena.descriptor).views(layout)["x"][:] = 7

    np.testing.assert_array_equal(arena.read(layout, 1e6)["x"], np.full(4, 7))


def test_what_was_read_is_a_copy(arena: Arena) -> None:
    layout = arena.write({"x": np.zeros(4)})
    read = arena.read(layout, 1e6)["x"]

    GivenArena(arena.descriptor).views(layout)["x"][:] = 7

    np.testing.assert_array_equal(read, np.zeros(4))


def test_memory_grows_under_views_that_are_still_held(arena: Arena) -> None:
    given = GivenArena(arena.descriptor)
    early = given.views(arena.write({"x": np.ones(4)}))["x"]

    late = given.views(arena.write({"x": np.full(10**6, 2.0)}))["x"]

    np.testing.assert_array_equal(early, np.full(4, 2.0))
    assert late.sum() == 2e6


def test_sealed_memory_cannot_shrink() -> None:
    arena = Arena()
    arena.write({"x": np.ones(100)})

    with pytest.raises(OSError, match="not permitted"):
        os.ftruncate(arena.descriptor, 8)
    arena.close()


def test_memory_that_shrinks_while_it_is_read_is_an_error_and_no_signal(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = arena.write({"x": np.ones(100)})
    size = os.fstat(arena.descriptor)
    try:
        os.ftruncate(arena.descriptor, 8)
    except OSError:
        return  # sealed: it cannot come to that
    monkeypatch.setattr(os, "fstat", lambda _: size)

    with pytest.raises(LayoutError, match="ends before"):
        arena.read(layout, 1e6)


def test_a_system_without_preadv_reads_all_the_same(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "preadv")
    monkeypatch.setattr(arena_module, "_LARGEST_TRANSFER", 7)

    np.testing.assert_array_equal(arena.read(arena.write({"x": np.arange(9)}), 1e6)["x"], np.arange(9))


def test_large_arrays_take_more_than_one_transfer(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arena_module, "_LARGEST_TRANSFER", 100)
    x = np.random.default_rng(1).standard_normal(1000)

    np.testing.assert_array_equal(arena.read(arena.write({"x": x}), 1e6)["x"], x)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "float16", "float64", "bfloat16", "int4", "U3"])
@pytest.mark.parametrize("shape", [(), (0, 4), (3,), (2, 3, 5)], ids=str)
def test_an_aligned_copy_is_the_same_array_at_a_cache_line(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.ones(shape, getattr(ml_dtypes, dtype, dtype))

    copy = aligned(array)

    assert copy.dtype == array.dtype
    np.testing.assert_array_equal(copy, array)
    assert copy.ctypes.data % ALIGNMENT == 0 or not copy.size
    assert not np.shares_memory(copy, array)


@pytest.mark.parametrize(
    "layout",
    [
        None,
        {},
        [1],
        [{}],
        [{**PLACE, "more": 1}],
        [{**PLACE, "name": 1}],
        [{**PLACE, "offset": -64}],
        [{**PLACE, "offset": 8}],
        [{**PLACE, "offset": 0.0}],
        [{**PLACE, "offset": True}],
        [{**PLACE, "offset": 2**62}],
        [{**PLACE, "dtype": "O"}],
        [{**PLACE, "dtype": "<m8"}],
        [{**PLACE, "dtype": "f4,f4"}],
        [{**PLACE, "dtype": "nonsense"}],
        [{**PLACE, "dtype": "V8"}],
        [{**PLACE, "dtype": 4}],
        [{**PLACE, "shape": 2}],
        [{**PLACE, "shape": [-1]}],
        [{**PLACE, "shape": [2.0]}],
        [{**PLACE, "shape": [True]}],
        [{**PLACE, "shape": [2**40, 2**40]}],
        [{**PLACE, "shape": [1] * 33}],
        [{**PLACE, "shape": [0, 2**62]}],
        [{**PLACE, "shape": [10**6]}],
        [PLACE, PLACE],
    ],
    ids=str,
)
def test_a_layout_that_describes_nothing_here_is_refused(arena: Arena, layout: object) -> None:
    arena.write({"x": np.ones(100)})

    with pytest.raises(LayoutError):
        arena.read(layout, 1e6)


def test_no_more_is_read_than_the_limit_says_though_the_memory_is_there(arena: Arena) -> None:
    os.ftruncate(arena.descriptor, 10**9)

    with pytest.raises(LayoutError, match="should be within 1,000,000"):
        arena.read([{**PLACE, "shape": [10**6]}], 1e6)


def test_the_limit_is_for_all_arrays_together(arena: Arena) -> None:
    os.ftruncate(arena.descriptor, 10**9)
    layout = [{**PLACE, "name": str(index), "shape": [100_000]} for index in range(3)]

    with pytest.raises(LayoutError):
        arena.read(layout, 1e6)
