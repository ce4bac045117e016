"""Factors of channels that something takes back, and those that nothing does: files as our recipes and others make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.precision.choosing import recipe_for
from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.jobs import Calibration
from pytest_qparity.precision.weights.agreement import Rounded, agreement
from pytest_qparity.precision.weights.compensation import uncompensated
from pytest_qparity.precision.weights.examining import weights_in
from pytest_qparity.precision.weights.factors import Factors, Side
from pytest_qparity.precision.weights.found import WeightsFound
from tests.precision.balancing import models

KEYS = {
    "equalized": {"equalize": True},
    "smoothed": {"smooth": 0.5},
    "with a Mul": {"smooth": 0.5, "smooth_mul": True},
    "both": {"equalize": True, "smooth": 0.8},
}
NETS = ("convolutions", "badly_scaled", "attention_like", "normalized_pool", "written_out")
Change = Callable[[np.ndarray], np.ndarray]


def made(folder: Path, net: str, stated: dict[str, object]) -> onnx.ModelProto:
    model = getattr(models, net)()
    onnx.save(model, folder / "float.onnx")
    spec = PrecisionSpec.model_validate({"target": "ort", **stated})
    job = Calibration(float_graph(folder / "float.onnx"), recipe_for("int8", spec, "ort", ()))
    (value,) = model.graph.input
    shape = [size.dim_value or 4 for size in value.type.tensor_type.shape.dim]
    feed = {value.name: np.random.default_rng(0).standard_normal(shape).astype(np.float32)}
    more = True
    while more:
        job.take(feed, shape[0])
        more = job.turn()
    return job.made()[0]


def weights_of(folder: Path, variant: onnx.ModelProto) -> WeightsFound:
    onnx.save(variant, folder / "int8.onnx")
    return weights_in(folder / "float.onnx", folder / "int8.onnx")


def with_steps(variant: onnx.ModelProto, name: str, change: Change) -> onnx.ModelProto:
    """Another scale of the weight whose codes have a name that begins so."""
    changed = onnx.ModelProto.FromString(variant.SerializeToString())
    back = [node for node in changed.graph.node if node.op_type == "DequantizeLinear"]
    (scale,) = (node.input[1] for node in back if node.input[0].startswith(name))
    (tensor,) = (each for each in changed.graph.initializer if each.name == scale)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)).astype(np.float32), scale))
    return changed


@pytest.mark.parametrize("keys", KEYS)
def test_what_our_recipes_balance_is_taken_back(tmp_path, keys):
    for net in NETS if keys != "with a Mul" else ("convolutions", "attention_like"):
        told = weights_of(tmp_path, made(tmp_path, net, KEYS[keys]))

        assert told.others == (), net
        assert told.scaled + told.rounded == told.compared >= 2
        assert told.scaled


FAULTS: dict[str, tuple[Change, float | None]] = {
    "of another checkpoint": (lambda steps: steps * 1.03, 1.03),
    "too large": (lambda steps: steps * 2, 2.0),
    "of other channels": (lambda steps: steps[::-1], None),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("keys", [{}, *KEYS.values()], ids=["plain", *KEYS])
def test_a_factor_that_nothing_takes_back_is_seen(tmp_path, keys, fault):
    change, factor = FAULTS[fault]
    variant = made(tmp_path, "attention_like", keys)

    told = weights_of(tmp_path, with_steps(variant, "w1", change))

    assert "w1" in {each.name[:2] for each in told.others}
    assert all(each.is_scaled for each in told.others)
    if not keys:
        (other,) = told.others
        assert other.factor == (None if factor is None else pytest.approx(factor, rel=0.005))


def test_one_channel_of_another_scale_is_named(tmp_path):
    variant = made(tmp_path, "attention_like", {})

    told = weights_of(tmp_path, with_steps(variant, "wq", lambda steps: steps * np.where(np.arange(8) == 3, 3, 1)))

    assert [each.channel for each in told.others] == [3]


def factors(outputs: np.ndarray, inputs: np.ndarray) -> Factors:
    return Factors(Side.of(outputs), Side.of(inputs))


def test_a_single_factor_of_a_mul_that_went_explains_a_factor_of_all():
    of_all = {"w": factors(np.full(8, 0.125), np.ones(8))}

    assert uncompensated(of_all, [], [float(np.log(8.0))]) == {}
    assert uncompensated(of_all, [], [])["w"].factor == pytest.approx(0.125)


@pytest.mark.parametrize("lowest", [0.9, 0.92, 0.95])
def test_a_nearly_flat_vector_explains_a_factor_of_all(lowest):
    """NNCF's SmoothQuant puts a Mul with operands of 0.92 to 0.95 before a weight: its inputs look like one factor."""
    smoothing = np.random.default_rng(0).uniform(lowest, 0.95, 96)
    of_all = {"w": factors(np.ones(40), 1 / smoothing)}
    norm = np.random.default_rng(1).uniform(0.5, 2, 40)
    both = {"w": factors(norm, 1 / smoothing)}

    assert uncompensated(of_all, [Side.of(smoothing)], []) == {}
    assert uncompensated(both, [Side.of(smoothing), Side.of(norm).inverse], []) == {}
    for without in ([], [Side.of(1.1 * smoothing)], [Side.of(smoothing[:36])]):
        assert set(uncompensated(of_all, without, [])) == {"w"}
        assert set(uncompensated(both, [*without, Side.of(norm).inverse], [])) == {"w"}


def test_a_norm_explains_its_channels_with_their_signs():
    numbers = np.random.default_rng(0).uniform(0.5, 2, 16) * np.where(np.arange(16) % 3, 1, -1)
    scaled = {"w": factors(np.ones(4), numbers)}

    assert uncompensated(scaled, [Side.of(numbers).inverse], []) == {}
    assert set(uncompensated(scaled, [Side.of(np.abs(numbers)).inverse], [])) == {"w"}
    assert set(uncompensated(scaled, [Side.of(1.1 * numbers).inverse], [])) == {"w"}


def test_zeroed_channels_do_not_hide_factors_of_others():
    """Nothing is known of a weight of which little but 0 is left: it excuses those before it. Zeroed ones do not."""
    random = np.random.default_rng(0)
    w = random.standard_normal((48, 24))
    steps = np.repeat(np.abs(w).max(axis=1, keepdims=True) / 127, 24, axis=1)
    codes = np.rint(w / steps).astype(np.int32)
    codes[:, :6] = 0
    zeroed = agreement(w, Rounded(codes, np.zeros(w.shape), steps, 8), 0, 1)
    before = factors(random.uniform(0.5, 2, 24), np.ones(8))

    assert zeroed.zeroed_inputs == (0, 1, 2, 3, 4, 5)
    assert set(uncompensated({"before": before, "zeroed": zeroed.factors}, [], [])) == {"before"}
