"""What a run's latency is compared with: other precisions on its backend, and runs of other backends."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_qparity.gate.counterpart_names import FLOAT, counterpart_place
from pytest_qparity.gate.run_material import RunMaterial
from pytest_qparity.verdict import CannotJudge, Code, Failure, Outcome

if TYPE_CHECKING:
    from pytest_qparity.backends.hosted import HostedSession

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
def opened_counterparts(run: RunMaterial, names: Iterable[str]) -> Iterator[Counterparts]:
    """Sessions of these; workers of other backends end with it. A precision of the run's own backend that cannot be
    loaded is raised, as what the run itself lacks is."""
    opened = Counterparts()
    with contextlib.ExitStack() as held:
        run.session  # noqa: B018  what is wrong with the run itself is told first
        for name in names:
            backend, precision = _place(run, name)
            if backend == run.backend_spec.name:
                opened.sessions[name] = run.session_at(precision)
                continue
            other = held.enter_context(contextlib.closing(RunMaterial(run.material, backend, precision)))
            try:
                _require_sound(other)
            except CannotJudge as reason:
                opened.untimed[name] = reason.failure
            else:
                opened.sessions[name] = other.session
                opened.elsewhere[name] = _told(other)
        yield opened


def _told(other: RunMaterial) -> dict[str, Any]:
    facts = other.facts
    return {
        "engine": f"{facts.engine} {facts.version}",
        "device": facts.device,
        "threads": other.options.threads,
        "sha256": other.executed.digest,
    }


def _require_sound(other: RunMaterial) -> None:
    """What fell back to another device, is not what it is called, or computes something else is slow, and nothing to be
    faster than. Raises CannotJudge."""
    from pytest_qparity.gate.measuring import preflight
    from pytest_qparity.gate.same_outputs import require_as_golden

    if other.is_emulated:
        sentence = f"{other.id}: got float operators that stand for {other.precision}, should be its own kernels."
        remedy = f"compare with a precision that {other.backend_spec.name} computes in, such as {FLOAT}"
        raise CannotJudge(Failure(Code.VARIANT_EMULATED, sentence, remedy))
    verdict = preflight(other)
    if verdict.outcome is not Outcome.PASS:
        raise CannotJudge(verdict.failures[0])
    require_as_golden(other)
