"""What rules see of a model: types and shapes by inference, constants wherever they lie, and no copy of large ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from pytest_qparity.checks.linting.finding import Weight
from pytest_qparity.checks.linting.fixing import mended
from pytest_qparity.checks.linting.view import LARGEST_INFERRED, View, named, view_of
from pytest_qparity.verdict import CannotJudge, Code
from tests.checks.linting.files import FLOAT, activation, conv, findings, ids, model_of, node, pair, scalar, weights
from tests.models import save


def viewed(model: onnx.ModelProto, folder: Path) -> View:
    return view_of(save(model, folder / "model.onnx"))


def test_types_and_shapes_that_the_file_does_not_state_are_inferred(tmp_path: Path) -> None:
    body = viewed(conv(behind=[node("Relu", "c")]), tmp_path).bodies[0]

    assert (body.values["c"].type, body.values["c"].shape) == (FLOAT, (1, 6, 8, 8))
    assert body.values["x_q"].type == TensorProto.INT8


def test_a_reshape_is_inferred_from_its_constant(tmp_path: Path) -> None:
    model = model_of([node("Reshape", "x n", "r"), node("Relu", "r")], {"n": np.array([2, -1])})

    assert viewed(model, tmp_path).bodies[0].values["r"].shape == (2, 128)


def test_large_constants_have_their_shapes_and_their_values(tmp_path: Path) -> None:
    """A blocked int4 file of 100 MB has scales of many MB: what is kept from inference is still looked at."""
    scales = np.full(LARGEST_INFERRED, 0.1, np.float32)
    scales[-1] = 0.0
    model = model_of(
        [node("DequantizeLinear", "w s", "wd", axis=0), node("Mul", "x wd")],
        {"w": np.zeros((LARGEST_INFERRED, 1), np.int8), "s": scales},
        inputs=[("x", FLOAT, (1, 1))],
    )
    view = viewed(model, tmp_path)

    known = view.bodies[0].values["s"]
    assert known.shape == (LARGEST_INFERRED,)
    np.testing.assert_array_equal(view.array(known), scales)
    assert ids(findings(model, tmp_path), Weight.REFUSED) == {"TRT-Q-003"}


def test_constants_beside_the_model_are_read_where_a_rule_asks(tmp_path: Path) -> None:
    model = activation(scalar(3, np.int8))
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="data.bin", size_threshold=0)

    view = view_of(tmp_path / "model.onnx")

    assert view.array(view.bodies[0].values["z"]) == 3


def test_constants_of_nodes_and_behind_identity_are_constants(tmp_path: Path) -> None:
    constant = onnx.helper.make_node("Constant", [], ["k"], value=onnx.numpy_helper.from_array(scalar(-1.0)))
    model = model_of([constant, node("Identity", "k", "s"), *pair("x", "y")], {"z": scalar(0, np.int8)})

    assert ids(findings(model, tmp_path), Weight.REFUSED) == {"TRT-Q-003"}


def test_a_model_that_inference_gives_up_on_is_looked_at_as_it_is(tmp_path: Path) -> None:
    """Operands that do not fit: inference raises, and the zero point is wrong all the same."""
    nodes = [*pair("x", "xd"), node("MatMul", "xd w")]
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            nodes,
            "graph",
            [onnx.helper.make_tensor_value_info("x", FLOAT, (2, 8))],
            [onnx.helper.make_tensor_value_info("y", FLOAT, (2, 4))],
            [
                onnx.numpy_helper.from_array(array, name)
                for name, array in (("w", weights(3, 4)), ("s", scalar(0.1)), ("z", scalar(3, np.int8)))
            ],
        ),
        opset_imports=[onnx.helper.make_opsetid("", 17)],
    )

    assert ids(findings(model, tmp_path), Weight.REFUSED) == {"ONNX-VALID-001", "TRT-Q-001"}


def test_a_node_without_a_name_is_named_by_its_output() -> None:
    assert named(onnx.helper.make_node("Relu", ["x"], ["y"])) == "y"
    assert named(onnx.helper.make_node("Relu", ["x"], ["y"], name="relu")) == "relu"


def test_initializers_that_are_inputs_too_are_not_fed(tmp_path: Path) -> None:
    model = activation()
    model.graph.input.append(onnx.helper.make_tensor_value_info("s", FLOAT, []))

    assert [value.name for value in viewed(model, tmp_path).inputs] == ["x"]


def test_an_operator_whose_name_is_no_text_is_a_damaged_model(tmp_path: Path) -> None:
    content = model_of([node("Relu", "x")]).SerializeToString().replace(b"Relu", b"R\xffl\xfe")
    (tmp_path / "model.onnx").write_bytes(content)

    with pytest.raises(CannotJudge, match="no UTF-8"):
        view_of(tmp_path / "model.onnx")


def test_a_constant_that_is_cut_short_is_a_damaged_model(tmp_path: Path) -> None:
    model = conv()
    next(tensor for tensor in model.graph.initializer if tensor.name == "ws").dims[0] = 60
    next(tensor for tensor in model.graph.initializer if tensor.name == "w").dims[0] = 60
    path = save(model, tmp_path / "model.onnx")

    with pytest.raises(CannotJudge) as raised:
        findings(model, tmp_path)
    assert raised.value.failure.code is Code.MODEL_UNREADABLE
    with pytest.raises(CannotJudge) as raised:
        mended(path, "trt11", tmp_path / "fixed.onnx")
    assert raised.value.failure.code is Code.MODEL_UNREADABLE


def test_functions_that_call_themselves_are_looked_at_as_they_are(tmp_path: Path) -> None:
    """onnx refuses to infer types there."""
    body = [onnx.helper.make_node("Again", ["a"], ["b"], domain="own")]
    function = onnx.helper.make_function("own", "Again", ["a"], ["b"], body, [onnx.helper.make_opsetid("own", 1)])
    model = model_of([node("Relu", "x", "r"), *pair("r", "y")], {"s": scalar(-1.0), "z": scalar(0, np.int8)})
    model.functions.append(function)

    assert ids(findings(model, tmp_path), Weight.REFUSED) == {"ONNX-VALID-001", "TRT-Q-003"}


def test_what_is_no_model_cannot_be_judged(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")

    with pytest.raises(CannotJudge):
        view_of(tmp_path / "model.onnx")
