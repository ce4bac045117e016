"""Every type of TensorRT goes to bytes and back as ml_dtypes and NumPy have it."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pytest_qparity.backends.trt.decoding import PACKED, TYPES, buffer_bytes, decoded, dtype_of, encoded

SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)


@st.composite
def tensors(draw: st.DrawFn) -> tuple[str, np.ndarray]:
    """A type's name, and an array of its codes: every bit pattern of the type, NaN among them."""
    name = draw(st.sampled_from(sorted(TYPES)))
    dtype, shape = TYPES[name], draw(SHAPES)
    if name == "BOOL":
        return name, draw(arrays.arrays(np.bool_, shape))
    if name == "INT4":
        return name, draw(arrays.arrays(np.int8, shape, elements=st.integers(-8, 7))).astype(dtype)
    if name == "FP4":
        return name, draw(arrays.arrays(np.uint8, shape, elements=st.integers(0, 15))).view(dtype)
    codes = draw(arrays.arrays(np.dtype(f"u{dtype.itemsize}"), shape))
    return name, codes.view(dtype)


@given(tensors())
def test_every_tensor_comes_back_bit_by_bit(tensor: tuple[str, np.ndarray]) -> None:
    name, array = tensor

    raw = encoded(array, name)

    assert raw.dtype == np.uint8
    assert raw.size == buffer_bytes(name, array.shape)
    back = decoded(raw, name, array.shape)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()


@given(tensors(), st.integers(0, 300))
def test_a_buffer_may_have_more_room_and_any_bytes_in_it(tensor: tuple[str, np.ndarray], room: int) -> None:
    name, array = tensor
    raw = np.append(encoded(array, name), np.full(room, 0xA5, np.uint8))

    assert decoded(raw, name, array.shape).tobytes() == array.tobytes()


@given(st.sampled_from(sorted(set(TYPES) - PACKED - {"BOOL"})), SHAPES)
def test_whole_bytes_lie_as_numpy_has_them(name: str, shape: tuple[int, ...]) -> None:
    array = np.arange(math.prod(shape)).astype(TYPES[name]).reshape(shape)

    assert encoded(array, name).tobytes() == array.tobytes()


@pytest.mark.parametrize("name", sorted(PACKED))
def test_the_last_four_bits_of_an_odd_count_are_not_read(name: str) -> None:
    clean, dirty = np.array([0x21, 0x03], np.uint8), np.array([0x21, 0xF3], np.uint8)

    assert decoded(clean, name, (3,)).tobytes() == decoded(dirty, name, (3,)).tobytes()


def test_the_element_of_the_lower_index_lies_in_the_lower_bits() -> None:
    assert decoded(np.array([0xF1], np.uint8), "INT4", (2,)).astype(int).tolist() == [1, -1]
    assert decoded(np.array([0xF1], np.uint8), "FP4", (2,)).astype(float).tolist() == [0.5, -6.0]


@pytest.mark.parametrize("name", sorted(TYPES))
def test_an_array_decoded_is_nobody_elses(name: str) -> None:
    raw = np.zeros(8, np.uint8)
    array = decoded(raw, name, (1,))
    before = array.tobytes()

    raw[:] = 0x77

    assert array.tobytes() == before


def test_any_byte_but_zero_is_true() -> None:
    assert decoded(np.array([0, 1, 2, 255], np.uint8), "BOOL", (4,)).tolist() == [False, True, True, True]


def test_fp8_is_e4m3_without_infinities() -> None:
    assert dtype_of("FP8") == ml_dtypes.float8_e4m3fn
    assert decoded(np.array([0x7E], np.uint8), "FP8", (1,)).astype(float).tolist() == [448.0]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: dtype_of("FP64"), "got TensorRT's type FP64"),
        (lambda: decoded(np.zeros(3, np.uint8), "FLOAT", (1,)), r"should be uint8 \(4,\)"),
        (lambda: decoded(np.zeros(4, np.int8), "FLOAT", (1,)), "got int8"),
        (lambda: encoded(np.zeros(1), "FLOAT"), "got an array of float64 for FLOAT, should be float32"),
    ],
)
def test_what_does_not_fit_is_refused(call: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()  # type: ignore[operator]


def test_every_type_of_both_releases_is_known() -> None:
    from tests.contract.fakes import STUBS, fake

    for release in ("10.16", "11.4"):
        trt, _ = fake(STUBS / release / "tensorrt/__init__.pyi", "tensorrt")
        assert {member.name for member in trt.DataType} == set(TYPES)
