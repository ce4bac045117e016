from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.backends.ort import PROVIDER, OnnxRuntimeCpu, require_providers
from pytest_qparity.backends.outputs import gather_outputs
from pytest_qparity.backends.protocol import Optimizer, SessionOptions
from pytest_qparity.verdict import CannotJudge, Code
from tests.backends.stand_ins import LARGEST_MB, feeds_of, hosted
from tests.models import checked, inputs_for_mlp, mlp, save, small_cnn

if TYPE_CHECKING:
    from pathlib import Path

OFF = SessionOptions(optimizer=Optimizer.OFF)


class Recorded(onnxruntime.InferenceSession):
    """The real session, which remembers the options it was made with."""

    settings: Any = None

    def __init__(self, path: str, settings: Any, **others: Any) -> None:
        type(self).settings = settings
        super().__init__(path, settings, **others)


def settings_of(options: SessionOptions, path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(onnxruntime, "InferenceSession", Recorded)
    OnnxRuntimeCpu().load(path, options)
    return Recorded.settings


def test_the_engine_gets_threads_and_optimizer_as_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(mlp(), tmp_path / "mlp.onnx")

    settings = settings_of(SessionOptions(threads=2, optimizer=Optimizer.OFF), path, monkeypatch)
    assert settings.intra_op_num_threads == 2
    assert settings.inter_op_num_threads == 1
    assert settings.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    assert settings.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL

    settings = settings_of(SessionOptions(), path, monkeypatch)
    assert settings.intra_op_num_threads == 1
    assert settings.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL


def test_the_reference_recipe_is_bit_equal_over_reruns_and_batch_splits(tmp_path: Path) -> None:
    images = np.random.default_rng(4).standard_normal((12, 1, 8, 8)).astype(np.float32)
    path = save(small_cnn(), tmp_path / "cnn.onnx")

    made = [
        gather_outputs(hosted(OnnxRuntimeCpu().load(path, OFF)), feeds_of(images, batch=batch), LARGEST_MB)[
            "logits"
        ].tobytes()
        for batch in (1, 1, 4, 12)
    ]

    assert len(set(made)) == 1


def test_every_node_of_the_file_has_its_provider(tmp_path: Path) -> None:
    session = OnnxRuntimeCpu().load(save(small_cnn(), tmp_path / "cnn.onnx"), OFF)

    assert session.facts().placement == {PROVIDER: 7}


def test_a_node_that_onnxruntime_puts_elsewhere_is_counted_there(tmp_path: Path) -> None:
    session = OnnxRuntimeCpu().load(save(mlp(), tmp_path / "mlp.onnx"), OFF)

    class Elsewhere:
        ep_name = "OtherExecutionProvider"

        def get_nodes(self) -> list[str]:
            return ["a", "b"]

    class Engine:
        def get_provider_graph_assignment_info(self) -> list[Any]:
            return [Elsewhere()]

        def get_providers(self) -> list[str]:
            return [PROVIDER]

    session._engine = Engine()

    assert session.facts().placement == {PROVIDER: 0, "OtherExecutionProvider": 2}
    assert session.facts().strayed == 2


def test_a_session_with_another_provider_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(mlp(), tmp_path / "mlp.onnx")
    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda _: ["AzureExecutionProvider", PROVIDER])

    with pytest.raises(CannotJudge, match="AzureExecutionProvider") as caught:
        OnnxRuntimeCpu().load(path, OFF)

    assert caught.value.failure.code is Code.BACKEND_LOAD


@pytest.mark.parametrize("got", [[], [PROVIDER], ["CUDAExecutionProvider", PROVIDER]])
def test_a_provider_that_was_asked_for_must_be_the_only_one(got: list[str]) -> None:
    with pytest.raises(CannotJudge, match="CUDAExecutionProvider"):
        require_providers(got, "CUDAExecutionProvider")


def test_nodes_inside_a_subgraph_run_too(tmp_path: Path) -> None:
    def branch(name: str, operator: str) -> Any:
        value = helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, ["N", 4])
        return helper.make_graph([helper.make_node(operator, ["x"], [f"{name}_out"])], name, [], [value])

    graph = helper.make_graph(
        [helper.make_node("If", ["flag"], ["y"], then_branch=branch("a", "Relu"), else_branch=branch("b", "Neg"))],
        "choice",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4]),
            helper.make_tensor_value_info("flag", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
    )
    session = OnnxRuntimeCpu().load(save(checked(graph, 17), tmp_path / "choice.onnx"), OFF)
    x = np.array([[-1, 1, -2, 2]], np.float32)

    np.testing.assert_array_equal(session.run({"x": x, "flag": np.array(True)})["y"], np.maximum(x, 0))
    np.testing.assert_array_equal(session.run({"x": x, "flag": np.array(False)})["y"], -x)
    assert session.facts().strayed == 0


def test_a_warning_about_a_model_is_not_written_to_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = mlp()
    model.graph.initializer.append(numpy_helper.from_array(np.ones(3, np.float32), "used by nobody"))

    OnnxRuntimeCpu().load(save(model, tmp_path / "mlp.onnx"), SessionOptions())

    assert capfd.readouterr() == ("", "")


def test_a_failing_run_writes_nothing_to_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "x"], ["y"])],
        "squares",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "M"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", "M"])],
    )
    session = OnnxRuntimeCpu().load(save(checked(graph, 17), tmp_path / "squares.onnx"), OFF)

    with pytest.raises(Exception, match="MatMul"):
        session.run({"x": np.ones((2, 3), np.float32)})

    assert capfd.readouterr() == ("", "")


def without(*names: str) -> ModuleType:
    """An onnxruntime that lacks these attributes of its session."""
    module = ModuleType("onnxruntime")
    module.__version__ = "1.20.0"  # type: ignore[attr-defined]
    if "InferenceSession" not in names:
        module.InferenceSession = type("InferenceSession", (), {})  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize(
    ("module", "said"),
    [
        pytest.param(None, "cannot be imported", id="not installed"),
        pytest.param(without("InferenceSession"), "no InferenceSession", id="an empty folder left behind"),
        pytest.param(without(), "1.20.0 cannot tell where nodes run", id="too old"),
    ],
)
def test_an_onnxruntime_that_will_not_do_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType | None, said: str
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", module)

    unavailable = OnnxRuntimeCpu().unavailable()

    assert unavailable is not None
    assert said in unavailable.reason
    assert "pytest-qparity[ort]" in unavailable.remedy


def test_a_session_of_a_file_in_a_folder_with_spaces(tmp_path: Path) -> None:
    session = OnnxRuntimeCpu().load(save(mlp(), tmp_path / "two words" / "mödel.onnx"), OFF)

    assert session.run({"input": inputs_for_mlp(1)})["logits"].shape == (1, 4)
