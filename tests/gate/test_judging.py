"""The gate as a library: a case judged without pytest."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from onnx import TensorProto, helper

from pytest_qparity import BackendSpec, gate, load_case
from pytest_qparity.backends import energy, start_probe
from pytest_qparity.checks import ceilings
from pytest_qparity.checks.origin import Origin
from pytest_qparity.golden import write_golden
from pytest_qparity.precision.calibration.formats import ranges_json
from pytest_qparity.precision.calibration.method import Method
from pytest_qparity.precision.calibration.ranges import Ranges, TensorRange
from pytest_qparity.precision.variants import calibration_digest
from pytest_qparity.quantmath import Range
from pytest_qparity.verdict import Code, Outcome, Verdict
from tests.e2e.projects import CASE, accept_golden, write_project
from tests.models import mlp, save

if TYPE_CHECKING:
    from pytest_qparity.backends.probing import Probing

SECONDS = 0.01
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """Of a project that has its golden and its variants."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return tmp_path


def judged(
    root: Path, case: str = CASE, *, backend: str = "ort", precision: str = "int8", until: str = "memory"
) -> dict[str, Verdict]:
    """The verdicts of one run of the project under `root`, by check; of those after `until` there is none."""
    case_file = write_project(root, case)
    return verdicts(case_file, backend=backend, precision=precision, until=until)


def verdicts(
    case_file: Path, *, backend: str = "ort", precision: str = "int8", until: str = "memory"
) -> dict[str, Verdict]:
    case = load_case(case_file)
    settings = gate.default_settings(case_file.parent.parent, latency_seconds=SECONDS)
    [run] = gate.plan(case, settings, [backend], [precision])
    found: dict[str, Verdict] = {}
    with contextlib.closing(gate.judge_run(case, run, settings)) as judging:
        for check, verdict in judging:
            found[check] = verdict
            if check == until:
                break
    return found


def test_every_check_of_a_run_is_judged_in_order(root: Path) -> None:
    found = judged(root)

    assert list(found) == ["preflight", "parity", "accuracy", "latency", "memory"]
    assert {verdict.outcome for verdict in found.values()} == {Outcome.PASS}


def test_what_cannot_be_had_is_a_verdict_and_no_exception(root: Path) -> None:
    case_file = write_project(root)
    accept_golden(case_file)
    shutil.rmtree(root / "golden")

    found = verdicts(case_file)

    assert found["parity"].outcome is Outcome.CANNOT_JUDGE
    assert found["preflight"].outcome is Outcome.PASS


def test_agreement_with_the_golden_needs_no_labels(root: Path) -> None:
    accuracy = judged(root, CASE.replace("margin = 5.0", 'metric = "agreement"\nmargin = 5.0'), until="accuracy")[
        "accuracy"
    ]

    assert accuracy.evidence["float_percent"] == 100.0
    assert accuracy.evidence["drop_points"] == pytest.approx(100.0 - accuracy.evidence["variant_percent"])


def test_agreement_may_miss_what_the_table_allows(root: Path) -> None:
    accuracy = judged(root, CASE.replace("margin = 5.0", 'metric = "agreement"'), until="accuracy")["accuracy"]

    assert accuracy.evidence["margin_points"] == pytest.approx(3.0)


def test_the_margin_of_a_transformer_is_a_share_of_what_the_float_model_reaches(root: Path) -> None:
    text = CASE.replace("margin = 5.0", "").replace("image-classification", "text-classification")

    accuracy = judged(root, text, until="accuracy")["accuracy"]

    assert accuracy.evidence["margin_points"] == pytest.approx(accuracy.evidence["float_percent"] / 100)


def test_limits_that_a_case_states_are_the_only_ones(root: Path) -> None:
    limit = judged(root, CASE + "\n[parity.int8]\ncosine = 0.9\n", until="parity")["parity"].evidence["limit"]

    assert limit["cosine"] == 0.9
    assert limit["sqnr_db"] is None


def test_closeness_without_a_fraction_is_meant_for_every_element(root: Path) -> None:
    parity = judged(root, CASE + "\n[parity.int8]\natol = 1e-6\n", until="parity")["parity"]

    assert parity.outcome is Outcome.ACCURACY_FAIL
    assert [failure.code.code for failure in parity.failures] == ["QP-PAR-007"]


