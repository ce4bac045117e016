"""One variant without a case: what is written, which ranges it took, and that nothing is written where it fails."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from pytest_qparity.digest import file_digest
from pytest_qparity.gate.quantizing import QUANTIZED, Order, Quantized, quantize
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.models import save, small_cnn
from tests.precision.graphs import FLOAT, model_of, weights

LARGEST = {"input": 4.0, "r1": 3.0, "pooled": 2.0}  # of what weighted nodes take, before it is flattened
UNNAMED = "(Unnamed Layer* 4) [Constant]_output"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save(small_cnn(), tmp_path / "model.onnx")


def cache(tmp_path: Path, largest: dict[str, float], name: str = "calib.cache") -> Path:
    """A calibration cache as TensorRT 8.6.1 writes it."""
    lines = [f"{tensor}: {struct.pack('>f', value / 127).hex()}\n" for tensor, value in largest.items()]
    path = tmp_path / name
    path.write_text("".join(["TRT-8601-EntropyCalibration2\n", *lines]))
    return path


def calibration(tmp_path: Path, samples: int = 4) -> Path:
    path = tmp_path / "data.npz"
    np.savez(path, input=np.random.default_rng(0).standard_normal((samples, 1, 8, 8)).astype(np.float32))
    return path


def made(order: Order) -> Quantized:
    return quantize(order, InProcess(Limits()))


def refused(order: Order) -> CannotJudge:
    with pytest.raises(CannotJudge) as caught:
        made(order)
    assert not order.output.exists()
    return caught.value


def scales(path: Path) -> dict[str, np.ndarray]:
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    return {
        node.input[0]: tensors[node.input[1]] for node in onnx.load(path).graph.node if node.op_type == "QuantizeLinear"
    }


def test_scales_are_those_of_the_cache_bit_for_bit(tmp_path, model):
    output = tmp_path / "int8.onnx"

    made(Order(model, output, ranges=cache(tmp_path, LARGEST), target="trt"))

    onnx.checker.check_model(output, full_check=True)
    assert scales(output) == {"input": np.float32(4 / 127), "r1": np.float32(3 / 127), "flat": np.float32(2 / 127)}


def test_what_was_quantized_and_which_ranges_were_not_used_is_told(tmp_path, model):
    ranges = cache(tmp_path, {**LARGEST, "c1": 1.0, UNNAMED: 1.0})

    found = made(Order(model, tmp_path / "int8.onnx", ranges=ranges))

    assert found.counts == {"Conv": (2, 2), "Gemm": (1, 1)}
    assert found.used == tuple(LARGEST)
    assert found.unused == ("c1", UNNAMED)
    assert found.notes == ("converted from opset 17 to 19 before quantization",)
    assert found.recipe["target"] == "any"


def test_what_is_kept_float_needs_no_range(tmp_path, model):
    ranges = cache(tmp_path, {name: LARGEST[name] for name in ("input", "r1")})

    found = made(Order(model, tmp_path / "int8.onnx", ranges=ranges, keep_float=("classify",)))

    assert found.counts == {"Conv": (2, 2), "Gemm": (0, 1)}


def test_a_tensor_without_a_range_is_named(tmp_path, model):
    ranges = cache(tmp_path, {name: LARGEST[name] for name in ("input", "r1")})

    failure = refused(Order(model, tmp_path / "int8.onnx", ranges=ranges)).failure

    assert failure.code is Code.CALIBRATION_TENSOR
    assert '"pooled": got no range' in failure.sentence


def test_ranges_of_another_model_are_told_from_a_range_that_lacks(tmp_path, model):
    failure = refused(
        Order(model, tmp_path / "int8.onnx", ranges=cache(tmp_path, {"image": 1.0, "/conv": 2.0}))
    ).failure

    assert failure.code is Code.CALIBRATION_TENSOR
    assert 'got none of the 3 tensors to quantize ("input", …)' in failure.sentence
    assert 'the 2 of TensorRT calibration cache TRT-8601-EntropyCalibration2 ("image", …)' in failure.sentence
    assert "another export" in failure.remedy


def test_a_model_that_is_not_there(tmp_path):
    failure = refused(Order(tmp_path / "none.onnx", tmp_path / "int8.onnx", ranges=cache(tmp_path, LARGEST))).failure

    assert failure.code is Code.MODEL_UNREADABLE
    assert "none.onnx" in failure.sentence


def test_a_format_that_nobody_knows(tmp_path, model):
    ranges = tmp_path / "calib.cache"
    ranges.write_text("hello\n")

    failure = refused(Order(model, tmp_path / "int8.onnx", ranges=ranges)).failure

    assert failure.code is Code.CALIBRATION_RANGES
    assert "calib.cache: line 1: got 'hello', should be ranges.json" in failure.sentence


def test_calibration_data_make_what_the_gate_makes(tmp_path, model):
    found = made(Order(model, tmp_path / "int8.onnx", calibration=calibration(tmp_path), target="ort"))

    assert found.counts == {"Conv": (2, 2), "Gemm": (1, 1)}
    assert found.recipe["calibration_data"] is not None
    assert (found.used, found.unused) == ((), ())


def recurrent(folder: Path) -> Path:
    """h' = tanh(h · u + x · v), y = h' · p: one step a run."""
    nodes = [
        helper.make_node("MatMul", ["h", "u"], ["a"], name="of_state"),
        helper.make_node("MatMul", ["x", "v"], ["b"], name="of_step"),
        helper.make_node("Add", ["a", "b"], ["sum"], name="sum"),
        helper.make_node("Tanh", ["sum"], ["h_next"], name="tanh"),
        helper.make_node("MatMul", ["h_next", "p"], ["y"], name="out"),
    ]
    inputs, outputs = [("x", FLOAT, [1, 8]), ("h", FLOAT, [1, 8])], [("y", FLOAT, [1, 8]), ("h_next", FLOAT, [1, 8])]
    constants = {name: weights(8, 8, seed=seed) for seed, name in enumerate("uvp")}
    return save(model_of(nodes, inputs, outputs, constants), folder / "recurrent.onnx")


def steps(folder: Path) -> Path:
    """Two recordings of 8 steps, of one sign each, so that states grow; no array of the state itself."""
    drive = np.abs(np.random.default_rng(0).standard_normal((16, 8))).astype(np.float32)
    drive[8:] *= -1
    np.savez(folder / "steps.npz", x=drive, recording=np.repeat([0, 1], 8))
    return folder / "steps.npz"


def test_calibration_data_of_a_recurrent_model_run_through_its_states(tmp_path: Path) -> None:
    model, data, kept = recurrent(tmp_path), steps(tmp_path), tmp_path / "ranges.json"

    found = made(
        Order(model, tmp_path / "i.onnx", calibration=data, save_ranges=kept, target="ort", state={"h_next": "h"})
    )

    assert [quantized for quantized, _ in found.counts.values()] == [total for _, total in found.counts.values()]
    ranges = json.loads(kept.read_text())["tensors"]
    reference = ReferenceEvaluator(str(model))
    state, reached = np.zeros((1, 8), np.float32), 0.0
    for index, step in enumerate(np.load(data)["x"]):
        state = np.zeros((1, 8), np.float32) if index == 8 else state
        reached = max(reached, float(np.abs(state).max()))
        _, state = reference.run(None, {"x": step[np.newaxis], "h": state})
    stated = next(each for each in ranges if each["tensor"] == "h") if isinstance(ranges, list) else ranges["h"]
    assert max(-stated["low"], stated["high"]) == pytest.approx(reached, rel=0.02)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"batch": 2}, "batch: got 2 beside state, should be 1"),
        ({"state": {"h_nxt": "h"}}, 'output "h_nxt" as state'),
        ({"state": {}}, "recording"),
    ],
    ids=["batch", "unknown", "none"],
)
def test_a_state_that_cannot_be_is_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    order = Order(recurrent(tmp_path), tmp_path / "i.onnx", calibration=steps(tmp_path), state={"h_next": "h"})

    assert says in refused(replace(order, **changes)).failure.sentence


def test_neither_ranges_nor_data(tmp_path, model):
    assert refused(Order(model, tmp_path / "int8.onnx")).failure.code is Code.CALIBRATION_MISSING


def test_data_that_a_recipe_does_not_take_are_refused(tmp_path, model):
    order = Order(model, tmp_path / "fp16.onnx", precision="fp16", calibration=calibration(tmp_path))

    assert "takes no data" in refused(order).failure.sentence


def test_a_model_of_which_nothing_is_quantized_is_not_written(tmp_path):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"], name="relu")], "relu", values[:1], values[1:])
    path = save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9), tmp_path / "m.onnx"
    )

    failure = refused(Order(path, tmp_path / "int8.onnx", ranges=cache(tmp_path, {"x": 1.0}))).failure

    assert failure.code is Code.VARIANT_RECIPE
    assert "got no quantized node" in failure.sentence


def test_notes_of_an_import_come_along(tmp_path, model):
    """What is dropped in reading a file of ranges is told with the variant."""
    encodings = tmp_path / "encodings.json"
    common = {"enc_type": "PER_TENSOR", "dtype": "INT", "bw": 8, "is_sym": False, "scale": [0.1], "offset": [-10]}
    activations, parameters = ([{"name": name, **common} for name in names] for names in (LARGEST, ["k1"]))
    stated = {"version": "1.0.0", "activation_encodings": activations, "param_encodings": parameters}
    encodings.write_text(json.dumps(stated))

    found = made(Order(model, tmp_path / "int8.onnx", ranges=encodings))

    assert any("param" in note for note in found.notes), found.notes


@pytest.mark.parametrize("precision", ["fp16", "int4", "mxfp4"])
def test_other_precisions(tmp_path, model, precision):
    found = made(Order(model, tmp_path / "variant.onnx", precision=precision))

    assert precision in QUANTIZED
    assert found.recipe["base"] == precision


def test_ranges_that_calibration_finds_can_be_kept_and_make_the_same_file(tmp_path: Path, model: Path) -> None:
    data, kept = calibration(tmp_path), tmp_path / "ranges.json"
    first = made(Order(model, tmp_path / "first.onnx", calibration=data, save_ranges=kept))

    second = made(Order(model, tmp_path / "second.onnx", ranges=kept))

    assert second.digest == first.digest
    stated = json.loads(kept.read_text())
    assert stated["samples"] == 4
    assert stated["model"] == file_digest(model)
    assert stated["data"] == first.recipe["calibration_data"]
    assert stated["tensors"].keys() == set(second.used)
    assert second.notes == first.notes[: len(second.notes)]


def test_a_recipe_without_ranges_has_none_to_keep(tmp_path: Path, model: Path) -> None:
    caught = refused(Order(model, tmp_path / "half.onnx", precision="fp16", save_ranges=tmp_path / "ranges.json"))

    assert "got no ranges from its recipe" in caught.failure.sentence
    assert not (tmp_path / "ranges.json").exists()
