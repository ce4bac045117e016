"""The blocked pass against the plain definition of each number, and every value that could slip through."""

from __future__ import annotations

import math
import tracemalloc
import warnings
from fractions import Fraction
from unittest import mock

import ml_dtypes
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_qparity.checks import comparison
from pytest_qparity.checks.comparison import Closeness, compare

CLOSE = Closeness(atol=1e-5, rtol=1e-5)
EXACT = Closeness(atol=0.0, rtol=0.0)
DTYPES = ["float16", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
NARROW_FLOATS = [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.float4_e2m1fn]


def float32(*values):
    return np.array(values, np.float32)


def exact_powers(output, golden):
    """Σ g², Σ o², Σ (o − g)² and Σ o·g without any rounding."""
    pairs = [(Fraction(o), Fraction(g)) for o, g in zip(output.ravel().tolist(), golden.ravel().tolist(), strict=True)]
    return (
        sum(g * g for _, g in pairs),
        sum(o * o for o, _ in pairs),
        sum((o - g) ** 2 for o, g in pairs),
        sum(o * g for o, g in pairs),
    )


def log10(number):
    return math.log10(number.numerator) - math.log10(number.denominator)


def exact_sqnr_db(output, golden):
    golden_power, _, error_power, _ = exact_powers(output, golden)
    if error_power == 0:
        return math.inf
    return 10.0 * log10(golden_power / error_power) if golden_power else -math.inf


def exact_cosine(output, golden):
    golden_power, output_power, _, dot = exact_powers(output, golden)
    if golden_power == 0 or output_power == 0:
        return 1.0 if golden_power == output_power else 0.0
    return math.sqrt(dot * dot / (golden_power * output_power)) * (1.0 if dot > 0 else -1.0)


def assert_as_defined(output, golden, closeness):
    """Counts, extremes and places to the last bit of the float64 definition; sums within 1e-5."""
    measured = compare(output, golden, closeness)

    with np.errstate(all="ignore"):
        o, g = output.astype(np.float64), golden.astype(np.float64)
        absolute = np.abs(o - g)
        over_limit = (absolute > closeness.atol + closeness.rtol * np.abs(g)) | np.isinf(absolute)
        relative = np.where(absolute == 0.0, 0.0, absolute / np.abs(g))
    worst = np.unravel_index(int(np.argmax(absolute)), golden.shape)
    assert measured.elements == golden.size
    assert measured.nonfinite == 0
    assert measured.mismatched == int(over_limit.sum())
    assert measured.max_abs == absolute.max()
    assert measured.max_rel == relative.max()
    assert measured.worst_index == worst
    assert (measured.worst_output, measured.worst_golden) == (o[worst], g[worst])
    assert measured.identical == (output.tobytes() == golden.tobytes())
    assert measured.sqnr_db == pytest.approx(exact_sqnr_db(output, golden), abs=1e-4)
    assert measured.cosine == pytest.approx(exact_cosine(output, golden), abs=1e-5)


@st.composite
def pairs(draw, dtype):
    """Output and golden: unrelated, alike but for a relative or an absolute error, opposite, or mostly the same."""
    width = np.dtype(dtype).itemsize * 8
    finite = st.floats(allow_nan=False, allow_infinity=False, width=width)
    values = st.one_of(finite, st.floats(-4.0, 4.0, width=width), st.sampled_from([0.0, -0.0, 1.0, 0.5]))
    shape = draw(hnp.array_shapes(max_dims=3, max_side=6))
    golden = draw(hnp.arrays(dtype, shape, elements=values))
    kind = draw(st.sampled_from(["unrelated", "relative", "absolute", "opposite", "sparse"]))
    other = draw(hnp.arrays(dtype, shape, elements=values))
    with np.errstate(all="ignore"):
        outputs = {
            "unrelated": other,
            "relative": golden * (1 + draw(st.sampled_from([1e-7, 1e-5, 1e-3, -0.999, 1.0]))),
            "absolute": golden + draw(st.sampled_from([1e-30, 1e-7, 1e-5, 0.5])) * np.sign(other),
            "opposite": -golden,
            "sparse": np.where(draw(hnp.arrays(np.bool_, shape)), golden, other),
        }
    output = outputs[kind].astype(dtype)
    return np.where(np.isfinite(output), output, golden).astype(dtype), golden


CLOSENESSES = st.builds(
    Closeness,
    atol=st.sampled_from([0.0, 1e-44, 1e-9, 1e-5, 0.5, 1e3, 1e300]),
    rtol=st.sampled_from([0.0, 1e-45, 1e-7, 1e-5, 1e-3, 1.0, 1e39]),
)
BLOCKS = st.sampled_from([1, 3, 8, 49_152])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@given(data=st.data(), closeness=CLOSENESSES, block=BLOCKS)
def test_every_number_of_finite_floats_is_as_defined(data, dtype, closeness, block):
    output, golden = data.draw(pairs(dtype))

    with mock.patch.object(comparison, "_BLOCK", block):
        assert_as_defined(output, golden, closeness)


@pytest.mark.parametrize("dtype", [name for name in DTYPES if "int" in name and "64" not in name])
@given(data=st.data(), closeness=CLOSENESSES, block=BLOCKS)
def test_every_number_of_integers_is_as_defined(data, dtype, closeness, block):
    shape = data.draw(hnp.array_shapes(max_dims=2, max_side=6))
    output, golden = (data.draw(hnp.arrays(dtype, shape)) for _ in range(2))

    with mock.patch.object(comparison, "_BLOCK", block):
        assert_as_defined(output, golden, closeness)


@given(st.floats(1e-3, 1e3), st.floats(-180.0, 40.0), st.integers(0, 2**32 - 1))
@example(1.0, -35.0, 0)
def test_noise_of_a_level_over_several_blocks_is_as_defined(scale, level_db, seed):
    generator = np.random.default_rng(seed)
    golden = (scale * generator.standard_normal(300)).astype(np.float32)
    noise = scale * 10.0 ** (level_db / 20.0) * generator.standard_normal(300)
    output = (golden + noise).astype(np.float32)

    with mock.patch.object(comparison, "_BLOCK", 250):
        assert_as_defined(output, golden, CLOSE)


def test_a_level_of_noise_over_whole_blocks_is_measured():
    generator = np.random.default_rng(0)
    golden = generator.standard_normal(60_000, np.float32)
    output = golden + np.float32(10.0 ** (-35.0 / 20.0)) * generator.standard_normal(60_000, np.float32)

    assert_as_defined(output, golden, CLOSE)


@pytest.mark.parametrize(
    ("output", "golden"),
    [
        (float32(3e19, 1.0), float32(1e19, 1.0)),
        (float32(3e38), float32(-3e38)),
        (float32(2e-23, 1e-23), float32(1e-23, 1e-23)),
        (float32(1e-45), float32(3e-45)),
        (float32(1e-20, 1e-20), float32(1e-20, 3e-20)),
        (np.array([1.5e308]), np.array([-1.5e308])),
        (np.array([2e-200]), np.array([1e-200])),
        (np.array([1e200, 1.0]), np.array([1e200, 2.0])),
        (np.array([5e-324]), np.array([1e-323])),
    ],
    ids=[
        "squares-overflow-float32",
        "difference-overflows-float32",
        "squares-underflow-float32",
        "subnormal",
        "error-underflows",
        "difference-overflows-float64",
        "squares-underflow-float64",
        "squares-overflow-float64",
        "subnormal-float64",
    ],
)
def test_sums_of_values_whose_squares_leave_the_range_are_right(output, golden):
    assert_as_defined(output, golden, CLOSE)


@pytest.mark.parametrize("factor", [1e-4, -1.0, 0.0, 0.5], ids=["almost-silent", "opposite", "silent", "half"])
def test_an_output_that_is_a_multiple_of_the_golden_has_its_cosine(factor):
    golden = np.random.default_rng(1).standard_normal(10_000, np.float32)
    output = np.float32(factor) * golden

    measured = compare(output, golden, CLOSE)

    assert measured.cosine == pytest.approx(np.sign(factor), abs=1e-5)
    assert measured.sqnr_db == pytest.approx(-20.0 * math.log10(1.0 - factor), abs=1e-4)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf], ids=["NaN", "infinity", "minus-infinity"])
