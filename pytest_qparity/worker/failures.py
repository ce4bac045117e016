"""What a worker's end means: one failure with the phase, how it ended, what it said last, and how to see it alone."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from pytest_qparity.verdict import Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.worker.limits import Phase
    from pytest_qparity.worker.supervisor import Ending

_LINES = 3
_LONGEST_LINE = 160
ALONE = "run the command below with --qparity-isolation=none, under a debugger (gdb --args python -m pytest …)"


def failure_as_json(failure: Failure) -> dict[str, Any]:
    return {
        "code": failure.code.code,
        "sentence": failure.sentence,
        "remedy": failure.remedy,
        "likely": failure.likely,
    }


def failure_from_json(value: object) -> Failure:
    """The failure that a worker sent. Raises ValueError where it is none."""
    if not isinstance(value, dict) or value.keys() != {"code", "sentence", "remedy", "likely"}:
        raise ValueError(f"{str(value)[:80]} as a failure")
    code = next((each for each in Code if each.code == value["code"]), None)
    texts = (value["sentence"], value["remedy"], value["likely"] or "")
    if code is None or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{str(value)[:80]} as a failure")
    return Failure(code, value["sentence"], value["remedy"], value["likely"])


def ended(work: str, phase: Phase, ending: Ending, memory_mb: float) -> Failure:
    """The process is gone: by its memory, by the deadline, deaf, or by itself.

    Memory is first: what holds much takes long to end, closes its channel meanwhile or comes to its deadline.
    """
    if ending.memory_mb is not None:
        return Failure(
            Code.WORKER_MEMORY,
            f"{work} held {ending.memory_mb:,.0f} MB during its {phase.name} and was killed, should hold at most "
            f"{memory_mb:,.0f} MB{_said(ending)}.",
            "allow it more (limits: memory_mb), or see what it allocates: a model may ask for any amount",
        )
    if ending.deadline:
        return Failure(
            Code.WORKER_DEADLINE,
            f"{work} did not end its {phase.name} within {phase.deadline_s:g} s and was killed{_said(ending)}.",
            f"give it longer (limits: {phase.name.replace(' ', '_')}_s), or see where it hangs: {ALONE}",
        )
    if ending.deaf:
        return no_answer(work, phase, "the end of its channel")
    return Failure(
        Code.WORKER_CRASH,
        f"{work} {_way_of(ending.status)} during its {phase.name}, should have answered{_said(ending)}.",
        ALONE,
        _likely(ending.status),
    )


def no_answer(work: str, phase: Phase, got: str) -> Failure:
    return Failure(
        Code.WORKER_PROTOCOL,
        f"{work} gave {got} during its {phase.name}, should have given an answer.",
        "look for foreign code in the worker that writes to descriptors that are not its own; " + ALONE,
    )


def not_started(got: str) -> Failure:
    return Failure(
        Code.WORKER_START,
        f"A worker process got {got}, should have started.",
        "see that this Python can start processes here (ulimit -u, ulimit -n, memory), with the package as installed",
    )


def failed_inside(work: str, phase: Phase, said: str) -> Failure:
    return Failure(
        Code.WORKER_ERROR,
        f"{work} got {said} during its {phase.name}, should have given an answer.",
        ALONE,
    )


def _way_of(status: int) -> str:
    if status >= 0:
        return f"ended by itself with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


def _likely(status: int) -> str | None:
    if status == -signal.SIGKILL:
        return "another process, or the system short of memory, killed it"
    return "a defect of the engine that this file shows" if status < 0 else "the engine called exit()"


def _said(ending: Ending) -> str:
    lines = [line.strip()[:_LONGEST_LINE] for line in ending.said.splitlines() if line.strip()][-_LINES:]
    return f" (it last wrote: {' / '.join(lines)})" if lines else " (it wrote nothing)"
