"""Packing of 4-bit and 2-bit codes: what holds for every byte, every length and every type."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.quantmath import integers, packing
from tests.quantmath.properties import draws
from tests.quantmath.properties.profile import PROFILE


@st.composite
def packable(draw):
    """A type and codes of it, of odd and even lengths, no axis at all and axes of zero."""
    type_ = draw(st.sampled_from(draws.PACKED_TYPES))
    shape = tuple(draw(st.lists(st.integers(0, 5), max_size=3)))
    return type_, draw(draws.codes(type_, shape))


@PROFILE
@given(packable())
def test_unpack_gives_back_what_was_packed(type_and_codes):
    """Pack then unpack gives every code, shape and type back."""
    type_, codes = type_and_codes

    again = packing.unpack(packing.pack(codes), type_, codes.shape)

    assert again.dtype == codes.dtype
    assert again.shape == codes.shape
    assert np.array_equal(again.astype(np.int64), codes.astype(np.int64))


def test_pack_gives_back_every_byte():
    """Unpack then pack gives all 256 bytes back for each of the four types."""
    every = np.arange(256, dtype=np.uint8)

    for type_ in draws.PACKED_TYPES:
        assert np.array_equal(packing.pack(packing.unpack(every, type_, (256 * 8 // type_.bits,))), every)


def test_the_first_of_two_codes_is_in_the_low_nibble():
    """All 256 pairs of 4-bit codes lie in their byte as first + 16·second, negative ones in two's complement."""
    for type_ in (integers.INT4, integers.UINT4):
        for first, second in itertools.product(range(type_.lowest, type_.highest + 1), repeat=2):
            (byte,) = packing.pack(np.array([first, second]).astype(type_.dtype))
            assert byte == first % 16 + 16 * (second % 16)


def test_four_codes_fill_a_byte_from_its_lowest_bits():
    """All 256 quadruples of 2-bit codes lie in their byte as x0 + 4·x1 + 16·x2 + 64·x3."""
    for type_ in (integers.INT2, integers.UINT2):
        for codes in itertools.product(range(type_.lowest, type_.highest + 1), repeat=4):
            (byte,) = packing.pack(np.array(codes).astype(type_.dtype))
            assert byte == sum((code % 4) * 4**place for place, code in enumerate(codes))


@PROFILE
@given(packable())
def test_packed_codes_take_as_many_bytes_as_their_bits(type_and_codes):
    """Packed data have ⌈size·bits / 8⌉ bytes in one dimension."""
    type_, codes = type_and_codes

    packed = packing.pack(codes)

    assert packed.dtype == np.uint8
    assert packed.shape == (math.ceil(codes.size * type_.bits / 8),)


@PROFILE
@given(packable())
def test_what_a_length_leaves_of_its_last_byte_is_zero(type_and_codes):
    """Bits after the last code of an odd length are zero."""
    type_, codes = type_and_codes

    number = int.from_bytes(packing.pack(codes).tobytes(), "little")

    assert number < 1 << (codes.size * type_.bits)


@PROFILE
@given(packable())
def test_packed_data_are_one_number_in_base_two_to_the_bits(type_and_codes):
    """The bytes, little-endian, are Σ (code mod 2^bits)·2^(bits·i) over all codes in row-major order."""
    type_, codes = type_and_codes

    number = int.from_bytes(packing.pack(codes).tobytes(), "little")

    flat = codes.astype(np.int64).ravel().tolist()
    assert number == sum((code % type_.levels) << (type_.bits * i) for i, code in enumerate(flat))


@PROFILE
@given(packable(), st.integers(0, 255))
def test_unpack_does_not_look_at_the_filling(type_and_codes, filling):
    """Codes are the same whatever the bits after the last one are."""
    type_, codes = type_and_codes
    packed = packing.pack(codes)
    used = codes.size * type_.bits % 8
    if used:
        packed[-1] |= np.uint8((filling << used) & 0xFF)

    again = packing.unpack(packed, type_, codes.shape)

    assert np.array_equal(again.astype(np.int64), codes.astype(np.int64))


@PROFILE
@given(packable(), st.data())
def test_packing_whole_bytes_is_concatenation(type_and_codes, data):
    """Codes that fill their bytes can be packed in parts."""
    type_, codes = type_and_codes
    in_a_byte = 8 // type_.bits
    head = data.draw(draws.codes(type_, (in_a_byte * data.draw(st.integers(0, 4)),)))

    whole = packing.pack(np.concatenate([head, codes.reshape(-1)]))

    assert np.array_equal(whole, np.concatenate([packing.pack(head), packing.pack(codes)]))


def test_what_is_not_packed_is_refused():
    """8-bit codes, other arrays than bytes and other numbers of bytes than the shape needs raise ValueError."""
    with pytest.raises(ValueError, match="should be int4"):
        packing.pack(np.zeros(2, np.int8))
    for packed in (np.zeros(3, np.uint8), np.zeros(1, np.uint8), np.zeros(2, np.int8), np.zeros((1, 2), np.uint8)):
        with pytest.raises(ValueError, match=r"should be uint8\(2,\)"):
            packing.unpack(packed, integers.INT4, (3,))
