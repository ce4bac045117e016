"""Shards add up to one plan, or are refused with a sentence that says why."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity.ledger import Ledger, LedgerWriter, MergeError, merge, read_ledger

NODES = ["cases/a.toml::ort-int8::parity", "cases/a.toml::trt-int8::parity", "cases/b.toml::ort-int8::parity"]
FILES = {"cases/a.toml": "1" * 64, "cases/b.toml": "2" * 64}


def verdict(node_id: str, outcome: str = "pass", *, variant: str = "v", golden: str = "g") -> dict[str, Any]:
    case, run, check = node_id.removeprefix("cases/").replace(".toml", "").split("::")
    return {
        "event": "verdict",
        "node_id": node_id,
        "case": case,
        "run": run,
        "backend": run.partition("-")[0],
        "check": check,
        "outcome": outcome,
        "deciding": "40 dB",
        "evidence": {"sqnr_db": 40.0},
        "failures": [],
        "notes": [],
        "waiver": None,
        "reproduce": "pytest",
        "provenance": {"variant": {"sha256": variant}, "golden_key": {"model": golden}},
    }


def shard(
    folder: Path,
    name: str,
    asked: list[str],
    *,
    plan: list[str] = NODES,
    outcome: str = "pass",
    version: str = "0.1.0",
    files: dict[str, str] = FILES,
    status: int | None = 0,
    lost: str | None = None,
    **of_verdict: str,
) -> Ledger:
    writer = LedgerWriter(folder / name, {"libraries": {"pytest-qparity": version}, "backends": ["ort", "trt"]})
    writer.plan(asked, files)
    rest = [node_id for node_id in plan if node_id not in asked]
    if rest:
        writer.not_asked_for(rest)
    for node_id in asked:
        if node_id == lost:
            writer.not_judged(node_id, "the worker crashed")
        else:
            writer.judged(verdict(node_id, outcome, **of_verdict))
    if status is not None:
        return writer.close(status)
    return read_ledger(folder / name)


def merged(tmp_path: Path, **shards: Ledger) -> Ledger:
    path = tmp_path / "merged.json"
    path.write_text(merge(shards))
    json.loads(path.read_text())
    return read_ledger(path)


def refusal(**shards: Ledger) -> str:
    with pytest.raises(MergeError) as caught:
        merge(shards)
    return str(caught.value)


def test_shards_of_one_plan_are_one_ledger_that_passes(tmp_path: Path) -> None:
    whole = merged(tmp_path, cpu=shard(tmp_path, "a", [NODES[0], NODES[2]]), gpu=shard(tmp_path, "b", [NODES[1]]))

    assert whole.passes
    assert sorted(whole.planned) == NODES
    assert not whole.deselected
    assert len(whole.verdicts) == 3
    assert whole.case_files == FILES
    assert len(whole.start["shards"]) == 2


def test_a_shard_alone_does_not_pass(tmp_path: Path) -> None:
    alone = shard(tmp_path, "a", [NODES[0]])

    assert not alone.passes
    assert alone.against_it == f"2 checks were not asked for, should all be; first {NODES[1]}."


def test_one_failure_is_a_failure_of_the_whole(tmp_path: Path) -> None:
    failing = shard(tmp_path, "b", [NODES[1]], outcome="accuracy-fail", status=1)

    whole = merged(tmp_path, cpu=shard(tmp_path, "a", [NODES[0], NODES[2]]), gpu=failing)

    assert not whole.passes
    assert whole.exit_status == 1


def test_a_shard_that_failed_without_a_failing_verdict_is_no_pass(tmp_path: Path) -> None:
    whole = merged(tmp_path, a=shard(tmp_path, "a", NODES[:2], status=1), b=shard(tmp_path, "b", NODES[2:]))

    assert "ended with status 1" in whole.against_it


def test_one_check_in_two_shards_with_one_answer_is_fine(tmp_path: Path) -> None:
    assert merged(tmp_path, a=shard(tmp_path, "a", NODES[:2]), b=shard(tmp_path, "b", NODES[1:])).passes


def test_what_was_flaky_in_a_shard_stays_flaky(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path / "a", {"libraries": {"pytest-qparity": "0.1.0"}})
    writer.plan(NODES[:2], FILES)
    writer.not_asked_for(NODES[2:])
    writer.judged(verdict(NODES[0], "cannot-judge"))
    writer.judged(verdict(NODES[0]))
    writer.judged(verdict(NODES[1]))

    whole = merged(tmp_path, a=writer.close(1), b=shard(tmp_path, "b", NODES[2:]))

    assert whole.flaky == {NODES[0]: ["cannot-judge", "pass"]}
    assert not whole.passes


def test_two_answers_for_one_check_are_refused(tmp_path: Path) -> None:
    said = refusal(a=shard(tmp_path, "a", NODES[:2]), b=shard(tmp_path, "b", NODES[1:], outcome="waived"))

    assert said.startswith(f"got two answers for {NODES[1]}: pass in a, waived in b")


def test_a_check_without_a_verdict_in_one_shard_gets_no_second_chance_in_another(tmp_path: Path) -> None:
    lost = shard(tmp_path, "a", NODES[:2], lost=NODES[1])  # status 0: the books alone must hold

    whole = merged(tmp_path, a=lost, b=shard(tmp_path, "b", NODES[1:]))

    assert whole.unjudged == (NODES[1],)
    assert not whole.passes


def test_other_bytes_of_one_run_are_refused_though_each_check_was_judged_once(tmp_path: Path) -> None:
    plan = ["cases/a.toml::ort-int8::parity", "cases/a.toml::ort-int8::latency"]
    first = shard(tmp_path, "a", plan[:1], plan=plan)

    said = refusal(a=first, b=shard(tmp_path, "b", plan[1:], plan=plan, variant="other"))

    assert said.startswith(f"got {plan[1]} of another variant in b than {plan[0]} in a")


def test_other_variants_of_other_runs_are_fine_and_another_golden_of_the_case_is_not(tmp_path: Path) -> None:
    plan = ["cases/a.toml::ort-int8::parity", "cases/a.toml::trt-int8::parity"]
    first = shard(tmp_path, "a", plan[:1], plan=plan)

    assert merged(tmp_path, a=first, b=shard(tmp_path, "b", plan[1:], plan=plan, variant="other")).passes
    assert "of another golden key in c than" in refusal(
        a=first, c=shard(tmp_path, "c", plan[1:], plan=plan, golden="other")
    )


def test_what_was_judged_without_a_variant_says_nothing_of_its_bytes(tmp_path: Path) -> None:
    absent = shard(tmp_path, "b", NODES[1:], outcome="cannot-judge", status=1)
    for each in absent.verdicts:
        each["provenance"].clear()

    assert merged(tmp_path, a=shard(tmp_path, "a", NODES[:1]), b=absent).exit_status == 1


def test_the_start_of_the_whole_says_what_the_shards_have_in_common(tmp_path: Path) -> None:
    a, b = shard(tmp_path, "a", NODES[:2]), shard(tmp_path, "b", NODES[2:])
    starts = [
        {**a.start, "system": "Linux", "processor": "one"},
        {**b.start, "system": "Linux", "processor": "another"},
    ]

    whole = merged(tmp_path, a=replace(a, start=starts[0]), b=replace(b, start=starts[1]))

    assert whole.start["shards"] == starts
    assert whole.start["system"] == "Linux"
    assert "processor" not in whole.start
    assert whole.start["backends"] == ["ort", "trt"]
    assert whole.start["libraries"] == {"pytest-qparity": "0.1.0"}


@pytest.mark.parametrize("libraries", [{}, {"pytest-qparity": None}, None, "0.1.0"], ids=str)
def test_a_ledger_that_does_not_say_its_version_is_refused(tmp_path: Path, libraries: Any) -> None:
    a, b = shard(tmp_path, "a", NODES[:2]), shard(tmp_path, "b", NODES[2:])

    said = refusal(
        **{name: replace(of, start={**of.start, "libraries": libraries}) for name, of in (("a", a), ("b", b))}
    )

    assert said.startswith("got a without a version of pytest-qparity")


@pytest.mark.parametrize("field", ["case", "backend", "run", "check", "deciding", "failures", "provenance"])
@pytest.mark.parametrize("value", [None, 7], ids=["absent", "of another type"])
def test_a_verdict_that_lacks_something_is_refused(tmp_path: Path, field: str, value: Any) -> None:
    spoiled = shard(tmp_path, "b", NODES[2:])
    spoiled.verdicts[0][field] = value

    assert f"without its {field} in b" in refusal(a=shard(tmp_path, "a", NODES[:2]), b=spoiled)


def test_a_verdict_that_does_not_say_whether_it_is_waived_is_refused(tmp_path: Path) -> None:
    spoiled = shard(tmp_path, "b", NODES[2:])
    del spoiled.verdicts[0]["waiver"]

    assert "without its waiver in b" in refusal(a=shard(tmp_path, "a", NODES[:2]), b=spoiled)


@pytest.mark.parametrize("failure", ["QP-PAR-002", {}, {"code": 2}], ids=str)
def test_a_failure_without_a_code_is_refused(tmp_path: Path, failure: Any) -> None:
    spoiled = shard(tmp_path, "b", NODES[2:])
    spoiled.verdicts[0]["failures"].append(failure)

    assert "without its code in b" in refusal(a=shard(tmp_path, "a", NODES[:2]), b=spoiled)


def test_an_outcome_that_is_not_known_is_refused(tmp_path: Path) -> None:
    unknown = shard(tmp_path, "b", NODES[2:], outcome="splendid")

    assert "got outcome 'splendid' in b" in refusal(a=shard(tmp_path, "a", NODES[:2]), b=unknown)


@pytest.mark.parametrize(("of", "said"), [("variant", "another variant"), ("golden", "another golden key")])
def test_two_answers_about_other_bytes_are_refused(tmp_path: Path, of: str, said: str) -> None:
    assert said in refusal(a=shard(tmp_path, "a", NODES[:2]), b=shard(tmp_path, "b", NODES[1:], **{of: "other"}))


def test_a_missing_shard_is_refused(tmp_path: Path) -> None:
    said = refusal(a=shard(tmp_path, "a", [NODES[0]]), b=shard(tmp_path, "b", [NODES[1]]))

    assert said.startswith(f"got 1 checks that no shard was asked for ({NODES[2]})")


def test_another_plan_is_refused(tmp_path: Path) -> None:
    said = refusal(a=shard(tmp_path, "a", NODES[:2]), b=shard(tmp_path, "b", [NODES[1]], plan=NODES[:2]))

    assert f"{NODES[2]} is in a and not in b" in said


def test_another_case_file_of_the_same_name_is_refused(tmp_path: Path) -> None:
    changed = {**FILES, "cases/a.toml": "3" * 64}

    said = refusal(a=shard(tmp_path, "a", NODES[:2]), b=shard(tmp_path, "b", NODES[2:], files=changed))

    assert said.startswith("got cases/a.toml with other content in b than in a")


def test_another_version_is_refused(tmp_path: Path) -> None:
    said = refusal(a=shard(tmp_path, "a", NODES[:2]), b=shard(tmp_path, "b", NODES[2:], version="0.2.0"))

    assert "0.1.0 (a) and 0.2.0 (b)" in said


def test_a_shard_that_was_killed_is_refused(tmp_path: Path) -> None:
    said = refusal(a=shard(tmp_path, "a", NODES[:2]), b=shard(tmp_path, "b", NODES[2:], status=None))

    assert said.startswith("got b without an end")


def test_one_session_under_two_names_is_refused(tmp_path: Path) -> None:
    once = shard(tmp_path, "a", NODES)

    assert "one session twice, as a and copy" in refusal(a=once, copy=replace(once))


def test_one_ledger_is_none_to_merge(tmp_path: Path) -> None:
    assert "got 1 ledger" in refusal(a=shard(tmp_path, "a", NODES))


def test_a_merged_ledger_is_not_merged_again(tmp_path: Path) -> None:
    whole = merged(tmp_path, a=shard(tmp_path, "a", NODES[:2]), b=shard(tmp_path, "b", NODES[2:]))

    assert "which is merged" in refusal(a=whole, c=shard(tmp_path, "c", NODES))
