"""Models whose weights do not fit one protobuf message; here such a message takes next to nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, version_converter

from pytest_qparity.case.model import stored_bytes
from pytest_qparity.gate.quantizing import Order, quantize
from pytest_qparity.precision import large
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.precision.emulated import emulated_variant
from pytest_qparity.precision.large import apart_from_weights, data_beside, fits_one_message
from pytest_qparity.precision.variants import Workshop, variant_for
from pytest_qparity.verdict import CannotJudge
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.models import mlp, save
from tests.precision.graphs import request_for, samples_for

WIDE = {"features": 64, "hidden": 128, "classes": 64}


@pytest.fixture
def workshop(tmp_path):
    return Workshop(InProcess(Limits()), VariantCache(tmp_path / "variants"))


def variant_of(request, workshop):
    return variant_for(request, lambda: samples_for(request.model, 8), workshop)


def require_alike(model, precision, spec, tmp_path, workshop, monkeypatch):
    request = request_for(model, tmp_path, precision, **spec)
    whole = variant_of(request, workshop)
    monkeypatch.setattr(large, "LARGEST_WEIGHTS", 100)
    apart = variant_of(request, dataclasses.replace(workshop, cache=VariantCache(tmp_path / "apart")))

    assert whole.external == ()
    assert apart.external == (data_beside(apart.path).name,)
    assert apart.path.stat().st_size < whole.path.stat().st_size / 2
    np.testing.assert_array_equal(outputs_of(apart.path), outputs_of(whole.path))


def without_biases():
    """MatMulNBits takes MatMul alone."""
    model = mlp(**WIDE)
    for node in model.graph.node:
        if node.op_type == "Gemm":
            node.op_type = "MatMul"
            del node.input[2:]
    return model


def outputs_of(path):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed = np.random.default_rng(0).standard_normal((3, WIDE["features"])).astype(np.float32)
    return session.run(None, {"input": feed})[0]


@pytest.mark.parametrize(
    ("precision", "spec"),
    [
        ("int8", {}),
        ("int4", {}),
        ("uint8", {}),
        ("fp16", {}),
        ("int8", {"recipe": "dynamic"}),
        ("int8", {"format": "qoperator", "target": "ort"}),
    ],
    ids=["int8", "int4", "uint8", "fp16", "dynamic", "QOperator"],
)
def test_a_variant_is_the_same_in_one_file_and_in_two(precision, spec, tmp_path, workshop, monkeypatch):
    require_alike(mlp(**WIDE), precision, spec, tmp_path, workshop, monkeypatch)


def test_packed_weights_are_the_same_in_one_file_and_in_two(tmp_path, workshop, monkeypatch):
    require_alike(without_biases(), "int4", {"format": "qoperator"}, tmp_path, workshop, monkeypatch)


def test_an_emulated_variant_may_lie_in_two_files(tmp_path, workshop, monkeypatch):
    monkeypatch.setattr(large, "LARGEST_WEIGHTS", 100)
    variant = variant_of(request_for(mlp(**WIDE), tmp_path, "nvfp4"), workshop)

    emulated = emulated_variant(variant, ["nvfp4"], workshop)

    assert emulated.external == (data_beside(emulated.path).name,)
    assert np.isfinite(outputs_of(emulated.path)).all()


def test_what_is_kept_in_two_files_is_found_again_and_made_anew_where_either_is_another(
    tmp_path, workshop, monkeypatch
):
    monkeypatch.setattr(large, "LARGEST_WEIGHTS", 100)
    request = request_for(mlp(**WIDE), tmp_path, "int8")
    made = variant_of(request, workshop)
    data = data_beside(made.path)
    content, stamp = data.read_bytes(), made.path.stat().st_mtime_ns

    assert variant_of(request, workshop) == made
    assert made.path.stat().st_mtime_ns == stamp
    data.write_bytes(content[:-1] + b"\x55")
    assert variant_of(request, workshop) == made
    assert data.read_bytes() == content
    data.unlink()
    assert variant_of(request, workshop) == made
    assert data.read_bytes() == content


def test_a_record_that_names_files_of_others_is_not_believed(tmp_path, workshop, monkeypatch):
    monkeypatch.setattr(large, "LARGEST_WEIGHTS", 100)
    request = request_for(mlp(**WIDE), tmp_path, "int8")
    made = variant_of(request, workshop)
    record = made.path.with_suffix(".json")
    record.write_text(
        record.read_text().replace(data_beside(made.path).name, f"../variants/{data_beside(made.path).name}")
    )

    assert variant_of(request, workshop).external == made.external


def test_weights_are_apart_while_a_model_is_converted_and_back_after():
    model = mlp(**WIDE, opset=13)
    expected = version_converter.convert_version(model, 17).SerializeToString(deterministic=True)
    seen: list[int] = []

    def convert(light: onnx.ModelProto) -> onnx.ModelProto:
        seen.append(light.ByteSize())
        return version_converter.convert_version(light, 17)

    assert apart_from_weights(model, convert).SerializeToString(deterministic=True) == expected
    assert seen[0] < len(expected) / 10


def test_weights_in_branches_and_constants_count(monkeypatch):
    model = mlp(**WIDE)
    constant = onnx.helper.make_node("Constant", [], ["c"], value=onnx.helper.make_tensor("c", 1, [2], [1.0, 2.0]))
    body = onnx.helper.make_graph(
        [constant], "body", [], [onnx.helper.make_tensor_value_info("c", TensorProto.FLOAT, [2])]
    )
    model.graph.node.append(onnx.helper.make_node("If", ["on"], ["y"], then_branch=body, else_branch=body))
    weights = sum(len(tensor.raw_data) for tensor in model.graph.initializer)

    monkeypatch.setattr(large, "LARGEST_WEIGHTS", weights)
    assert not fits_one_message(model)
    monkeypatch.setattr(large, "LARGEST_WEIGHTS", weights + 64)
    assert fits_one_message(model)


def test_a_file_for_somebody_else_has_its_weights_beside_it(tmp_path, workshop, monkeypatch):
    path = save(mlp(**WIDE), tmp_path / "float.onnx")
    np.savez(tmp_path / "data.npz", input=np.random.default_rng(0).standard_normal((8, 64)).astype(np.float32))
    order = Order(path, tmp_path / "whole.onnx", calibration=tmp_path / "data.npz", target="ort")
    quantize(order, workshop.worker)
    monkeypatch.setattr(large, "LARGEST_WEIGHTS", 100)

    made = quantize(dataclasses.replace(order, output=tmp_path / "apart.onnx"), workshop.worker)

    [data] = tmp_path.glob("apart.onnx.*")
    assert made.digest == stored_bytes(tmp_path / "apart.onnx", [data.name]).digest
    np.testing.assert_array_equal(outputs_of(tmp_path / "apart.onnx"), outputs_of(tmp_path / "whole.onnx"))


def test_a_file_that_takes_the_place_of_another_is_whole_and_leaves_nothing_of_it(tmp_path, workshop, monkeypatch):
    monkeypatch.setattr(large, "LARGEST_WEIGHTS", 100)
    model = mlp(**WIDE)
    path = tmp_path / "float.onnx"
    onnx.save(model, path, save_as_external_data=True, location="out.onnx.data", size_threshold=0)
    weights = (tmp_path / "out.onnx.data").read_bytes()
    order = Order(path, tmp_path / "out.onnx", precision="fp16")
    quantize(order, workshop.worker)
    expected, [data] = outputs_of(tmp_path / "out.onnx"), list(tmp_path.glob("out.onnx.*.data"))

    with monkeypatch.context() as failing:
        failing.setattr(large, "save_with_data_at", fail)
        failing.setattr("pytest_qparity.precision.making.save_with_data_at", fail)
        with pytest.raises(CannotJudge):
            quantize(dataclasses.replace(order, precision="bf16"), workshop.worker)

    np.testing.assert_array_equal(outputs_of(tmp_path / "out.onnx"), expected)
    assert (tmp_path / "out.onnx.data").read_bytes() == weights  # the float model's own
    quantize(dataclasses.replace(order, precision="int4"), workshop.worker)
    [other] = tmp_path.glob("out.onnx.*.data")
    assert other != data
    assert outputs_of(tmp_path / "out.onnx").shape == expected.shape


def fail(*_: object) -> None:
    raise OSError("no room")
