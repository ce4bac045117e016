"""What to ship, and what could still be won: a paragraph for each case, from a ledger alone.

Each sentence names the checks that its numbers are from. Where a ledger does not say, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_qparity.precision.table import FLOATS, base_of
from pytest_qparity.report.conformance import is_of_kernels
from pytest_qparity.report.text import one_line, wrapped
from pytest_qparity.verdict import EMULATED, Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["advice", "advice_text"]

COSTS = ("latency", "memory")
PASS, FAIL = Outcome.PASS.value, Outcome.ACCURACY_FAIL.value


@dataclass(frozen=True, slots=True)
class _Run:
    """A run's verdict events by check."""

    case: str
    id: str
    precision: str
    checks: Mapping[str, Mapping[str, Any]]

    @property
    def may_ship(self) -> bool:
        """Everything that was judged of what it gives passes: a waived check is no pass, and an emulated run is on no
        engine. What it costs is compared."""
        judged = [event for check, event in self.checks.items() if check not in COSTS]
        is_whole = {"preflight", "parity"} <= self.checks.keys()
        return is_whole and not self.id.endswith(EMULATED) and all(event["outcome"] == PASS for event in judged)

    @property
    def session(self) -> Any:
        """In a merged ledger: whose machine it was."""
        return next(iter(self.checks.values())).get("session")

    @property
    def is_float(self) -> bool:
        return base_of(self.precision, None) in ("fp32", "tf32")

    def told(self, check: str, *keys: str) -> float | None:
        """A number of a check's evidence; None where it holds none. A cost that is beyond its budget, or could not be
        judged, is none to ship for."""
        event = self.checks.get(check, {})
        value: Any = event.get("evidence") if check not in COSTS or event.get("outcome") == PASS else None
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def link(self, *checks: str) -> str:
        return f"[{', '.join(f'{self.id}::{check}' for check in checks)}]"


def advice_text(ledger: Ledger) -> str:
    """The paragraphs, wrapped to a terminal; empty where the ledger holds no run of a model."""
    blocks = [f"advice for {one_line(case)}\n{wrapped('', ' '.join(said))}" for case, said in advice(ledger).items()]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def advice(ledger: Ledger) -> dict[str, tuple[str, ...]]:
    """Sentences by case."""
    return {case: tuple(_sentences(runs)) for case, runs in _runs(ledger).items()}


def _runs(ledger: Ledger) -> dict[str, list[_Run]]:
    events: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for event in ledger.verdicts:
        if not is_of_kernels(event):
            events.setdefault((event["case"], event["run"]), {})[event["check"]] = event
    found: dict[str, list[_Run]] = {}
    for (case, run), checks in events.items():
        precision = str(next(iter(checks.values()))["precision"])
        found.setdefault(case, []).append(_Run(case, run, precision, checks))
    return found


def _sentences(runs: Sequence[_Run]) -> Iterator[str]:
    able = [run for run in runs if run.may_ship]
    if not able:
        yield "No run passes: there is nothing to ship."
    elif len({run.session for run in able}) > 1:
        yield "The runs are of several machines, whose speed and memory do not compare."
    else:
        yield from _fastest(able)
        yield from _smallest(able)
    if able:
        yield from _most_accurate(able)
    yield from _could_win(runs)


def _fastest(able: Sequence[_Run]) -> Iterator[str]:
    timed = [run for run in able if run.told("latency", "median_ms")]
    if not timed:
        return
    best = min(timed, key=partial(_told, "latency", "median_ms"))
    ms, batch = best.told("latency", "median_ms") or 0.0, best.told("latency", "batch") or 1.0
    over = best.told("latency", "speed_up_over", "fp32", "estimate")
    low = best.told("latency", "speed_up_over", "fp32", "low")
    high = best.told("latency", "speed_up_over", "fp32", "high")
    against = ""
    if over is not None and low is not None and high is not None:
        sure = "" if low > 1.0 else ", which may be no gain"
        against = f", {over:.2f} times as fast as FP32 ({low:.2f} to {high:.2f}{sure})"
    yield f"For latency ship {best.id}: {ms:.3g} ms at batch {batch:g}{against} {best.link('latency')}."
    if batch > 1:
        yield f"For throughput too, at that batch: {1000.0 * batch / ms:,.0f} samples a second {best.link('latency')}."
    else:
        yield f"Throughput was not measured: the case feeds one sample at a time {best.link('latency')}."


