"""The verdict on a kernel: every example within its bound at every optimizer level, or what is on record of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.checks.conformance.catalogue import kernels_by_id
from pytest_qparity.checks.conformance.known import release_of
from pytest_qparity.checks.conformance.sampling import Sampler
from pytest_qparity.checks.conformance.trial import Answer, Trial
from pytest_qparity.verdict import Code, Failure, Verdict, failed, passed, waived

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_qparity.backends.protocol import Optimizer
    from pytest_qparity.checks.conformance.example import Example
    from pytest_qparity.checks.conformance.kernel import Kernel
    from pytest_qparity.checks.conformance.known import KnownDeviation, KnownDeviations, KnownUnsupported
    from pytest_qparity.checks.conformance.trial import Bench, Difference

__all__ = ["Laboratory", "Tried", "described", "judge_kernel", "judge_record", "minimal_of", "try_kernel"]

SEARCHED_FIRST = 8  # examples of each of its kernels in which an entry is looked for, and then four times as many
SEARCHED = 600  # examples of all of its kernels, at least, in which a dead entry was looked for


@dataclass(frozen=True, slots=True)
class Laboratory:
    """A backend on the bench, what is known of it, and how thoroughly it is tried.

    `write_reproducer` stores a stand-alone script for a trial and returns where it lies; `script` is what of it runs
    the backend, empty where nobody has said how. `additions` says where a user lists what is not known yet.
    """

    backend: str
    version: str
    bench: Bench
    optimizers: tuple[Optimizer, ...]
    known: KnownDeviations
    sampler: Sampler
    write_reproducer: Callable[[Kernel, Trial, str], Path]
    script: str = ""
    additions: str = "the file of known deviations"

    @property
    def release(self) -> str:
        """The version without the engine's build, for reports; provenance has it whole."""
        return release_of(self.version) or self.version

    def levels_for(self, kernel: Kernel) -> tuple[Optimizer, ...]:
        """The optimizer levels at which a kernel is tried: one node by itself at the first and the last."""
        return self.optimizers if kernel.is_pattern else tuple(dict.fromkeys((self.optimizers[0], self.optimizers[-1])))


@dataclass(slots=True)
class _Tally:
    """What was seen of one kernel."""

    drawn: tuple[Example, ...]
    tried: set[int] = field(default_factory=set)  # identities of the drawn ones that a session of their own had
    elements: int = 0
    deviating: int = 0
    worst_lsb: float = 0.0
    answers: dict[Answer, int] = field(default_factory=lambda: dict.fromkeys(Answer, 0))
    shown: set[KnownDeviation] = field(default_factory=set)
    unaccounted: list[Trial] = field(default_factory=list)  # one for each optimizer level
    refusal: Failure | None = None

    @property
    def refused_all(self) -> bool:
        others = sum(self.answers.values()) - self.answers[Answer.REFUSED] - self.answers[Answer.NOT_TRIED]
        return self.answers[Answer.REFUSED] > 0 and others == 0

    @property
    def examples(self) -> int:
        """How many of the drawn ones were tried, at one optimizer level at least."""
        return sum(id(example) in self.tried for example in self.drawn)

    def count(self, trial: Trial, entries: Sequence[KnownDeviation]) -> None:
        self.answers[trial.answer] += 1
        if trial.answer is not Answer.NOT_TRIED:
            self.tried.add(id(trial.example))
        self.refusal = trial.failure or self.refusal
        self.elements += trial.example.elements if trial.answer is Answer.RAN else 0
        differences = tuple(trial.differences())
        for difference in differences:
            self.deviating += int(np.count_nonzero(difference.beyond))
            if trial.answer in (Answer.RAN, Answer.MISSHAPEN):  # what was refused has no distance
                self.worst_lsb = max(self.worst_lsb, float(difference.beyond.max(initial=0.0)))
        left, shown = _unaccounted(trial, differences, entries)
        self.shown |= shown
        if left:
            self._keep(trial)

    def _keep(self, trial: Trial) -> None:
        """The smallest at each optimizer level: what is shown of it begins there."""
        for index, other in enumerate(self.unaccounted):
            if other.optimizer is trial.optimizer:
                if _complexity(trial) < _complexity(other):
                    self.unaccounted[index] = trial
                return
        self.unaccounted.append(trial)

    def as_evidence(self) -> dict[str, Any]:
        return {
            "examples": self.examples,
            "drawn": len(self.drawn),
            "elements": self.elements,
            "deviating": self.deviating,
            "worst_lsb": self.worst_lsb if np.isfinite(self.worst_lsb) else "inf",
            **{answer.value: count for answer, count in self.answers.items()},
        }


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """The examples that were drawn of a kernel, and what became of each at each optimizer level."""

    examples: tuple[Example, ...]
    trials: tuple[Trial, ...]


