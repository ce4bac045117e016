"""Pairs that makers leave behind: folded norms, folded Relus, files of other tools, weights outside, subgraphs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_static

from pytest_qparity.diagnose.causes.cause import Cause
from pytest_qparity.diagnose.causes.suspects import suspects
from pytest_qparity.diagnose.measures import Measured
from pytest_qparity.precision.pairs.splicing import Change
from tests.diagnose.sides import Reader, comparison, quantize_node, quantized
from tests.models import checked, inputs_for_mlp, mlp, save, small_cnn
from tests.precision.graphs import with_subgraphs


def images(samples: int = 24) -> dict[str, np.ndarray]:
    return {"input": np.random.default_rng(3).standard_normal((samples, 1, 8, 8)).astype(np.float32)}


def stock(model: onnx.ModelProto, arrays: dict[str, np.ndarray], folder: Path, **options) -> tuple[Path, Path]:
    """A float model and what ONNX Runtime's quantizer makes of it."""
    reference, variant = save(model, folder / "float.onnx"), folder / "stock.onnx"
    quantize_static(reference, variant, Reader(arrays), **options)
    return reference, variant


def normed() -> onnx.ModelProto:
    """input → Conv → BatchNormalization → Relu → Conv → logits."""
    random = np.random.default_rng(0)
    constants = {
        "k1": random.standard_normal((6, 1, 3, 3)) / 3,
        "gamma": random.uniform(0.5, 3.0, 6),
        "beta": random.standard_normal(6) / 5,
        "mean": random.standard_normal(6) / 5,
        "variance": random.uniform(0.2, 2.0, 6),
        "k2": random.standard_normal((4, 6, 3, 3)) / 7,
    }
    nodes = [
        helper.make_node("Conv", ["input", "k1"], ["c1"], name="conv1", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c1", "gamma", "beta", "mean", "variance"], ["n1"], name="norm1"),
        helper.make_node("Relu", ["n1"], ["r1"], name="relu1"),
        helper.make_node("Conv", ["r1", "k2"], ["logits"], name="conv2", pads=[1, 1, 1, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "normed",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 4, 8, 8])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in constants.items()],
    )
    return checked(graph, 17)


def measured_of(reference: Path, variant: Path, arrays: dict[str, np.ndarray]) -> Measured:
    with comparison(reference, variant, arrays) as both:
        return both.measure()


def test_a_norm_that_is_in_the_weights_is_no_other_weight(tmp_path: Path) -> None:
    sides = quantized(normed(), images(), tmp_path)
    assert not any(node.op_type == "BatchNormalization" for node in onnx.load(sides[1]).graph.node)

    with comparison(*sides, images()) as both:
        measured = both.measure()
        whole = both.floated(
            Change(
                activations=tuple(each.name for each in measured.activations),
                constants=tuple((each.node, each.index) for each in measured.constants),
            )
        )

    first = next(layer for layer in measured.layers if layer.node == "conv1")
    assert first.tensor == "n1"
    assert first.own is not None
    assert first.own.sqnr_db > 30.0
    assert {each.node: each.relative < 1e-3 for each in measured.constants if each.role == "weight"} == {
        "conv1": True,
        "conv2": True,
    }
    assert whole.relative < 1e-8  # the bias that the norm became is rounded to int32


def test_a_relu_that_a_range_stands_for_is_not_dropped(tmp_path: Path) -> None:
    """ONNX Runtime's quantizer takes Relu nodes away in front of an asymmetric uint8 range, which clamps at 0."""
    sides = stock(small_cnn(), images(), tmp_path, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    assert not any(node.op_type == "Relu" for node in onnx.load(sides[1]).graph.node)

    measured = measured_of(*sides, images())

    found = suspects(measured, ["input"], "int8")
    assert [layer.node for layer in measured.layers if layer.absent] == ["relu1", "relu2"]
    assert not any(each.cause is Cause.DROPPED_RELU for each in found)


def with_range_behind(sides: tuple[Path, Path], node: str, factor: float, zero_point: int) -> None:
    """Give what rounds a node's output another range: `factor` times its scale, and a zero point."""
    model = onnx.load(sides[1])
    behind = next(n for n in model.graph.node if n.name == node).output[0]
    quantize = quantize_node(model, behind)
    scale = next(t for t in model.graph.initializer if t.name == quantize.input[1])
    own = {"own_scale": numpy_helper.to_array(scale) * np.float32(factor), "own_zero": np.array(zero_point, np.uint8)}
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in own.items())
    for each in model.graph.node:
        if each is quantize or (each.op_type == "DequantizeLinear" and each.input[0] == quantize.output[0]):
            each.input[1:3] = list(own)
    onnx.save(model, sides[1])


