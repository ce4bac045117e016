from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.precision.contradictions import contradictions
from pytest_qparity.precision.kept import require_kept
from pytest_qparity.precision.mixing import make_mixed
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import save, small_cnn
from tests.precision.graphs import FLOAT, model_of, weights, with_subgraphs
from tests.precision.making import dequantized, least_sqnr_db, outputs_of


class Reader(CalibrationDataReader):
    def __init__(self, feeds: list[dict[str, np.ndarray]]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


def feed(*shape: int, seed: int = 3) -> dict[str, np.ndarray]:
    return {"input": np.random.default_rng(seed).standard_normal(shape).astype(np.float32)}


def stock(model: onnx.ModelProto, folder: Path, first: dict[str, np.ndarray], **options) -> tuple[Path, Path]:
    """The float model, and what `quantize_static` makes of it by its defaults."""
    path = save(model, folder / "float.onnx")
    quantize_static(path, folder / "stock.onnx", Reader([first]), **options)
    return path, folder / "stock.onnx"


def attention() -> onnx.ModelProto:
    """Scores that meet a mask of −10000 ahead of their Softmax: eight bits leave them no step."""
    nodes = [
        helper.make_node("MatMul", ["input", "w"], ["scores"], name="scores"),
        helper.make_node("Add", ["scores", "mask"], ["masked"], name="mask_add"),
        helper.make_node("Softmax", ["masked"], ["weights"], name="softmax", axis=-1),
        helper.make_node("MatMul", ["weights", "v"], ["y"], name="mix"),
    ]
    constants = {"w": weights(8, 6) * 3, "mask": np.array([0, 0, 0, 0, -1e4, -1e4], np.float32), "v": weights(6, 8)}
    return model_of(nodes, [("input", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 8])], constants)


def test_the_node_that_loses_the_accuracy_reads_what_was_there_before_it_was_rounded(tmp_path):
    model, given = stock(attention(), tmp_path, feed(16, 8))
    exact = outputs_of(onnx.load(model), feed(16, 8, seed=4))

    made, notes = make_mixed(model, given, ["mask_add", "softmax"], "int8")

    before = least_sqnr_db(exact, outputs_of(onnx.load(given), feed(16, 8, seed=4)))
    after = least_sqnr_db(exact, outputs_of(made, feed(16, 8, seed=4)))
    assert before < 10 < 30 < after
    assert dequantized(made, "softmax") == [False]
    assert dequantized(made, "mix") == [True, True]
    assert notes == ("2 nodes of stock.onnx are float again",)


def test_all_nodes_float_again_give_what_the_float_model_gives(tmp_path):
    model, given = stock(small_cnn(), tmp_path, feed(4, 1, 8, 8))
    loaded = onnx.load(model)

    made, _ = make_mixed(model, given, [node.name for node in loaded.graph.node], "int8")

    exact, got = (outputs_of(each, feed(4, 1, 8, 8, seed=4), optimized=False) for each in (loaded, made))
    assert np.array_equal(exact[0], got[0])
    assert not any("Linear" in node.op_type for node in made.graph.node)


def summed(*, opset: int = 17) -> onnx.ModelProto:
    """MatMul and Add, which ONNX Runtime and our placement make one Gemm of, behind a Squeeze with axes."""
    nodes = [
        helper.make_node("Constant", [], ["axes"], name="axes", value_ints=[1]),
        helper.make_node("Squeeze", ["input", "axes"], ["flat"], name="squeeze"),
        helper.make_node("MatMul", ["flat", "w"], ["product"], name="product"),
        helper.make_node("Add", ["product", "b"], ["sum"], name="sum"),
        helper.make_node("Relu", ["sum"], ["active"], name="relu"),
        helper.make_node("MatMul", ["active", "v"], ["y"], name="last"),
    ]
    if opset < 13:  # axes are an attribute there
        nodes[:2] = [helper.make_node("Squeeze", ["input"], ["flat"], name="squeeze", axes=[1])]
    constants = {"w": weights(8, 8), "b": 5 * weights(8, seed=1), "v": weights(8, 4, seed=2)}
    return model_of(nodes, [("input", FLOAT, ["N", 1, 8])], [("y", FLOAT, ["N", 4])], constants, opset=opset)


def test_axes_stay_integers_where_their_node_is_float_again(tmp_path):
    """A file of opset 17, made from a model of opset 11, whose axes were no input yet."""
    old = save(summed(opset=11), tmp_path / "old.onnx")
    _, given = stock(onnx.version_converter.convert_version(onnx.load(old), 17), tmp_path, feed(16, 1, 8))

    made, _ = make_mixed(old, given, ["squeeze", "last"], "int8")

    onnx.shape_inference.infer_shapes(made, strict_mode=True)
    onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("kept", [["product"], ["sum"], ["product", "sum"]], ids=" ".join)