def _smallest(able: Sequence[_Run]) -> Iterator[str]:
    for key, what in (("peak_mb", "memory"), ("size_mb", "the size of the file")):
        known = [run for run in able if run.told("memory", key)]
        if not known:
            continue
        best = min(known, key=partial(_told, "memory", key))
        floats = [run for run in known if run.is_float and run is not best]
        beside = "".join(f", {run.told('memory', key):.3g} MB as {run.id}" for run in floats[:1])
        links = ", ".join(run.link("memory") for run in (best, *floats[:1]))
        yield f"For {what} ship {best.id}: {best.told('memory', key):.3g} MB{beside} {links}."


def _most_accurate(able: Sequence[_Run]) -> Iterator[str]:
    reduced = [run for run in able if not run.is_float]
    if not reduced:
        yield "Nothing but the float model itself passes."
        return
    scored = [run for run in reduced if _drop(run) is not None]
    if scored:
        best = min(scored, key=lambda run: (_drop(run), -(_sqnr(run) or 0.0)))
        lost = max(_drop(best) or 0.0, 0.0)
        said = f"loses {lost:.2f} points" if lost else "loses none"
        yield f"Accuracy first: {best.id}, which {said} {best.link('accuracy')}."
        return
    best = max(reduced, key=lambda run: _sqnr(run) or 0.0)
    if _sqnr(best) is not None:
        yield f"Accuracy first: {best.id}, at {_sqnr(best):.1f} dB {best.link('parity')}; no metric was judged."


def _could_win(runs: Sequence[_Run]) -> Iterator[str]:
    """What training, or more calibration, could give back: at most what is lost."""
    for run in runs:
        base = base_of(run.precision, None)
        if run.is_float or base in FLOATS:
            continue
        failing = [check for check in ("parity", "accuracy") if run.checks.get(check, {}).get("outcome") == FAIL]
        drop = _drop(run)
        doubts = [note for note in run.checks.get("preflight", {}).get("notes", ()) if "calibration" in note]
        if failing:
            lost = f"{drop:.2f} points" if drop is not None else f"all but {_sqnr(run) or 0.0:.1f} dB"
            better = [each for each in runs if each.may_ship and not each.is_float and each is not run]
            named = min(better, key=lambda each: _drop(each) or 0.0) if better else None
            proof = f"; {named.id} passes {named.link(failing[0])}" if named is not None else ""
            yield (
                f"{run.id} loses {lost} {run.link(*failing)}{proof}: quantization-aware training, or nodes kept float "
                f"(qparity rescue), could win that back at most."
            )
        elif drop is not None and drop > 0.0 and _margin_used(run) > 0.5:
            yield (
                f"{run.id} uses {_margin_used(run):.0%} of its margin: quantization-aware training could win "
                f"{drop:.2f} points at most {run.link('accuracy')}."
            )
        if doubts:
            yield f"More calibration data may move {run.id}: {doubts[0].rstrip('.')} {run.link('preflight')}."


def _drop(run: _Run) -> float | None:
    return run.told("accuracy", "drop_points")


def _margin_used(run: _Run) -> float:
    drop, margin = _drop(run), run.told("accuracy", "margin_points")
    return drop / margin if drop is not None and margin else 0.0


def _sqnr(run: _Run) -> float | None:
    """The least of the outputs; None where an output has none."""
    outputs = run.checks.get("parity", {}).get("evidence", {}).get("outputs", {})
    told = [each.get("sqnr_db") for each in outputs.values()]
    known = [float(value) for value in told if isinstance(value, int | float)]
    return min(known) if known and len(known) == len(told) else None


def _told(check: str, key: str, run: _Run) -> float:
    return run.told(check, key) or 0.0