def try_kernel(kernel: Kernel, laboratory: Laboratory) -> Tried:
    """Try a kernel's examples on the bench."""
    examples = laboratory.sampler.examples(kernel)
    trials = tuple(
        trial
        for optimizer in laboratory.levels_for(kernel)
        for trial in laboratory.bench.try_all(examples, kernel.opset, optimizer)
    )
    if any(Answer.CRASHED in entry.answers for entry in laboratory.known.deviations(kernel.id)):
        laboratory.bench.renew()  # what may end a process may also leave it damaged for the next kernel
    return Tried(examples, trials)


def judge_kernel(
    kernel: Kernel, laboratory: Laboratory, tried: Tried | None = None
) -> tuple[Verdict, frozenset[KnownDeviation]]:
    """The verdict on a kernel, tried before or now, and which of the known deviations showed."""
    tried = try_kernel(kernel, laboratory) if tried is None else tried
    entries = laboratory.known.deviations(kernel.id)
    tally = _Tally(tried.examples)
    for trial in tried.trials:
        tally.count(trial, entries)
    return _verdict(kernel, laboratory, tally, entries), frozenset(tally.shown)


def _is_new(trial: Trial, entries: Sequence[KnownDeviation]) -> bool:
    """Whether something of the trial deviates that is not on record."""
    return _unaccounted(trial, tuple(trial.differences()), entries)[0]


def _unaccounted(
    trial: Trial, differences: Sequence[Difference], entries: Sequence[KnownDeviation]
) -> tuple[bool, set[KnownDeviation]]:
    """Whether some of a trial's differences are not on record, and the entries that account for those that are."""
    left = False
    shown = set()
    for difference in differences:
        wrong = difference.beyond > 0.0
        for entry in entries:
            covered = entry.covers(trial, difference) & wrong
            if covered.any():
                shown.add(entry)
            wrong = wrong & ~covered
        left = left or bool(wrong.any())
    return left, shown


def _verdict(kernel: Kernel, laboratory: Laboratory, tally: _Tally, entries: Sequence[KnownDeviation]) -> Verdict:
    evidence = tally.as_evidence() | {"operator": kernel.operator, "types": kernel.types, "opset": kernel.opset}
    if tally.refused_all:
        return _unsupported(kernel, laboratory, tally, evidence)
    if tally.unaccounted:
        return failed(_deciding(tally), evidence, (_deviation(kernel, laboratory, tally, entries),))
    if tally.elements == 0 and not tally.shown:
        return failed("nothing", evidence, (_nothing_compared(kernel, laboratory),))
    listed = laboratory.known.unsupported(kernel.id)
    if listed is not None:
        return failed("supported", evidence | {"answer": "supported"}, (_runs_after_all(kernel, laboratory, listed),))
    if not tally.shown:
        return passed(f"{tally.elements:,}", evidence | {"answer": "conforms"})
    shown = [entry for entry in entries if entry in tally.shown]
    observed = "; ".join(dict.fromkeys(entry.observed for entry in shown))
    evidence["known"] = [{"observed": entry.observed, "script": entry.reproducer} for entry in shown]
    failure = Failure(
        Code.CONFORMANCE_KNOWN,
        f"{kernel.id} deviates on {laboratory.backend} as is known: {observed}",
        f"see {laboratory.known.source}",
    )
    verdict = failed(_deciding(tally), evidence | {"answer": "deviates"}, (failure,))
    return waived(verdict, f"known of {laboratory.backend} {laboratory.release}: {observed}")