def test_a_parity_table_that_states_nothing_leaves_the_limits_of_the_precision(root: Path) -> None:
    limit = judged(root, CASE + "\n[parity.int8]\n", until="parity")["parity"].evidence["limit"]

    assert (limit["sqnr_db"], limit["cosine"]) == (20.0, 0.995)


def test_limits_of_a_base_hold_for_its_variants_until_they_have_their_own(root: Path) -> None:
    text = CASE + '\n[precisions.int8-mixed]\nkeep_float = ["first"]\n[parity.int8]\nsqnr_db = 12.5\n'

    assert judged(root, text, precision="int8-mixed", until="parity")["parity"].evidence["limit"]["sqnr_db"] == 12.5
    text += "[parity.int8-mixed]\nsqnr_db = 13.5\n"
    assert judged(root, text, precision="int8-mixed", until="parity")["parity"].evidence["limit"]["sqnr_db"] == 13.5


def test_a_speed_up_may_be_asked_over_any_precision_of_the_case(root: Path) -> None:
    latency = judged(root, CASE + "\n[budgets.ort.int8]\nspeedup_over = { fp16 = 0.001 }\n", until="latency")["latency"]

    assert latency.outcome is Outcome.PASS
    assert set(latency.evidence["speed_up_over"]) == {"fp16", "fp32"}


def test_a_speed_up_that_nothing_reaches_is_a_budget_failure(root: Path) -> None:
    latency = judged(root, CASE + "\n[budgets.ort.int8]\nspeedup_over = { fp32 = 1000 }\n", until="latency")["latency"]

    assert latency.outcome is Outcome.BUDGET_FAIL


def test_a_budget_of_memory_and_size_is_judged_and_a_limit_since_the_baseline_has_starts_repeated(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ceilings, "REPETITIONS", 2)
    tables = "[budgets.ort.int8]\nmemory_mb = 0.001\nsize_mb = 0.0001\n[regression]\nload_percent = 50\n"

    memory = judged(root, f"{CASE}\n{tables}")["memory"]

    assert [failure.code.code for failure in memory.failures] == ["QP-MEM-001", "QP-MEM-003"]
    assert memory.evidence["intervals"]["load_ms"]["times"] == 2


