"""What changed between two ledgers: verdicts, figures, versions, digests; and whether anything is worse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_qparity.baseline.figures import AtBatch, Latency, Memory
from pytest_qparity.ledger.events import NO_VERDICT, badness, plain
from pytest_qparity.ledger.reading import Against
from pytest_qparity.report.history import OF_HARDWARE
from pytest_qparity.report.promises import PromiseChange, promise_changes
from pytest_qparity.report.recorded import recorded, start_of, time_of
from pytest_qparity.report.standing import standing_of
from pytest_qparity.verdict import Outcome, counted

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


# Digests beside those that figures tell themselves; model and data are among those, versions too.
_BASES = ("golden", "calibration", "files", "code", "settings")
_OF_CHECKS = dict.fromkeys((Against.REFUSED, Against.UNJUDGED, Against.NOT_ASKED_FOR), Against.REFUSED)
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
    """`figures`: (before, after) of those that differ, None where there is none; `not_compared`: those of them that are
    of two kinds of hardware; `promises`: limits that are others; `changed`: of digests, versions and hardware;
    `sentences`: why it is worse, or cannot be told, by the limits that `[regression]` has by default."""

    case: str
    run: str
    state: State
    checks: tuple[CheckChange, ...]
    figures: Mapping[str, tuple[float | None, float | None]]
    not_compared: tuple[str, ...]
    promises: tuple[PromiseChange, ...]
    changed: Mapping[str, list[str | None]]
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LedgerDifference:
    """`against_it`: what keeps the later ledger from passing, or what it lacks, and was not so of the earlier one;
    `still`: what keeps both from passing. `environment`: [before, after] of versions and hardware that differ."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    environment: Mapping[str, list[Any]]
    against_it: tuple[str, ...]
    still: tuple[str, ...]
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
    files = (before.case_files, after.case_files)
    runs = [
        _of_run(key, (events[0].get(key, {}), events[1].get(key, {})), (old.get(key), new.get(key)), files)
        for key in keys
    ]
    order = list(State)
    against_it, still = _objections(before, after)
    return LedgerDifference(
        before=_head(before),
        after=_head(after),
        environment=_environment(before, after),
        against_it=(*against_it, *_lost_canaries(before, after)),
        still=still,
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
            found.setdefault((ledger.case_of(file), run), {}).setdefault(
                check, {"node_id": node_id, "outcome": outcome, "deciding": ""}
            )
    return found


def _of_run(
    key: tuple[str, str],
    events: tuple[Mapping[str, Mapping[str, Any]], Mapping[str, Mapping[str, Any]]],
    figures: tuple[Figures | None, Figures | None],
    case_files: tuple[Mapping[str, str], Mapping[str, str]],
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
    changed |= _other_bases(events, case_files)
    not_compared: tuple[str, ...] = ()
    if old is not None and new is not None and old.hardware != new.hardware:
        changed["hardware"] = [old.hardware, new.hardware]
        not_compared = tuple(name for name in differing if name in OF_HARDWARE)
    promises = tuple(promise_changes(*events))
    state, sentences = _state(events, checks, figures)
    if events[0] and events[1]:
        if any(promise.is_looser for promise in promises):
            state = State.WORSE
        elif state is State.SAME and (differing or changed or promises):
            state = State.CHANGED
    return RunDifference(*key, state, checks, differing, not_compared, promises, changed, sentences)


def _other_bases(
    events: tuple[Mapping[str, Mapping[str, Any]], Mapping[str, Mapping[str, Any]]],
    case_files: tuple[Mapping[str, str], Mapping[str, str]],
) -> dict[str, list[str | None]]:
    """Digests of the case file, and of what else verdicts rest on, where both ledgers tell them."""
    told: list[dict[str, str]] = []
    for of_run, files in zip(events, case_files, strict=True):
        found: dict[str, str] = {}
        for event in of_run.values():
            case_file = event["node_id"].partition("::")[0]
            basis = (event.get("provenance") or {}).get("basis") or {}
            found |= {name: str(basis[name]) for name in _BASES if name in basis}
            found |= {"case": files[case_file]} if case_file in files else {}
        told.append(found)
    old, new = told
    return {name: [old[name], new[name]] for name in old if name in new and old[name] != new[name]}


def _objections(before: Ledger, after: Ledger) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those to the later ledger: new ones, and those that the earlier one has too. A check that was bad already, in
    whatever way, is no new one: by how much, its run tells."""
    known: dict[Against, set[str]] = {}
    for each in before.objections:
        known.setdefault(_OF_CHECKS.get(each.kind, each.kind), set()).update(each.names)
    told: tuple[list[str], list[str]] = ([], [])
    for each in after.objections:
        kind = _OF_CHECKS.get(each.kind, each.kind)
        is_known = kind in known and known[kind].issuperset(each.names)
        told[is_known].append(each.sentence)
    return tuple(told[0]), tuple(told[1])


def _lost_canaries(before: Ledger, after: Ledger) -> Iterator[str]:
    """Without them nothing shows that the gate of that machine finds anything."""
    had, has = (ledger.start.get("canaries") for ledger in (before, after))
    lost = [name for name in had if name not in has] if isinstance(had, list) and isinstance(has, list) else []
    if lost:
        yield f"The session lacks {counted(len(lost), 'canary file')} of before, should have all; first {lost[0]}."


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
    return {
        "time": time_of(ledger),
        "commit": ledger.start.get("commit"),
        "passes": ledger.passes,
        "standing": standing_of(ledger).word,
    }


def _environment(before: Ledger, after: Ledger) -> dict[str, list[Any]]:
    """Versions, and what else a session's start says of the machine. Of merged ledgers, what their shards share."""
    starts = [start_of(ledger, None) for ledger in (before, after)]
    told = [
        {
            **{
                name: start.get(name)
                for name in (
                    "system",
                    "processor",
                    "cores",
                    "cpu_features",
                    "python",
                    "backends",
                    "isolation",
                )
            },
            **(start.get("libraries") or {}),
        }
        for start in starts
    ]
    names = dict.fromkeys((*told[0], *told[1]))
    return {name: [told[0].get(name), told[1].get(name)] for name in names if told[0].get(name) != told[1].get(name)}
