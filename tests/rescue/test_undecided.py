"""Candidates that the gate neither passes nor refuses: no evidence that no set of nodes does."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from pytest_qparity.report.rescue_text import cells, headline, rescue_text
from pytest_qparity.rescue.candidate import Candidate
from pytest_qparity.rescue.evaluation import Evaluation, Judged
from pytest_qparity.rescue.judging import GateJudge
from pytest_qparity.rescue.rescuing import rescue
from pytest_qparity.rescue.result import Limits, Rescue
from pytest_qparity.verdict import Code, Failure, failed
from tests.rescue.projects import CASE, opened, write_project

ONE = Limits(minutes=10.0, most_float=0.13)  # of 8 nodes
REFUSED = Judged("accuracy-fail", "5.0 dB", ((Code.PARITY_SQNR.code, "low"),))
NEAR = Judged("cannot-judge", "equal", ((Code.PARITY_IMPLAUSIBLE.code, "near"),))
FINE = Judged("pass", "40.0 dB")


def few(moved: int) -> Judged:
    failure = Failure(Code.ACCURACY_UNDECIDED, "few", "test on 2,995 samples")
    return Judged.of(failed("+0.00 pt", {"lost": moved, "gained": moved}, (failure,)))


def judged(parity: Judged, accuracy: Judged = FINE) -> Evaluation:
    return Evaluation(Candidate(), {"parity": parity, "accuracy": accuracy}, sqnr_db=30.0)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return write_project(tmp_path_factory.mktemp("undecided"), CASE)


def rescued(project, folder, monkeypatch, by_nodes) -> Rescue:
    """by_nodes: what the gate says of a set of nodes kept float, in the place of the real one."""
    monkeypatch.setattr(GateJudge, "_judged", lambda _, each: replace(by_nodes(each.keep_float), candidate=each))
    monkeypatch.setattr(GateJudge, "speed_up", lambda *_: None)
    material, run, _ = opened(project, "int8-stock")
    with contextlib.closing(material):
        return rescue(material, run, folder, ONE)[0]


def test_a_candidate_that_lacks_samples_alone_is_undecided_and_the_search_ends(project, tmp_path, monkeypatch):
    def by_nodes(names):
        return judged(FINE, few(0)) if names else judged(REFUSED, REFUSED)

    found = rescued(project, tmp_path, monkeypatch, by_nodes)

    (name,) = found.best.candidate.keep_float
    assert found.evaluations == 2
    (told,) = found.told
    assert told.startswith("With 1 of 8 quantized nodes float no sample is lost or gained")
    assert told.endswith("To decide, test on 2,995 samples.")
    assert (found.rescued, found.as_json()["undecided"], headline(found)) == (False, True, "undecided")
    assert cells(next(row for row in found.rows if row.evaluation == found.best), found)[-1] == "undecided <"
    assert f'keep_float = ["{name}"]' in rescue_text(found, "c", "r", judged(REFUSED))


@pytest.mark.parametrize(
    ("open_", "why"),
    [
        (judged(FINE, few(2)), "QP-ACC-003; to decide, test on 2,995 samples"),
        (judged(Judged("cannot-judge", "", ((Code.WORKER_CRASH.code, "crashed"),))), "QP-WORKER-001"),
    ],
    ids=["samples that moved", "a crash"],
)
def test_sets_that_were_not_refused_make_no_proof(project, tmp_path, monkeypatch, open_, why):
    def by_nodes(names):
        if len(names) == 8:
            return judged(NEAR)
        return judged(REFUSED, REFUSED) if names in ((), ("product3",)) else open_

    found = rescued(project, tmp_path, monkeypatch, by_nodes)

    assert found.proof is None
    assert any(each.endswith(f"quantized nodes float: undecided ({why}).") for each in found.told)
    (said,) = (each for each in found.told if each.startswith("No proof"))
    assert said.endswith(f": 7 of all 8 sets of 1 of the 8 nodes that can be float could not be judged ({why}).")


def test_all_nodes_float_that_lack_samples_alone_say_nothing_of_what_remains(project, tmp_path, monkeypatch):
    def by_nodes(names):
        return judged(NEAR, few(0)) if len(names) == 8 else judged(REFUSED, REFUSED)

    found = rescued(project, tmp_path, monkeypatch, by_nodes)

    assert "All 8 float: samples are too few to tell. To decide, test on 2,995 samples." in found.told
    assert not any("What remains" in each for each in found.told)
    assert found.proof is not None  # each single one was refused


def test_all_nodes_float_that_cannot_be_judged_are_not_said_to_fail(project, tmp_path, monkeypatch):
    def by_nodes(names):
        crashed = Judged("cannot-judge", "", ((Code.WORKER_CRASH.code, "crashed"),))
        return judged(crashed) if len(names) == 8 else judged(REFUSED, REFUSED)

    found = rescued(project, tmp_path, monkeypatch, by_nodes)

    assert "All 8 nodes that can be kept float: undecided (QP-WORKER-001)." in found.told


def test_a_waived_refusal_is_one():
    assert judged(replace(REFUSED, outcome="waived")).is_refused
    assert not judged(replace(REFUSED, outcome="waived")).is_undecided
    assert not judged(FINE, few(0)).is_refused
