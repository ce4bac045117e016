"""What changed between two ledgers: verdicts, figures, versions, digests; and whether anything is worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_qparity.baseline.figures import AtBatch, Latency, Memory
from pytest_qparity.ledger.events import NO_VERDICT, badness, plain
from pytest_qparity.report.recorded import recorded, start_of, time_of
from pytest_qparity.verdict import Outcome

if TYPE_CHECKING:
    from pytest_qparity.baseline.figures import Figures
    from pytest_qparity.ledger import Ledger

    Events = dict[tuple[str, str], dict[str, Mapping[str, Any]]]

__all__ = ["CheckChange", "LedgerDifference", "RunDifference", "State", "difference"]

Part = TypeVar("Part", Memory, Latency)
NOT_ASKED = "not asked for"
NOT_PLANNED = "not planned"
_UNTOLD = badness(Outcome.CANNOT_JUDGE.value)  # of what nobody judged: it is not known to be worse than that
_ACCEPTED = badness(Outcome.WAIVED.value)


class State(StrEnum):
    """What became of a run, from bad to good."""

    WORSE = "worse"
    VANISHED = "vanished"
    UNKNOWN = "cannot tell"
    BETTER = "better"
    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


NOT_SAME_OR_BETTER = frozenset((State.WORSE, State.VANISHED, State.UNKNOWN))


@dataclass(frozen=True, slots=True)
class CheckChange:
    """A check whose outcome is another: an outcome, "no verdict", "not asked for" or "not planned"."""

    check: str
    before: str
    after: str
    before_deciding: str
    after_deciding: str


@dataclass(frozen=True, slots=True)
class RunDifference:
    """`figures`: (before, after) of those that differ, None where there is none; `changed`: of digests and versions;
    `sentences`: why it is worse, or cannot be told, by the limits that `[regression]` has by default."""

    case: str
    run: str
    state: State
    checks: tuple[CheckChange, ...]
    figures: Mapping[str, tuple[float | None, float | None]]
    changed: Mapping[str, list[str | None]]
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LedgerDifference:
    """`against_it`: why the later ledger does not pass where the earlier one did; empty otherwise. `environment`:
    [before, after] of versions and hardware that differ."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    environment: Mapping[str, list[Any]]
    against_it: str
    runs: tuple[RunDifference, ...]

    @property
    def is_same_or_better(self) -> bool:
        return not self.against_it and not any(run.state in NOT_SAME_OR_BETTER for run in self.runs)


def difference(before: Ledger, after: Ledger) -> LedgerDifference:
    """Runs of either ledger, the worst first. A run whose figures cannot be told apart from worse ones is `UNKNOWN`;
    speed and memory of two kinds of hardware are not compared."""
    events = (_events(before), _events(after))
    figures = ({(run.case, run.id): each for run, each in recorded(ledger)} for ledger in (before, after))
    old, new = figures
    keys = dict.fromkeys((*events[0], *events[1]))
    runs = [
        _of_run(key, (events[0].get(key, {}), events[1].get(key, {})), (old.get(key), new.get(key))) for key in keys
    ]
    order = list(State)
    return LedgerDifference(
        before=_head(before),
        after=_head(after),
        environment=_environment(before, after),
        against_it=after.against_it if before.passes and not after.passes else "",
        runs=tuple(sorted(runs, key=lambda run: order.index(run.state))),
    )


def _events(ledger: Ledger) -> Events:
    """What is known of each check, by (case, run): its verdict, or what stands for one that there is not."""
    found: Events = {}
    for event in ledger.verdicts:
        found.setdefault((event["case"], event["run"]), {})[event["check"]] = event
    for node_ids, outcome in ((ledger.unjudged, NO_VERDICT), (ledger.deselected, NOT_ASKED)):
        for node_id in node_ids:
            file, _, rest = node_id.partition("::")
            run, _, check = rest.partition("::")
            found.setdefault((ledger.case_of(file), run), {}).setdefault(check, {"outcome": outcome, "deciding": ""})
    return found


def _of_run(
    key: tuple[str, str],
    events: tuple[Mapping[str, Mapping[str, Any]], Mapping[str, Mapping[str, Any]]],
    figures: tuple[Figures | None, Figures | None],
) -> RunDifference:
    checks = tuple(_check_changes(*events))
    old, new = figures
    numbers = [{} if each is None else each.numbers() for each in figures]
    differing = {
        name: (numbers[0].get(name), numbers[1].get(name))
        for name in dict.fromkeys((*numbers[0], *numbers[1]))
        if plain(numbers[0].get(name)) != plain(numbers[1].get(name))  # as texts: NaN is not equal to itself
    }
    changed = {} if old is None or new is None else new.about.changed_from(old.about)
    changed.pop("commit", None)  # told of the ledgers
    state, sentences = _state(events, checks, figures)
    if state is State.SAME and (differing or changed):
        state = State.CHANGED
    return RunDifference(*key, state, checks, differing, changed, sentences)


