"""The first row of a diagnosis: causes that only whole models have, and faults planted into many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from pytest_qparity.diagnose.causes.cause import Cause, Finding, Suspect
from pytest_qparity.diagnose.comparing import Comparison, Floated
from pytest_qparity.diagnose.diagnosing import Diagnosis, Order, diagnose, ranked
from pytest_qparity.precision.pairs.splicing import Change
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.diagnose.faults import QDQ_FAULTS, planted
from tests.diagnose.planting import Planted, sound
from tests.diagnose.sides import constants, feeds_of, quantized, save, set_constant
from tests.models import inputs_for_mlp, mlp
from tests.precision.graphs import weights
from tests.precision.test_mixing import feed, summed

# Every fault in every kind of model that can have it, cut to the number that the promise speaks of.
TRIALS = [
    (fault, kind, 1 + place % 3)
    for place, (fault, kind) in enumerate((fault, kind) for fault, (_, kinds) in QDQ_FAULTS.items() for kind in kinds)
    if place % 2 == 0 or fault in ("dropped-relu", "unscaled", "residual-mismatch")
]


def diagnosed(reference: Path, variant: Path, data: np.ndarray, calibration: np.ndarray | None = None) -> Diagnosis:
    feeds = feeds_of(reference, {"input": data}, batch=16)
    known = () if calibration is None else tuple(feeds_of(reference, {"input": calibration}, batch=16))
    return diagnose(Order(reference, variant, feeds, known), InProcess(Limits()))


def is_hit(plant: Planted) -> bool:
    top = diagnosed(plant.reference, plant.variant, plant.data, plant.calibration).findings[0].suspect
    return top.node in plant.nodes and top.cause == plant.cause


def test_the_first_row_names_the_planted_layer_and_cause_in_28_of_30(tmp_path: Path) -> None:
    assert len(TRIALS) >= 30

    missed = [
        f"{fault} {kind} {seed}"
        for fault, kind, seed in TRIALS
        if not is_hit(planted(fault, kind, seed, tmp_path / f"{fault}-{kind}-{seed}"))
    ]

    assert 30 * len(missed) <= 2 * len(TRIALS), missed


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("qoperator-range", "branches"),
        ("qoperator-bias", "residual"),
        ("qoperator-flipped", "transformer"),
        ("dynamic-rescaled", "mlp"),
        ("dynamic-noise", "cnn"),
    ],
)
def test_layers_of_operators_on_integers_are_looked_into(tmp_path: Path, fault: str, kind: str) -> None:
    assert is_hit(planted(fault, kind, 1, tmp_path))


@pytest.mark.parametrize("kind", ["mlp", "residual"])
def test_a_sound_variant_has_no_single_culprit(tmp_path: Path, kind: str) -> None:
    plant = sound(kind, 4, tmp_path)
    whole = plant.planted("none", "none", [], plant.variant())

    found = diagnosed(whole.reference, whole.variant, whole.data)

    assert found.findings[0].suspect.cause in (Cause.ACCUMULATED_DRIFT, Cause.ROUNDING)
    assert not any(each.suspect.everywhere for each in found.findings[1:])


def test_a_bias_that_the_optimizer_takes_for_another_is_a_kernel_that_deviates(tmp_path: Path) -> None:
    """ONNX Runtime fuses an int32 bias as if its scale were that of the input times that of the weight."""
    data = {"input": inputs_for_mlp(48)}
    reference, variant = quantized(mlp(), data, tmp_path, "any")
    model = onnx.load(variant)
    held = constants(model)
    second = next(node for node in model.graph.node if node.name == "second")
    bias = run_constant(model, second.input[2])
    scale = np.full(bias.shape, 1e-6, np.float32)
    added = {"own_codes": np.rint(bias / scale).astype(np.int32), "own_scale": scale, "own_zero": np.zeros(4, np.int32)}
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in added.items())
    model.graph.node.insert(0, helper.make_node("DequantizeLinear", list(added), ["own_bias"], name="own_bias", axis=0))
    second.input[2] = "own_bias"
    output = next(n for n in model.graph.node if n.op_type == "Gemm" and n.name == "second").output[0]
    with_rounded_output(model, output, held)
    onnx.save(model, variant)

    top = diagnosed(reference, variant, data["input"]).findings[0].suspect

    assert (top.cause, top.node) == (Cause.KERNEL_DEVIATES, "second")
    assert top.numbers["optimizer_sqnr_db"] < 0.0
    assert top.numbers["float_optimizer_sqnr_db"] is None  # the optimizer leaves the float model bit for bit
    assert "conformance" in top.remedy


def run_constant(model: onnx.ModelProto, name: str) -> np.ndarray:
    held = constants(model)
    maker = next((node for node in model.graph.node if name in node.output), None)
    if maker is None:
        return held[name]
    return held[maker.input[0]].astype(np.float32) * held[maker.input[1]]


def with_rounded_output(model: onnx.ModelProto, output: str, held: dict[str, np.ndarray]) -> None:
    """The last layer between Q/DQ pairs, so that it is fused; nothing where it is so already."""
    if any(node.op_type == "QuantizeLinear" and node.input[0] == output for node in model.graph.node):
        return
    for node in model.graph.node:
        node.output[:] = ["raw_logits" if name == output else name for name in node.output]
    added = {"last_scale": np.float32(0.05), "last_zero": np.int8(0)}
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(array), name) for name, array in added.items())
    model.graph.node.extend(
        [
            helper.make_node("QuantizeLinear", ["raw_logits", *added], ["last_codes"], name="last_q"),
            helper.make_node("DequantizeLinear", ["last_codes", *added], [output], name="last_dq"),
        ]
    )


def test_another_attribute_is_a_node_that_differs(tmp_path: Path) -> None:
    data = {"input": inputs_for_mlp(48)}
    model = mlp()
    model.graph.node[2].attribute.append(helper.make_attribute("alpha", 1.0))
    reference, variant = quantized(model, data, tmp_path)
    damaged = onnx.load(variant)
    for node in damaged.graph.node:
        for attribute in node.attribute:
            if attribute.name == "alpha":
                attribute.f = 0.5
    onnx.save(damaged, variant)

    top = diagnosed(reference, variant, data["input"]).findings[0].suspect

    assert (top.cause, top.node) == (Cause.NODE_DIFFERS, "second")
    assert top.numbers["differs"] == ["alpha"]


def test_a_model_against_itself_has_no_finding_with_an_impact(tmp_path: Path) -> None:
    reference, variant = save(mlp(), tmp_path / "a.onnx"), save(mlp(), tmp_path / "b.onnx")

    found = diagnosed(reference, variant, inputs_for_mlp(8))

    assert found.findings == ()
    assert found.measured.relative == 0.0


def test_a_wrong_weight_stands_before_what_it_drags_along(tmp_path: Path) -> None:
    data = {"input": inputs_for_mlp(48)}
    reference, variant = quantized(mlp(), data, tmp_path)
    model = onnx.load(variant)
    name = next(n.input[1] for n in model.graph.node if n.op_type == "DequantizeLinear" and n.input[0].startswith("w1"))
    set_constant(model, name, constants(model)[name] * 2)
    onnx.save(model, variant)

    found = diagnosed(reference, variant, data["input"]).findings

    assert (found[0].suspect.cause, found[0].suspect.node) == (Cause.WRONG_WEIGHT_SCALE, "first")
    assert found[0].impact == pytest.approx(1.0, abs=0.01)


def test_an_outlier_channel_hides_no_turned_channel_of_the_weight_that_reads_it(tmp_path: Path) -> None:
    plant = planted("outlier-channel", "cnn", 2, tmp_path)
    model, (reader,) = onnx.load(plant.variant), plant.nodes
    node = next(each for each in model.graph.node if each.name == reader)
    codes = next(each for each in model.graph.node if each.output[0] == node.input[1]).input[0]
    axis = 1 if node.op_type == "MatMul" else 0
    weight = constants(model)[codes].copy()
    np.moveaxis(weight, axis, 0)[1] *= -1
    set_constant(model, codes, weight)
    onnx.save(model, plant.variant)

    found = diagnosed(plant.reference, plant.variant, plant.data).findings

    assert (found[0].suspect.cause, found[0].suspect.node) == (Cause.FLIPPED_CHANNEL, reader)


def test_all_that_was_tried_is_tried_together(tmp_path: Path) -> None:
    data = {"input": inputs_for_mlp(48)}
    reference, variant = quantized(mlp(), data, tmp_path)

    found = diagnosed(reference, variant, data["input"])

    assert len([each for each in found.findings if each.impact is not None]) > 2
    assert found.together == pytest.approx(1.0, abs=1e-4)  # int32 biases are rounded by less than is suspected


def test_what_all_suspects_explain_is_tried_too_and_may_fail_without_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {"input": inputs_for_mlp(48)}
    reference, variant = quantized(mlp(), data, tmp_path)
    order = Order(reference, variant, feeds_of(reference, data, batch=16), shortlist=1)

    whole = diagnose(order, InProcess(Limits()))
    floated = Comparison.floated

    def refused(both: Comparison, change: Change) -> Floated:
        if len(change.activations) + len(change.constants) > 1:
            raise CannotJudge(Failure(Code.DIAGNOSE_REFUSED, "got all of them, should be one.", "try one"))
        return floated(both, change)

    monkeypatch.setattr(Comparison, "floated", refused)
    without = diagnose(order, InProcess(Limits()))

    assert whole.together is not None
    assert whole.together < 0.95
    assert whole.everything == pytest.approx(1.0, abs=1e-4)
    assert whole.unexplained == pytest.approx(0.0, abs=1e-4)
    assert without.everything == without.together == whole.together
    assert [each.suspect.node for each in without.findings] == [each.suspect.node for each in whole.findings]


def suspect(cause: Cause, relative: float = 1e-3, *, everywhere: bool = False) -> Suspect:
    return Suspect("node", "Conv", "t", cause, {}, "said", "", "do", relative, Change(), everywhere)


def order_of(*findings: Finding, kernel: Suspect | None = None, whole: float = 1e-2) -> list[Cause]:
    return [each.suspect.cause for each in ranked(findings, whole, kernel, suspect(Cause.ACCUMULATED_DRIFT))]


def test_a_cause_of_the_whole_model_stands_above_a_layer_of_more_impact() -> None:
    layer = Finding(suspect(Cause.RANGE_SATURATED), 0.9)
    whole = Finding(suspect(Cause.UNSCALED_CALIBRATION, everywhere=True), 0.5)

    assert order_of(layer, whole)[0] is Cause.UNSCALED_CALIBRATION
    assert order_of(layer, Finding(whole.suspect, 0.1))[0] is Cause.RANGE_SATURATED


def test_rounding_of_a_layer_with_a_small_share_is_drift() -> None:
    assert order_of(Finding(suspect(Cause.ROUNDING), 0.2))[0] is Cause.ACCUMULATED_DRIFT
    assert order_of(Finding(suspect(Cause.ROUNDING), 0.6))[0] is Cause.ROUNDING


def test_a_deviating_kernel_stands_first_unless_the_file_explains_its_error() -> None:
    saturated = Finding(suspect(Cause.RANGE_SATURATED), 0.9)
    kernel = suspect(Cause.KERNEL_DEVIATES, 0.02, everywhere=True)

    assert order_of(Finding(suspect(Cause.ROUNDING), 0.6), kernel=kernel)[0] is Cause.KERNEL_DEVIATES
    assert order_of(saturated, kernel=kernel)[:2] == [Cause.RANGE_SATURATED, Cause.KERNEL_DEVIATES]
    assert order_of(saturated, kernel=kernel, whole=1e-4)[0] is Cause.KERNEL_DEVIATES


@pytest.mark.parametrize(
    ("constant", "factor", "cause"), [("w", -1, "flipped-channel"), ("b", -3, "wrong-bias")], ids=["weight", "bias"]
)
def test_a_defect_of_a_product_that_became_a_gemm_with_its_sum_is_named(tmp_path, constant, factor, cause):
    arrays = feed(64, 1, 8)
    reference, variant = quantized(summed(), arrays, tmp_path)
    model = onnx.load(variant)
    tensor = next(each for each in model.graph.initializer if each.name == f"{constant}_quantized")
    codes = numpy_helper.to_array(tensor).copy()
    codes[..., np.argmax(weights(8, seed=1))] *= factor  # where the bias is largest, which the Relu lets through
    tensor.CopyFrom(numpy_helper.from_array(codes, tensor.name))
    onnx.save(model, variant)

    found = diagnose(Order(reference, variant, feeds_of(reference, arrays)), InProcess(Limits()))

    assert [found.findings[0].suspect.node, found.findings[0].suspect.cause.value] == ["product", cause]
