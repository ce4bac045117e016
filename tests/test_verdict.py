from __future__ import annotations

import copy
import json
import pickle
import re

import numpy as np
import pytest

from pytest_qparity.verdict import (
    CannotJudge,
    Code,
    Failure,
    Outcome,
    Verdict,
    as_sentence,
    cannot_judge,
    failed,
    passed,
    waived,
)

SQNR = Failure(Code.PARITY_SQNR, "SQNR is 12.4 dB, should be at least 20.0 dB", "qparity diagnose", "unscaled inputs")
SLOW = Failure(Code.LATENCY_BUDGET, "got 1.2×, should be at least 2.0×", "profile it")
MISSING = Failure(Code.GOLDEN_MISSING, "got no golden, should be one", "qparity accept")


def test_codes_are_unique_and_of_one_form():
    codes = [code.code for code in Code]

    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"QP-[A-Z]+-\d{3}", code) for code in codes)
    assert len(Code.__members__) == len(codes), "two names with equal values are one member"


def test_every_code_leads_to_an_outcome_that_is_no_pass_and_has_a_title():
    assert all(code.outcome not in {Outcome.PASS, Outcome.WAIVED} for code in Code)
    assert all(code.title and code.title.strip(" .") == code.title for code in Code)


def test_a_failure_is_plain_json():
    assert json.loads(json.dumps(SQNR.as_json())) == {
        "code": "QP-PAR-002",
        "title": "signal-to-quantization-noise ratio below its limit",
        "sentence": "SQNR is 12.4 dB, should be at least 20.0 dB.",
        "likely": "unscaled inputs",
        "remedy": "qparity diagnose",
    }


@pytest.mark.parametrize("crossing", [lambda stop: pickle.loads(pickle.dumps(stop)), copy.copy], ids=["pickle", "copy"])
def test_cannot_judge_crosses_a_process_border_with_its_failure(crossing):
    stop = crossing(CannotJudge(MISSING))

    assert stop.failure == MISSING
    assert str(stop) == "got no golden, should be one"


def test_a_pass_has_evidence_and_no_failure():
    assert passed("34.2 dB", {"sqnr_db": 34.2}).outcome is Outcome.PASS
    with pytest.raises(ValueError, match="a pass needs evidence"):
        passed("34.2 dB", {})
    with pytest.raises(ValueError, match="contradicts itself"):
        Verdict(Outcome.PASS, "12.4 dB", {"sqnr_db": 12.4}, (SQNR,))


@pytest.mark.parametrize("name", ["variant_percent", "variant_value", "median_ms", "peak_mb", "size_mb"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("nan"), "nan", "98.5", [98.5]], ids=repr)
def test_a_pass_is_of_finite_figures_live_or_as_a_ledger_writes_them(name, value):
    for fine in (98.5, np.float32(98.5), 98, None):
        assert passed("98.5 %", {name: fine}).outcome is Outcome.PASS
    with pytest.raises(ValueError, match=f"a pass has a finite {name}, not "):
        passed("98.5 %", {name: value})
    assert failed("?", {name: value}, (SQNR,)).outcome is Outcome.ACCURACY_FAIL


@pytest.mark.parametrize("outcome", [Outcome.ACCURACY_FAIL, Outcome.BUDGET_FAIL, Outcome.CANNOT_JUDGE])
def test_anything_but_a_pass_has_a_failure(outcome):
    with pytest.raises(ValueError, match="contradicts itself"):
        Verdict(outcome, "", {"sqnr_db": 12.4})


@pytest.mark.parametrize(
    ("failures", "outcome"),
    [
        ((SQNR,), Outcome.ACCURACY_FAIL),
        ((SLOW,), Outcome.BUDGET_FAIL),
        ((MISSING,), Outcome.CANNOT_JUDGE),
        ((MISSING, SLOW), Outcome.BUDGET_FAIL),
        ((SLOW, MISSING, SQNR), Outcome.ACCURACY_FAIL),
    ],
    ids=["accuracy", "budget", "cannot judge", "budget first", "accuracy first"],
)
def test_the_gravest_failure_decides(failures, outcome):
    assert failed("", {}, failures).outcome is outcome


def test_a_failed_verdict_needs_a_failure():
    with pytest.raises(ValueError, match="needs a failure"):
        failed("", {}, ())


def test_what_cannot_be_judged_names_what_is_lacking():
    verdict = cannot_judge(MISSING)

    assert (verdict.outcome, verdict.deciding, verdict.failures) == (Outcome.CANNOT_JUDGE, "golden", (MISSING,))


def test_a_waiver_keeps_what_was_found_beside_its_reason():
    verdict = waived(failed("12.4 dB", {"sqnr_db": 12.4}, (SQNR,)), "until the new calibration")

    assert verdict.outcome is Outcome.WAIVED
    assert (verdict.failures, verdict.evidence, verdict.deciding) == ((SQNR,), {"sqnr_db": 12.4}, "12.4 dB")
    assert verdict.waiver == "until the new calibration"


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_waiver_without_a_reason_is_none(reason):
    with pytest.raises(ValueError, match="a waiver needs a reason"):
        waived(cannot_judge(MISSING), reason)


def test_a_pass_cannot_be_waived():
    with pytest.raises(ValueError, match="contradicts itself"):
        waived(passed("34.2 dB", {"sqnr_db": 34.2}), "why not")


def test_only_a_waived_verdict_names_a_waiver():
    with pytest.raises(ValueError, match="exactly when"):
        Verdict(Outcome.ACCURACY_FAIL, "", {}, (SQNR,), waiver="until tomorrow")
    with pytest.raises(ValueError, match="exactly when"):
        Verdict(Outcome.WAIVED, "", {}, (SQNR,))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("got x", "Got x."),
        ("Got x.", "Got x."),
        ("is it?", "Is it?"),
        ("", "."),
        ("backend ort is gone!", "Backend ort is gone!"),
    ],
)
def test_sentences_begin_with_a_capital_and_end_with_a_stop(text, sentence):
    assert as_sentence(text) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "ext.onnx: got 3 bytes.",
        "data/zero.npz: got no sample.",
        "keep_float: got a pattern.",
        "keep_float of int8: got a pattern.",
        "batch: got 3, should be 1.",
        "ort-int8 has no session.",
        "fp16: got no file.",
        "model.onnx is no model.",
        "ünder is no word of English.",
    ],
)
def test_a_name_at_the_head_of_a_sentence_stays_as_it_is_written(text):
    assert as_sentence(text) == text
