"""Mending: what is mended computes the very same and is taken then; what is not is left and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from pytest_qparity.checks.linting.finding import Weight
from pytest_qparity.checks.linting.fixing import Mended, mended
from pytest_qparity.verdict import CannotJudge
from tests.checks.linting.files import (
    FLOAT,
    STEP,
    activation,
    conv,
    findings,
    ids,
    model_of,
    node,
    one,
    pair,
    scalar,
    weight,
    weights,
)
from tests.checks.linting.test_rules import scalar_constant
from tests.models import save


def fixed(model: onnx.ModelProto, folder: Path, target: str = "trt11") -> tuple[onnx.ModelProto, Mended]:
    made = mended(save(model, folder / "model.onnx"), target, folder / "fixed.onnx")
    return onnx.load(folder / "fixed.onnx"), made


def values_for(model: onnx.ModelProto, spread: float = 3.0) -> dict[str, np.ndarray]:
    """Normal values that leave the range of the scales, at their ends too."""
    (value,) = model.graph.input
    shape = [each.dim_value for each in value.type.tensor_type.shape.dim]
    return {value.name: np.asarray(np.random.default_rng(5).standard_normal(shape) * spread, np.float32)}


def outputs(model: onnx.ModelProto, feed: dict[str, np.ndarray], *, engine: str) -> list[np.ndarray]:
    if engine == "reference":
        return ReferenceEvaluator(model).run(None, feed)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feed)


UINT8_CODES = weights(6, 4, 3, 3, dtype=np.uint8)
MIDDLE = scalar(128, np.uint8)

EXACT = {
    "activation of zero point 128": lambda: activation(MIDDLE),
    "activation and weights of zero point 128": lambda: conv(
        activation_zero=MIDDLE, dtype=np.uint8, weight_zero=np.full(6, 128, np.uint8), opset=19
    ),
    "uint8 weights below 128": lambda: weight(weights(6, 4, dtype=np.uint8) // 2, STEP, scalar(0, np.uint8), opset=21),
    "zero points of channels": lambda: weight(
        np.array([[0, 10], [200, 255], [128, 3]], np.uint8),
        np.array([0.1, 0.2, 0.3], np.float32),
        np.array([5, 220, 100], np.uint8),
        axis=0,
        opset=21,
    ),
    "int8 weights of another zero point": lambda: weight(
        weights(6, 4, dtype=np.int8) // 2, STEP, scalar(7, np.int8), opset=21
    ),
    "int32 bias": lambda: conv(bias=weights(6, dtype=np.int32), opset=19),
    "factor that is a scalar": lambda: scalar_constant(scalar(3, np.int8)),
    "scalar that is computed": lambda: activation(shape=()),
    "scalar of zero point 128": lambda: activation(MIDDLE, shape=(), axis=-1),
    "opset 8": lambda: one("Relu", opset=8),
}


@pytest.mark.parametrize("engine", ["reference", "ort"])
@pytest.mark.parametrize("name", EXACT)
def test_what_is_mended_is_taken_and_gives_bit_for_bit_what_it_gave(name: str, engine: str, tmp_path: Path) -> None:
    model = EXACT[name]()

    mended_model, made = fixed(model, tmp_path)

    assert (len(made.done) > 0, made.left) == (True, [])
    onnx.checker.check_model(mended_model, full_check=True)
    assert ids(findings(model, tmp_path), Weight.REFUSED) != set()
    assert ids(findings(mended_model, tmp_path), Weight.REFUSED) == set()
    feed = values_for(model)
    for before, after in zip(
        outputs(model, feed, engine=engine), outputs(mended_model, feed, engine=engine), strict=True
    ):
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after)


def test_an_int32_constant_with_a_zero_point_is_left(tmp_path: Path) -> None:
    """ONNX gives int32 no zero point but 0, so that engines may do with it what they like."""
    path = save(weight(weights(6, 4, dtype=np.int32), STEP, scalar(1, np.int32), opset=21), tmp_path / "model.onnx")

    made = mended(path, "trt11", tmp_path / "fixed.onnx")

    assert (made.done, made.left) == ([], ['"w_DQ": its zero point is no constant of zeros'])


def test_a_bias_becomes_the_float_it_stands_for(tmp_path: Path) -> None:
    codes = np.array([1, -2, 3, 2**31 - 1, -(2**31), 0], np.int32)

    mended_model, _ = fixed(conv(bias=codes), tmp_path)

    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in mended_model.graph.initializer}
    expected = codes.astype(np.float32) * np.float32(0.0005)
    np.testing.assert_array_equal(constants["bd"], expected)
    assert {"b", "bs"}.isdisjoint(constants)  # nobody reads them any more


@pytest.mark.parametrize(
    ("model", "says"),
    [
        pytest.param(lambda: activation(scalar(3, np.uint8)), "zero point 3 of uint8 needs another scale", id="uint8"),
        pytest.param(lambda: activation(scalar(3, np.int8)), "zero point 3 of int8 needs another scale", id="int8"),
        pytest.param(
            lambda: weight(np.array([[0, 255]], np.uint8), STEP, scalar(100, np.uint8), opset=21),
            "leave int8",
            id="weights of the whole range",
        ),
        pytest.param(
            lambda: model_of(
                [*pair("x", "y"), node("Cast", "x_q", "codes", to=TensorProto.INT32)],
                {"s": STEP, "z": MIDDLE},
                outputs=[("y", FLOAT, None), ("codes", TensorProto.INT32, None)],
            ),
            "others than DequantizeLinear",
            id="codes that are looked at",
        ),
        pytest.param(
            lambda: model_of(
                pair("x", "y"), {"s": STEP, "z": MIDDLE}, outputs=[("y", FLOAT, None), ("x_q", TensorProto.UINT8, None)]
            ),
            "others than DequantizeLinear",
            id="codes that are given",
        ),
    ],
)
def test_what_would_compute_something_else_is_left_and_named(model, says: str, tmp_path: Path) -> None:
    made = mended(save(model(), tmp_path / "model.onnx"), "trt11", tmp_path / "fixed.onnx")

    assert (made.done, len(made.left)) == ([], 1)
    assert says in made.left[0]
    assert not (tmp_path / "fixed.onnx").exists()


def test_a_zero_point_that_others_share_is_theirs_still(tmp_path: Path) -> None:
    """One constant is the zero point of an activation that shifts and of one that does not."""
    nodes = [*pair("x", "a"), *pair("a", "b"), node("Cast", "a_q", "codes", to=TensorProto.INT32)]
    outs = [("b", FLOAT, None), ("codes", TensorProto.INT32, None)]
    model = model_of(nodes, {"s": STEP, "z": MIDDLE}, outputs=outs)

    mended_model, made = fixed(model, tmp_path)

    assert (len(made.done), len(made.left)) == (1, 1)
    feed = values_for(model)
    before, after = outputs(model, feed, engine="ort"), outputs(mended_model, feed, engine="ort")
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_a_constant_that_a_feed_may_replace_is_left(tmp_path: Path) -> None:
    model = activation(MIDDLE)
    model.graph.input.append(onnx.helper.make_tensor_value_info("z", TensorProto.UINT8, []))

    made = mended(save(model, tmp_path / "model.onnx"), "trt11", tmp_path / "fixed.onnx")

    assert made.done == []


def test_a_file_that_the_checker_refuses_as_it_is_says_so(tmp_path: Path) -> None:
    model = activation(MIDDLE)
    model.graph.output[0].type.tensor_type.ClearField("shape")

    mended_model, made = fixed(model, tmp_path)

    assert ids(findings(mended_model, tmp_path), Weight.REFUSED) == set()
    assert made.left == [
        "onnx.checker refuses the file as it was already: Field 'shape' of 'type' is required but missing."
    ]


def test_a_file_that_mending_breaks_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(activation(MIDDLE), tmp_path / "model.onnx")
    monkeypatch.setattr(numpy_helper, "from_array", lambda _, name: TensorProto(name=name, dims=[7], data_type=3))

    with pytest.raises(CannotJudge, match=r"should be what onnx\.checker takes"):
        mended(path, "trt11", tmp_path / "fixed.onnx")

    assert not (tmp_path / "fixed.onnx").exists()


def test_a_model_with_nothing_to_mend_is_not_written(tmp_path: Path) -> None:
    made = mended(save(conv(), tmp_path / "model.onnx"), "trt11", tmp_path / "fixed.onnx")

    assert (made.done, made.left) == ([], [])
    assert not (tmp_path / "fixed.onnx").exists()


def test_external_data_go_into_the_mended_file(tmp_path: Path) -> None:
    model = conv(bias=weights(6, dtype=np.int32))
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    made = mended(tmp_path / "model.onnx", "trt11", elsewhere / "fixed.onnx")

    assert made.done
    alone = onnx.load(elsewhere / "fixed.onnx", load_external_data=False)
    assert all(tensor.data_location != TensorProto.EXTERNAL for tensor in alone.graph.initializer)


@pytest.mark.parametrize("target", ["ort", "openvino"])
def test_other_targets_have_no_fixes(target: str, tmp_path: Path) -> None:
    made = mended(save(activation(MIDDLE), tmp_path / "model.onnx"), target, tmp_path / "fixed.onnx")

    assert (made.done, made.left) == ([], [f"no fixes are known for {target}"])


def test_what_lies_in_branches_and_functions_is_left_and_named(tmp_path: Path) -> None:
    """Beside a bias that is mended: what is left is said whether a file is written or not."""
    outputs = [onnx.helper.make_tensor_value_info("b", FLOAT, None)]
    branch = onnx.helper.make_graph(pair("x", "b"), "branch", [], outputs)
    inner = [node("QuantizeLinear", "a t u", "q", "inner_Q"), node("DequantizeLinear", "q t u", "r", "inner_DQ")]
    imports = [onnx.helper.make_opsetid("", 21)]
    nodes = [
        node("If", "c", "chosen", "if", then_branch=branch, else_branch=branch),
        node("Pair", "chosen s z", "paired", "call", domain="own"),
        node("DequantizeLinear", "codes bs", "bias", "bias_DQ"),
        node("Add", "paired bias"),
    ]
    constants = {"s": STEP, "z": MIDDLE, "codes": np.array(7, np.int32), "bs": STEP}
    function = onnx.helper.make_function("own", "Pair", ["a", "t", "u"], ["r"], inner, imports)
    inputs = [("c", TensorProto.BOOL, ()), ("x", FLOAT, (4, 4))]

    _, made = fixed(model_of(nodes, constants, inputs=inputs, functions=[function]), tmp_path)

    assert len(made.done) == 1
    where = "it lies in a branch, a loop or a function, where nothing is mended"
    assert {left.split('"')[1] for left in made.left if left.endswith(where)} == {
        "x_Q",
        "x_DQ",
        "inner_Q__1",
        "inner_DQ__1",
    }
