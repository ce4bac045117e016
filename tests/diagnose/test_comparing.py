"""Both models over the data: what each layer, quantizer and constant is measured at, and what float again gives."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from pytest_qparity.diagnose.measures import Measured
from pytest_qparity.precision.pairs.splicing import Change
from pytest_qparity.quantmath import INT8, UINT8, dequantize, quantize
from pytest_qparity.verdict import CannotJudge, Code
from tests.diagnose.sides import comparison, constants, quantize_node, quantized, save, set_constant, with_outputs
from tests.models import inputs_for_mlp, mlp, small_cnn


@pytest.fixture
def data() -> dict[str, np.ndarray]:
    return {"input": inputs_for_mlp(24)}


@pytest.fixture
def sides(tmp_path: Path, data: dict[str, np.ndarray]) -> tuple[Path, Path]:
    return quantized(mlp(), data, tmp_path)


def images(samples: int = 16) -> dict[str, np.ndarray]:
    return {"input": np.random.default_rng(3).standard_normal((samples, 1, 8, 8)).astype(np.float32)}


def run(model: onnx.ModelProto, feed: dict[str, np.ndarray], names: list[str]) -> dict[str, np.ndarray]:
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(with_outputs(model, names).SerializeToString(), settings)
    return dict(zip(names, session.run(names, feed), strict=True))


def sqnr_db(output: np.ndarray, golden: np.ndarray) -> float:
    error = output.astype(np.float64) - golden
    return float(10 * np.log10((golden.astype(np.float64) ** 2).sum() / (error**2).sum()))


def test_cumulative_error_is_that_of_the_variant_run_whole(
    sides: tuple[Path, Path], data: dict[str, np.ndarray]
) -> None:
    with comparison(*sides, data) as both:
        measured = both.measure()

    names = ["hidden", "active", "logits"]
    golden, output = (run(onnx.load(path), data, names) for path in sides)
    found = {layer.tensor: layer.cumulative.sqnr_db for layer in measured.layers if layer.cumulative}
    assert found == pytest.approx({name: sqnr_db(output[name], golden[name]) for name in names}, abs=1e-3)
    assert measured.outputs["logits"].sqnr_db == pytest.approx(found["logits"])


def test_own_error_is_that_of_the_layer_fed_with_the_float_models_tensors(
    sides: tuple[Path, Path], data: dict[str, np.ndarray]
) -> None:
    with comparison(*sides, data) as both:
        measured = both.measure()

    golden = run(onnx.load(sides[0]), data, ["hidden", "active", "logits"])
    model = onnx.load(sides[1])
    held = constants(model)
    node = quantize_node(model, "active")
    scale, zero = held[node.input[1]], held[node.input[2]]
    rounded = dequantize(
        quantize(golden["active"], scale, zero, UINT8 if zero.dtype == np.uint8 else INT8), scale, zero
    )
    second = next(node for node in model.graph.node if node.name == "second")
    weight, bias = run(model, data, list(second.input[1:3])).values()
    own = next(layer.own for layer in measured.layers if layer.node == "second")
    assert own is not None
    expected = sqnr_db(rounded @ weight + bias, golden["logits"])
    assert own.sqnr_db == pytest.approx(expected, abs=0.01)


def test_two_halves_say_what_one_group_says_in_four_passes(tmp_path: Path) -> None:
    sides = quantized(small_cnn(), images(), tmp_path)

    with comparison(*sides, images()) as both:
        whole = both.measure()
    with comparison(*sides, images(), one_group_mb=0.0) as both:
        halves = both.measure()

    assert halves.layers == whole.layers
    assert halves.activations == whole.activations
    assert halves.passes["float"] <= 4.0
    assert halves.passes["variant"] <= 4.0
    assert halves.passes["float"] > whole.passes["float"]


def test_with_all_that_rounds_float_again_nothing_is_left_of_the_error(
    sides: tuple[Path, Path], data: dict[str, np.ndarray]
) -> None:
    with comparison(*sides, data) as both:
        measured = both.measure()
        activations = tuple(each.name for each in measured.activations)
        weights = tuple((each.node, each.index) for each in measured.constants)
        rounded = both.floated(Change()).relative
        whole = both.floated(Change(activations=activations, constants=weights)).relative
        nodes = both.floated(Change(nodes=tuple(layer.node for layer in measured.layers))).relative

    assert rounded == pytest.approx(measured.relative)
    assert rounded > 1e-6
    assert (whole, nodes) == (0.0, 0.0)


def test_one_layer_float_takes_its_error_alone(sides: tuple[Path, Path], data: dict[str, np.ndarray]) -> None:
    with comparison(*sides, data) as both:
        before = both.measure().relative
        first, second = (both.floated(Change(nodes=(name,))).relative for name in ("first", "second"))

    assert 0.0 < first < before
    assert 0.0 < second < before


def test_tensors_under_other_names_are_found_by_structure(tmp_path: Path) -> None:
    reference, variant = quantized(small_cnn(), images(), tmp_path)
    model = onnx.load(variant)
    kept = {"input", "logits"} | {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        node.name = f"n{node.name}"
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                names[index] = name if name in kept or not name else f"renamed_{name}"
    del model.graph.value_info[:]
    onnx.save(model, variant)

    with comparison(reference, variant, images()) as both:
        measured = both.measure()

    assert measured.unmatched == ()
    assert [layer.node for layer in measured.layers if layer.own] == [
        "conv1", "relu1", "conv2", "relu2", "pool", "flatten", "classify"
    ]  # fmt: skip


def test_a_tensor_without_counterpart_is_told(sides: tuple[Path, Path], data: dict[str, np.ndarray]) -> None:
    model = onnx.load(sides[1])
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    relu.op_type, relu.name, relu.output[0] = "Abs", "abs", "other"
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name == "active":
                node.input[index] = "other"
    onnx.save(model, sides[1])
    reference = onnx.load(sides[0])
    next(node for node in reference.graph.node if node.op_type == "Relu").op_type = "Sigmoid"
    onnx.save(reference, sides[0])

    with comparison(*sides, data) as both:
        assert both.measure().unmatched == ("active",)


def renamed(names: set[str]) -> onnx.ModelProto:
    """A model with `other_` in front of tensors `names`, or of all nodes and tensors where there are none."""
    model = mlp(seed=5)
    for node in model.graph.node:
        node.name = node.name if names else f"other_{node.name}"
        for each in (node.input, node.output):
            each[:] = [f"other_{name}" if not names or name in names else name for name in each]
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.name = f"other_{value.name}" if not names or value.name in names else value.name
    return model


@pytest.mark.parametrize(
    ("model", "inputs"), [(small_cnn(), "input"), (renamed(set()), "other_input"), (renamed({"input"}), "other_input")]
)
def test_a_model_of_others_is_no_variant(
    sides: tuple[Path, Path], data: dict[str, np.ndarray], tmp_path: Path, model: onnx.ModelProto, inputs: str
) -> None:
    if inputs == "input":  # the same input, and nothing of what is behind it
        for node in model.graph.node:
            node.name, node.output[:] = f"other_{node.name}", [f"other_{name}" for name in node.output]
            node.input[:] = [name if name in ("input", *constants(model)) else f"other_{name}" for name in node.input]
        model.graph.output[0].name = "other_logits"

    with pytest.raises(CannotJudge) as refused:
        comparison(sides[0], save(model, tmp_path / "other.onnx"), data)

    assert refused.value.failure.code is Code.DIAGNOSE_UNPAIRED


def test_an_operator_that_the_cpu_lacks_is_told(sides: tuple[Path, Path], data: dict[str, np.ndarray]) -> None:
    model = onnx.load(sides[1])
    model.graph.node[-1].domain = "nobody.knows"
    model.opset_import.append(onnx.helper.make_opsetid("nobody.knows", 1))
    onnx.save(model, sides[1])

    with pytest.raises(CannotJudge) as refused:
        comparison(*sides, data)

    assert refused.value.failure.code is Code.DIAGNOSE_REFUSED


def test_nothing_is_left_on_disk(
    sides: tuple[Path, Path], data: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    with comparison(*sides, data) as both:
        both.measure()
        assert list(scratch.iterdir())

    assert not list(scratch.iterdir())


def test_what_a_worker_sends_is_what_it_measured(sides: tuple[Path, Path], data: dict[str, np.ndarray]) -> None:
    with comparison(*sides, data, calibration=()) as both:
        measured = both.measure()

    assert Measured.from_json(measured.as_json()) == measured


def test_a_masked_score_of_minus_infinity_is_in_no_sum(tmp_path: Path, data: dict[str, np.ndarray]) -> None:
    model = mlp()
    mask = np.where(np.arange(4) == 2, -np.inf, 0.0).astype(np.float32)
    model.graph.node[-1].output[0] = "scores"
    model.graph.node.append(onnx.helper.make_node("Add", ["scores", "mask"], ["logits"], name="mask_add"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(mask, "mask"))
    sides = quantized(model, data, tmp_path)

    with comparison(*sides, data) as both:
        measured = both.measure()

    assert measured.outputs["logits"].not_finite == 0
    assert measured.outputs["logits"].sqnr_db > 20.0


def test_a_damaged_weight_shows_at_its_constant_alone(sides: tuple[Path, Path], data: dict[str, np.ndarray]) -> None:
    model = onnx.load(sides[1])
    name = next(n.input[1] for n in model.graph.node if n.op_type == "DequantizeLinear" and n.input[0].startswith("w2"))
    set_constant(model, name, constants(model)[name] * 2)
    onnx.save(model, sides[1])

    with comparison(*sides, data) as both:
        measured = both.measure()

    relative = {each.node: each.relative for each in measured.constants if each.role == "weight"}
    assert relative["second"] == pytest.approx(1.0, abs=0.1)
    assert relative["first"] < 1e-3