def test_a_range_that_goes_below_zero_is_no_relu(tmp_path: Path) -> None:
    sides = stock(small_cnn(), images(), tmp_path, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    with_range_behind(sides, "conv1", 2.0, 128)

    found = suspects(measured_of(*sides, images()), ["input"], "int8")

    assert [each.node for each in found if each.cause is Cause.DROPPED_RELU] == ["relu1"]
    assert [each.cause for each in found if each.tensor == "r1"] == [Cause.DROPPED_RELU]  # the range is not told twice


def test_a_range_that_clips_what_a_folded_relu_lets_through_is_saturated_and_no_dropped_relu(tmp_path: Path) -> None:
    sides = stock(small_cnn(), images(), tmp_path, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    with_range_behind(sides, "conv1", 1 / 6, 0)

    measured = measured_of(*sides, images())

    found = suspects(measured, ["input"], "int8")
    assert [each.cause for each in found if each.tensor == "r1"] == [Cause.RANGE_SATURATED]
    assert next(each.own.relative for each in measured.layers if each.node == "relu1" and each.own) == 0.0


def test_a_range_may_clip_and_lack_its_relu_at_once(tmp_path: Path) -> None:
    sides = stock(small_cnn(), images(), tmp_path, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    with_range_behind(sides, "conv1", 1 / 3, 128)

    found = suspects(measured_of(*sides, images()), ["input"], "int8")

    assert {each.cause for each in found if each.tensor == "r1"} == {Cause.RANGE_SATURATED, Cause.DROPPED_RELU}


@pytest.mark.parametrize("per_channel", [False, True])
def test_files_of_onnxruntimes_quantizer_are_paired_whole(tmp_path: Path, per_channel: bool) -> None:
    sides = stock(mlp(), {"input": inputs_for_mlp(24)}, tmp_path, per_channel=per_channel)

    measured = measured_of(*sides, {"input": inputs_for_mlp(24)})

    assert measured.unmatched == ()
    assert measured.unread == ()
    assert {each.node for each in measured.constants if each.role == "weight"} == {"first", "second"}
    assert max(each.relative for each in measured.constants) < 1e-3
    assert {each.tensor for each in measured.activations} >= {"input", "active"}


def test_weights_outside_the_file_are_read(tmp_path: Path) -> None:
    reference, variant = quantized(mlp(hidden=64), {"input": inputs_for_mlp(24)}, tmp_path)
    before = measured_of(reference, variant, {"input": inputs_for_mlp(24)})
    outside = tmp_path / "outside"
    outside.mkdir()
    onnx.save(
        onnx.load(reference), outside / "float.onnx", save_as_external_data=True, location="weights", size_threshold=0
    )

    after = measured_of(outside / "float.onnx", variant, {"input": inputs_for_mlp(24)})

    assert after.layers == before.layers


def test_a_branch_is_compared_as_one_node(tmp_path: Path) -> None:
    model = with_subgraphs()
    arrays = {"x": np.random.default_rng(0).standard_normal((1, 8)).astype(np.float32)}
    reference, variant = save(model, tmp_path / "a.onnx"), tmp_path / "b.onnx"
    damaged = with_subgraphs()
    weight = next(tensor for tensor in damaged.graph.initializer if tensor.name == "w")
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * np.float32(1.5), "w"))
    onnx.save(damaged, variant)

    found = {layer.node: layer.own.relative for layer in measured_of(reference, variant, arrays).layers if layer.own}

    assert found["matmul"] == pytest.approx(0.25)
    assert found["if"] == 0.0


def test_a_float16_variant_has_layers_to_keep_float(tmp_path: Path) -> None:
    from pytest_qparity.precision.cast import make_fp16
    from pytest_qparity.precision.graph import float_graph
    from pytest_qparity.precision.recipes import CastRecipe

    reference, arrays = save(mlp(), tmp_path / "a.onnx"), {"input": inputs_for_mlp(24)}
    made, _ = make_fp16(float_graph(reference), CastRecipe((), to="fp16"))
    variant = save(made, tmp_path / "b.onnx")

    with comparison(reference, variant, arrays) as both:
        before = both.measure()
        after = both.floated(Change(nodes=("first", "relu", "second"))).relative
        last = both.floated(Change(nodes=("second",))).relative

    assert before.relative > 0.0
    assert after < 0.8 * before.relative
    assert last < before.relative
    assert {each.cause for each in suspects(before, ["input"], "fp16")} == {Cause.ROUNDING}