@pytest.mark.parametrize("side", ["output", "golden", "both"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ml_dtypes.bfloat16, ml_dtypes.float8_e5m2])
def test_an_element_that_is_not_finite_passes_no_limit(dtype, side, broken):
    golden = np.ones((4, 5), dtype)
    output = golden.copy()
    output[3, 4] = 2.0
    if side != "golden":
        output[1, 2] = broken
    if side != "output":
        golden[1, 2] = broken

    measured = compare(output, golden, Closeness(atol=5.0, rtol=5.0))

    assert (measured.elements, measured.nonfinite, measured.mismatched) == (20, 1, 1)
    assert (measured.max_abs, measured.max_rel) == (math.inf, math.inf)
    assert (measured.sqnr_db, measured.cosine) == (-math.inf, 0.0)
    assert measured.worst_index == (1, 2)
    assert not measured.identical


def test_the_first_element_that_is_not_finite_is_the_worst_of_all_blocks():
    output = np.zeros(100, np.float32)
    output[[1, 99]] = 1e6
    output[[40, 41, 95]] = [np.inf, np.nan, np.nan]

    with mock.patch.object(comparison, "_BLOCK", 10):
        measured = compare(output, np.zeros(100, np.float32), CLOSE)

    assert measured.worst_index == (40,)
    assert measured.worst_output == math.inf
    assert (measured.nonfinite, measured.mismatched) == (3, 5)


