"""The latency check of a run: a case in, what was timed and how out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import onnx
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.gate.canaries import Canaries
from pytest_qparity.gate.turns import Turns
from pytest_qparity.verdict import Code, Outcome, Verdict
from pytest_qparity.worker.protocol import Isolation
from tests.e2e.projects import CASE, write_project
from tests.models import mlp, save

SECONDS = 0.02
MORE = """
[latency]
batches = [40, 3, 2000]
[budgets.ort.int8]
speedup_over  = { fp32 = 0.001 }
portable      = true
latency_ms    = 1000
p90_ms        = 1000
samples_per_s = 0.1
"""


def latency_of(case_file: Path, **settings: object) -> Verdict:
    root = case_file.parent.parent
    plain = gate.default_settings(root, latency_seconds=SECONDS)
    chosen = dataclasses.replace(plain, canaries=Canaries(root, ()), **settings)  # type: ignore[arg-type]
    case = load_case(case_file)
    with_material = gate.CaseMaterial(case, chosen, case_file.name)
    run = gate.RunMaterial(with_material, "ort", "int8")
    try:
        return gate.judge(run, "latency")
    finally:
        run.close()


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Verdict:
    root = tmp_path_factory.mktemp("timed")
    return latency_of(write_project(root, CASE + MORE), turns=Turns(root / "cache"))


@pytest.mark.parametrize("isolation", Isolation)
def test_whose_engines_share_a_process_with_pytest_says_so(
    tmp_path: Path, timed: Verdict, isolation: Isolation
) -> None:
    verdict = latency_of(write_project(tmp_path, CASE), isolation=isolation)

    is_shared = isolation is Isolation.NONE
    assert verdict.evidence["conditions"].get("isolation") == ("none" if is_shared else None)
    assert any("in pytest's own process" in note for note in verdict.notes) is is_shared


def test_budgets_of_time_and_throughput_are_judged(timed: Verdict) -> None:
    assert timed.outcome is Outcome.PASS, timed.failures
    assert timed.evidence["absolute_budgets"] == {"latency_ms": 1000.0, "p90_ms": 1000.0, "samples_per_s": 0.1}
    assert timed.evidence["speed_up_over"]["fp32"]["decision"] in {"same", "faster", "slower", "cannot tell"}


def test_each_batch_is_timed_and_the_samples_come_again_where_they_are_few(timed: Verdict) -> None:
    batches = timed.evidence["batches"]

    assert list(batches) == ["40", "3", "2000"]
    assert batches["40"]["median_ms"] == pytest.approx(timed.evidence["median_ms"])  # the case's own, not timed anew
    assert all(each["calls"] >= 20 and each["samples_per_s"] > 0 for each in batches.values())
    assert batches["2000"]["median_ms"] > batches["3"]["median_ms"]


def test_each_batch_is_timed_beside_fp32_at_that_batch(timed: Verdict) -> None:
    batches = timed.evidence["batches"]

    assert batches["40"]["speed_up_over"]["fp32"] == timed.evidence["speed_up_over"]["fp32"]
    for each in batches.values():
        assert each["speed_up_over"]["fp32"]["decision"] in {"same", "faster", "slower", "cannot tell"}
        assert 0 < each["fastest_ms"] <= each["median_ms"]


def test_what_the_machine_was_like_stands_beside_the_figures(timed: Verdict) -> None:
    conditions = timed.evidence["conditions"]

    assert conditions["alone"] is True
    assert {"cpus", "others_percent", "interrupted_percent", "warm_up_calls"} <= conditions.keys()
    assert conditions["runs"] > conditions["warm_up_calls"] + timed.evidence["calls"]
    assert timed.evidence["threads"] == 1
    assert "p90" in timed.evidence["percentiles_ms"]


def test_without_turns_nobody_says_whether_it_was_alone(tmp_path: Path) -> None:
    missed = latency_of(write_project(tmp_path, CASE + "[budgets.ort.int8]\nlatency_ms = 1e-6\nportable = true\n"))

    assert "alone" not in missed.evidence["conditions"]
    assert missed.failures[0].code in {Code.LATENCY_BUDGET, Code.LATENCY_UNDECIDED}


def test_absolute_times_count_on_the_hardware_that_they_were_written_for(tmp_path: Path) -> None:
    budget = '[budgets.ort.int8]\nlatency_ms = 1000\nhardware = "another-machine"\n'
    elsewhere = latency_of(write_project(tmp_path, CASE + budget))

    assert [failure.code for failure in elsewhere.failures] == [Code.BUDGET_HARDWARE]
    assert "absolute_budgets" not in elsewhere.evidence


def test_a_batch_that_the_model_does_not_take_cannot_be_judged(tmp_path: Path) -> None:
    case_file = write_project(tmp_path, CASE.replace("batch = 40", "batch = 1") + "[latency]\nbatches = [8]\n")
    model = mlp()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    save(model, tmp_path / "cases" / "models" / "mlp.onnx")

    (failure,) = latency_of(case_file).failures

    assert failure.code is Code.DATA_LAYOUT
    assert failure.sentence == '[latency] batches: got 8, should be 1: "input" has a fixed first axis.'


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (float("nan"), 'Output "logits" at batch 8 got NaN or infinities, should be finite.'),
        (0.0, "Outputs at batch 8 are others than the run's own for these samples. SQNR of output"),
    ],
)
def test_what_is_fast_at_another_batch_because_it_computes_nothing_is_no_throughput(
    tmp_path: Path, given: float, told: str
) -> None:
    case_file = write_project(tmp_path, CASE + "[latency]\nbatches = [8]\n")
    model = mlp()
    (output,) = model.graph.output
    nodes = [
        onnx.helper.make_node("Shape", [model.graph.input[0].name], ["rows"], end=1),
        onnx.helper.make_node("Constant", [], ["eight"], value_ints=[8]),
        onnx.helper.make_node("Equal", ["rows", "eight"], ["is_eight"]),
        onnx.helper.make_node("Constant", [], ["nothing"], value_float=given),
        onnx.helper.make_node("Where", ["is_eight", "nothing", "sound"], [output.name]),
    ]
    model.graph.node[-1].output[0] = "sound"
    model.graph.node.extend(nodes)
    save(model, tmp_path / "cases" / "models" / "mlp.onnx")

    (failure,) = latency_of(case_file).failures

    assert failure.code is Code.LATENCY_OUTPUTS
    assert failure.sentence.startswith(told)


@pytest.mark.parametrize("times", [1, 2])
def test_outputs_of_each_sample_beside_each_are_no_others_at_another_batch(tmp_path: Path, times: int) -> None:
    case_file = write_project(tmp_path, CASE + "[latency]\nbatches = [8]\n")
    model = mlp()
    (output,) = model.graph.output
    model.graph.node.append(onnx.helper.make_node("Transpose", [output.name], ["turned"], perm=[1, 0]))
    model.graph.node.append(onnx.helper.make_node("MatMul", [output.name, "turned"], ["beside"]))
    model.graph.node.append(onnx.helper.make_node("Concat", ["beside"] * times, ["likeness"], axis=1))
    likeness = onnx.helper.make_tensor_value_info("likeness", onnx.TensorProto.FLOAT, ["n", "m"])
    model.graph.output.append(likeness)
    save(model, tmp_path / "cases" / "models" / "mlp.onnx")

    assert not latency_of(case_file).failures
