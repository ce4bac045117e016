"""Nodes of a variant that compute something else, whatever is rounded around them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_static

from pytest_qparity.diagnose.causes.cause import Cause, Suspect
from pytest_qparity.diagnose.causes.suspects import suspects
from pytest_qparity.diagnose.measures import Measured
from pytest_qparity.precision.cast import make_fp16
from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.recipes import CastRecipe
from tests.diagnose.sides import Reader, comparison, quantized, save
from tests.diagnose.zoo import KINDS, branches, samples
from tests.models import inputs_for_mlp, mlp

Sides = tuple[Path, Path]
ARRAYS = {"input": samples("branches", 1, 32)}


def stock(model: onnx.ModelProto, arrays: dict[str, np.ndarray], folder: Path, **options) -> Sides:
    reference, variant = save(model, folder / "float.onnx"), folder / "stock.onnx"
    quantize_static(reference, variant, Reader(arrays), weight_type=QuantType.QInt8, **options)
    return reference, variant


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    return stock(branches(1), ARRAYS, tmp_path, activation_type=QuantType.QUInt8, per_channel=True)


def damage(variant: Path, change: Callable[[dict[str, onnx.NodeProto]], None]) -> None:
    model = onnx.load(variant)
    change({node.name: node for node in model.graph.node})
    onnx.save(model, variant)


def measured_of(sides: Sides, arrays: dict[str, np.ndarray] = ARRAYS) -> Measured:
    with comparison(*sides, arrays) as both:
        return both.with_unrounded(both.measure())


@pytest.fixture
def every_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at layers of a small error too."""
    monkeypatch.setattr("pytest_qparity.diagnose.comparing.PLAIN", 0.0)


def otherwise(measured: Measured) -> list[Suspect]:
    return [each for each in suspects(measured, ["input"], "int8") if each.cause is Cause.COMPUTES_OTHERWISE]


def test_operands_in_another_order_compute_something_else(sides: Sides) -> None:
    def swap(nodes: dict[str, onnx.NodeProto]) -> None:
        nodes["joined"].input[:] = reversed(nodes["joined"].input)

    damage(sides[1], swap)

    (found,) = otherwise(measured_of(sides))

    assert (found.node, found.key) == ("joined", "")
    assert "another order" in found.sentence
    assert "how the file was made" in found.remedy


@pytest.mark.parametrize(("node", "operator"), [("sum", "Sub"), ("pool", "AveragePool"), ("average", "GlobalMaxPool")])
def test_another_operator_is_named_with_what_stands_there(sides: Sides, node: str, operator: str) -> None:
    def replace(nodes: dict[str, onnx.NodeProto]) -> None:
        nodes[node].op_type = operator

    damage(sides[1], replace)

    with comparison(*sides, ARRAYS) as both:
        measured = both.with_unrounded(both.measure())
        (found,) = otherwise(measured)
        again = both.floated(found.change).relative

    assert found.node == node
    assert found.numbers["operator"] == operator
    assert f"computes {operator} in the place of" in found.sentence
    assert again < 0.1 * measured.relative


def test_an_operand_from_elsewhere_computes_something_else(sides: Sides) -> None:
    def rewire(nodes: dict[str, onnx.NodeProto]) -> None:
        nodes["branch_b"].input[0] = nodes["body"].input[0]  # ahead of the sum, in place of behind it

    damage(sides[1], rewire)

    assert [each.node for each in otherwise(measured_of(sides))] == ["branch_b"]


@pytest.mark.usefixtures("every_layer")
@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("activation_type", [QuantType.QUInt8, QuantType.QInt8])
def test_nothing_is_left_of_a_sound_file_of_onnxruntimes_quantizer(
    tmp_path: Path, kind: str, activation_type: QuantType
) -> None:
    arrays = {"input": samples(kind, 3, 32)}

    measured = measured_of(stock(KINDS[kind](3), arrays, tmp_path, activation_type=activation_type), arrays)

    left = {layer.node: layer.unrounded.relative for layer in measured.layers if layer.unrounded is not None}
    assert len(left) > 2
    assert max(left.values()) < 1e-9
    assert not otherwise(measured)


@pytest.mark.usefixtures("every_layer")
@pytest.mark.parametrize("target", ["ort", "any"])
def test_nothing_is_left_of_a_sound_variant_of_this_project(tmp_path: Path, target: str) -> None:
    measured = measured_of(quantized(branches(2), ARRAYS, tmp_path, target))

    left = [layer.unrounded.relative for layer in measured.layers if layer.unrounded is not None]
    assert len(left) > 2
    assert max(left) < 1e-9


