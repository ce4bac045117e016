"""Each cause of a constant operand, from a weight that is damaged in one way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.diagnose.causes.cause import Cause, Suspect
from pytest_qparity.diagnose.causes.constants import constant_suspect
from pytest_qparity.diagnose.pairs.constants import constant_measures
from pytest_qparity.diagnose.pairs.models import Models
from tests.models import save


def gemm(weight: np.ndarray, bias: np.ndarray, *, bits: int = 8, per_channel: bool = True) -> onnx.ModelProto:
    """logits = x · dequantized codes of `weight` (in, out) + bias; plain floats where `bits` is 0."""
    constants = {"b": bias.astype(np.float32)}
    nodes = []
    name = "w"
    if bits:
        largest = np.abs(weight).max(axis=0) if per_channel else np.full(weight.shape[1], np.abs(weight).max())
        scale = (np.maximum(largest, 1e-6) / (2 ** (bits - 1) - 1)).astype(np.float32)
        constants |= {
            "codes": np.rint(weight / scale).astype(np.int8),
            "scale": scale,
            "zero": np.zeros(scale.shape, np.int8),
        }
        nodes.append(helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["wd"], name="wdq", axis=1))
        name = "wd"
    else:
        constants["w"] = weight.astype(np.float32)
    nodes.append(helper.make_node("Gemm", ["x", name, "b"], ["logits"], name="fc"))
    graph = helper.make_graph(
        nodes,
        "gemm",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", weight.shape[0]])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", weight.shape[1]])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def weight() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((24, 6))


@pytest.fixture
def bias() -> np.ndarray:
    return np.random.default_rng(1).standard_normal(6)


def suspects(folder: Path, weight: np.ndarray, bias: np.ndarray, variant: onnx.ModelProto) -> dict[str, Suspect]:
    """By role."""
    reference = save(gemm(weight, bias, bits=0), folder / "float.onnx")
    models = Models(reference, save(variant, folder / "variant.onnx"), folder)
    found = constant_measures(models.reference, models.variant, models.pairing)
    return {each.role: constant_suspect(each, {"fc": "Gemm"}, "int8") for each in found}


def test_a_rounded_weight_is_rounding(tmp_path: Path, weight: np.ndarray, bias: np.ndarray) -> None:
    found = suspects(tmp_path, weight, bias, gemm(weight, bias))

    assert found["weight"].cause is Cause.ROUNDING
    assert "bias" not in found  # bit for bit the same


def test_four_bits_are_rounding_too(tmp_path: Path, weight: np.ndarray, bias: np.ndarray) -> None:
    assert suspects(tmp_path, weight, bias, gemm(weight, bias, bits=4))["weight"].cause is Cause.ROUNDING


def test_a_channel_with_its_sign_turned_is_named(tmp_path: Path, weight: np.ndarray, bias: np.ndarray) -> None:
    damaged = weight.copy()
    damaged[:, 4] *= -1
    suspect = suspects(tmp_path, weight, bias, gemm(damaged, bias))["weight"]

    assert suspect.cause is Cause.FLIPPED_CHANNEL
    assert suspect.numbers["channels"] == [4]


def test_channels_in_each_others_place_are_named(tmp_path: Path, weight: np.ndarray, bias: np.ndarray) -> None:
    damaged = weight[:, [0, 3, 2, 1, 4, 5]]
    suspect = suspects(tmp_path, weight, bias, gemm(damaged, bias))["weight"]

    assert suspect.cause is Cause.SWAPPED_CHANNELS
    assert suspect.numbers["channels"] == [[1, 3], [3, 1]]


def test_channels_that_resemble_one_another_are_swapped_all_the_same(
    tmp_path: Path, weight: np.ndarray, bias: np.ndarray
) -> None:
    alike = weight.copy()
    alike[:, 1] = 0.75 * alike[:, 3] + 0.66 * alike[:, 1]
    suspect = suspects(tmp_path, alike, bias, gemm(alike[:, [0, 3, 2, 1, 4, 5]], bias))["weight"]

    assert suspect.cause is Cause.SWAPPED_CHANNELS


def test_a_channel_of_another_scale_is_named(tmp_path: Path, weight: np.ndarray, bias: np.ndarray) -> None:
    damaged = weight * np.where(np.arange(6) == 2, 3.0, 1.0)
    suspect = suspects(tmp_path, weight, bias, gemm(damaged, bias))["weight"]

    assert suspect.cause is Cause.WRONG_WEIGHT_SCALE
    assert suspect.numbers["channels"] == [2]
    assert suspect.numbers["gain"] == pytest.approx(3.0, abs=0.05)


def test_another_weight_is_told(tmp_path: Path, weight: np.ndarray, bias: np.ndarray) -> None:
    other = np.random.default_rng(9).standard_normal(weight.shape)

    assert suspects(tmp_path, weight, bias, gemm(other, bias))["weight"].cause is Cause.WRONG_WEIGHT


def test_noise_of_a_few_steps_is_another_weight_long_before_it_is_so_for_four_bits(
    tmp_path: Path, weight: np.ndarray, bias: np.ndarray
) -> None:
    noisy = weight + np.random.default_rng(5).normal(0.0, 0.02, weight.shape) * np.abs(weight).max(axis=0)

    suspect = suspects(tmp_path, weight, bias, gemm(noisy, bias))["weight"]

    assert suspect.cause is Cause.WRONG_WEIGHT
    assert suspect.relative < 0.05
    assert 2.0 < suspect.numbers["rms_steps"] < 3.5
    assert "of its own steps away" in suspect.sentence


def test_noise_in_one_channel_is_told_of_it(tmp_path: Path, weight: np.ndarray, bias: np.ndarray) -> None:
    noisy = weight.copy()
    noisy[:, 3] += np.random.default_rng(5).normal(0.0, 0.03, 24) * np.abs(weight[:, 3]).max()

    suspect = suspects(tmp_path, weight, bias, gemm(noisy, bias))["weight"]

    assert (suspect.cause, suspect.numbers["channels"]) == (Cause.WRONG_WEIGHT, [3])
    assert suspect.sentence.startswith("Channel 3 of the weight")


def test_a_channel_a_tenth_longer_has_another_scale(tmp_path: Path, weight: np.ndarray, bias: np.ndarray) -> None:
    suspect = suspects(tmp_path, weight, bias, gemm(weight * np.where(np.arange(6) == 2, 1.1, 1.0), bias))["weight"]

    assert (suspect.cause, suspect.numbers["channels"]) == (Cause.WRONG_WEIGHT_SCALE, [2])


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("per_channel", [True, False])
def test_rounding_to_either_code_beside_a_value_is_rounding(
    tmp_path: Path, weight: np.ndarray, bias: np.ndarray, bits: int, per_channel: bool
) -> None:
    """As makers do that round for the sake of the products: up to a whole step."""
    variant = gemm(weight, bias, bits=bits, per_channel=per_channel)
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in variant.graph.initializer}
    exact = weight / held["scale"]
    up = np.random.default_rng(2).random(weight.shape) < exact - np.floor(exact)
    codes = (np.floor(exact) + up).astype(np.int8)
    next(t for t in variant.graph.initializer if t.name == "codes").CopyFrom(numpy_helper.from_array(codes, "codes"))

    suspect = suspects(tmp_path, weight, bias, variant)["weight"]

    assert suspect.cause is Cause.ROUNDING
    assert 0.3 < suspect.numbers["rms_steps"] < 0.6


def test_rounding_to_the_nearest_is_told_as_such(tmp_path: Path, weight: np.ndarray, bias: np.ndarray) -> None:
    suspect = suspects(tmp_path, weight, bias, gemm(weight, bias, per_channel=False))["weight"]

    assert suspect.numbers["rms_steps"] == pytest.approx(12**-0.5, abs=0.03)
    assert "nothing is wrong with its weight" in suspect.remedy


def test_one_scale_for_channels_far_apart_wants_one_each(tmp_path: Path, weight: np.ndarray, bias: np.ndarray) -> None:
    wide = weight * np.where(np.arange(6) == 3, 0.01, 1.0)
    suspect = suspects(tmp_path, wide, bias, gemm(wide, bias, per_channel=False))["weight"]

    assert suspect.cause is Cause.OUTLIER_CHANNEL
    assert suspect.numbers["channel"] == 3
    assert 'granularity = "channel"' in suspect.key


def test_another_bias_is_told(tmp_path: Path, weight: np.ndarray, bias: np.ndarray) -> None:
    suspect = suspects(tmp_path, weight, bias, gemm(weight, 6 * bias))["bias"]

    assert suspect.cause is Cause.WRONG_BIAS
    assert suspect.numbers["ratio"] == pytest.approx(6.0)