@pytest.mark.skipif(any(energy.POWERCAP.glob("intel-rapl:*")), reason="energy is measured in a process of its own")
def test_no_process_is_started_for_how_a_run_starts_where_no_budget_asks(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(probing: Probing) -> NoReturn:
        raise AssertionError

    monkeypatch.setattr(start_probe, "measure_start", refused)
    memory = judged(root)["memory"]

    assert memory.evidence["load_ms"] > 0 < memory.evidence["first_run_ms"]


def test_costs_are_held_against_those_of_another_precision_and_times_only_on_their_hardware(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ceilings, "REPETITIONS", 2)
    ratios = "ratio_to.fp32 = { memory = 99, size = 99, load = 0.0001 }"
    found = judged(root, CASE + f'\n[budgets.ort.int8]\n{ratios}\nload_ms = 1e6\nhardware = "elsewhere"\n')

    memory = found["memory"]

    assert [failure.code.code for failure in memory.failures] == ["QP-MEM-004", "QP-BUDGET-001"]
    assert memory.evidence["intervals"]["load_ms"]["times"] == 2
    assert memory.evidence["ratio_to"]["fp32"]["load"]["times"] == 2
    assert memory.evidence["ratio_to"]["fp32"]["size"]["low"] < 1
    assert all(memory.evidence[key] > 0 for key in ("load_ms", "first_run_ms", "activation_mb"))
    assert "joule_per_sample" in memory.evidence or "joule_per_sample" in memory.evidence["untold"]
    assert "engine_mb" in memory.evidence["untold"]


@pytest.mark.parametrize(
    ("days", "outcome"), [(0, Outcome.WAIVED), (1, Outcome.CANNOT_JUDGE)], ids=["last day", "after"]
)
def test_a_waiver_holds_through_its_last_day(root: Path, days: int, outcome: Outcome) -> None:
    last = datetime.date(2030, 6, 30)
    case_file = write_project(root, f'{CASE}\n[[waivers]]\nrun = "trt-*"\nreason = "no GPU"\nexpires = {last}\n')
    case, settings = load_case(case_file), gate.default_settings(root)
    run = gate.RunMaterial(gate.CaseMaterial(case, settings, "cases/mlp.toml"), "trt", "int8")

    assert gate.judge(run, "parity", today=last + datetime.timedelta(days)).outcome is outcome


def test_a_pass_says_which_waivers_it_did_not_need(root: Path) -> None:
    waiver = '[[waivers]]\nrun = "{}"\nreason = "{}"\nexpires = 2030-06-30\n{}\n'
    case_file = write_project(
        root,
        "\n".join(
            [
                CASE,
                waiver.format("ort-*", "of all checks", ""),
                waiver.format("*-int8", "of this check", 'checks = ["parity"]'),
                waiver.format("ort-*", "of another check", 'checks = ["latency"]'),
                waiver.format("ort-*", "of a machine", 'codes = ["QP-BACKEND-001"]'),
            ]
        ),
    )
    accept_golden(case_file)
    case, settings = load_case(case_file), gate.default_settings(root)
    with contextlib.closing(
        gate.RunMaterial(gate.CaseMaterial(case, settings, "cases/mlp.toml"), "ort", "int8")
    ) as run:
        verdict = gate.judge(run, "parity")

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["waivers_unused"] == [
        "of all checks (until 2030-06-30)",
        "of this check (until 2030-06-30)",
    ]
    assert verdict.notes == ('the waiver "of this check (until 2030-06-30)" is not needed: this check passes',)


def test_the_remedy_of_what_is_far_from_float_is_that_of_what_the_variant_is(root: Path) -> None:
    precisions = {
        "int8": "",
        "int8-dynamic": 'recipe = "dynamic"\n',
        "fp16": "",
        "fp32": "",
        "int8-given": 'file = "models/mlp.onnx"\n',
    }
    tables = "".join(f"[precisions.{name}]\n{stated}" for name, stated in precisions.items())
    limit = "[parity.int8-dynamic]\nsqnr_db = 200.0\n"
    case_file = write_project(root, f"{CASE.partition('[precisions')[0]}{tables}{limit}")
    accept_golden(case_file)
    case, settings = load_case(case_file), gate.default_settings(root)

    with contextlib.closing(gate.CaseMaterial(case, settings, "cases/mlp.toml")) as material:
        runs = {name: gate.RunMaterial(material, "ort", name) for name in precisions}
        origins = [run.origin for run in runs.values()]
        verdict = gate.judge(runs["int8-dynamic"], "parity")
        for run in runs.values():
            run.close()

    assert origins == [Origin.CALIBRATED, Origin.UNCALIBRATED, Origin.CAST, Origin.FLOAT, Origin.GIVEN]
    [far] = [failure for failure in verdict.failures if failure.code is Code.PARITY_SQNR]
    assert far.remedy.endswith("or give weights a scale for fewer of them (granularity, block)")


@pytest.mark.parametrize("page", ["tensorrt.md", "case-file.md"])
def test_the_waiver_that_is_advised_for_a_backend_that_is_not_here_lets_no_loss_pass(root: Path, page: str) -> None:
    """On the runner that has the backend; here ONNX Runtime under its name."""
    advised = re.search(r'\[\[waivers\]\]\nrun *= "trt-\*"\n(?:\w+ *= .*\n)+', (DOCS / page).read_text())
    assert advised is not None
    case_file = write_project(root, f"{CASE}\n[parity.int8]\nsqnr_db = 200.0\n\n{advised[0]}")
    accept_golden(case_file)
    spec = BackendSpec("trt", "pytest_qparity.backends.ort:OnnxRuntimeCpu", "ort")
    settings = dataclasses.replace(gate.default_settings(root), backends={"trt": spec})
    run = gate.RunMaterial(gate.CaseMaterial(load_case(case_file), settings, "cases/mlp.toml"), "trt", "int8")

    assert gate.judge(run, "parity", today=datetime.date(2026, 1, 1)).outcome is Outcome.ACCURACY_FAIL
    run.close()
    run.material.close()


CENSUS = CASE.replace("batch = 40", "batch = 40\npopulation = false")


def test_a_stated_margin_of_zero_allows_no_loss(root: Path) -> None:
    accuracy = judged(root, CENSUS.replace("margin = 5.0", "margin = 0.0"), until="accuracy")["accuracy"]

    assert accuracy.evidence["margin_points"] == 0.0
    assert accuracy.outcome is Outcome.ACCURACY_FAIL


def test_the_reference_recipe_runs_with_the_optimizer_off_and_one_thread(root: Path) -> None:
    golden = accept_golden(write_project(root))

    provenance = json.loads((golden / "manifest.json").read_text())["provenance"]
    assert (provenance["engine"], provenance["optimizer"], provenance["threads"]) == ("onnxruntime", "off", "1")


def test_a_golden_of_another_number_of_samples_is_no_golden(root: Path) -> None:
    case_file = write_project(root)
    accept_golden(case_file)
    material = gate.CaseMaterial(load_case(case_file), gate.default_settings(root), "cases/mlp.toml")
    write_golden(material.golden_folder, dataclasses.replace(material.golden, samples=7))

    assert [failure.code.code for failure in verdicts(case_file, until="parity")["parity"].failures] == [
        "QP-GOLDEN-003"
    ]


def test_a_model_whose_only_output_is_a_class_is_judged_by_agreement(root: Path) -> None:
    case_file = write_project(root, CASE.replace("[accuracy]\nmargin = 5.0", ""))
    model = mlp()
    model.graph.node.append(helper.make_node("ArgMax", ["logits"], ["class"], axis=1, keepdims=0))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("class", TensorProto.INT64, ["N"]))
    save(model, root / "cases" / "models" / "mlp.onnx")
    accept_golden(case_file)

    found = verdicts(case_file)

    assert found["preflight"].evidence["equal_to_float"] is None
    assert found["parity"].deciding.endswith(" %")
    assert found["parity"].evidence["outputs"]["class"]["elements"] == 120