def _deciding(tally: _Tally) -> str:
    if tally.answers[Answer.CRASHED]:
        return "crashes"
    if tally.worst_lsb == 0.0 and tally.answers[Answer.REFUSED]:
        return "refuses"
    return f"{tally.worst_lsb:.4g} LSB" if np.isfinite(tally.worst_lsb) else "wrong"


def _unsupported(kernel: Kernel, laboratory: Laboratory, tally: _Tally, evidence: dict[str, Any]) -> Verdict:
    says = tally.refusal.sentence if tally.refusal is not None else "nothing"
    failure = Failure(
        Code.CONFORMANCE_UNSUPPORTED,
        f"{laboratory.backend} {laboratory.release} refuses {kernel.id}, each of the {tally.examples} examples tried "
        f"(of {len(tally.drawn)}): {says}",
        f"list it under [[unsupported]] in {laboratory.additions} if that is so",
    )
    verdict = failed("unsupported", evidence | {"answer": "unsupported"}, (failure,))
    entry = laboratory.known.unsupported(kernel.id)
    return verdict if entry is None else waived(verdict, f"listed as unsupported: {entry.observed}")


def _deviation(kernel: Kernel, laboratory: Laboratory, tally: _Tally, entries: Sequence[KnownDeviation]) -> Failure:
    first = tally.unaccounted[0]
    minimal = _minimal(kernel, laboratory, first, entries)
    sentence = described(minimal)
    script = laboratory.write_reproducer(kernel, minimal, sentence)
    shows = f"python {script} shows it without this package"
    if not laboratory.script:
        shows += f", once its function run() loads {laboratory.backend} (BackendSpec.script fills it in)"
    levels = ", ".join(trial.optimizer.value for trial in tally.unaccounted)
    share = f"{tally.deviating:,} of {tally.elements:,} elements over {tally.examples} examples"
    return Failure(
        Code.CONFORMANCE_DEVIATES,
        f"{kernel.id} on {laboratory.backend} {laboratory.release} (optimizer {levels}): {sentence} ({share})",
        f"{shows}; report it, and list it under [[deviation]] in {laboratory.additions}",
        "the engine departs from the operator's specification, or a graph rewrite does",
    )


def minimal_of(kernel: Kernel, laboratory: Laboratory) -> Trial | None:
    """The simplest example that deviates in a way that is not on record."""
    entries = laboratory.known.deviations(kernel.id)
    new = [trial for trial in try_kernel(kernel, laboratory).trials if _is_new(trial, entries)]
    if not new:
        return None
    return _minimal(kernel, laboratory, min(new, key=_complexity), entries)


def _complexity(trial: Trial) -> tuple[bool, int]:
    """What ran and is wrong says more than what was refused; then the fewer elements the better."""
    return trial.answer is not Answer.RAN, trial.example.elements


def _minimal(kernel: Kernel, laboratory: Laboratory, trial: Trial, entries: Sequence[KnownDeviation]) -> Trial:
    """The simplest example that deviates at the same level, as hypothesis shrinks it; the trial itself where none
    deviates alone, for what one node leaves behind changes the next."""
    deviating = [trial]

    def deviates(example: Example) -> bool:
        if example.elements > deviating[-1].example.elements:  # hypothesis goes by what it drew, not by what came of it
            return False
        alone = laboratory.bench.try_one(example, kernel.opset, trial.optimizer)
        if alone.answer is not trial.answer or not _is_new(alone, entries):
            return False
        deviating.append(alone)
        return True

    laboratory.sampler.shrink(kernel, deviates)
    return deviating[-1]