def test_a_nan_against_the_same_nan_is_mismatched_though_identical():
    values = float32(1.0, math.nan)

    measured = compare(values, values.copy(), CLOSE)

    assert (measured.nonfinite, measured.mismatched) == (1, 1)
    assert measured.identical


def test_a_difference_past_float64_is_mismatched_though_its_limit_is_infinite():
    assert compare(np.array([1.7e308]), np.array([-1.7e308]), Closeness(atol=0.0, rtol=1.5)).mismatched == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_equal_arrays_are_identical(dtype):
    golden = np.arange(100, dtype=dtype)

    measured = compare(golden.copy(), golden, EXACT)

    assert measured.identical
    assert (measured.mismatched, measured.max_abs, measured.max_rel) == (0, 0.0, 0.0)
    assert (measured.sqnr_db, measured.cosine) == (math.inf, pytest.approx(1.0))
    assert measured.worst_index == (0,)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ml_dtypes.bfloat16])
def test_minus_zero_equals_zero_but_is_not_identical(dtype):
    measured = compare(np.array([1.0, -0.0], dtype), np.array([1.0, 0.0], dtype), EXACT)

    assert measured.mismatched == 0
    assert not measured.identical


def test_bits_are_compared_in_every_block():
    golden = np.zeros(100, np.float32)
    output = golden.copy()
    output[99] = -0.0

    with mock.patch.object(comparison, "_BLOCK", 10):
        assert not compare(output, golden, EXACT).identical


@pytest.mark.parametrize(
    ("dtype", "output", "golden", "distance"),
    [
        ("uint8", 5, 250, 245.0),
        ("int8", -128, 127, 255.0),
        ("int32", -(2**31), 2**31 - 1, 2.0**32 - 1),
        ("uint32", 0, 2**32 - 1, 2.0**32 - 1),
        ("int64", -(2**63), 2**63 - 1, 2.0**64),
        ("uint64", 0, 2**64 - 1, 2.0**64),
        ("int64", 2**62 + 1, 2**62, 1.0),
    ],
)
def test_integers_do_not_wrap(dtype, output, golden, distance):
    measured = compare(np.array([0, output], dtype), np.array([0, golden], dtype), EXACT)

    assert measured.max_abs == distance
    assert (measured.mismatched, measured.worst_index) == (1, (1,))
    assert math.isfinite(measured.sqnr_db)


def test_the_least_int64_has_a_magnitude():
    assert compare(np.array([0]), np.array([-(2**63)]), Closeness(atol=0.0, rtol=1.0)).max_rel == 1.0
    assert compare(np.array([0]), np.array([-(2**63)]), Closeness(atol=0.0, rtol=1.0)).mismatched == 0


def test_truth_values_are_counted():
    measured = compare(np.array([True, False, True]), np.array([True, True, True]), EXACT)

    assert (measured.mismatched, measured.max_abs, measured.worst_index) == (1, 1.0, (1,))
    assert (measured.worst_output, measured.worst_golden) == (0.0, 1.0)


