from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from pytest_qparity.precision.balancing.constants import Constants
from pytest_qparity.precision.balancing.equalizing import equalize
from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.jobs import Calibration
from pytest_qparity.precision.placement.writer import Writer
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import save
from tests.precision.balancing.models import (
    a_difference,
    badly_scaled,
    constant,
    convolutions,
    operand,
    read_twice,
    replace_constant,
)
from tests.precision.making import least_sqnr_db, made, outputs_of, recipe


def test_both_weights_of_a_pair_end_with_the_same_ranges_of_each_channel() -> None:
    model = badly_scaled()
    for bias in ("b1", "b2"):  # which would bound the scales
        replace_constant(model, bias, np.zeros(8))

    rewritten = equalized(model)

    first = np.abs(operand(rewritten, "c1", 1)).max(axis=(1, 2, 3))
    depthwise = np.abs(operand(rewritten, "c2", 1)).max(axis=(1, 2, 3))
    third = np.abs(operand(rewritten, "c3", 1)).reshape(2, 3, 4, 9).max(axis=(1, 3)).reshape(8)
    assert first == pytest.approx(depthwise, rel=0.02)
    assert depthwise == pytest.approx(third, rel=0.02)


def test_equalization_brings_back_what_badly_scaled_channels_cost_one_scale_for_all(tmp_path: Path) -> None:
    feed = {"x": np.random.default_rng(1).standard_normal((8, 3, 8, 8)).astype(np.float32)}

    def left(model, **spec) -> tuple[float, tuple[str, ...]]:
        variant, notes = made(model, tmp_path, target="ort", granularity="tensor", **spec)
        return least_sqnr_db(outputs_of(model, feed), outputs_of(variant, feed)), notes

    sound, _ = left(convolutions())
    hurt, _ = left(badly_scaled())
    mended, notes = left(badly_scaled(), equalize=True)
    assert hurt < sound - 6
    assert mended > sound - 1
    assert notes[0] == "equalize: 3 pairs of products balanced"
    assert notes[1].startswith("equalize: the rewritten float model gives the float model's outputs at 1")


def test_a_bias_of_a_channel_without_weights_does_not_set_the_range() -> None:
    model = convolutions()
    weight = constant(model, "w1").copy()
    weight[0] *= 1e-6
    replace_constant(model, "w1", weight)

    rewritten = equalized(model)

    bias = np.abs(operand(rewritten, "c1", 2))
    assert bias[0] <= np.abs(constant(model, "b1")).max() * 1.01


def test_a_tensor_with_another_reader_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge) as told:
        made(read_twice(), tmp_path, equalize=True)

    assert told.value.failure.code is Code.VARIANT_DEAD_PATTERN
    assert "equalize: got a float model that has none" in told.value.failure.sentence
    assert told.value.failure.remedy == "remove equalize"


def test_a_rewritten_model_that_computes_something_else_makes_no_variant(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge) as told:
        made(a_difference(), tmp_path, equalize=True)

    assert told.value.failure.code is Code.VARIANT_RECIPE
    assert "should be 80 dB or more" in told.value.failure.sentence


def test_the_float_model_that_was_quantized_is_kept_for_who_looks_at_layers(tmp_path: Path) -> None:
    calibration = Calibration(float_graph(save(badly_scaled(), tmp_path / "float.onnx")), recipe(equalize=True))

    assert calibration.take({"x": np.ones((1, 3, 8, 8), np.float32)}, 1)  # one sample: the comparison wants more
    assert calibration.rewritten is not None
    assert not np.array_equal(operand(calibration.rewritten, "c2", 1), constant(badly_scaled(), "w2"))
    assert calibration.turn()
    assert calibration.ranges("model", "data") is None  # they are no ranges of the float model's tensors


def equalized(model):
    read, constants = ir.serde.deserialize_model(model), Constants()
    assert equalize(read.graph, constants) > 0
    constants.write(Writer(read.graph), read.graph)
    return ir.serde.serialize_model(read)
