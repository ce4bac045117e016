"""Which run of a ledger may be shipped."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from pytest_qparity import read_ledger
from pytest_qparity.report.advice import advice_text
from pytest_qparity.report.runs import runs_by_case
from pytest_qparity.shipping.judged_run import judged_run
from pytest_qparity.verdict import CannotJudge, Code, Outcome
from tests.shipping.judged import RUN, Change, Judged

Events = list[dict[str, Any]]
PARITY = 3  # its place among the events
LATENCY = 5


def refusal(judged: Judged, change: Change, *, waived: bool = False, run: str = RUN) -> str:
    judged.write(change)
    with pytest.raises(CannotJudge) as caught:
        judged_run(read_ledger(judged.ledger), run, waived=waived)
    assert caught.value.failure.code is Code.SHIP_REFUSED
    return caught.value.failure.sentence


def waive(events: Events) -> None:
    failure = {"code": "QP-LAT-001", "sentence": "slow"}
    events[LATENCY] |= {"outcome": "waived", "waiver": "slow here (until 2027-03-01)", "failures": [failure]}


def fail(events: Events) -> None:
    events[PARITY] |= {"outcome": "accuracy-fail", "failures": [{"code": "QP-PAR-002"}]}


def emulate(events: Events) -> None:
    for event in events:
        if "node_ids" in event:
            event["node_ids"] = [name.replace("int8::", "int8~::") for name in event["node_ids"]]


def by_the_reference(events: Events) -> None:
    for event in events:
        if "node_ids" in event:
            event["node_ids"] = [name.replace("::ort-int8", "::reference-int8") for name in event["node_ids"]]


def nothing_ran(events: Events) -> None:
    """What a waiver for a backend that is not here leaves."""
    for event in events[2:-1]:
        event |= {"outcome": "waived", "waiver": "absent", "failures": [{"code": "QP-BACKEND-001"}]}
        event["provenance"] = {"variant": event["provenance"]["variant"]}


def another_file(events: Events) -> None:
    events[LATENCY]["provenance"] = events[LATENCY]["provenance"] | {"variant": {"sha256": "0" * 64}}


def without_file(events: Events) -> None:
    waive(events)
    events[LATENCY]["provenance"] = {"canaries": {"planned": 1, "caught": 1}}


def exit_with(status: int) -> Change:
    return lambda events: events[-1].update(exit_status=status)


REFUSALS: dict[str, tuple[Change, str]] = {
    "failed": (fail, "::parity got accuracy-fail (QP-PAR-002), should pass"),
    "waived": (waive, "::latency is waived (slow here (until 2027-03-01)), should pass"),
    "emulated": (emulate, "which float operators emulate"),
    "cut": (lambda events: events.pop(), "The ledger has no end"),
    "interrupted": (exit_with(2), "The ledger ended with status 2"),
    "a planned check without a verdict": (lambda events: events.pop(LATENCY), "::latency has no verdict"),
    "a check left out": (
        lambda events: (
            (events.pop(LATENCY), events[1]["node_ids"].remove(f"{RUN}::latency"))
            and events.insert(2, {"event": "not-asked-for", "node_ids": [f"{RUN}::latency"]})
        ),
        "::latency was not asked for",
    ),
    "a crash that was repeated into a pass": (
        lambda events: events.insert(2, {"event": "not-judged", "node_id": f"{RUN}::parity", "reason": "crash"}),
        "::parity has no verdict",
    ),
    "no preflight": (
        lambda events: (events.pop(2), events[1]["node_ids"].pop(0)),
        "The run has no check preflight",
    ),
    "a pass that contradicts itself": (
        lambda events: events[PARITY].update(failures=[{"code": "QP-PAR-002"}]),
        "contradicts itself",
    ),
    "canaries that were not caught": (
        lambda events: events[PARITY]["provenance"].update(canaries={"planned": 10, "caught": 9}),
        "without its canaries",
    ),
    "a ledger that says nothing of canaries": (lambda events: events[0].pop("canaries"), "without its canaries"),
    "two files": (another_file, "judged 2 files, should be one"),
    "no digest of the case": (lambda events: events[1].pop("case_files"), "no digest of cases/net.toml"),
}


def test_a_run_of_the_reference_is_on_no_engine(judged: Judged) -> None:
    run = RUN.replace("::ort-", "::reference-")

    assert "which the ONNX reference judged" in refusal(judged, by_the_reference, run=run)


@pytest.mark.parametrize(("change", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_a_run_that_is_not_shown_to_pass_is_refused(judged: Judged, change: Change, sentence: str) -> None:
    assert sentence in refusal(judged, change)


@pytest.mark.parametrize(
    "change", [lambda _: None, waive, nothing_ran, by_the_reference, *(change for change, _ in REFUSALS.values())]
)
def test_the_advice_names_the_runs_that_are_exported_and_no_others(judged: Judged, change: Change) -> None:
    judged.write(change)
    ledger = read_ledger(judged.ledger)
    (run,) = (run for runs in runs_by_case(ledger).values() for run in runs)

    is_exported = False
    with contextlib.suppress(CannotJudge):
        judged_run(ledger, RUN, waived=False)
        is_exported = True

    assert run.may_ship == is_exported
    assert (f"ship {run.id}" in advice_text(ledger)) == is_exported


@pytest.mark.parametrize(
    ("change", "sentence"),
    [(nothing_ran, "was not run on any engine"), (without_file, "does not name the file that it judged")],
)
def test_a_waiver_ships_no_file_that_nobody_ran(judged: Judged, change: Change, sentence: str) -> None:
    assert sentence in refusal(judged, change, waived=True)


def test_a_run_that_is_not_there_is_told_beside_the_nearest(judged: Judged) -> None:
    assert f"should be one of its 1, '{RUN}'?" in refusal(judged, lambda _: None, run="cases/net.toml::ort-int")


def test_a_waived_run_is_taken_where_that_is_said(judged: Judged) -> None:
    judged.write(waive)

    found = judged_run(read_ledger(judged.ledger), RUN, waived=True)

    assert found.outcome is Outcome.WAIVED
    assert found.waivers == (("latency", "slow here (until 2027-03-01)"),)


def test_a_run_is_shipped_beside_others_that_fail(judged: Judged) -> None:
    judged.write(exit_with(1))

    assert judged_run(read_ledger(judged.ledger), RUN, waived=False).digest == judged.variant.digest
