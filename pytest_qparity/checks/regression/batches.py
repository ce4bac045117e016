"""Speed at the other batches that a case times against the baseline's, each beside fp32 at that batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_qparity.checks.regression.compared import SAVE_AGAIN, Compared
from pytest_qparity.checks.regression.latency import NO_COUNTERPART, compare_latency
from pytest_qparity.verdict import Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.baseline.figures import Latency
    from pytest_qparity.checks.regression.compared import RegressionLimits

__all__ = ["compare_batches"]


def compare_batches(before: Latency, now: Latency, limits: RegressionLimits) -> Iterator[tuple[str, Compared]]:
    """As `compare_latency`, of each batch that the baseline has. One that this run did not time is cannot-judge, one
    that the baseline lacks is new.

    The case's own batch is none of them: where it is another, or clock, threads or isolation are, its latency says so.
    """
    if (before.clock, before.threads, before.isolation) != (now.clock, now.threads, now.isolation):
        return
    new = [str(batch) for batch in now.batches if batch not in before.batches and batch != before.batch]
    if new:
        note = f"the baseline was not timed at batch {', '.join(new)}, which is new"
        yield "new_batches", Compared("", 0.0, {}, (), (note,))
    each = {batch: _at(before, now, batch, limits) for batch in before.batches if batch != now.batch}
    if each:
        worst = max(each.values(), key=lambda found: found.share)
        yield (
            "batches",
            Compared(
                worst.shown,
                worst.share,
                {str(batch): dict(found.evidence) for batch, found in each.items() if found.evidence},
                tuple(failure for found in each.values() for failure in found.failures),
                tuple(note for found in each.values() for note in found.notes),
            ),
        )


def _at(before: Latency, now: Latency, batch: int, limits: RegressionLimits) -> Compared:
    if batch not in now.batches:
        sentence = f"The baseline was timed at batch {batch}, this run was not, should be timed at all of its batches."
        remedy = f"ask for it again ([latency] batches), or {SAVE_AGAIN}"
        failure = Failure(Code.REGRESSION_VANISHED, sentence, remedy)
        return Compared(f"batch {batch}", 3.0, {}, (failure,))
    found = compare_latency(before.at(batch), now.at(batch), limits)
    failures = tuple(replace(each, sentence=f"At batch {batch}: {each.sentence}") for each in found.failures)
    notes = tuple(f"at batch {batch}: {note}" for note in found.notes if note != NO_COUNTERPART)
    return replace(found, failures=failures, notes=notes)
