"""What a run's latency is compared with: other precisions on its backend, and runs of other backends."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_qparity.gate.counterpart_names import FLOAT, counterpart_place
from pytest_qparity.gate.run_material import RunMaterial
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.backends.hosted import HostedSession
    from pytest_qparity.gate.timed_feed import TimedFeed

__all__ = ["Counterparts", "counterpart_names", "opened_counterparts"]


@dataclass(frozen=True, slots=True)
class Counterparts:
    """Open sessions by name; what is known of those in a worker of their own, for the evidence; and of those that
    nothing can be timed beside, why."""

    sessions: dict[str, HostedSession] = field(default_factory=dict)
    elsewhere: dict[str, dict[str, Any]] = field(default_factory=dict)
    untimed: dict[str, Failure] = field(default_factory=dict)


def counterpart_names(run: RunMaterial, budgets: Collection[str]) -> tuple[str, ...]:
    """Those of its budgets, those that the case has all runs timed beside, and fp32, each once. What is named as a run
    of the run's own backend is a precision here; the run itself is left out."""
    spec = run.material.case.spec
    asked = () if spec.latency is None else spec.latency.over
    wanted: dict[str, None] = {}
    for name in (*budgets, FLOAT, *asked):
        backend, precision = _place(run, name)
        if (backend, precision) != (run.backend_spec.name, run.precision):
            wanted[precision if backend == run.backend_spec.name else name] = None
    return tuple(wanted)


def _place(run: RunMaterial, name: str) -> tuple[str, str]:
    found = counterpart_place(name, run.backend_spec.name, run.material.case, run.material.settings.backends)
    if found is None:
        raise ValueError(f"got counterpart {name!r}, should have been refused when the case was planned")
    return found


@contextlib.contextmanager
def opened_counterparts(run: RunMaterial, names: Iterable[str], timed: TimedFeed) -> Iterator[Counterparts]:
    """Sessions of these, each of which gave the golden's outputs for the feed that is timed; workers of other backends
    end with it. fp32 on the run's own backend that cannot be loaded is raised, as what the run itself lacks is."""
    opened = Counterparts()
    with contextlib.ExitStack() as held:
        run.session  # noqa: B018  what is wrong with the run itself is told first
        for name in names:
            backend, precision = _place(run, name)
            is_own = backend == run.backend_spec.name
            other = run.at(precision) if is_own else RunMaterial(run.material, backend, precision)
            held.callback(other.close)
            if is_own and precision == FLOAT:
                other.session  # noqa: B018
            try:
                _require_sound(other, timed if not is_own or _has_golden(timed) else None)
                told = {} if is_own else {name: _told(other)}
            except CannotJudge as reason:
                opened.untimed[name] = reason.failure
            else:
                opened.sessions[name] = other.session
                opened.elsewhere.update(told)
        yield opened


def _told(other: RunMaterial) -> dict[str, Any]:
    facts = other.facts
    return {
        "engine": f"{facts.engine} {facts.version}",
        "device": facts.device,
        "threads": other.options.threads,
        "sha256": other.executed.digest,
    }


def _has_golden(timed: TimedFeed) -> bool:
    """Parity of the run says so where there is none."""
    try:
        timed.golden()
    except CannotJudge:
        return False
    return True


def _require_sound(other: RunMaterial, timed: TimedFeed | None) -> None:
    """What fell back to another device, is not what it is called, or computes something else is slow, and nothing to be
    faster than. Raises CannotJudge."""
    from pytest_qparity.checks.preflight import fallback
    from pytest_qparity.gate.measuring import preflight
    from pytest_qparity.gate.same_outputs import require_as_golden

    if other.is_emulated:
        sentence = f"{other.id}: got float operators that stand for {other.precision}, should be its own kernels."
        remedy = f"compare with a precision that {other.backend_spec.name} computes in, such as {FLOAT}"
        raise CannotJudge(Failure(Code.VARIANT_EMULATED, sentence, remedy))
    if other.precision == FLOAT and not other.file.given:  # of the float model itself preflight says nothing else
        strayed = fallback(other.facts.expected_placement, other.facts.placement)
    else:
        strayed = next(iter(preflight(other).failures), None)
    if strayed is not None:
        raise CannotJudge(strayed)
    if timed is not None:
        require_as_golden(other, timed)