def described(trial: Trial) -> str:
    """One sentence: the element that is furthest off, what it is and what it should be."""
    if trial.failure is not None:
        return trial.failure.sentence
    for name, expected in trial.example.expected.items():
        got = trial.outputs.get(name)
        if got is None:
            return f"got no output {name}"
        try:
            beyond = expected.beyond(got)
        except ValueError as error:
            return str(error)
        if not beyond.any():
            continue
        index = np.unravel_index(int(np.argmax(beyond)), beyond.shape)
        low, high = expected.lowest[index], expected.highest[index]
        should = f"{low:.9g}" if low == high or np.isnan(low) else f"from {low:.9g} to {high:.9g}"
        distance = f", {beyond[index]:.4g} LSB off" if np.isfinite(beyond[index]) else ""
        where = f"[{', '.join(str(i) for i in index)}]" if index else ""
        return f"got {float(got[index]):.9g} at {name}{where}, should be {should}{distance}"
    return "got nothing that deviates"


def _runs_after_all(kernel: Kernel, laboratory: Laboratory, listed: KnownUnsupported) -> Failure:
    return _dead(
        f"{kernel.id} runs on {laboratory.backend} {laboratory.version}, and is listed as unsupported there "
        f"({listed.observed}).",
        f"take it out of [[unsupported]] in {laboratory.known.source}, or narrow the entry's versions",
    )


def judge_record(kernels: Sequence[Kernel], laboratory: Laboratory, shown: frozenset[KnownDeviation]) -> Verdict:
    """Whether every known deviation of these kernels in this version still shows: `shown` are those that did already,
    the others are looked for in examples of their own."""
    entries: dict[KnownDeviation, list[Kernel]] = {}
    for kernel in kernels:
        for entry in laboratory.known.deviations(kernel.id):
            entries.setdefault(entry, []).append(kernel)
    dead = [entry for entry, its_kernels in entries.items() if not _shows(entry, its_kernels, laboratory, shown)]
    failures = [
        _dead(
            f"The deviation of {', '.join(entry.kernels)} ({entry.observed}) does not show on {laboratory.backend} "
            f"{laboratory.version} in {SEARCHED} examples of its kernels and more.",
            f"take it out of {laboratory.known.source}, or narrow its versions",
        )
        for entry in dead
    ]
    failures += [
        _dead(
            f"{laboratory.known.source} names {glob}, should be a kernel of the suite.",
            "correct the name: pytest --collect-only lists the kernels",
        )
        for glob in laboratory.known.dead_globs(kernels_by_id())
    ]
    evidence = {"entries": len(entries), "dead": len(dead)}
    if failures:
        return failed(f"{len(failures)} dead", evidence, tuple(failures))
    return passed(f"{len(entries)} show", evidence)


def _dead(sentence: str, remedy: str) -> Failure:
    return Failure(Code.CONFORMANCE_DEAD, sentence, remedy)


def _shows(
    entry: KnownDeviation, kernels: Sequence[Kernel], laboratory: Laboratory, shown: frozenset[KnownDeviation]
) -> bool:
    """Whether it did already, or does in more and more examples: what is rare needs many, however few were asked for,
    and most of what shows at all does so in the first."""
    if entry.sporadic or entry in shown:
        return True
    # What those of its own seed show was seen already.
    count, searched, seed = SEARCHED_FIRST, 0, laboratory.sampler.seed + 1
    while searched < SEARCHED:
        deeper = replace(laboratory, sampler=Sampler(count, seed))
        if any(_shows_in(entry, kernel, deeper) for kernel in kernels):
            return True
        searched += count * len(kernels)
        count, seed = count * 4, seed + 1
    return False


def _shows_in(entry: KnownDeviation, kernel: Kernel, laboratory: Laboratory) -> bool:
    entries = laboratory.known.deviations(kernel.id)
    examples = laboratory.sampler.examples(kernel)
    shows = any(
        entry in _unaccounted(trial, tuple(trial.differences()), entries)[1]
        for optimizer in laboratory.levels_for(kernel)
        if not entry.optimizers or optimizer in entry.optimizers
        for trial in laboratory.bench.try_all(examples, kernel.opset, optimizer)
    )
    if Answer.CRASHED in entry.answers:
        laboratory.bench.renew()
    return shows


def _nothing_compared(kernel: Kernel, laboratory: Laboratory) -> Failure:
    return Failure(
        Code.CONFORMANCE_NOTHING,
        f"Not one element of {kernel.id} was compared on {laboratory.backend}, should be at least one.",
        "ask for more examples: --qparity-examples=50",
    )