@pytest.mark.usefixtures("every_layer")
def test_nothing_but_its_own_rounding_is_left_of_a_cast_variant(tmp_path: Path) -> None:
    reference = save(branches(2), tmp_path / "float.onnx")
    made, _ = make_fp16(float_graph(reference), CastRecipe((), to="fp16"))

    measured = measured_of((reference, save(made, tmp_path / "half.onnx")))

    left = [layer.unrounded.relative for layer in measured.layers if layer.unrounded is not None]
    assert len(left) > 2
    assert 0.0 < max(left) < 1e-5
    assert not otherwise(measured)


def test_what_rounds_by_other_nodes_is_not_taken_for_another_operator(tmp_path: Path) -> None:
    """An emulation rounds by arithmetic, which no pair can be taken out of."""
    reference, variant = save(mlp(), tmp_path / "float.onnx"), tmp_path / "emulated.onnx"
    model = mlp()
    added = {"step": np.float32(0.5), "other_step": np.float32(0.5)}
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(each), name) for name, each in added.items())
    index = next(i for i, node in enumerate(model.graph.node) if node.name == "second")
    chain = [
        helper.make_node("Div", ["active", "step"], ["steps"], name="d"),
        helper.make_node("Round", ["steps"], ["whole"], name="r"),
        helper.make_node("Mul", ["whole", "other_step"], ["back"], name="m"),
    ]
    model.graph.node[index].input[0] = "back"
    for node in reversed(chain):
        model.graph.node.insert(index, node)
    save(model, variant)

    measured = measured_of((reference, variant), {"input": inputs_for_mlp(24)})

    second = next(layer for layer in measured.layers if layer.node == "second")
    assert second.own is not None
    assert second.own.relative > 1e-3
    assert second.unrounded is None
    assert not otherwise(measured)


def test_what_a_worker_sends_of_operators_is_what_it_measured(sides: Sides) -> None:
    measured = measured_of(sides)

    assert Measured.from_json(measured.as_json()) == measured
    assert any(layer.unrounded is not None for layer in measured.layers)


def _weight(random: np.random.Generator) -> np.ndarray:
    """The first column small: what is divided by little is little."""
    return (random.standard_normal((16, 4)) * [0.01, 1.0, 1.0, 1.0]).astype(np.float32)


def scaled(operator: str, constant: np.ndarray, *, rounded: bool, opset: int = 17) -> onnx.ModelProto:
    """input → MatMul → `operator` with a constant of each channel, as it is or rounded to int8 → logits."""
    random = np.random.default_rng(0)
    constants = {"w": _weight(random), "c": constant.astype(np.float32)}
    nodes = [helper.make_node("MatMul", ["input", "w"], ["product"], name="product")]
    operand = "c"
    if rounded:
        scale = np.float32(np.abs(constant).max() / 127)
        constants["codes"] = np.rint(constant / scale).astype(np.int8)
        constants |= {"scale": scale, "zero": np.int8(0)}
        nodes.append(helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["real"], name="real"))
        operand = "real"
    nodes.append(helper.make_node(operator, ["product", operand], ["logits"], name="last"))
    graph = helper.make_graph(
        nodes,
        "scaled",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 16])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


DIVISOR = np.array([0.1, 1.7, 2.3, 2.9])
INPUTS = {"input": inputs_for_mlp(24)}


def test_a_product_with_the_rounded_reciprocal_divides_and_a_sum_does_not(tmp_path: Path) -> None:
    reference = save(scaled("Div", DIVISOR, rounded=False), tmp_path / "float.onnx")
    same = save(scaled("Mul", 1 / DIVISOR, rounded=True), tmp_path / "same.onnx")
    other = save(scaled("Add", DIVISOR, rounded=True), tmp_path / "other.onnx")

    sound = measured_of((reference, same), INPUTS)
    (layer,) = [each for each in sound.layers if each.unrounded is not None]

    assert (layer.node, layer.stand_in, layer.constants_rounded) == ("last", "Mul", True)
    assert layer.unrounded is not None
    assert layer.unrounded.relative > 1e-3  # the smallest reciprocal has few codes
    assert not otherwise(sound)
    assert [each.node for each in otherwise(measured_of((reference, other), INPUTS))] == ["last"]


def test_another_operator_of_another_opset_is_left_unmatched(tmp_path: Path) -> None:
    """Its attributes may be inputs there: it cannot be put in the place of the float model's."""
    reference = save(scaled("Div", DIVISOR, rounded=False), tmp_path / "float.onnx")
    other = save(scaled("Add", DIVISOR, rounded=True, opset=18), tmp_path / "other.onnx")

    assert not otherwise(measured_of((reference, other), INPUTS))
