"""NF4 and FP4 of bitsandbytes: the tables from where they come, the order of codes in bytes, blocks across rows."""

from __future__ import annotations

from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.quantmath import bnb4
from tests.quantmath.properties.profile import PROFILE


def _codes(size: int) -> st.SearchStrategy[np.ndarray]:
    return st.binary(min_size=size, max_size=size).map(lambda drawn: np.frombuffer(drawn, np.uint8) & 0xF)


@st.composite
def blocked(draw):
    """Codes of an odd or even number, and a block that divides them or does not."""
    size, block = draw(st.integers(0, 40)), draw(st.integers(1, 17))
    absmax = draw(st.lists(st.floats(0, 1e6, width=32), min_size=-(-size // block), max_size=-(-size // block)))
    return draw(_codes(size)), np.asarray(absmax, np.float32), block


def test_nf4_is_made_of_quantiles_of_the_normal_distribution():
    """NF4 is 8 positive and 7 negative quantiles from 1/2 to 0.9677083 and zero, divided by the largest."""
    inverse = NormalDist().inv_cdf
    positive = [inverse(p) for p in np.linspace(0.9677083, 0.5, 9)[:-1]]
    negative = [-inverse(p) for p in np.linspace(0.9677083, 0.5, 8)[:-1]]

    quantiles = np.sort([*positive, 0.0, *negative]) / max(positive)

    assert np.abs(bnb4.Bnb4Table.NF4.values - quantiles).max() < 2e-7


def test_both_tables_reach_from_minus_one_to_one_and_hold_zero():
    """NF4 ascends with −1, 0 and 1 at codes 0, 7 and 15; FP4 has 0, 1, −0 and −1 at codes 0, 3, 8 and 11."""
    nf4, fp4 = bnb4.Bnb4Table.NF4.values, bnb4.Bnb4Table.FP4.values

    assert (np.diff(nf4) > 0).all()
    assert nf4[[0, 7, 15]].tolist() == [-1.0, 0.0, 1.0]
    assert fp4[[0, 3, 8, 11]].tolist() == [0.0, 1.0, 0.0, -1.0]
    assert np.signbit(fp4[8])
    assert max(np.abs(nf4).max(), np.abs(fp4).max()) == 1.0


def test_fp4_is_a_sign_with_two_bits_of_exponent_and_one_of_mantissa():
    """FP4's magnitudes are 2^e·(1 + m/2)/12, e and m in the order of its codes, but for 0 and 1/192."""
    places = {2: (3, 0), 3: (3, 1), 4: (2, 0), 5: (2, 1), 6: (1, 0), 7: (1, 1)}

    values = bnb4.Bnb4Table.FP4.values

    assert (values[0], values[1]) == (0.0, np.float32(Fraction(1, 192)))
    for code, (exponent, mantissa) in places.items():
        assert values[code] == np.float32(2**exponent * (1 + mantissa / 2) / 12)
    assert np.array_equal(values[8:], -values[:8])


@PROFILE
@given(blocked())
def test_a_value_is_the_table_times_its_blocks_largest(drawn):
    """Each value is the float32 next to table[code]·absmax, blocks running on from row to row, the last one shorter."""
    codes, absmax, block = drawn

    for table in bnb4.Bnb4Table:
        values = bnb4.dequantize_bnb4(codes, absmax, table, block)
        for index, code in enumerate(codes):
            exact = Fraction(float(table.values[code])) * Fraction(float(absmax[index // block]))
            assert values[index] == np.float32(float(exact))  # a product of two float32 is a float64


def test_a_matrix_is_flattened_by_rows():
    """The block of element (i, j) of a matrix of C columns is ⌊(i·C + j) / block⌋."""
    codes = np.full((3, 5), 15, np.uint8)
    absmax = np.arange(1, 5, dtype=np.float32)

    values = bnb4.dequantize_bnb4(codes, absmax, bnb4.Bnb4Table.NF4, 4)

    assert values.tolist() == [[1, 1, 1, 1, 2], [2, 2, 2, 3, 3], [3, 3, 4, 4, 4]]


@PROFILE
@given(st.integers(0, 33).flatmap(_codes))
def test_unpack_bnb4_gives_back_what_was_packed(codes):
    """Codes packed and unpacked are the same codes, of odd and even number."""
    assert np.array_equal(bnb4.unpack_bnb4(bnb4.pack_bnb4(codes), codes.size), codes)


def test_the_first_of_two_bnb4_codes_is_in_the_high_nibble():
    """All 256 pairs lie in their byte as 16·first + second."""
    pairs = np.arange(256).reshape(-1, 1) // np.array([16, 1]) % 16

    assert np.array_equal(bnb4.pack_bnb4(pairs.astype(np.uint8)), np.arange(256))


def test_what_is_no_bnb4_tensor_is_refused():
    """Codes of 16 and more, other types, and other numbers of blocks or bytes raise ValueError."""
    fine = np.zeros(4, np.uint8)

    with pytest.raises(ValueError, match="should be uint8 below 16"):
        bnb4.pack_bnb4(np.array([16], np.uint8))
    with pytest.raises(ValueError, match="should be uint8 below 16"):
        bnb4.pack_bnb4(fine.astype(np.int8))
    with pytest.raises(ValueError, match="should be one float32 for each block of 4 codes"):
        bnb4.dequantize_bnb4(fine, np.ones(1, np.float32), bnb4.Bnb4Table.FP4, 2)
    with pytest.raises(ValueError, match="should be one float32 for each block of 4 codes"):
        bnb4.dequantize_bnb4(fine, np.ones(2), bnb4.Bnb4Table.FP4, 2)
    with pytest.raises(ValueError, match=r"should be uint8\(2,\) for 3 codes"):
        bnb4.unpack_bnb4(np.zeros(1, np.uint8), 3)
