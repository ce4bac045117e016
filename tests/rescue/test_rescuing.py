from __future__ import annotations

import contextlib
import json

import numpy as np
import onnx
import pytest

from pytest_qparity.gate import CaseMaterial
from pytest_qparity.report.rescue_text import cells
from pytest_qparity.rescue import other_recipes, rescuing
from pytest_qparity.rescue.candidate import Candidate
from pytest_qparity.rescue.evaluation import Evaluation, Judged
from pytest_qparity.rescue.judging import GateJudge
from pytest_qparity.rescue.refusing import require_judged
from pytest_qparity.rescue.rescuing import rescue
from pytest_qparity.rescue.result import Limits, Rescue
from pytest_qparity.verdict import CannotJudge, Code, Failure, failed
from tests.models import save
from tests.precision.bodies import WIDTH, scan
from tests.rescue.projects import CASE, far_apart, opened, write_project

HALF = Limits(minutes=10.0, most_float=0.5)


def rescued(root, case=CASE, precision="int8-stock", limits=HALF, model=None) -> Rescue:
    material, run, _ = opened(write_project(root, case, model), precision)
    with contextlib.closing(material):
        return rescue(material, run, root / "journals", limits)[0]


def again(root, precision="int8-stock", limits=HALF) -> Rescue:
    material, run, _ = opened(root / "cases" / "masked.toml", precision)
    with contextlib.closing(material):
        return rescue(material, run, root / "journals", limits)[0]