def test_a_product_that_a_gemm_has_taken_in_with_its_sum_keeps_the_sum(tmp_path, kept):
    model = save(summed(), tmp_path / "float.onnx")
    settings = onnxruntime.SessionOptions()
    settings.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    onnxruntime.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])
    quantize_static(tmp_path / "optimized.onnx", tmp_path / "stock.onnx", Reader([feed(16, 1, 8)]))
    assert "Gemm" in {node.op_type for node in onnx.load(tmp_path / "stock.onnx").graph.node}

    made, _ = make_mixed(model, tmp_path / "stock.onnx", [*kept, "relu", "last"], "int8")

    exact = outputs_of(onnx.load(model), feed(16, 1, 8, seed=4))
    assert least_sqnr_db(exact, outputs_of(made, feed(16, 1, 8, seed=4))) > 100.0


def test_what_nobody_reads_any_more_is_gone_from_the_file(tmp_path):
    model, given = stock(small_cnn(), tmp_path, feed(4, 1, 8, 8))

    made, _ = make_mixed(model, given, ["classify"], "int8")

    onnx.checker.check_model(made, full_check=True)
    names = {name for node in made.graph.node for name in node.input}
    assert all(tensor.name in names for tensor in made.graph.initializer)
    assert dequantized(made, "classify") == [False, False, False]
    assert dequantized(made, "conv2")[:2] == [True, True]


def test_a_node_that_was_float_already_is_noted(tmp_path):
    model, given = stock(attention(), tmp_path, feed(16, 8), nodes_to_exclude=["mask_add", "softmax"])

    _, notes = make_mixed(model, given, ["mask_add", "softmax"], "int8")

    assert notes[1] == "1 nodes of keep_float were float in stock.onnx already: softmax"


def test_an_operator_on_integers_is_not_taken_apart(tmp_path):
    model, given = stock(attention(), tmp_path, feed(16, 8), quant_format=QuantFormat.QOperator)

    with pytest.raises(CannotJudge, match=r"stock.onnx: got 1 nodes of keep_float .* \(scores\)") as caught:
        make_mixed(model, given, ["scores"], "int8")

    assert caught.value.failure.code is Code.VARIANT_RECIPE


def test_a_node_in_a_body_has_no_counterpart(tmp_path):
    path = save(with_subgraphs(), tmp_path / "float.onnx")

    with pytest.raises(CannotJudge, match=r"\(then_node\)"):
        make_mixed(path, path, ["then_node"], "int8")


@pytest.mark.parametrize(
    ("base", "file", "got"),
    [("int8", "a.engine", "keep_float beside a built engine"), ("fp16", "a.onnx", "keep_float beside a file of fp16")],
)
def test_keep_float_of_what_has_no_nodes_to_give_back_is_refused(base, file, got):
    (wrong,) = contradictions(base, PrecisionSpec(file=file, keep_float=("a",)))

    assert (wrong.key, wrong.got) == ("keep_float", got)


def test_keep_float_beside_a_file_of_integers_holds():
    assert not list(contradictions("int8", PrecisionSpec(file="a.onnx", keep_float=("a",))))


def test_the_made_file_loads_in_onnxruntime(tmp_path):
    model, given = stock(small_cnn(), tmp_path, feed(4, 1, 8, 8))

    made, _ = make_mixed(model, given, ["conv1"], "int8")

    onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])


def read_in_a_body() -> onnx.ModelProto:
    """What a Relu gives is read by a branch alone: ONNX Runtime's quantizer drops the Relu all the same."""
    inner = helper.make_graph(
        [helper.make_node("Identity", ["active"], ["chosen"], name="inner")],
        "body",
        [],
        [helper.make_tensor_value_info("chosen", FLOAT, None)],
    )
    nodes = [
        helper.make_node("Conv", ["input", "k"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["active"], name="relu"),
        helper.make_node("If", ["yes"], ["branch"], name="if", then_branch=inner, else_branch=inner),
        helper.make_node("Add", ["branch", "active"], ["y"], name="sum"),
    ]
    constants = {"k": weights(4, 1, 3, 3), "yes": np.array(True)}
    return model_of(nodes, [("input", FLOAT, [1, 1, 8, 8])], [("y", FLOAT, [1, 4, 8, 8])], constants)


def test_a_relu_that_the_quantizer_dropped_is_there_again_for_bodies_too(tmp_path):
    model, given = stock(read_in_a_body(), tmp_path, feed(1, 1, 8, 8))
    loaded = onnx.load(model)
    assert not any(node.op_type == "Relu" for node in onnx.load(given).graph.node)

    made, _ = make_mixed(model, given, [node.name for node in loaded.graph.node], "int8")

    exact, got = (outputs_of(each, feed(1, 1, 8, 8, seed=4), optimized=False) for each in (loaded, made))
    assert np.array_equal(exact[0], got[0])
    require_kept(made, loaded, ["relu"], "int8")
