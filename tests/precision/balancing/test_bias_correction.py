from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from pytest_qparity.precision.balancing.bias_correction import BiasCorrection
from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.jobs import Calibration
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import save
from tests.precision.balancing.models import attention_like, convolutions, only
from tests.precision.making import least_sqnr_db, outputs_of, recipe

FEED = {"x": np.random.default_rng(1).uniform(0, 1, (64, 3, 8, 8)).astype(np.float32)}
COARSE = {"target": "ort", "granularity": "tensor", "reduce_range": True, "calibration": "minmax"}


def test_the_mean_of_each_output_channel_is_the_float_models(tmp_path: Path) -> None:
    exact = outputs_of(convolutions(), FEED)[0]

    plain, _ = made(convolutions(), tmp_path, **COARSE)
    corrected, notes = made(convolutions(), tmp_path, bias_correction=True, **COARSE)

    def shift(model: onnx.ModelProto) -> float:
        return float(np.abs((outputs_of(model, FEED, optimized=False)[0] - exact).mean(axis=0)).max())

    assert shift(corrected) < 0.2 * shift(plain)
    assert least_sqnr_db([exact], outputs_of(corrected, FEED)) > least_sqnr_db([exact], outputs_of(plain, FEED))
    assert notes[0] == "bias_correction: 4 of 4 products, in 4 passes of at most 128 samples"


def test_layers_are_corrected_in_order_behind_corrected_ones(tmp_path: Path) -> None:
    """Each product's own mean is right in the variant as it runs, not only beside the float model's inputs."""
    corrected, _ = made(convolutions(), tmp_path, bias_correction=True, **COARSE)

    for name in ("c1", "c2", "c3"):
        exact = outputs_of(only(convolutions(), name, rank=4), FEED)[0]
        got = outputs_of(only(corrected, name, rank=4), FEED, optimized=False)[0]
        axes = (0, 2, 3)
        step = np.abs(got - exact).mean()
        assert np.abs((got - exact).mean(axis=axes)).max() < 0.05 * step


def test_a_bias_behind_a_product_and_a_missing_one_are_corrected_too(tmp_path: Path) -> None:
    feed = {"x": np.random.default_rng(1).standard_normal((64, 5, 8)).astype(np.float32)}

    _, notes = made(attention_like(), tmp_path, fed=feed, bias_correction=True, **COARSE)

    assert notes[0] == "bias_correction: 2 of 4 products, in 2 passes of at most 256 samples"


def test_a_model_without_a_bias_is_told(tmp_path: Path) -> None:
    feed = {"x": np.random.default_rng(1).standard_normal((4, 5, 8)).astype(np.float32)}
    with pytest.raises(CannotJudge) as told:
        made(only(attention_like(), "k", rank=3), tmp_path, fed=feed, bias_correction=True)

    assert told.value.failure.code is Code.VARIANT_DEAD_PATTERN
    assert told.value.failure.remedy == "remove bias_correction"


@pytest.mark.parametrize(("samples", "size"), [(1000, 1), (1000, 7), (20, 1), (5, 5)])
def test_samples_are_spread_over_data_that_may_lie_sorted(
    samples: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_qparity.precision.balancing.bias_correction.RUNS", 4 * 50)
    model = convolutions()
    correction = BiasCorrection(model, model, (), samples)

    taken = [before for before in range(0, samples, size) if correction.is_wanted(before, size)]

    most = min(50, samples)  # a share of four passes
    assert len(taken) == -(-most // size)
    assert np.diff([0, *taken, samples]).max() <= 2 * samples // len(taken)


def made(model: onnx.ModelProto, folder: Path, fed=None, **spec) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """Calibrated with one feed."""
    feed = FEED if fed is None else fed
    calibration = Calibration(float_graph(save(model, folder / "float.onnx")), recipe(**spec))
    more = True
    while more:
        calibration.take(feed, len(feed["x"]))
        more = calibration.turn()
    return calibration.made()
