"""What every backend that works here must do."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.backends.outputs import gather_outputs
from pytest_qparity.backends.protocol import Optimizer, Session, SessionFacts, SessionOptions
from pytest_qparity.verdict import CannotJudge, Code
from tests.backends.float64 import cnn_in_float64, mlp_in_float64
from tests.backends.stand_ins import LARGEST_MB, feeds_of, hosted, opened_builtin, shapes_of
from tests.models import checked, inputs_for_mlp, mlp, save, small_cnn

if TYPE_CHECKING:
    from pathlib import Path

ENGINES = [
    *("ort", "openvino", "reference"),
    *(pytest.param(name, marks=pytest.mark.gpu) for name in ("ort-cuda", "ort-tensorrt", "trt")),
]
FLOAT32 = 72 * 2**-24 * 8  # the longest sum has 72 products, each rounded by 2⁻²⁴ of a partial sum of at most about 8


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(engine: str, path: Path, options: SessionOptions | None = None) -> Session:
    return opened_builtin(engine, path, options or SessionOptions(shapes=shapes_of(path)))


def refused(engine: str, path: Path, options: SessionOptions | None = None) -> CannotJudge:
    with pytest.raises(CannotJudge) as caught:
        opened(engine, path, options)
    return caught.value


def float_graph(nodes: list[onnx.NodeProto], outputs: list[str]) -> onnx.ModelProto:
    """x float32 (N, 4) in, `outputs` of unstated shape out."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in outputs],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_an_mlp_is_what_float64_says(engine: str, tmp_path: Path) -> None:
    model = mlp()
    inputs = inputs_for_mlp(10)
    session = opened(engine, save(model, tmp_path / "mlp.onnx"))

    outputs = gather_outputs(hosted(session), feeds_of(inputs, batch=4), LARGEST_MB)

    assert list(outputs) == ["logits"]
    assert outputs["logits"].dtype == np.float32
    np.testing.assert_allclose(outputs["logits"], mlp_in_float64(model, inputs), rtol=0, atol=FLOAT32)


def test_a_convolutional_model_is_what_float64_says(engine: str, tmp_path: Path) -> None:
    model = small_cnn()
    images = np.random.default_rng(2).standard_normal((5, 1, 8, 8)).astype(np.float32)
    session = opened(engine, save(model, tmp_path / "cnn.onnx"))

    outputs = gather_outputs(hosted(session), feeds_of(images, batch=1), LARGEST_MB)

    np.testing.assert_allclose(outputs["logits"], cnn_in_float64(model, images), rtol=0, atol=FLOAT32)


def test_facts_are_complete_and_survive_json(engine: str, tmp_path: Path) -> None:
    facts = opened(engine, save(mlp(), tmp_path / "mlp.onnx")).facts()

    assert all([facts.engine, facts.version, facts.device, facts.expected_placement])
    assert {"threads", "optimizer"} <= facts.settings.keys()
    assert json.loads(json.dumps(asdict(facts))) == asdict(facts)


def test_every_node_runs_where_it_should(engine: str, tmp_path: Path) -> None:
    facts = opened(engine, save(small_cnn(), tmp_path / "cnn.onnx")).facts()

    assert facts.placement[facts.expected_placement] > 0
    assert facts.strayed == 0


def test_two_runs_are_bit_equal(engine: str, tmp_path: Path) -> None:
    session = opened(engine, save(small_cnn(), tmp_path / "cnn.onnx"))
    feed = {"input": np.random.default_rng(3).standard_normal((4, 1, 8, 8)).astype(np.float32)}

    first, second = session.run(feed), session.run(feed)

    assert first["logits"].tobytes() == second["logits"].tobytes()


def test_the_next_run_does_not_overwrite_outputs(engine: str, tmp_path: Path) -> None:
    session = opened(engine, save(mlp(), tmp_path / "mlp.onnx"))
    first = session.run({"input": inputs_for_mlp(3, seed=1)})["logits"]
    as_it_was = first.copy()

    session.run({"input": inputs_for_mlp(3, seed=2)})

    np.testing.assert_array_equal(first, as_it_was)


def test_an_output_that_is_an_input_or_a_weight_is_a_copy_of_it(engine: str, tmp_path: Path) -> None:
    model = float_graph([helper.make_node("Add", ["x", "w"], ["y"])], ["x", "w", "y"])
    model.graph.initializer.append(numpy_helper.from_array(np.ones((2, 4), np.float32), "w"))
    path = save(model, tmp_path / "m.onnx")
    session = opened(engine, path, SessionOptions(shapes=shapes_of(path, 2, 2)))
    x = np.full((2, 4), 3, np.float32)

    first = session.run({"x": x})
    first["x"][:] = 7
    first["w"][:] = 7

    assert (x == 3).all()
    assert (session.run({"x": x})["y"] == 4).all()


def test_outputs_come_in_the_order_of_the_file(engine: str, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["zebra"]),
        helper.make_node("Neg", ["x"], ["ant"]),
        helper.make_node("Identity", ["zebra"], ["mule"]),
    ]
    session = opened(engine, save(float_graph(nodes, ["zebra", "mule", "ant"]), tmp_path / "m.onnx"))
    x = np.array([[-1, 2, -3, 4]], np.float32)

    outputs = session.run({"x": x})

    assert list(outputs) == ["zebra", "mule", "ant"]
    np.testing.assert_array_equal(outputs["ant"], -x)
    np.testing.assert_array_equal(outputs["mule"], np.maximum(x, 0))


