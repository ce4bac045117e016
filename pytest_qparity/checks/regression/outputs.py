"""Parity and accuracy against the baseline's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_qparity.baseline.scores import unpacked_scores
from pytest_qparity.checks.figures import apart
from pytest_qparity.checks.regression.compared import NOTHING, Compared
from pytest_qparity.verdict import Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.baseline.figures import Accuracy
    from pytest_qparity.checks.statistics.noninferiority import Conclusion

__all__ = ["compare_accuracy", "compare_sqnr"]

# Above it float32's own rounding decides: one float model with ONNX Runtime's optimizer on and off is 102 dB apart.
CEILING_DB = 100.0
_REMEDY = "look at what changed since; where it is meant so, qparity baseline save NAME"

_NOT_PAIRED = "the baseline has no scores of samples: accuracy is not paired with it, and compared by its drop alone"


def compare_sqnr(before: Mapping[str, float], now: Mapping[str, float], limit_db: float) -> Compared:
    """loss = min(before, CEILING_DB) − min(now, CEILING_DB) in dB, of each output; the largest decides.

    pass: it is at or below `limit_db`. An output that one of both lacks, or without a number, is no pass.
    """
    gone = [name for name in before if name not in now]
    new = [name for name in now if name not in before]
    if gone:
        return _lacking(f'The baseline has an SQNR of output "{gone[0]}", this run has none, should have one.')
    if new and before:
        return _lacking(f'This run has an SQNR of output "{new[0]}", the baseline has none, should have one.')
    losses = {name: min(before[name], CEILING_DB) - min(now[name], CEILING_DB) for name in before}
    if not losses:
        return NOTHING
    worst = next((name for name, loss in losses.items() if loss != loss), max(losses, key=lambda name: losses[name]))
    loss = losses[worst]
    evidence = {
        "output": worst,
        "before_db": before[worst],
        "now_db": now[worst],
        "loss_db": loss,
        "limit_db": limit_db,
    }
    shown = f"{0.0 - loss:+.1f} dB"
    if loss <= limit_db:
        return Compared(shown, max(0.0, loss) / limit_db if limit_db else 0.0, evidence)
    sentence = (
        f'SQNR of output "{worst}" is {now[worst]:.1f} dB, {apart(loss, limit_db, 1)} dB less than the baseline\'s '
        f"{before[worst]:.1f} dB, should be at most {limit_db:g} dB less."
    )
    return Compared(shown, 2.0, evidence, (Failure(Code.REGRESSION_PARITY, sentence, _REMEDY),))


def _lacking(sentence: str) -> Compared:
    return Compared("output", 2.0, {}, (Failure(Code.REGRESSION_UNMEASURED, sentence, _REMEDY),))


def compare_accuracy(before: Accuracy, now: Accuracy, margin: float, *, same_data: bool) -> Compared:
    """drop = what the metric lost, in points or its own unit.

    Where both kept a score for each of the same samples these are paired: without a sample that got worse it passes;
    else by `noninferiority.conclude` (of a census, by the drop itself). Where they are not
    paired a drop within the margin passes, and one beyond is a failure on the same samples of a census alone:
    otherwise nobody knows what the samples themselves make of it.
    """
    if (before.metric, before.percent, before.direction) != (now.metric, now.percent, now.direction):
        return _undecided(f"The metric is {now.metric}, should be the baseline's {before.metric} to be compared.", {})
    from pytest_qparity.checks.statistics.noninferiority import is_at_most

    sign = 1.0 if before.direction == "higher" else -1.0
    drop = sign * (before.value - now.value)
    evidence = {"metric": now.metric, "before": before.value, "now": now.value, "drop": drop, "margin": margin}
    paired = _paired(before, now, margin) if same_data else None
    if paired is not None:
        evidence |= {"lost": paired.harmful, "gained": paired.helpful, "interval": [paired.low, paired.high]}
        return _of_pairs(before, now, paired, evidence)
    shown = _shown(drop, percent=now.percent)
    if is_at_most(drop, margin, max(abs(before.value), abs(now.value))):
        is_lacking = same_data and before.bits is None and now.bits is not None
        return Compared(shown, _share(drop, margin), evidence, (), (_NOT_PAIRED,) if is_lacking else ())
    sentence = (
        f"Metric {now.metric} is {now.value:.4g}, the baseline's {before.value:.4g}: {apart(drop, margin, 2)} worse, "
        f"should be at most {margin:g}"
    )
    if same_data and before.is_census and now.is_census:
        return Compared(shown, 2.0, evidence, (Failure(Code.REGRESSION_ACCURACY, f"{sentence}.", _REMEDY),))
    why = "scores of samples were not kept" if same_data else "the test data are others"
    return _undecided(f"{sentence}, or paired sample by sample ({why}).", evidence, shown)


def _paired(before: Accuracy, now: Accuracy, margin: float) -> Conclusion | None:
    from pytest_qparity.checks.scores import Direction, Scores
    from pytest_qparity.checks.statistics.noninferiority import Margin, census, conclude

    if before.bits is None or now.bits is None:
        return None
    old, new = unpacked_scores(before.bits), unpacked_scores(now.bits)
    if len(old) != len(new):
        return None
    pair = (Scores(old, Direction(before.direction)), Scores(new, Direction(now.direction)), Margin(absolute=margin))
    return census(*pair) if now.is_census else conclude(*pair)


def _of_pairs(before: Accuracy, now: Accuracy, found: Conclusion, evidence: Mapping[str, object]) -> Compared:
    from pytest_qparity.checks.statistics.noninferiority import Answer

    shown = _shown(found.drop, percent=now.percent)
    if found.harmful == 0 or found.answer is Answer.WITHIN:
        return Compared(shown, _share(found.drop, found.margin), evidence)
    counts = f"{found.harmful} lost, {found.helpful} gained of {found.samples} samples"
    sentence = (
        f"Metric {now.metric} is {now.value:.2f} %, the baseline's {before.value:.2f} %: {found.drop:.2f} points worse "
        f"({found.low:.2f} to {found.high:.2f}; {counts}), should be at most {found.margin:g}."
    )
    if found.answer is Answer.BEYOND:
        return Compared(shown, 2.0, evidence, (Failure(Code.REGRESSION_ACCURACY, sentence, _REMEDY),))
    return _undecided(sentence, evidence, shown)


def _undecided(sentence: str, evidence: Mapping[str, object], shown: str = "accuracy") -> Compared:
    remedy = "test on more samples, state what may be lost ([regression] margin), or qparity baseline save NAME"
    return Compared(shown, 2.0, evidence, (Failure(Code.REGRESSION_UNDECIDED, sentence, remedy),))


def _share(drop: float, margin: float) -> float:
    return max(0.0, drop) / margin if margin > 0 else 0.0


def _shown(drop: float, *, percent: bool) -> str:
    return f"{0.0 - drop:+.2f} pt" if percent else f"{0.0 - drop:+.3g}"
