"""Proof of precision through the gate: what ran quantized, on which CPU, and for which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

from pytest_qparity import gate, load_case
from pytest_qparity.case.loading import CaseError
from pytest_qparity.gate.case_material import CaseMaterial
from pytest_qparity.gate.run_material import RunMaterial
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.precision.variants import Workshop, variant_for
from pytest_qparity.processor import this_processor
from pytest_qparity.verdict import Outcome, Verdict
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.backends.quantized import cnn
from tests.models import mlp, save, small_cnn
from tests.precision.graphs import request_for, samples_for
from tests.precision.products import between_pairs

CASE = """
model = "models/float.onnx"
{case}
[data]
test = "data/test.npz"
{calibration}

[precisions.{name}]
{file}
{precision}
"""


def float_cnn():
    return cnn(left_float=["conv1", "conv2", "classify"])


def preflight(
    root: Path,
    int8,
    float_model,
    *,
    backend: str = "ort",
    name: str = "int8",
    case: str = "",
    precision: str = "",
    given: bool = True,
) -> Verdict:
    save(int8, root / "cases" / "models" / "int8.onnx")
    save(float_model, root / "cases" / "models" / "float.onnx")
    (value,) = float_model.graph.input
    shape = [max(1, size.dim_value) for size in value.type.tensor_type.shape.dim]
    data = root / "cases" / "data" / "test.npz"
    data.parent.mkdir()
    np.savez(data, **{value.name: np.random.default_rng(0).standard_normal((2, *shape[1:])).astype(np.float32)})
    file = root / "cases" / "net.toml"
    stated = {"calibration": "", "file": 'file = "models/int8.onnx"'}
    made = {"calibration": 'calibration = "data/test.npz"\noverlap = "allowed"', "file": ""}
    file.write_text(CASE.format(case=case, name=name, precision=precision, **(stated if given else made)))
    loaded = load_case(file)
    settings = gate.default_settings(root, latency_seconds=0.01)
    [run] = gate.plan(loaded, settings, [backend], [name])
    return dict(gate.judge_run(loaded, run, settings))["preflight"]


def test_what_ran_quantized_stands_in_the_evidence(tmp_path: Path) -> None:
    verdict = preflight(tmp_path, cnn(), float_cnn())

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["kernels"] == "2/2 Conv, 1/1 Gemm int8"
    assert verdict.deciding == "3/3 int8"


@pytest.mark.parametrize("backend", ["ort", "openvino"])
def test_a_share_that_every_node_reaches_passes(tmp_path: Path, backend: str) -> None:
    verdict = preflight(tmp_path, cnn(), float_cnn(), backend=backend, precision="min_quantized = 1.0")

    assert verdict.outcome is Outcome.PASS


def test_an_engine_that_falls_back_fails_the_share(tmp_path: Path) -> None:
    verdict = preflight(tmp_path, cnn(np.int8, 0), float_cnn(), backend="ort", precision="min_quantized = 0.9")

    [failure] = verdict.failures
    assert failure.code.code == "QP-PRE-006"
    assert "As float: conv1, conv2." in failure.sentence


def test_products_that_openvino_quantizes_at_run_time_are_floats_there(tmp_path: Path) -> None:
    onnx.save(float_cnn(), tmp_path / "float.onnx")
    quantize_dynamic(tmp_path / "float.onnx", tmp_path / "dynamic.onnx")
    dynamic = onnx.load(tmp_path / "dynamic.onnx")

    verdict = preflight(tmp_path, dynamic, float_cnn(), backend="openvino", precision="min_quantized = 0.9")

    [failure] = verdict.failures
    assert failure.code.code == "QP-PRE-006"
    assert "As float: conv1_quant, conv2_quant, classify_MatMul_quant." in failure.sentence


def test_without_a_share_a_fallback_is_a_note(tmp_path: Path) -> None:
    verdict = preflight(tmp_path, cnn(np.int8), float_cnn())

    assert verdict.outcome is Outcome.PASS
    faster_with = "the file is given: quantize it by this engine's rules, with Q/DQ nodes around all that it fuses"
    assert verdict.notes == (f"2 quantized nodes run as float: conv1, conv2; {faster_with}",)
    assert verdict.evidence["faster_with"] == faster_with


def test_a_made_file_that_runs_as_float_says_which_target_runs_on_integers(tmp_path: Path) -> None:
    def judged(folder: str, made: str) -> Verdict:
        return preflight(tmp_path / folder, cnn(), small_cnn(), given=False, precision=made)

    any_engine = judged("any", "")
    for_this_one = judged("backend", 'target = "backend"')

    assert any_engine.notes[-1].endswith(
        'runs as float; target = "backend" in the precision\'s table makes the file that this engine is fastest with'
    )
    assert for_this_one.evidence["kernel_counts"]["Conv"]["fell_back"] == 0
    assert "faster_with" not in for_this_one.evidence


def test_a_share_of_floats_is_an_error_of_the_case(tmp_path: Path) -> None:
    precision = "[precisions.fp16]\nmin_quantized = 0.5"

    with pytest.raises(CaseError, match='Got min_quantized for precision "fp16", should have none') as caught:
        preflight(tmp_path, cnn(), float_cnn(), precision=precision)

    assert "net.toml:11" in str(caught.value)


def weights(largest: int) -> np.ndarray:
    return np.random.default_rng(0).integers(-largest, largest + 1, (16, 8)).astype(np.int8)


def product(largest: int, activation: type = np.uint8):
    return between_pairs(weights(largest), activation, shape=(1, 16))


def float_product(largest=64):
    model = between_pairs(weights(64), shape=(1, 16))
    dequantized = weights(largest).astype(np.float32)
    del model.graph.node[:]
    model.graph.node.append(helper.make_node("MatMul", ["x", "w"], ["y"], name="product"))
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(dequantized, "w"))
    return model


@pytest.mark.parametrize("activation", [np.uint8, np.int8])
def test_weights_of_8_bits_are_refused_for_any_cpu(tmp_path: Path, activation: type) -> None:
    verdict = preflight(tmp_path, product(127, activation), float_product(127), case='cpu = "any"')

    assert [failure.code.code for failure in verdict.failures] == ["QP-PRE-008"]
    assert verdict.evidence["saturation"]["node"] == "product"
    assert verdict.evidence["saturation"]["worst_sum"] not in range(-32_768, 32_768)


def test_weights_of_7_bits_are_taken_for_any_cpu(tmp_path: Path) -> None:
    verdict = preflight(tmp_path, product(64), float_product(), case='cpu = "any"')

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["saturation"]["products"] == 1


def test_weights_of_8_bits_are_taken_for_this_cpu(tmp_path: Path) -> None:
    verdict = preflight(tmp_path, product(127), float_product(127))

    assert verdict.outcome is Outcome.PASS
    assert "saturation" not in verdict.evidence


def test_weights_of_another_checkpoint_are_refused_but_where_the_case_says_so(tmp_path: Path) -> None:
    other = float_product()
    turned = numpy_helper.to_array(other.graph.initializer[0])[::-1]
    other.graph.initializer[0].CopyFrom(numpy_helper.from_array(turned.copy(), "w"))

    verdict = preflight(tmp_path / "a", product(64), other)
    stated = preflight(tmp_path / "b", product(64), other, precision='weights = "changed"')

    assert [failure.code.code for failure in verdict.failures] == ["QP-PRE-010"]
    assert verdict.evidence["weights"]["other"] == 1
    assert stated.outcome is Outcome.PASS
    assert stated.notes[-1].endswith('(weights = "changed")')


def test_the_cpu_and_its_features_stand_beside_each_verdict(tmp_path: Path) -> None:
    preflight(tmp_path, cnn(), float_cnn())
    case = load_case(tmp_path / "cases" / "net.toml")
    material = CaseMaterial(case, gate.default_settings(tmp_path), "cases/net.toml")

    provenance = RunMaterial(material, "ort", "int8").provenance()

    assert provenance["cpu"] == this_processor().as_json()


def made(model, root: Path, precision: str, **spec):
    """The variant of a precision, as a recipe makes it."""
    request = request_for(model, root, precision, **spec)
    workshop = Workshop(InProcess(Limits()), VariantCache(root / "cache"))
    return onnx.load(variant_for(request, lambda: samples_for(request.model, 8), workshop).path)


def model_to_quantize():
    model = mlp(features=32)
    model.graph.input[0].name = model.graph.node[0].input[0] = "x"
    return model


# What is given, and what it is not.
OTHERS = [
    ("fp8", "mxfp8"),
    ("mxfp8", "fp8"),
    ("mxfp4", "nvfp4"),
    ("nvfp4", "mxfp4"),
    ("nvfp4", "fp8"),
    ("fp8-e5m2", "fp8"),
    ("fp8", "fp8-e5m2"),
    ("int16", "int8"),
    ("int8", "int16"),
    ("int4", "int8"),
]


@pytest.mark.parametrize(("given", "base"), OTHERS, ids=[f"{given} as {base}" for given, base in OTHERS])
def test_a_file_of_another_precision_is_refused(tmp_path: Path, given: str, base: str) -> None:
    file = made(model_to_quantize(), tmp_path / "made", given)

    verdict = preflight(tmp_path, file, model_to_quantize(), name=base)

    failure = next(each for each in verdict.failures if each.code.code == "QP-PRE-001")
    assert failure.likely is not None
    assert failure.likely.endswith(": hidden, logits")


@pytest.mark.parametrize(("base", "extended"), [("nvfp4", {}), ("int4", {"format": "qoperator"})])
def test_nodes_of_another_precision_do_not_count(tmp_path: Path, base: str, extended: dict) -> None:
    """Emulated, where the file tells, and native, where the engine does: convolutions of int8, a product of 4 bits."""
    model = small_cnn(channels=16)
    model.graph.input[0].name = model.graph.node[0].input[0] = "x"
    model.graph.node[-1].op_type = "MatMul"  # what ONNX Runtime packs
    model.graph.node[-1].input.remove("b")
    int8 = made(model, tmp_path / "int8", "int8", target="ort", keep_float=("classify",))
    both = made(int8, tmp_path / "both", base, extend=True, **extended)

    verdict = preflight(tmp_path, both, model, name=base, precision="min_quantized = 0.8")

    assert verdict.deciding == f"1/3 {base}"
    [failure] = [each for each in verdict.failures if each.code.code == "QP-PRE-006"]
    assert failure.sentence.endswith("should be at least 80.0%. In another precision: c1, c2.")
