"""What became of a file's compute nodes, as each engine here tells it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from pytest_qparity.backends.border import kernels_of
from pytest_qparity.backends.kernels import (
    MOST_NAMES,
    ComputeNode,
    KernelCount,
    Kernels,
    NotTold,
    counted,
    kernels_from_json,
    of_precision,
)
from pytest_qparity.backends.onnx_kernels import read_graph
from pytest_qparity.backends.protocol import Optimizer, SessionOptions
from pytest_qparity.processor import this_processor
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.backends.quantized import cnn, dynamic_matmul, gemm_of_uint16, in_a_branch
from tests.backends.stand_ins import hosted, opened_builtin
from tests.models import mlp, save


@pytest.fixture
def told(tmp_path):
    def of(engine: str, model: onnx.ModelProto, options: SessionOptions | None = None) -> Kernels:
        path = save(model, tmp_path / "model.onnx")
        kernels = hosted(opened_builtin(engine, path, options or SessionOptions())).kernels()
        assert isinstance(kernels, Kernels), kernels
        return kernels

    return of


def test_onnxruntime_fuses_a_quantized_cnn_whole(told):
    kernels = told("ort", cnn())

    assert kernels == Kernels({"Conv": KernelCount(quantized=2), "Gemm": KernelCount(quantized=1)})
    assert kernels.text("int8") == "2/2 Conv, 1/1 Gemm int8"


def test_openvino_runs_a_quantized_cnn_whole_on_integers(told):
    kernels = told("openvino", cnn())

    assert kernels == Kernels({"Conv": KernelCount(quantized=2), "MatMul": KernelCount(quantized=1)})


def test_the_reference_computes_in_floats_between_pairs(told):
    kernels = told("reference", cnn())

    assert kernels.counts == {"Conv": KernelCount(fell_back=2), "Gemm": KernelCount(fell_back=1)}
    assert set(kernels.float_nodes) == {"conv1", "conv2", "classify"}


def test_onnxruntime_does_not_fuse_what_stands_before_a_relu_of_its_own(told):
    """A Relu is part of the pair behind it only where the zero point is the lowest code."""
    kernels = told("ort", cnn(np.int8, zero_point=0))

    assert kernels.counts == {"Conv": KernelCount(fell_back=2), "Gemm": KernelCount(quantized=1)}
    assert kernels.float_nodes == ("conv1", "conv2")


def test_openvino_runs_floats_on_int8_with_a_zero_point_where_there_is_amx(told):
    """Its runtime precision says i8 of these layers all the same."""
    kernels = told("openvino", cnn(np.int8, zero_point=-128))

    features = this_processor().features or ()
    if "avx512_vnni" not in features:
        pytest.skip("what OpenVINO does here was seen on x64 with VNNI alone")
    expected = KernelCount(fell_back=2) if "amx_int8" in features else KernelCount(quantized=2)
    assert kernels.counts == {"Conv": expected, "MatMul": KernelCount(quantized=1)}
    assert kernels.float_nodes == (("conv1", "conv2") if "amx_int8" in features else ())


@pytest.mark.parametrize("engine", ["ort", "openvino"])
def test_what_a_file_leaves_float_did_not_fall_back(told, engine):
    conv = told(engine, cnn(left_float=["conv1", "conv2"])).counts["Conv"]

    assert conv == KernelCount(left_float=2)


@pytest.mark.parametrize("engine", ["ort", "openvino", "reference"])
def test_a_float_file_has_nothing_that_fell_back(told, engine):
    kernels = told(engine, mlp())

    assert (kernels.quantized, kernels.fell_back, kernels.total) == (0, 0, 2)


def test_without_its_optimizer_onnxruntime_runs_the_pairs_as_they_stand(told):
    kernels = told("ort", cnn(), SessionOptions(optimizer=Optimizer.OFF))

    assert kernels.counts["Conv"] == KernelCount(fell_back=2)


@pytest.mark.parametrize(
    ("engine", "count"),
    [
        ("ort", KernelCount(quantized=1)),
        ("openvino", KernelCount(fell_back=1)),
        ("reference", KernelCount(quantized=1)),
    ],
)
def test_a_product_on_integers_in_the_file_may_still_run_as_float(told, engine, count):
    assert told(engine, dynamic_matmul()).counts == {"MatMul": count}


@pytest.mark.parametrize("engine", ["ort", "openvino"])
def test_quantized_weights_alone_are_told_apart(told, engine):
    assert told(engine, gemm_of_uint16()).counts == {"MatMul": KernelCount(quantized=1, weights_only=1)}


def test_activations_that_onnxruntime_rounds_to_int8_unasked_are_remarked(told):
    [remark] = told("ort", gemm_of_uint16()).remarks

    assert remark == "activations of 1 MatMulNBits nodes are rounded to int8 by ONNX Runtime (accuracy level 4)"


def test_activations_that_the_file_itself_has_rounded_are_no_remark(told):
    weights = np.zeros((32, 1, 16), np.uint8)
    constants = {"w": weights, "s": np.ones(32, np.float32)}
    node = helper.make_node(
        "MatMulNBits",
        ["x", "w", "s"],
        ["y"],
        domain="com.microsoft",
        K=32,
        N=32,
        bits=4,
        block_size=32,
        accuracy_level=4,
    )
    graph = helper.make_graph(
        [node],
        "packed",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 32])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 32])],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    domains = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]

    kernels = told("ort", helper.make_model(graph, opset_imports=domains, ir_version=10))

    assert kernels.counts == {"MatMul": KernelCount(quantized=1, weights_only=1)}
    assert kernels.remarks == ()


@pytest.mark.parametrize("engine", ["ort", "reference"])
def test_nodes_in_branches_count(told, engine):
    assert told(engine, in_a_branch()).counts == {"MatMul": KernelCount(quantized=2)}


def test_openvino_hides_what_is_in_branches(told):
    kernels = told("openvino", in_a_branch())

    assert (kernels.total, kernels.hidden) == (0, 1)


def test_nothing_is_left_of_the_graph_that_onnxruntime_writes_and_weights_are_beside_it(tmp_path, monkeypatch):
    """A graph with its weights inside could not be written beyond 2 GB."""
    seen = []

    def read(path: Path) -> onnx.ModelProto:
        seen.append((path, sorted(each.name for each in path.parent.iterdir()), path.stat().st_size))
        return read_graph(path)

    monkeypatch.setattr("pytest_qparity.backends.onnx_kernels.read_graph", read)
    model = save(mlp(features=256, hidden=1024), tmp_path / "model.onnx")

    opened_builtin("ort", model, SessionOptions()).kernels()

    path, beside, size = seen[0]
    assert beside == ["optimized.onnx", "weights.bin"]
    assert size < 10_000
    assert not path.parent.exists()


@pytest.mark.parametrize("worker", [WorkerProcess, InProcess])
def test_kernels_cross_the_border_whole(tmp_path, worker):
    from pytest_qparity.backends.hosted import EngineHost
    from pytest_qparity.backends.registry import backend_table

    host = EngineHost(worker(Limits()), backend_table()["ort"])
    session = host.load(save(cnn(np.int8), tmp_path / "model.onnx"), SessionOptions())

    kernels = session.kernels()

    host.close()
    assert kernels == Kernels(
        {"Conv": KernelCount(fell_back=2), "Gemm": KernelCount(quantized=1)}, float_nodes=("conv1", "conv2")
    )


def test_a_session_that_cannot_tell_is_not_told():
    class Silent:
        def run(self, feed): ...
        def facts(self): ...
        def close(self): ...

    assert kernels_of(Silent()) == NotTold("the backend's sessions have no kernels()")
    assert hosted(Silent()).kernels() == NotTold("the backend's sessions have no kernels()")


class Tells:
    def __init__(self, told) -> None:
        self.told = told

    def kernels(self):
        if isinstance(self.told, Exception):
            raise self.told
        return self.told


@pytest.mark.parametrize(
    "kernels",
    [
        OSError("No space left on device"),
        None,
        {"Conv": 3},
        Kernels({"Conv": 3}),
        Kernels({"Conv": KernelCount(quantized=-1)}),
        Kernels({"Conv": KernelCount(quantized=True)}),
        Kernels({"Conv": KernelCount(quantized=0.5)}),
        Kernels({"Conv": KernelCount(otherwise=-1)}),
        Kernels({"Conv": KernelCount(weights_only=1)}),
        Kernels({1: KernelCount(quantized=1)}),
        Kernels([("Conv", KernelCount(quantized=1))]),
        Kernels({}, float_nodes=(1,)),
        Kernels({}, hidden=-1),
        Kernels({}, remarks=(None,)),
    ],
    ids=repr,
)
def test_what_is_no_count_is_not_told(kernels):
    assert isinstance(kernels_of(Tells(kernels)), NotTold)


def test_what_an_engine_does_not_tell_by_its_own_word_has_its_reason():
    assert hosted(Tells(NotTold("a closed engine"))).kernels() == NotTold("a closed engine")


def test_kernels_on_packed_weights_are_told_from_those_on_integers():
    kernels = Kernels({"MatMul": KernelCount(quantized=5, weights_only=2, fell_back=1)})

    assert of_precision(kernels, weights_only=True).counts == {
        "MatMul": KernelCount(quantized=2, weights_only=2, fell_back=1, otherwise=3)
    }
    assert of_precision(kernels, weights_only=False).counts == {
        "MatMul": KernelCount(quantized=3, fell_back=1, otherwise=2)
    }


def test_names_of_what_fell_back_stand_first_and_are_few():
    nodes = [ComputeNode("Conv", f"conv{index}", quantized=False, in_file=index >= 30) for index in range(60)]

    kernels = counted(nodes)

    assert kernels.counts == {"Conv": KernelCount(fell_back=30, left_float=30)}
    assert kernels.float_nodes == tuple(f"conv{index}" for index in range(30, 30 + MOST_NAMES))


def test_kernels_are_the_same_after_json():
    kernels = Kernels({"Conv": KernelCount(3, 1, 2, 1)}, ("a",), 1, ("remark",))

    assert kernels_from_json(kernels.as_json()) == kernels
    assert (kernels.quantized, kernels.fell_back, kernels.total) == (3, 2, 6)


def test_no_compute_node_is_said():
    assert Kernels({}).text("int8") == "no compute nodes"
