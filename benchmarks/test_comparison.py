"""One pass of `compare` against what people call instead, on noise at 35 dB: nothing is close, nothing is skipped."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from pytest_qparity.checks.comparison import Closeness, compare

ELEMENTS = 10_000_000
NOISE_DB = -35.0
CLOSENESS = Closeness(atol=1e-5, rtol=1e-5)

pytestmark = pytest.mark.benchmark(group="compare-10M", min_rounds=7, warmup=True, warmup_iterations=1)


@pytest.fixture(scope="module")
def output_and_golden():
    generator = np.random.default_rng(0)
    # Drawn as float64: float32 draws hold exact zeros, which end the search for the largest relative error at once.
    golden = generator.standard_normal(ELEMENTS).astype(np.float32)
    noise = 10.0 ** (NOISE_DB / 20.0) * generator.standard_normal(ELEMENTS)
    return (golden + noise).astype(np.float32), golden


def test_compare(benchmark, output_and_golden):
    output, golden = output_and_golden

    benchmark(compare, output, golden, CLOSENESS)


def test_assert_allclose(benchmark, output_and_golden):
    """With tolerances that pass: a failing one also formats its message."""
    output, golden = output_and_golden

    benchmark(np.testing.assert_allclose, output, golden, rtol=1.0, atol=1.0)


def test_whole_array_numpy(benchmark, output_and_golden):
    output, golden = output_and_golden

    benchmark(five_metrics_of_whole_arrays, output, golden)


@pytest.mark.filterwarnings("ignore:CompareFunc.simple is deprecated")  # older Polygraphy has no SimpleCompareFunc
def test_polygraphy_simple(benchmark, output_and_golden):
    comparator = pytest.importorskip("polygraphy.comparator")
    logger = pytest.importorskip("polygraphy.logger").G_LOGGER
    outputs, goldens = (comparator.IterationResult({"logits": values}) for values in output_and_golden)
    simple = comparator.CompareFunc.simple(atol=CLOSENESS.atol, rtol=CLOSENESS.rtol)

    with logger.verbosity(logger.CRITICAL), contextlib.redirect_stdout(None):
        benchmark.pedantic(simple, args=(outputs, goldens), rounds=5, warmup_rounds=1)


def five_metrics_of_whole_arrays(output, golden):
    """Mismatched elements, largest absolute and relative error, SQNR and cosine, as one would write them down."""
    difference = output - golden
    absolute = np.abs(difference)
    magnitude = np.abs(golden)
    golden_power = np.dot(golden, golden)
    return (
        np.isfinite(output).all() and np.isfinite(golden).all(),
        np.count_nonzero(absolute > CLOSENESS.atol + CLOSENESS.rtol * magnitude),
        np.unravel_index(absolute.argmax(), golden.shape),
        absolute.max(),
        (absolute / magnitude).max(),
        10.0 * np.log10(golden_power / np.dot(difference, difference)),
        np.dot(output, golden) / np.sqrt(golden_power * np.dot(output, output)),
    )