@pytest.mark.parametrize("dtype", NARROW_FLOATS, ids=lambda dtype: dtype.__name__)
def test_narrow_floats_are_measured_as_their_float32_values(dtype):
    output, golden = float32(1.0, -2.0, 0.5, 4.0).astype(dtype), float32(1.0, -2.0, 1.0, 3.0).astype(dtype)

    assert_as_defined(output, golden, CLOSE)


@pytest.mark.parametrize("rtol", [0.0, 0.25], ids=["absolute", "with-relative"])
def test_an_element_at_the_limit_is_close_and_one_step_beyond_is_not(rtol):
    golden = np.ones(1_000, np.float32)
    at_limit = np.float32(1.5 + rtol)
    output = np.full(1_000, at_limit)
    output[::2] = np.nextafter(at_limit, np.float32(2.0))
    output[1::4] = np.nextafter(at_limit, np.float32(0.0))

    assert compare(output, golden, Closeness(atol=0.5, rtol=rtol)).mismatched == 500


@given(st.integers(0, 2**32 - 1), st.sampled_from([(0.1, 0.0), (0.1, 0.3), (0.0, 0.123456789), (1e-5, 1e-5)]))
def test_elements_within_rounding_of_the_limit_are_judged_in_float64(seed, tolerances):
    closeness = Closeness(*tolerances)
    generator = np.random.default_rng(seed)
    golden = generator.standard_normal(200).astype(np.float32)
    output = (golden + closeness.atol + closeness.rtol * np.abs(golden.astype(np.float64))).astype(np.float32)

    assert_as_defined(output, golden, closeness)


@pytest.mark.parametrize("closeness", [Closeness(1.1e-44, 0.0), Closeness(0.0, 1e39)], ids=["tiny", "huge"])
def test_tolerances_that_float32_cannot_hold_are_kept_in_float64(closeness):
    output, golden = float32(1.0, 1.1e-44, 2.0, 0.5), float32(1.0, 0.0, 0.0, 0.25)

    assert_as_defined(output, golden, closeness)


def test_a_golden_of_zero_makes_the_relative_error_infinite():
    assert compare(float32(1.0, 1e-6), float32(1.0, 0.0), CLOSE).max_rel == math.inf


def test_zeros_in_both_do_not_hide_the_relative_error_of_the_rest():
    assert compare(float32(0.0, 3.0), float32(0.0, 2.0), CLOSE).max_rel == 0.5


def test_the_largest_relative_error_can_be_that_of_the_smallest_difference():
    output, golden = float32(110.0, 1.0, 0.002), float32(100.0, 1.0, 0.001)

    assert compare(output, golden, CLOSE).max_rel == pytest.approx(1.0)


@pytest.mark.parametrize("block", [1, 49_152], ids=["across-blocks", "in-a-block"])
@given(seed=st.integers(0, 2**32 - 1))
def test_relative_errors_that_float32_rounds_past_each_other_are_told_apart(block, seed):
    golden = np.random.default_rng(seed).standard_normal(100).astype(np.float32)
    output = np.float32(-0.7) * golden

    with mock.patch.object(comparison, "_BLOCK", block):
        assert_as_defined(output, golden, CLOSE)


def test_the_worst_element_is_the_first_of_equals_whichever_block_it_is_in():
    golden = np.zeros((5, 10), np.float32)
    output = golden.copy()
    output[[1, 1, 3], [4, 7, 2]] = [2.0, -2.0, 2.0]

    with mock.patch.object(comparison, "_BLOCK", 10):
        assert compare(output, golden, CLOSE).worst_index == (1, 4)


@pytest.mark.parametrize("block", [1, 49_152], ids=["across-blocks", "in-a-block"])
def test_differences_that_float32_rounds_alike_are_told_apart(block):
    output, golden = float32(1.0, 1.0), float32(-(2.0**-26), -(2.0**-25))

    with mock.patch.object(comparison, "_BLOCK", block):
        measured = compare(output, golden, CLOSE)

    assert measured.worst_index == (1,)
    assert measured.max_abs == 1.0 + 2.0**-25


