from __future__ import annotations

import pytest

from pytest_qparity.rescue.candidate import Candidate
from pytest_qparity.rescue.evaluation import Evaluation, Judged, front
from pytest_qparity.rescue.journal import Journal


def evaluation(names=(), outcome="pass", *, sqnr_db=30.0, drop=0.0) -> Evaluation:
    failures = () if outcome == "pass" else (("QP-PAR-002", "Too low."),)
    return Evaluation(Candidate(keep_float=tuple(names)), {"parity": Judged(outcome, "x", failures)}, sqnr_db, drop)


def test_what_was_written_is_there_again(tmp_path):
    journal = Journal(tmp_path / "deep" / "j.jsonl")
    journal.add(evaluation("ab", "accuracy-fail"))
    journal.add_ranking("of", {"harm": {"a": 1.0}})

    again = Journal(journal.path)

    assert again.evaluations == {evaluation("ab").candidate.key: evaluation("ab", "accuracy-fail")}
    assert again.rankings["of"]["harm"] == {"a": 1.0}


def test_a_line_that_a_kill_cut_off_costs_itself_alone(tmp_path):
    journal = Journal(tmp_path / "j.jsonl")
    journal.add(evaluation("a"))
    journal.add(evaluation("b"))
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-20])

    again = Journal(journal.path)
    again.add(evaluation("c"))

    assert {each.candidate.keep_float for each in Journal(journal.path).evaluations.values()} == {("a",), ("c",)}


def test_lines_of_another_format_say_nothing(tmp_path):
    (tmp_path / "j.jsonl").write_text('{"format": 99, "kind": "evaluation", "value": {}}\n[1]\n')

    assert not Journal(tmp_path / "j.jsonl").evaluations


def test_a_waived_verdict_is_no_pass():
    assert not evaluation("a", "waived").passes
    assert not Evaluation(Candidate(), {}).passes


def test_the_front_is_what_nothing_cheaper_equals():
    found = {
        "a": evaluation("", "accuracy-fail", sqnr_db=5.0, drop=15.0),
        "b": evaluation("x", "accuracy-fail", sqnr_db=4.0, drop=16.0),
        "c": evaluation("xy", sqnr_db=30.0),
        "d": evaluation("xyz", sqnr_db=30.0),
        "e": evaluation("wxyz", sqnr_db=31.0),
    }

    assert front(found, {"a": 0.0, "b": 0.1, "c": 0.2, "d": 0.3, "e": 0.4}) == ["a", "c", "e"]


@pytest.mark.parametrize(
    ("codes", "is_kept"),
    [
        (("QP-GOLDEN-001",), False),
        (("QP-PAR-002", "QP-WORKER-002"), False),
        (("QP-BACKEND-003",), False),
        (("QP-ACC-002",), False),
        (("QP-PAR-006", "QP-ACC-002"), True),
        (("QP-ACC-003",), True),
        (("QP-VARIANT-002",), True),
        (("QP-PRE-006",), True),
    ],
    ids=str,
)
def test_what_tells_of_a_moment_is_no_answer(tmp_path, codes, is_kept):
    judged = Judged("cannot-judge", "", tuple((code, "") for code in codes))
    journal = Journal(tmp_path / "j.jsonl")

    journal.add(Evaluation(Candidate(), {"parity": judged}))

    assert bool(Journal(journal.path).evaluations) is is_kept