def test_a_variant_that_changes_between_planning_and_judging_is_refused(root: Path) -> None:
    text = CASE + '\n[precisions.int8-shipped]\nfile = "models/shipped.onnx"\n'
    shipped = root / "cases" / "models" / "shipped.onnx"
    save(mlp(seed=3), shipped)
    case_file = write_project(root, text)
    material = gate.CaseMaterial(load_case(case_file), gate.default_settings(root), "cases/mlp.toml")
    run = gate.RunMaterial(material, "ort", "int8-shipped")
    assert run.variant.given

    save(mlp(seed=4), shipped)

    assert [failure.code.code for failure in gate.judge(run, "memory").failures] == ["QP-VARIANT-004"]


def tuned_on_the_test(root: Path) -> Path:
    case_file = write_project(root)
    accept_golden(case_file)
    data = case_file.parent / "data"
    shutil.copy(data / "test.npz", data / "calibration.npz")
    return case_file


def test_a_variant_that_is_calibrated_with_test_samples_cannot_be_judged(root: Path) -> None:
    preflight = verdicts(tuned_on_the_test(root), until="preflight")["preflight"]

    assert preflight.outcome is Outcome.CANNOT_JUDGE
    assert [failure.code for failure in preflight.failures] == [Code.DATA_OVERLAP]
    assert "test samples as well" in preflight.failures[0].sentence
    assert 'overlap = "allowed"' in preflight.failures[0].remedy


def test_calibration_with_test_samples_that_a_case_allows_is_told(root: Path) -> None:
    case_file = tuned_on_the_test(root)
    case_file.write_text(case_file.read_text().replace("[data]", '[data]\noverlap = "allowed"'))

    preflight = verdicts(case_file, until="preflight")["preflight"]

    assert preflight.outcome is Outcome.PASS
    assert [doubt["name"] for doubt in preflight.evidence["calibration_doubts"]] == ["calibration-overlaps-test"]
    assert any("test samples as well" in note for note in preflight.notes)


def test_what_is_not_calibrated_has_no_doubts(root: Path) -> None:
    preflight = judged(root, precision="fp16", until="preflight")["preflight"]

    assert "calibration_doubts" not in preflight.evidence


def with_ranges(root: Path, low: float, high: float, data: str) -> Path:
    """A project whose int8 takes ranges from a file; those of "active" are zeros."""
    case_file = write_project(root, CASE.replace("[precisions.int8]", '[precisions.int8]\nranges = "r.json"'))
    ends = {"input": Range(low, high), "active": Range(0.0, 0.0)}
    tensors = {name: TensorRange.of_tensor(each) for name, each in ends.items()}
    ranges_json.write(case_file.parent / "r.json", Ranges(tensors, Method("minmax"), "a test", data=data))
    return case_file