@pytest.mark.parametrize(
    "view",
    [lambda a: a[::2, ::-3], lambda a: a.T, np.asfortranarray, lambda a: np.broadcast_to(a[0], a.shape)],
    ids=["strided", "transposed", "fortran", "broadcast"],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_any_strides_are_walked_in_index_order(view, dtype):
    generator = np.random.default_rng(2)
    golden = view(generator.integers(0, 9, (40, 60)).astype(dtype))
    output = view(generator.integers(0, 9, (40, 60)).astype(dtype))

    with mock.patch.object(comparison, "_BLOCK", 100):
        assert_as_defined(output, golden, CLOSE)
        assert compare(output, np.ascontiguousarray(output), CLOSE).identical


@pytest.mark.parametrize("dtype", [">f2", ">f4", ">f8", ">i2", ">i4", ">i8", ">u8"])
def test_the_other_byte_order_is_read(dtype):
    output, golden = np.array([1, 2, 3], dtype), np.array([1, 2, 5], dtype)

    assert_as_defined(output, golden, CLOSE)


def test_a_scalar_has_the_empty_index():
    measured = compare(np.array(1.5, np.float32), np.array(1.0, np.float32), CLOSE)

    assert (measured.elements, measured.max_abs, measured.worst_index) == (1, 0.5, ())


def test_memory_mapped_and_unaligned_arrays_are_read_and_left_alone(tmp_path):
    golden = np.arange(1_000, dtype=np.float32)
    np.save(tmp_path / "golden.npy", golden)
    mapped = np.load(tmp_path / "golden.npy", mmap_mode="r")
    unaligned = np.zeros(4_001, np.uint8)[1:].view(np.float32)
    unaligned[:] = golden
    unaligned.flags.writeable = False

    measured = compare(unaligned, mapped, CLOSE)

    assert measured.identical
    assert np.array_equal(mapped, golden)


def test_nothing_is_warned_of():
    values = float32(math.nan, math.inf, 3e38, 1e-45, 0.0, -3e38, 1.0)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for part in (values, values[2:], values.astype(np.float64), values[2:].astype(np.float64) * 5e269):
            compare(part, part[::-1].copy(), Closeness(0.0, 1e39))
            compare(part, part[::-1].copy(), CLOSE)


@pytest.mark.parametrize("view", [lambda a: a, lambda a: a[::2]], ids=["contiguous", "strided"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", ">f4"])
def test_memory_does_not_grow_with_the_arrays(dtype, view):
    golden = view(np.ones(4_000_000, dtype))
    output = view(np.full(4_000_000, 2, dtype))

    tracemalloc.start()
    compare(output, golden, CLOSE)
    compare(golden, golden, CLOSE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 100 * comparison._BLOCK < golden.nbytes * 2


@pytest.mark.parametrize(
    ("output", "golden", "sentence"),
    [
        (float32(1.0), np.array([1.0]), "dtype of the output is float32, should be the golden's float64"),
        (float32(1.0), float32(1.0, 2.0), r"shape of the output is \(1,\), should be the golden's \(2,\)"),
        (np.zeros((2, 0)), np.zeros((2, 0)), r"the output has no element \(shape \(2, 0\)\), should have at least one"),
    ],
    ids=["dtype", "shape", "empty"],
)
def test_arrays_that_cannot_be_compared_are_refused(output, golden, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        compare(output, golden, CLOSE)


@pytest.mark.parametrize("dtype", ["U3", "S3", "O", "complex64", "longdouble", "M8[s]", "m8[s]"])
def test_a_dtype_without_a_real_value_of_64_bits_is_refused(dtype):
    values = np.zeros(3, dtype)

    with pytest.raises(
        TypeError, match=r"^dtype of the output is .*, should be a real number of at most 64 bits or bool$"
    ):
        compare(values, values, CLOSE)


@pytest.mark.parametrize("tolerance", [math.nan, math.inf, -1e-9], ids=["NaN", "infinite", "negative"])
def test_a_tolerance_that_would_let_anything_pass_is_refused(tolerance):
    with pytest.raises(ValueError, match=r"^atol is .*, should be finite and at least 0$"):
        Closeness(atol=tolerance, rtol=0.0)
    with pytest.raises(ValueError, match=r"^rtol is .*, should be finite and at least 0$"):
        Closeness(atol=0.0, rtol=tolerance)