def test_a_given_file_is_rescued_by_what_meets_the_mask(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(rescuing, "speed_warnings", lambda *told: asked.append(told) or ("slow",))

    found = rescued(tmp_path)

    ((latency, _, _, share),) = asked
    assert "speed_up_over" in latency
    assert 0.0 < share < 1.0
    assert found.as_json()["warnings"] == ["slow"]
    assert found.rescued
    assert not found.passes_already
    assert set(found.best.candidate.keep_float) == {"softmax1", "softmax2"}
    assert found.table["keep_float"] == ("op:Softmax",)
    assert {"preflight", "parity", "latency", "memory"} <= set(found.final)
    assert found.evaluations <= 12


def test_each_single_node_of_the_answer_is_needed(tmp_path):
    found = rescued(tmp_path)

    material, run, _ = opened(tmp_path / "cases" / "masked.toml", "int8-stock")
    with contextlib.closing(material):
        _, judge = rescue(material, run, tmp_path / "journals", HALF)
        for name in found.best.candidate.keep_float:
            rest = tuple(each for each in found.best.candidate.keep_float if each != name)
            assert not judge.suffices(Candidate(keep_float=rest))


def test_what_was_judged_is_not_judged_again(tmp_path, monkeypatch):
    first = rescued(tmp_path)
    monkeypatch.setattr(GateJudge, "_judged", lambda *_: pytest.fail("judged again"))
    monkeypatch.setattr(rescuing, "measured_sensitivity", lambda *_, **__: pytest.fail("measured again"))

    second = again(tmp_path)

    assert second.text == first.text
    assert second.resumed == second.evaluations == first.evaluations


def test_one_that_was_interrupted_loses_one_evaluation(tmp_path, monkeypatch):
    whole, judged = GateJudge._judged, []

    def interrupted(self, candidate):
        if len(judged) == 3:
            raise KeyboardInterrupt
        judged.append(candidate)
        return whole(self, candidate)

    monkeypatch.setattr(GateJudge, "_judged", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rescued(tmp_path)
    monkeypatch.setattr(GateJudge, "_judged", whole)

    found = again(tmp_path)

    assert found.rescued
    assert found.resumed == 3


def test_other_limits_of_the_case_are_another_search(tmp_path):
    rescued(tmp_path)
    file = tmp_path / "cases" / "masked.toml"
    file.write_text(CASE + "[parity.int8]\nsqnr_db = 21.0\n")

    assert again(tmp_path).resumed == 0


def test_a_budget_that_is_spent_leaves_the_nearest(tmp_path):
    found = rescued(tmp_path, limits=Limits(evaluations=2, minutes=10.0, most_float=0.5))

    assert (found.spent, found.rescued, found.evaluations) == (True, False, 2)
    assert not found.final


def test_more_float_than_may_be_is_no_rescue_and_said(tmp_path):
    found = rescued(tmp_path, limits=Limits(minutes=10.0, most_float=0.1))

    assert not found.rescued
    assert len(found.best.candidate.keep_float) <= 1
    assert found.told[0] == f"The 1 most sensitive of {found.quantized} quantized nodes float: still fails."
    assert found.told[1].startswith("It takes the ")
    assert found.proof is not None
    assert (found.proof.sets, found.proof.nodes, found.proof.least, found.proof.most) == (8, 8, 1, 1)
    assert found.as_json()["proof"]["sentence"] == found.proof.sentence
    assert not found.warnings  # of an answer, and there is none


def test_where_no_set_of_nodes_does_ranges_of_each_call_are_tried(tmp_path, monkeypatch):
    for name in ("recipe_changes", "balancing_changes"):
        monkeypatch.setattr(other_recipes, name, lambda *_: ())
    monkeypatch.setattr(rescuing, "smallest_prefix", lambda *_: None)

    found = rescued(tmp_path, CASE + "[parity.int8]\nsqnr_db = 40.0\n", "int8")

    assert found.rescued
    assert (found.best.candidate.keep_float, found.proof) == ((), None)
    assert (found.table["recipe"], found.table["granularity"]) == ("dynamic", "channel")
    assert "target" not in found.table
    assert found.told[-1].startswith("recipe = dynamic, granularity = channel mends its outputs with every product")


def test_what_passes_already_needs_nothing(tmp_path):
    found = rescued(tmp_path, precision="int8")

    assert found.passes_already
    assert found.rescued
    assert found.evaluations == 1


def test_a_recipe_is_changed_before_a_node_is_given_up(tmp_path):
    """Cut to its middle half, the activation's range loses what min-max keeps."""
    case = CASE.replace('target = "ort"', 'target = "ort"\npercentile = 50.0')

    found = rescued(tmp_path, case, "int8")

    assert found.rescued
    assert found.best.candidate.keep_float == ()
    assert found.table["calibration"] in ("entropy", "mse", "minmax")
    assert "percentile" not in found.table


def test_badly_scaled_channels_are_balanced_before_a_node_is_given_up(tmp_path):
    """Two layers whose middle tensor has channels up to 128 times apart, one scale for each weight."""
    case = CASE.replace('target = "ort"', 'target = "ort"\ngranularity = "tensor"') + "[parity.int8]\nsqnr_db = 30.0\n"

    found = rescued(tmp_path, case, "int8", model=far_apart())

    assert found.rescued
    assert found.best.candidate.keep_float == ()
    assert found.table["equalize"] is True
    assert "equalize = true" in found.text
    (told,) = [each for each in found.told if each.startswith("equalize = true: parity")]
    assert "→" in told


def test_ranges_are_found_once_for_a_method(tmp_path, monkeypatch):
    asked = []
    case = CASE + "[parity.int8]\nsqnr_db = 60.0\n"
    whole = GateJudge._of_spec
    monkeypatch.setattr(other_recipes, "balancing_changes", lambda *_: ())  # rewritten models have their own ranges
    monkeypatch.setattr(GateJudge, "_of_spec", lambda self, c, spec: asked.append(spec) or whole(self, c, spec))

    found = rescued(tmp_path, case, "int8", limits=Limits(minutes=10.0, most_float=1.0))

    kept = [spec for spec in asked if spec.keep_float]
    assert kept
    assert all(spec.ranges is not None for spec in kept)
    assert "ranges" not in found.table


@pytest.mark.parametrize("key", ['format = "qoperator"', 'recipe = "dynamic"'])
def test_operators_on_integers_are_ranked_in_their_twin(tmp_path, key):
    case = CASE.replace('target = "ort"', key) + "[parity.int8]\nsqnr_db = 60.0\n"

    found = rescued(tmp_path, case, "int8")

    assert "Nodes are ranked in its Q/DQ twin: operators on integers are not taken apart." in found.told
    assert found.quantized
    assert '"keep_float":["' in found.journal.read_text()
    assert key in found.text or "dynamic" in found.text


def test_a_waiver_rescues_nothing(tmp_path):
    waiver = '[[waivers]]\nrun = "ort-int8-stock"\nreason = "later"\nexpires = 2999-01-01\n'

    found = rescued(tmp_path, CASE + waiver)

    assert not found.passes_already
    assert set(found.best.candidate.keep_float) == {"softmax1", "softmax2"}


def test_a_run_without_a_golden_cannot_be_rescued(tmp_path):
    material, run, settings = opened(write_project(tmp_path), "int8-stock")
    material.close()
    for file in (settings.golden_root / "masked").iterdir():
        file.unlink()
    fresh = CaseMaterial(material.case, settings, "cases/masked.toml")
    with contextlib.closing(fresh), pytest.raises(CannotJudge) as caught:
        rescue(fresh, run, tmp_path / "journals", HALF)

    assert caught.value.failure.code in (Code.GOLDEN_MISSING, Code.GOLDEN_CORRUPT)
    assert again(tmp_path).rescued  # which accepts a golden


def test_a_budget_of_speed_that_is_missed_is_no_rescue(tmp_path):
    found = rescued(tmp_path, CASE + "[budgets.ort.int8-stock]\nsize_mb = 0.0000001\n")

    assert found.best.passes
    assert not found.rescued
    assert found.final["memory"].outcome == "budget-fail"
    assert found.told[-1].endswith("as it is to be pasted, does not pass: memory budget-fail.")
    assert cells(next(row for row in found.rows if row.evaluation == found.best), found)[-1] == "fail <"


def test_a_run_that_passes_but_for_a_cost_does_not_pass_already(tmp_path):
    found = rescued(tmp_path, CASE + "[budgets.ort.int8]\nsize_mb = 0.0000001\n", "int8")

    assert (found.passes_already, found.rescued) == (False, False)


def test_where_samples_alone_are_lacking_nothing_is_searched(tmp_path):
    found = rescued(tmp_path, CASE + '[accuracy]\nmetric = "agreement"\nmargin = 3.0\n', "int8")

    assert (found.evaluations, found.rescued) == (1, False)
    assert "no node is to blame" in found.told[0]
    assert "To decide, test on " in found.told[0]
    assert not found.best.is_accurate


def test_a_verdict_that_lacks_more_than_samples_is_searched_for():
    few = Failure(Code.ACCURACY_UNDECIDED, "few", "test on 598 samples")
    beyond = Failure(Code.ACCURACY_UNDECIDED, "few", "test on 598 samples", "the drop is beyond the margin")

    def judged(*failures: Failure, moved: int = 0) -> Judged:
        return Judged.of(failed("", {"lost": moved, "gained": 0}, failures))

    assert judged(few).lacking == "test on 598 samples"
    assert judged(few, moved=3).lacking == ""  # with other nodes float fewer may be lost, which can decide
    assert judged(beyond).lacking == ""
    assert judged(few, Failure(Code.PARITY_IMPLAUSIBLE, "near", "look")).lacking == ""
    whole = Evaluation(Candidate(), {"parity": judged(few), "accuracy": Judged("accuracy-fail", "")}, sqnr_db=30.0)
    assert whole.lacking == ""


def test_what_is_nearer_than_its_precision_can_be_is_accurate_and_what_cannot_be_told_is_not():
    near = Judged.of(failed("", {}, (Failure(Code.PARITY_IMPLAUSIBLE, "near", "look"),)))
    few = Judged.of(failed("", {}, (Failure(Code.ACCURACY_UNDECIDED, "few", "test on more"),)))

    assert Evaluation(Candidate(), {"parity": near}, sqnr_db=90.0).is_accurate
    assert not Evaluation(Candidate(), {"parity": near, "accuracy": few}, sqnr_db=90.0).is_accurate


def test_the_result_is_plain_json(tmp_path):
    told = json.loads(json.dumps(rescued(tmp_path).as_json()))

    assert told["rescued"] is True
    assert told["table"]["keep_float"] == ["op:Softmax"]


SCAN = """
model = "model.onnx"
[data]
test = "test.npz"
calibration = "calibration.npz"
[precisions.fp32]
[precisions.int8]
target = "ort"
calibration = "minmax"
[parity.int8]
sqnr_db = 60.0
"""


def test_products_in_a_body_are_ranked_and_kept_float_by_their_names(tmp_path):
    cases = tmp_path / "cases"
    save(scan(), cases / "model.onnx")
    for seed, name in enumerate(("test", "calibration")):
        arrays = np.random.default_rng(seed).standard_normal((16, 6, 1, WIDTH)).astype(np.float32)
        np.savez(cases / f"{name}.npz", x=arrays)
    (cases / "masked.toml").write_text(SCAN)
    said = []
    material, run, _ = opened(cases / "masked.toml", "int8")

    with contextlib.closing(material):
        found, judge = rescue(material, run, tmp_path / "journals", HALF, lambda *told: said.append(told))

    tried = {name for each in judge.seen.values() for name in each.candidate.keep_float}
    assert tried & {"scan/driven", "scan/recurrent"}
    assert found.quantized == 3
    assert [left for what, _, left in said if what.startswith("gate")][-1] > 0.0
    assert '"kind":"microseconds"' in found.journal.read_text()


@pytest.mark.parametrize(("code", "is_of_data"), [(Code.ACCURACY_OUTPUT, True), (Code.ACCURACY_CONSTANT, False)])
def test_a_metric_that_fails_is_told_and_not_searched_for(code: Code, is_of_data: bool) -> None:
    passed = Judged("pass", "40 dB")
    broken = Judged("cannot-judge", "", ((code.code, "my metric is broken"),))
    asis = Evaluation(Candidate(), {"parity": passed, "accuracy": broken}, sqnr_db=40.0)

    with pytest.raises(CannotJudge, match="my metric is broken") if is_of_data else contextlib.nullcontext():
        require_judged(asis)


@pytest.mark.parametrize("sqnr_db", [-np.inf, None], ids=["as judged", "from the journal"])
def test_outputs_that_are_not_finite_are_searched_for_whatever_the_metric_says_of_them(sqnr_db: float | None) -> None:
    ruined = Judged("accuracy-fail", "", ((Code.PARITY_NOT_FINITE.code, "768 values are NaN"),))
    scored = Judged("cannot-judge", "", ((Code.ACCURACY_OUTPUT.code, "the metric got NaN"),))
    shifted = Judged("cannot-judge", "", ((Code.ACCURACY_SHIFTED.code, "labels are one off"),))

    require_judged(Evaluation(Candidate(), {"parity": ruined, "accuracy": scored}, sqnr_db=sqnr_db))

    with pytest.raises(CannotJudge, match="labels are one off"):
        require_judged(Evaluation(Candidate(), {"parity": ruined, "accuracy": shifted}, sqnr_db=sqnr_db))


def test_a_scale_that_is_none_is_mended_by_the_node_that_reads_it(tmp_path):
    file = write_project(tmp_path)
    stock = onnx.load(file.parent / "stock.onnx")
    scale = next(tensor for tensor in stock.graph.initializer if tensor.name == "s0_scale")
    scale.CopyFrom(onnx.numpy_helper.from_array(np.float32("nan"), scale.name))
    onnx.save(stock, file.parent / "stock.onnx")

    found = again(tmp_path)

    assert found.rescued
    assert "product1" in found.best.candidate.keep_float
