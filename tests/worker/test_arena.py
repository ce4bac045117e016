from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from pytest_qparity.worker import arena
from pytest_qparity.worker.arena import ALIGNMENT, LayoutError, MappedArena, open_arena, read_arrays, write_arrays

PLACE = {"name": "x", "dtype": "<f4", "shape": [2], "offset": 0}


@pytest.fixture
def memory() -> Iterator[int]:
    descriptor = open_arena()
    yield descriptor
    os.close(descriptor)


@given(
    st.dictionaries(
        st.text(max_size=3),
        npst.arrays(npst.scalar_dtypes().filter(lambda dtype: dtype.kind in "biufc"), npst.array_shapes(min_dims=0)),
        max_size=4,
    )
)
def test_what_one_side_writes_the_other_finds(arrays: dict[str, np.ndarray]) -> None:
    memory = open_arena()
    try:
        found = MappedArena(memory).views(write_arrays(memory, arrays))
        back = read_arrays(memory, MappedArena(memory).put(arrays), 1e9)
        for name, array in arrays.items():
            assert found[name].tobytes() == back[name].tobytes() == array.tobytes()
            assert found[name].shape == back[name].shape == array.shape
    finally:
        os.close(memory)


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "int4", "uint4", "float4_e2m1fn"])
def test_types_that_numpy_does_not_know_keep_their_names(memory: int, name: str) -> None:
    array = np.array([1, 2], getattr(ml_dtypes, name))

    assert read_arrays(memory, write_arrays(memory, {"x": array}), 1e6)["x"].dtype == array.dtype


def test_a_view_begins_at_a_cache_line(memory: int) -> None:
    layout = write_arrays(memory, {"a": np.ones(3, np.uint8), "b": np.ones(5), "c": np.ones(1)})

    views = MappedArena(memory).views(layout)

    assert all(view.ctypes.data % ALIGNMENT == 0 for view in views.values())


def test_a_view_is_the_memory_itself(memory: int) -> None:
    layout = write_arrays(memory, {"x": np.zeros(4)})

    MappedArena(memory).views(layout)["x"][:] = 7

    np.testing.assert_array_equal(read_arrays(memory, layout, 1e6)["x"], np.full(4, 7))


def test_memory_grows_under_views_that_are_still_held(memory: int) -> None:
    mapped = MappedArena(memory)
    early = mapped.views(write_arrays(memory, {"x": np.ones(4)}))["x"]

    late = mapped.views(write_arrays(memory, {"x": np.full(10**6, 2.0)}))["x"]

    np.testing.assert_array_equal(early, np.full(4, 2.0))
    assert late.sum() == 2e6


def test_a_system_without_memfd_has_a_file_without_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(os, "memfd_create", _refused)
    descriptor = open_arena()
    try:
        assert list(tmp_path.iterdir()) == []
        np.testing.assert_array_equal(
            read_arrays(descriptor, write_arrays(descriptor, {"x": np.ones(4)}), 1e6)["x"], np.ones(4)
        )
    finally:
        os.close(descriptor)


def _refused(*_: object) -> int:
    raise OSError(38, "Function not implemented")


def test_a_system_without_preadv_reads_all_the_same(memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "preadv")
    monkeypatch.setattr(arena, "_LARGEST_READ", 7)

    np.testing.assert_array_equal(
        read_arrays(memory, write_arrays(memory, {"x": np.arange(9)}), 1e6)["x"], np.arange(9)
    )


def test_large_arrays_take_more_than_one_read(memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arena, "_LARGEST_READ", 100)
    x = np.random.default_rng(1).standard_normal(1000)

    np.testing.assert_array_equal(read_arrays(memory, write_arrays(memory, {"x": x}), 1e6)["x"], x)


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
def test_a_layout_that_describes_nothing_here_is_refused(memory: int, layout: object) -> None:
    write_arrays(memory, {"x": np.ones(100)})

    with pytest.raises(LayoutError):
        read_arrays(memory, layout, 1e6)


def test_no_more_is_read_than_the_limit_says_though_the_memory_is_there(memory: int) -> None:
    os.ftruncate(memory, 10**9)

    with pytest.raises(LayoutError, match="should be within 1,000,000"):
        read_arrays(memory, [{**PLACE, "shape": [10**6]}], 1e6)


def test_the_limit_is_for_all_arrays_together(memory: int) -> None:
    os.ftruncate(memory, 10**9)
    layout = [{**PLACE, "name": str(index), "shape": [100_000]} for index in range(3)]

    with pytest.raises(LayoutError):
        read_arrays(memory, layout, 1e6)


def test_memory_that_shrinks_while_it_is_read_is_an_error_and_no_signal(
    memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = write_arrays(memory, {"x": np.ones(100)})
    size = os.fstat(memory)
    os.ftruncate(memory, 8)
    monkeypatch.setattr(os, "fstat", lambda _: size)

    with pytest.raises(LayoutError, match="ends before"):
        read_arrays(memory, layout, 1e6)
