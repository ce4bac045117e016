"""Faults of engines, injected by engines that commit them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.faults.bench import HURRIED, Bench
from tests.faults.fault import Area, Fault


def _judged(engine: str, check: str = "parity", **more: object) -> Callable[[Bench], str]:
    return lambda bench: bench.outcome(check, engine=engine, **more)  # type: ignore[arg-type]


def _row(name: str, what: str, verdict: str, engine: str, check: str = "parity", **more: object) -> Fault:
    return Fault(f"engine-{name}", Area.ENGINE, what, verdict, _judged(engine, check, **more))


CRASH, DEADLINE, MEMORY, PROTOCOL, ERROR = (f"QP-WORKER-00{number}" for number in (1, 2, 3, 5, 6))

ENGINE_FAULTS = (
    _row("sound", "nothing goes wrong (the engine that all others go wrong from)", "pass", "Sound"),
    _row("segfaults-at-import", "segfaults while it is imported", CRASH, "SegfaultsAtImport"),
    _row("exits-at-import", "calls exit(0) while it is imported", ERROR, "ExitsAtImport"),
    _row("spins-at-import", "never ends its import, the GIL held", DEADLINE, "SpinsAtImport", limits=HURRIED),
    _row("raises-at-import", "cannot load its library", "QP-BACKEND-001", "RaisesAtImport"),
    _row("segfaults-in-load", "segfaults while it loads the model", CRASH, "SegfaultsInLoad"),
    _row("aborts-in-load", "aborts while it loads the model", CRASH, "AbortsInLoad"),
    _row("leaves-in-load", "calls _exit(0) while it loads the model", CRASH, "LeavesInLoad"),
    _row("spins-in-load", "spins while it loads the model, the GIL held", DEADLINE, "SpinsInLoad", limits=HURRIED),
    _row("allocates-in-load", "allocates without end while it loads the model", MEMORY, "AllocatesInLoad"),
    _row("gives-no-session", "gives None for a session", "QP-BACKEND-002", "GivesNoSession"),
    _row("rewrites-the-model", "writes to the model's file while it loads it", "QP-VARIANT-004", "RewritesTheModel"),
    _row("deletes-the-model", "deletes the model's file once it is loaded", "QP-VARIANT-004", "DeletesTheModel"),
    _row(
        "runs-the-float-model",
        "runs the float model whatever it is given",
        "QP-PRE-003",
        "LoadsTheFloatModel",
        "preflight",
    ),
    _row(
        "runs-the-float-model-unnoticed",
        "the same, outputs alone compared",
        "QP-PAR-009",
        "LoadsTheFloatModel",
    ),
    _row("segfaults-in-first-run", "segfaults in its first run", CRASH, "SegfaultsInFirstRun"),
    _row("segfaults-in-third-run", "segfaults in its third run, after two good ones", CRASH, "SegfaultsInThirdRun"),
    _row("segfaults-between-runs", "a thread of its own segfaults between two calls", CRASH, "SegfaultsLater"),
    _row("divides-by-zero", "dies by SIGFPE in a run", CRASH, "DividesByZero"),
    _row("overflows-its-stack", "overflows its stack in native code", CRASH, "OverflowsItsStack"),
    _row("leaves-in-run", "calls _exit(0) in a run", CRASH, "LeavesInRun"),
    _row("exits-in-run", "calls Python's exit(0) in a run", ERROR, "ExitsInRun"),
    _row("interrupts-itself", "raises KeyboardInterrupt in a run", ERROR, "InterruptsItself"),
    _row("spins-in-first-run", "spins in its first run, the GIL held", DEADLINE, "SpinsInFirstRun", limits=HURRIED),
    _row("spins-in-third-run", "spins in its third run, the GIL held", DEADLINE, "SpinsInThirdRun", limits=HURRIED),
    _row("sleeps", "sleeps in a run", DEADLINE, "Sleeps", limits=HURRIED),
    _row("stops-itself", "stops itself (SIGSTOP) in a run", DEADLINE, "StopsItself", limits=HURRIED),
    _row(
        "ignores-signals",
        "ignores all signals that it can, and spins",
        DEADLINE,
        "IgnoresSignals",
        limits=HURRIED,
    ),
    _row("allocates-in-run", "allocates without end in a run", MEMORY, "AllocatesInRun"),
    _row("allocates-in-children", "starts processes that allocate in its place", MEMORY, "AllocatesInChildren"),
    _row("forks", "forks; the children hold its descriptors and stay", "pass", "Forks"),
    _row("detaches", "leaves a daemon in a session of its own", "pass", "Detaches"),
    _row("forks-and-dies", "forks and segfaults; the child holds the channel open", CRASH, "ForksAndDies"),
    _row("answers-twice", "forks and both processes answer", PROTOCOL, "AnswersTwice"),
    _row("kills-its-parent", "kills its supervisor", CRASH, "KillsItsParent"),
    _row(
        "detaches-and-kills-its-parent",
        "leaves a daemon and kills its supervisor",
        CRASH,
        "DetachesAndKillsItsParent",
    ),
    _row("stops-its-parent", "stops its supervisor (SIGSTOP)", DEADLINE, "StopsItsParent", limits=HURRIED),
    _row("keeps-forking", "leaves a chain of processes that fork without end", "pass", "KeepsForking"),
    _row("closes-descriptors", "closes every descriptor it has", CRASH, "ClosesDescriptors"),
    _row("prints-frames", "prints to stdout and stderr what looks like an answer", "pass", "PrintsFrames"),
    _row("writes-into-the-channel", "writes into descriptors that are not its own", PROTOCOL, "WritesIntoTheChannel"),
    _row(
        "shrinks-the-memory",
        "truncates the shared memory before its outputs go there",
        "pass",
        "ShrinksTheMemory",
    ),
    _row("talks-much", "writes 32 MB to stderr in each run", "pass", "TalksMuch"),
    _row("raises", "raises in a run", "QP-BACKEND-003", "Raises"),
    _row("raises-much", "raises an error whose text is 30 MB long", "QP-BACKEND-003", "RaisesMuch"),
    _row("raises-the-unspeakable", "raises an error whose text raises", "QP-BACKEND-003", "RaisesWhatCannotBeSaid"),
    _row("gives-nan", "gives NaN", "QP-PAR-006", "GivesNaN"),
    _row("gives-one-inf", "gives one infinite value", "QP-PAR-006", "GivesOneInf"),
    _row("gives-zeros", "gives zeros", "QP-PAR-002", "GivesZeros"),
    _row("gives-stale-buffers", "gives the outputs of the run before", "QP-PAR-002", "GivesStaleBuffers"),
    _row(
        "gives-views-it-overwrites",
        "gives views of a buffer that its next run overwrites",
        "pass",
        "GivesViewsItOverwrites",
    ),
    _row("overwrites-later", "a thread of its own overwrites what it gave", "pass", "OverwritesLater"),
    _row("writes-over-its-input", "overwrites the arrays it is fed", "pass", "WritesOverItsInput"),
    _row("loses-an-output", "gives no output", "QP-BACKEND-004", "LosesAnOutput"),
    _row("renames-an-output", "gives an output another name", "QP-PAR-001", "RenamesAnOutput"),
    _row("adds-an-output", "gives an output more", "QP-PAR-001", "AddsAnOutput"),
    _row("gives-another-type", "gives float64 for float32", "QP-PAR-004", "GivesAnotherType"),
    _row("gives-one-row-less", "gives one row less than it was fed", "QP-PAR-005", "GivesOneRowLess"),
    _row("gives-objects", "gives an array of Python objects", "QP-BACKEND-004", "GivesObjects"),
    _row("gives-a-list", "gives lists for arrays", "QP-BACKEND-004", "GivesAList"),
    _row("gives-much", "gives 50 MB for each feed", "QP-PAR-005", "GivesMuch"),
    _row("gives-far-too-much", "gives an output of 4 TB that takes no memory", "QP-PAR-005", "GivesFarTooMuch"),
    _row("wanders", "gives another answer at each run", "QP-PAR-002", "Wanders"),
    _row("states-another-place", "says that nodes ran elsewhere", "QP-PRE-002", "StatesAnotherPlace", "preflight"),
    _row("states-no-place", "does not say where nodes ran", "QP-PRE-002", "StatesNoPlace", "preflight"),
    _row("states-nothing", "gives None for its facts", "QP-BACKEND-005", "StatesNothing", "preflight"),
    _row(
        "states-what-is-no-json",
        "gives facts that are no plain values",
        "QP-BACKEND-005",
        "StatesWhatIsNoJson",
        "preflight",
    ),
    _row("segfaults-in-facts", "segfaults when asked what ran", CRASH, "SegfaultsInFacts", "preflight"),
    _row("segfaults-while-timed", "segfaults while it is timed", CRASH, "SegfaultsWhileTimed", "latency"),
    _row(
        "spins-while-timed",
        "spins while it is timed",
        DEADLINE,
        "SpinsWhileTimed",
        "latency",
        limits=replace(HURRIED, run_s=0.1),
    ),
    _row("stops-computing", "gives zeros at once while it is timed", "QP-LAT-005", "StopsComputing", "latency"),
    _row(
        "stops-computing-the-counterpart",
        "the same, with the float model that the variant is timed against",
        "QP-LAT-005",
        "StopsComputingTheFloatModel",
        "latency",
    ),
    _row("repeats-itself", "gives what it gave for the first feed, whatever it is fed", "QP-PAR-002", "RepeatsItself"),
    _row(
        "crashes-in-the-memory-probe",
        "segfaults while its memory is measured",
        "QP-MEM-002",
        "SegfaultsInFirstRun",
        "memory",
    ),
    _row("raises-in-close", "raises when its session is closed", "QP-MEM-002", "RaisesInClose", "memory"),
)