@pytest.mark.parametrize("content", [b"", b"this is no model", b"version https://git-lfs.github.com/spec/v1\n"])
def test_a_broken_file_is_one_clear_sentence(engine: str, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)

    failure = refused(engine, path).failure

    assert failure.code is Code.BACKEND_LOAD
    assert "broken.onnx" in failure.sentence
    assert "\n" not in failure.sentence
    assert failure.remedy


def test_a_file_cut_in_half_is_refused(engine: str, tmp_path: Path) -> None:
    path = save(mlp(), tmp_path / "half.onnx")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    assert refused(engine, path).failure.code is Code.BACKEND_LOAD


def test_a_broken_file_is_refused_without_noise(engine: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"this is no model")

    refused(engine, path)

    assert capfd.readouterr() == ("", "")


def test_an_operator_nobody_knows_is_refused(engine: str, tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Frobnicate", ["x"], ["y"], domain="nobody.knows")],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("nobody.knows", 1)]
    path = save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "unknown.onnx")

    failure = refused(engine, path).failure

    assert failure.code is Code.BACKEND_LOAD
    assert "Frobnicate" in failure.sentence


@pytest.mark.parametrize(
    "feed",
    [
        pytest.param({}, id="missing"),
        pytest.param({"input": np.ones((2, 16), np.float32), "more": np.ones(1, np.float32)}, id="one too many"),
        pytest.param({"input": np.ones((2, 16), np.float64)}, id="another type"),
        pytest.param({"input": np.ones((2, 17), np.float32)}, id="another fixed dimension"),
        pytest.param({"input": np.ones(16, np.float32)}, id="another rank"),
    ],
)
def test_a_feed_that_does_not_fit_is_refused(engine: str, tmp_path: Path, feed: dict[str, np.ndarray]) -> None:
    session = opened(engine, save(mlp(), tmp_path / "mlp.onnx"))
    session.run({"input": np.ones((2, 16), np.float32)})

    with pytest.raises(Exception, match="input"):
        session.run(feed)


def test_a_graph_of_constants_runs(engine: str, tmp_path: Path) -> None:
    value = numpy_helper.from_array(np.arange(3, dtype=np.float32))
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["y"], value=value)],
        "constants",
        [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])],
    )
    session = opened(engine, save(checked(graph, 17), tmp_path / "constant.onnx"))

    outputs, facts = session.run({}), session.facts()

    np.testing.assert_array_equal(outputs["y"], np.arange(3, dtype=np.float32))
    assert facts.strayed == 0
    assert facts.expected_placement in facts.placement


def test_a_graph_without_nodes_runs(engine: str, tmp_path: Path) -> None:
    session = opened(engine, save(float_graph([], ["x"]), tmp_path / "empty.onnx"))
    x = np.array([[1, 2, 3, 4]], np.float32)

    np.testing.assert_array_equal(session.run({"x": x})["x"], x)
    assert session.facts().placement == {session.facts().expected_placement: 0}


def test_a_closed_session_refuses_to_run(engine: str, tmp_path: Path) -> None:
    session = opened(engine, save(mlp(), tmp_path / "mlp.onnx"))
    session.close()
    session.close()

    with pytest.raises(ValueError, match="closed session"):
        session.run({"input": inputs_for_mlp(1)})


@pytest.mark.parametrize("engine", ["ort", "reference"])
def test_the_optimizer_can_be_off(engine: str, tmp_path: Path) -> None:
    path = save(mlp(), tmp_path / "mlp.onnx")

    facts = opened(engine, path, SessionOptions(optimizer=Optimizer.OFF)).facts()

    assert facts.settings["optimizer"] in ("off", "none")
    assert facts.placement == {facts.expected_placement: 3}


def test_an_engine_without_the_switch_refuses_to_leave_the_optimizer_off(tmp_path: Path) -> None:
    path = save(mlp(), tmp_path / "mlp.onnx")

    failure = refused("openvino", path, SessionOptions(optimizer=Optimizer.OFF)).failure

    assert failure.code is Code.BACKEND_LOAD
    assert "no switch" in failure.sentence


@pytest.mark.parametrize("engine", ["ort", "openvino"])
def test_threads_are_those_asked_for(engine: str, tmp_path: Path) -> None:
    path = save(mlp(), tmp_path / "mlp.onnx")

    assert opened(engine, path, SessionOptions(threads=1)).facts().settings["threads"] == 1


def test_no_threads_is_no_option() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        SessionOptions(threads=0)


def facts_with(placement: dict[str, int]) -> SessionFacts:
    return SessionFacts("engine", "1", "CPU", {}, placement, "Asked")


def test_nodes_elsewhere_have_strayed() -> None:
    assert facts_with({"Asked": 5, "Other": 2, "Third": 1}).strayed == 3
    assert facts_with({"Asked": 5}).strayed == 0


def test_a_placement_that_does_not_name_what_was_asked_proves_nothing() -> None:
    assert not facts_with({}).proven
    assert facts_with({"Asked": 0}).proven