def test_ranges_of_other_data_and_far_from_the_test_data_are_told_beside_preflight(root: Path) -> None:
    case_file = with_ranges(root, -500.0, 500.0, "0" * 64)
    accept_golden(case_file)

    preflight = verdicts(case_file, until="preflight")["preflight"]

    doubts = {doubt["name"]: doubt for doubt in preflight.evidence["calibration_doubts"]}
    assert set(doubts) == {"ranges-of-other-data", "calibration-unscaled"}
    assert doubts["calibration-unscaled"]["numbers"]["input"] == "input"
    assert any("The ranges are of calibration data 000000000000, the case's are" in note for note in preflight.notes)
    assert any(note.startswith('the ranges: "active" is [0, 0]') for note in preflight.notes)


def test_doubts_about_ranges_follow_the_data_though_the_variant_is_cached(root: Path) -> None:
    case_file = with_ranges(root, -4.0, 4.0, "0" * 64)
    material = gate.CaseMaterial(load_case(case_file), gate.default_settings(root), "cases/mlp.toml")
    with_ranges(root, -4.0, 4.0, calibration_digest(material.calibration_feeds))
    accept_golden(case_file)
    assert "calibration_doubts" not in verdicts(case_file, until="preflight")["preflight"].evidence

    data = case_file.parent / "data"
    shutil.copy(data / "test.npz", data / "calibration.npz")

    doubts = verdicts(case_file, until="preflight")["preflight"].evidence["calibration_doubts"]
    assert [doubt["name"] for doubt in doubts] == ["ranges-of-other-data"]


EMULATED = CASE + "\n[precisions.nvfp4]\n[parity.nvfp4]\nsqnr_db = 5.0\n"


def test_an_emulated_run_is_judged_by_its_outputs_and_has_no_speed(root: Path) -> None:
    found = judged(root, EMULATED, precision="nvfp4")

    assert list(found) == ["preflight", "parity", "accuracy"]
    assert found["preflight"].outcome is Outcome.PASS
    assert found["preflight"].evidence["emulated"]["float4e2m1"] > 0
    assert found["parity"].outcome is Outcome.PASS


def test_a_budget_of_an_emulated_run_cannot_be_judged(root: Path) -> None:
    found = judged(root, f"{EMULATED}\n[budgets.ort.nvfp4]\nmemory_mb = 64\n", precision="nvfp4")

    assert {check: found[check].outcome for check in ("latency", "memory")} == dict.fromkeys(
        ("latency", "memory"), Outcome.CANNOT_JUDGE
    )
    assert {failure.code.code for failure in found["memory"].failures} == {"QP-VARIANT-005"}


def test_nothing_is_fast_beside_what_is_emulated(root: Path) -> None:
    case = f"{CASE}\n[precisions.bf16]\n[budgets.ort.int8]\nspeedup_over = {{bf16 = 1.01}}\n"

    latency = judged(root, case, until="latency")["latency"]

    assert latency.outcome is Outcome.CANNOT_JUDGE
    assert latency.failures[0].code is Code.LATENCY_COUNTERPART
    assert "ort-bf16~: got float operators that stand for bf16" in latency.failures[0].sentence


@pytest.mark.parametrize(("least", "outcome"), [(1.0, Outcome.PASS), (None, Outcome.PASS)])
def test_preflight_tells_how_much_of_an_emulated_variant_is_quantized(
    root: Path, least: float | None, outcome: Outcome
) -> None:
    asked = "" if least is None else f"min_quantized = {least}\n"

    preflight = judged(root, f"{CASE}\n[precisions.nvfp4]\n{asked}", precision="nvfp4", until="preflight")["preflight"]

    assert preflight.outcome is outcome
    assert preflight.deciding == "2/2 Gemm nvfp4"


def test_an_emulated_variant_of_which_too_little_is_quantized_is_told(root: Path) -> None:
    case = f'{CASE}\n[precisions.nvfp4]\nmin_quantized = 0.9\nkeep_float = ["second"]\n'

    preflight = judged(root, case, precision="nvfp4", until="preflight")["preflight"]

    assert preflight.outcome is Outcome.CANNOT_JUDGE
    assert preflight.failures[0].code.code == "QP-PRE-006"
