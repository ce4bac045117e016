"""Shards add up to one plan, or are refused with a sentence that says why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity.ledger import Ledger, LedgerWriter, MergeError, merge, read_ledger
from pytest_qparity.ledger.shards import of_changed_files, without_commit

NODES = ["cases/a.toml::ort-int8::parity", "cases/a.toml::trt-int8::parity", "cases/b.toml::ort-int8::parity"]
START = {"backends": ["ort", "trt"], "isolation": "process", "canaries": ["cases/canaries/canary.toml"]}
CAUGHT = {"planned": 10, "caught": 10, "sha256": "c"}
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
        "failures": [] if outcome == "pass" else [{"code": "QP-PAR-002"}],
        "notes": [],
        "waiver": "known (until 2999-01-01)" if outcome == "waived" else None,
        "reproduce": "pytest",
        "provenance": {
            "variant": {"sha256": variant},
            "golden_key": {"model": golden},
            "engine": {"engine": "a"},
            "canaries": dict(CAUGHT),
        },
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
    uncollected: list[str] | None = None,
    start: Mapping[str, Any] = START,
    **of_verdict: str,
) -> Ledger:
    writer = LedgerWriter(folder / name, {"libraries": {"pytest-qparity": version}, **start})
    writer.plan(asked, files)
    rest = [node_id for node_id in plan if node_id not in asked]
    if rest:
        writer.not_asked_for(rest)
    writer.not_collected(uncollected or [])
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


def test_shards_of_two_commits_are_one_ledger_only_where_that_is_allowed(tmp_path: Path) -> None:
    commits = ("a" * 40, f"{'a' * 40}-dirty", None)
    one, changed, unknown = (
        shard(tmp_path, f"{number}", [node_id], start={**START, "commit": commit})
        for number, (node_id, commit) in enumerate(zip(NODES, commits, strict=True))
    )

    said = refusal(one=one, changed=changed, unknown=unknown)

    assert said.startswith("got commits aaaaaaaaaaaa (one) and aaaaaaaaaaaa-dirty (changed), should be one: ")
    text = merge({"one": one, "changed": changed, "unknown": unknown}, allow_other_commits=True)
    assert '"commit": null' in text
    same = shard(tmp_path, "same", [NODES[1]], start={**START, "commit": commits[0]})
    assert merged(tmp_path, one=one, same=same, unknown=unknown).passes
    assert without_commit({"one": one, "unknown": unknown}) == ("unknown",)
    assert of_changed_files({"one": one, "changed": changed}) == ()
    assert of_changed_files({"changed": changed, "again": changed}) == ("changed", "again")


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


@pytest.mark.parametrize("status", [-9, 1, 5])
def test_any_other_status_than_0_is_that_of_the_whole(tmp_path: Path, status: int) -> None:
    whole = merged(
        tmp_path, a=shard(tmp_path, "a", NODES[:2], status=0), b=shard(tmp_path, "b", NODES[2:], status=status)
    )

    assert whole.exit_status == status
    assert not whole.passes


def test_one_check_in_two_shards_with_one_answer_is_fine(tmp_path: Path) -> None:
    assert merged(tmp_path, a=shard(tmp_path, "a", NODES[:2]), b=shard(tmp_path, "b", NODES[1:])).passes


def test_what_was_flaky_in_a_shard_stays_flaky(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path / "a", {"libraries": {"pytest-qparity": "0.1.0"}, **START})
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


def test_an_extract_is_no_shard(tmp_path: Path) -> None:
    """The extracts of two releases, each of a case of its own, would add up to a whole ledger."""
    a, b = shard(tmp_path, "a", NODES[:2]), shard(tmp_path, "b", NODES[2:])
    extract = replace(b, start={**b.start, "extract": {"run": "cases/x.toml::ort-int8"}})

    assert refusal(a=a, b=extract).startswith("got b, the extract of one run, cases/x.toml::ort-int8")


@pytest.mark.parametrize("libraries", [{}, {"pytest-qparity": None}, None, "0.1.0"], ids=str)
def test_a_ledger_that_does_not_say_its_version_is_refused(tmp_path: Path, libraries: Any) -> None:
    a, b = shard(tmp_path, "a", NODES[:2]), shard(tmp_path, "b", NODES[2:])

    said = refusal(
        **{name: replace(of, start={**of.start, "libraries": libraries}) for name, of in (("a", a), ("b", b))}
    )

    assert said.startswith("got a without a version of pytest-qparity")


@pytest.mark.parametrize("field", ["case", "backend", "run", "check", "deciding", "evidence", "failures", "provenance"])
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


@pytest.mark.parametrize(
    ("outcome", "change", "sentence"),
    [
        ("pass", {"failures": [{"code": "QP-PAR-002"}]}, "a verdict pass with 1 failures contradicts itself"),
        ("pass", {"evidence": {}}, "a pass needs evidence"),
        ("pass", {"waiver": "known"}, "a verdict is waived exactly when it names its waiver"),
        ("waived", {"waiver": None}, "a verdict is waived exactly when it names its waiver"),
        ("waived", {"waiver": " "}, "a waiver needs a reason"),
        ("waived", {"failures": []}, "a verdict waived with 0 failures contradicts itself"),
    ],
    ids=["pass that fails", "pass of nothing", "pass by a waiver", "no waiver", "no reason", "nothing to waive"],
)
def test_a_verdict_that_contradicts_itself_is_refused(
    tmp_path: Path, outcome: str, change: dict[str, Any], sentence: str
) -> None:
    spoiled = shard(tmp_path, "b", NODES[2:], outcome=outcome)
    spoiled.verdicts[0].update(change)

    assert refusal(a=shard(tmp_path, "a", NODES[:2]), b=spoiled).startswith(f"got {NODES[2]} in b: {sentence}")


@pytest.mark.parametrize("part", ["variant", "engine", "golden_key", "canaries"])
def test_a_pass_that_does_not_say_what_it_rests_on_is_refused(tmp_path: Path, part: str) -> None:
    spoiled = shard(tmp_path, "b", NODES[2:])
    del spoiled.verdicts[0]["provenance"][part]

    said = refusal(a=shard(tmp_path, "a", NODES[:2]), b=spoiled)

    assert said.startswith(f"got pass for {NODES[2]} without its {part.replace('_', ' ')} in b")


@pytest.mark.parametrize("outcome", ["pass", "waived"])
def test_a_good_verdict_behind_a_canary_that_passed_is_refused(tmp_path: Path, outcome: str) -> None:
    spoiled = shard(tmp_path, "b", NODES[2:], outcome=outcome)
    spoiled.verdicts[0]["provenance"]["canaries"]["caught"] = 9

    assert f"got {outcome} for {NODES[2]} without its canaries in b" in refusal(
        a=shard(tmp_path, "a", NODES[:2]), b=spoiled
    )


def test_what_is_waived_for_want_of_a_backend_rests_on_nothing(tmp_path: Path) -> None:
    absent = shard(tmp_path, "b", NODES[1:], outcome="waived")
    for each in absent.verdicts:
        each["provenance"].clear()

    assert merged(tmp_path, a=shard(tmp_path, "a", NODES[:1]), b=absent).passes


def test_a_verdict_that_its_session_did_not_plan_is_refused(tmp_path: Path) -> None:
    more = shard(tmp_path, "a", NODES[:2])
    more = replace(more, verdicts=[*more.verdicts, verdict("cases/c.toml::ort-int8::parity")])

    said = refusal(a=more, b=shard(tmp_path, "b", NODES[2:]))

    assert said.startswith("got a verdict of cases/c.toml::ort-int8::parity in a, which did not plan it")


@pytest.mark.parametrize(
    ("setting", "value", "shown"),
    [
        ("canaries", [], "none in b and cases/canaries/canary.toml in a"),
        ("backends", ["ort"], "ort in b and ort, trt in a"),
        ("isolation", "none", "none in b and process in a"),
    ],
)
def test_shards_that_were_told_other_things_are_refused(tmp_path: Path, setting: str, value: Any, shown: str) -> None:
    other = shard(tmp_path, "b", NODES[2:], start={**START, setting: value})

    assert refusal(a=shard(tmp_path, "a", NODES[:2]), b=other).startswith(f"got {setting} {shown}, should be the same")


@pytest.mark.parametrize("setting", ["canaries", "backends", "isolation"])
def test_a_ledger_that_does_not_say_what_it_was_told_is_refused(tmp_path: Path, setting: str) -> None:
    start = {name: value for name, value in START.items() if name != setting}

    said = refusal(a=shard(tmp_path, "a", NODES[:2], start=start), b=shard(tmp_path, "b", NODES[2:], start=start))

    assert said.startswith(f"got a without its {setting}")


def test_the_order_in_which_backends_were_named_is_no_difference(tmp_path: Path) -> None:
    other = shard(tmp_path, "b", NODES[2:], start={**START, "backends": ["trt", "ort"]})

    assert merged(tmp_path, a=shard(tmp_path, "a", NODES[:2]), b=other).passes


def test_a_case_file_that_no_shard_collected_is_refused(tmp_path: Path) -> None:
    said = refusal(
        a=shard(tmp_path, "a", NODES[:2], uncollected=["cases/c.toml"]),
        b=shard(tmp_path, "b", NODES[2:], uncollected=["cases/c.toml"]),
    )

    assert said.startswith("got 1 case file that no shard collected (cases/c.toml)")


def test_a_case_file_that_one_shard_did_not_collect_and_the_other_does_not_know_is_refused(tmp_path: Path) -> None:
    said = refusal(a=shard(tmp_path, "a", NODES[:2]), b=shard(tmp_path, "b", NODES[2:], uncollected=["cases/c.toml"]))

    assert said.startswith("got cases/c.toml in b and not among the case files of a, should be in both")


def by_path(folder: Path, case: str, other: str, start: Mapping[str, Any] = START, **more: Any) -> Ledger:
    """The ledger of `pytest cases/a.toml`, of a suite of a and b."""
    nodes = [node_id for node_id in NODES if node_id.startswith(f"cases/{case}")]
    files = {name: digest for name, digest in FILES.items() if name == f"cases/{case}.toml"}
    uncollected = [f"cases/{other}.toml"]
    asked = more.pop("asked", nodes)
    return shard(folder, case, asked, plan=nodes, files=files, uncollected=uncollected, start=start, **more)


def test_shards_that_were_split_by_path_are_one_ledger_that_passes(tmp_path: Path) -> None:
    whole = merged(tmp_path, a=by_path(tmp_path, "a", "b"), b=by_path(tmp_path, "b", "a"))

    assert whole.passes, whole.against_it
    assert set(whole.planned) == set(NODES)


def test_a_case_file_of_which_one_path_asked_for_a_part_is_refused(tmp_path: Path) -> None:
    said = refusal(a=by_path(tmp_path, "a", "b", asked=NODES[:1]), b=by_path(tmp_path, "b", "a"))

    assert said.startswith(f"got 1 check that no shard was asked for ({NODES[1]})")


def test_shards_by_path_are_of_the_same_precisions(tmp_path: Path) -> None:
    some = {**START, "precisions": ["int8"]}

    said = refusal(a=by_path(tmp_path, "a", "b", some), b=by_path(tmp_path, "b", "a"))

    assert said.startswith("got precisions all in b and int8 in a, should be the same in all shards")


def test_a_case_file_without_a_check_for_these_options_was_collected_all_the_same(tmp_path: Path) -> None:
    suite = {**START, "suite": ["cases/a.toml", "cases/b.toml", "cases/kernels.toml"]}
    a = by_path(tmp_path, "a", "b", suite)
    b = by_path(tmp_path, "b", "a", suite)

    assert merged(tmp_path, a=a, b=replace(b, uncollected=("cases/a.toml", "cases/kernels.toml"))).passes
    assert "cases/kernels.toml" in refusal(
        a=replace(a, uncollected=("cases/b.toml", "cases/kernels.toml")),
        b=replace(b, uncollected=("cases/a.toml", "cases/kernels.toml")),
    )


def test_an_outcome_that_is_not_known_is_refused(tmp_path: Path) -> None:
    unknown = shard(tmp_path, "b", NODES[2:], outcome="splendid")

    assert "got outcome 'splendid' in b" in refusal(a=shard(tmp_path, "a", NODES[:2]), b=unknown)


@pytest.mark.parametrize(("of", "said"), [("variant", "another variant"), ("golden", "another golden key")])
def test_two_answers_about_other_bytes_are_refused(tmp_path: Path, of: str, said: str) -> None:
    assert said in refusal(a=shard(tmp_path, "a", NODES[:2]), b=shard(tmp_path, "b", NODES[1:], **{of: "other"}))


def test_a_missing_shard_is_refused(tmp_path: Path) -> None:
    said = refusal(a=shard(tmp_path, "a", [NODES[0]]), b=shard(tmp_path, "b", [NODES[1]]))

    assert said.startswith(f"got 1 check that no shard was asked for ({NODES[2]})")


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