def _check_changes(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> list[CheckChange]:
    absent: Mapping[str, Any] = {"outcome": NOT_PLANNED, "deciding": ""}
    found = []
    for check in dict.fromkeys((*before, *after)):
        old, new = before.get(check, absent), after.get(check, absent)
        if old["outcome"] != new["outcome"]:
            found.append(CheckChange(check, old["outcome"], new["outcome"], old["deciding"], new["deciding"]))
    return found


def _state(
    events: tuple[Mapping[str, Any], Mapping[str, Any]],
    checks: tuple[CheckChange, ...],
    figures: tuple[Figures | None, Figures | None],
) -> tuple[State, tuple[str, ...]]:
    before, after = events
    old, new = figures
    if not before:
        passes = all(badness(event["outcome"]) <= _ACCEPTED for event in after.values())
        return (State.NEW if passes else State.WORSE), ()
    if not after:
        return State.VANISHED, ()
    sentences: tuple[str, ...] = ()
    is_known = True
    if old is not None and new is not None:
        verdict = _judged(old, new)
        sentences = tuple(failure.sentence for failure in verdict.failures)
        if verdict.outcome in (Outcome.ACCURACY_FAIL, Outcome.BUDGET_FAIL):
            return State.WORSE, sentences
        is_known = verdict.outcome is Outcome.PASS
    if any(_rank(change.after) > _rank(change.before) for change in checks):
        return State.WORSE, sentences
    if not is_known:
        return State.UNKNOWN, sentences
    if any(_rank(change.after) < _rank(change.before) and change.before != NOT_PLANNED for change in checks):
        return State.BETTER, sentences
    return (State.CHANGED if checks else State.SAME), sentences


def _rank(outcome: str) -> int:
    return _UNTOLD if outcome in (NO_VERDICT, NOT_ASKED, NOT_PLANNED) else badness(outcome)


def _judged(old: Figures, new: Figures) -> Any:
    """By what differs: a figure that is the same to the last digit is not worse, however little is known of it."""
    from pytest_qparity.case.regression_spec import RegressionSpec
    from pytest_qparity.checks.regression.judging import judge_regression
    from pytest_qparity.gate.regression import limits_of

    told = [plain(each.model_dump()) for each in (old, new)]
    parts = ("sqnr_db", "accuracy", "latency", "memory")
    # A figure that the earlier one lacks is none to be worse than: outcomes tell what became of its check.
    same = {part: None for part in parts if told[0][part] == told[1][part] or not told[0][part]}
    old, new = old.model_copy(update=same), _without_new(old, new.model_copy(update=same))
    return judge_regression(old, new, limits_of(RegressionSpec(other_hardware="note")))


def _without_new(old: Figures, new: Figures) -> Figures:
    """The later one without single figures that the earlier one lacks, as one of an earlier version may."""
    memory, latency = new.memory, new.latency
    if memory is not None and old.memory is not None:
        memory = _as_known(old.memory, memory, ("engine_mb", "activation_mb"))
    if latency is not None and old.latency is not None:
        latency = _as_known(old.latency, latency, ("fastest_ms", "threads"))
        batches = {
            batch: each if was.fastest_ms is not None else AtBatch(median_ms=each.median_ms)
            for batch, each in latency.batches.items()
            if (was := old.latency.batches.get(batch)) is not None
        }
        latency = latency.model_copy(update={"batches": batches})
    return new.model_copy(update={"memory": memory, "latency": latency})


def _as_known(was: Part, is_now: Part, names: tuple[str, ...]) -> Part:
    return is_now.model_copy(update={name: None for name in names if getattr(was, name) is None})


def _head(ledger: Ledger) -> Mapping[str, Any]:
    return {"time": time_of(ledger), "commit": ledger.start.get("commit"), "passes": ledger.passes}


def _environment(before: Ledger, after: Ledger) -> dict[str, list[Any]]:
    """Versions, and what else a session's start says of the machine. Of merged ledgers, what their shards share."""
    starts = [start_of(ledger, None) for ledger in (before, after)]
    told = [
        {
            **{
                name: start.get(name) for name in ("system", "processor", "cores", "cpu_features", "python", "backends")
            },
            **(start.get("libraries") or {}),
        }
        for start in starts
    ]
    names = dict.fromkeys((*told[0], *told[1]))
    return {name: [told[0].get(name), told[1].get(name)] for name in names if told[0].get(name) != told[1].get(name)}
