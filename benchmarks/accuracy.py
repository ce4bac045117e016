"""Size, power and speed of the accuracy test: the tables of docs/statistics.md.

python -m benchmarks.accuracy            # 20,000 gates a setting, some minutes
python -m benchmarks.accuracy ruined     # one of its tables: flips, looks, others, ruined, own_unit, sound, speed
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import t as student

from pytest_qparity.checks.scores import Direction, Scores
from pytest_qparity.checks.statistics.classes import class_drops, worst_samples
from pytest_qparity.checks.statistics.confidence import calibration_error, confidences
from pytest_qparity.checks.statistics.noninferiority import Margin, conclude
from pytest_qparity.checks.statistics.sample_size import decides_flips, power_of_flips
from tests.checks.statistics.simulation import (
    GATES,
    LEVEL,
    Flipping,
    OwnUnit,
    Ruining,
    Scoring,
    WholeScoring,
    monte_carlo_error,
    normal_losses,
    rare_losses,
    skewed_losses,
)

STORED, CLASSES = 50_000, 1000
OWN_UNIT = (  # samples, share of ruined ones, what they lose: as much as is known, half, twice
    *((200, share, 3.0) for share in (0.0, 0.005, 0.02)),
    *((1000, share, 3.0) for share in (0.0, 0.002, 0.01)),
    *((1000, 0.002, loss) for loss in (1.5, 6.0, 30.0)),
    *((5000, share, 3.0) for share in (0.0, 0.0005, 0.002)),
    (5000, 0.0005, 30.0),
)


def flips() -> Iterator[str]:
    yield "| samples | discordance | margin | drop = margin: passes | fails | no drop: passes | predicted |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for samples in (598, 1000, 2474, 7420):
        for discordance in (0.01, 0.03, 0.05):
            yield _row(Flipping(samples, discordance), "0.5 points")
    for samples in (598, 2474):
        yield _row(Flipping(samples, 0.005), "0.5 points")
    for discordance in (0.01, 0.03, 0.05):
        samples = decides_flips(discordance / 2, discordance / 2, 0.005, LEVEL)
        assert samples is not None
        yield _row(Flipping(samples, discordance), "0.5 points")
    yield _row(Flipping(7420, 0.03, share=0.01), "1 % of 76 %")


def _row(setting: Flipping, margin: str) -> str:
    passes = 100 * setting.passes(setting.margin_at_rate)[0].mean()
    fails = "" if setting.share else f"{100 * setting.fails(setting.margin_at_rate)[0].mean():.2f} %"
    start = f"| {setting.samples:,} | {100 * setting.discordance:g} % | {margin} | {passes:.2f} % | {fails} |"
    if setting.discordance <= setting.margin_at_rate:
        return f"{start} | |"
    power = 100 * setting.passes(0.0)[0].mean()
    predicted = 100 * power_of_flips(*setting.rates(0.0), setting.margin_at_rate, LEVEL, setting.samples)
    return f"{start} {power:.1f} % | {predicted:.1f} % |"


def looks() -> Iterator[str]:
    yield "| samples | discordance | looks | drop = margin: passes | no drop: passes | used | 3 points lost: used |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for samples, discordance in ((12_438, 0.03), (12_438, 0.05), (50_000, 0.05)):
        for at in ((1.0,), (0.5, 1.0), (0.2, 0.5, 1.0), (0.1, 0.2, 0.4, 0.7, 1.0)):
            setting = Flipping(samples, discordance, looks=at)
            size = 100 * setting.passes(setting.margin)[0].mean()
            passes, used = setting.passes(0.0)
            lost = setting.fails(0.03)[1].mean() if discordance >= 0.03 else 0.0
            told = ", ".join(f"{100 * look:g}" for look in at)
            yield (
                f"| {samples:,} | {100 * discordance:g} % | {told} % | {size:.2f} % | {100 * passes.mean():.1f} % | "
                f"{100 * used.mean():.0f} % | {100 * lost:.0f} % |"
            )


def others() -> Iterator[str]:
    yield "| scores | samples | mean loss = margin: passes | plain t |"
    yield "| --- | --- | --- | --- |"
    kinds = (
        ("normal", normal_losses, 0.0),
        ("exponential", skewed_losses, 1.0),
        ("one in ten loses 0 to 1", rare_losses, 0.05),
    )
    for name, losses, mean in kinds:
        for samples in (200, 598, 2474):
            setting = Scoring(samples, losses, mean)
            size, plain = 100 * setting.passes(mean).mean(), 100 * _plain_t(setting)
            yield f"| {name} | {samples:,} | {size:.2f} % | {plain:.2f} % |"
    for samples, discordance, lossy in ((598, 0.1, 1.0), (2474, 0.01, 0.7), (2474, 0.03, 1.0), (7420, 0.05, 0.7)):
        whole = WholeScoring(samples, discordance, lossy)
        told = f"F1, {100 * discordance:g} % flip, {100 * lossy:g} % of them harmful"
        yield f"| {told} | {samples:,} | {100 * whole.passes(whole.drop).mean():.2f} % | |"


def ruined() -> Iterator[str]:
    yield "| samples | ruined | 0.1 % rounding: passes | plainly | 2 %: passes | plainly | 10 %: passes | plainly |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for samples in (100, 200, 500, 1000, 2000, 5000):
        for share in (0.002, 0.005, 0.01, 0.02):
            told = []
            for rounding in (0.001, 0.02, 0.1):
                setting = Ruining(samples, share, rounding)
                told += [f"{100 * setting.passes(setting.mean, plainly=plainly):.2f} %" for plainly in (False, True)]
            yield f"| {samples:,} | {100 * share:g} % | {' | '.join(told)} |"
    for samples in (200, 500, 1000):
        marred = Ruining(samples, 0.002, 0.001, marred=0.03, mark=0.2)
        told = [f"{100 * marred.passes(marred.mean, plainly=plainly):.2f} %" for plainly in (False, True)]
        yield f"| {samples:,} | 0.2 %, and 3 % lose a fifth | {' | '.join(told)} | | | | |"


def own_unit() -> Iterator[str]:
    yield "| samples | ruined | loss | 0.1 % rounding: passes | fails | 2 %: passes | fails | 10 %: passes | fails |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for samples, share, loss in OWN_UNIT:
        told = []
        for rounding in (0.001, 0.02, 0.1):
            setting = OwnUnit(samples, share, rounding, loss)
            told += [f"{100 * answer:.2f} %" for answer in setting.answers(setting.mean)]
        yield f"| {samples:,} | {100 * share:g} % | {loss:g} | {' | '.join(told)} |"


def sound() -> Iterator[str]:
    yield "| samples | rounding | nothing ruined: passes | plainly |"
    yield "| --- | --- | --- | --- |"
    for samples in (598, 650, 1000, 2474):
        for rounding in (0.001, 0.02, 0.05, 0.1):
            setting = Ruining(samples, 0.0, rounding)
            told = [f"{100 * setting.passes(0.005, plainly=plainly):.1f} %" for plainly in (False, True)]
            yield f"| {samples:,} | {100 * rounding:g} % | {' | '.join(told)} |"


def _plain_t(setting: Scoring) -> float:
    generator, part, found = np.random.default_rng(0), 2000, []
    for _ in range(GATES // part):
        drawn = setting.losses(generator, (part, setting.samples))
        error = drawn.std(axis=1, ddof=1) / setting.samples**0.5
        found.append(drawn.mean(axis=1) + student.isf(LEVEL, setting.samples - 1) * error < setting.mean)
    return float(np.concatenate(found).mean())


def speed() -> Iterator[str]:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, CLASSES, STORED)
    right = (generator.random(STORED) < 0.76).astype(np.float64)
    flipped = generator.random(STORED) < 0.03
    variant = np.where(flipped, 1 - right, right)
    words = generator.integers(5, 20, STORED)
    errors = generator.binomial(words, 0.1)
    more = np.minimum(errors + (generator.random(STORED) < 0.02), words)
    logits = generator.normal(0, 3, (STORED, CLASSES)).astype(np.float32)
    confident = generator.random(STORED)

    def rate(of: np.ndarray) -> Scores:
        return Scores(of / words, Direction.LOWER, whole=lambda counts: float(counts @ of / (counts @ words)))

    tried: dict[str, Callable[[], object]] = {
        "top-1 of 50,000 stored scores, 0.5 points": lambda: conclude(Scores(right), Scores(variant), Margin(0.5)),
        "the same, 1 % relative": lambda: conclude(Scores(right), Scores(variant), Margin(relative=1.0)),
        "WER of 50,000, bootstrap": lambda: conclude(rate(errors), rate(more), Margin(0.5)),
        "classes (1,000, Holm) and worst samples": lambda: (
            class_drops(right - variant, labels),
            worst_samples(right - variant, None),
        ),
        "ECE of 50,000 stored confidences": lambda: calibration_error(confident, right),
        "class and confidence of 50,000 × 1,000 logits": lambda: (logits.argmax(axis=1), confidences(logits)),
    }
    yield "| what | ms, median of 5 |"
    yield "| --- | --- |"
    for name, call in tried.items():
        call()
        times = []
        for _ in range(5):
            start = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - start))
        yield f"| {name} | {float(np.median(times)):,.0f} |"


def main() -> None:
    errors = ", ".join(f"{100 * monte_carlo_error(rate):.2f} points at {100 * rate:g} %" for rate in (0.05, 0.8))
    print(f"{GATES:,} gates a setting; Monte Carlo error {errors}")
    parts = {each.__name__: each for each in (flips, looks, others, ruined, own_unit, sound, speed)}
    for part in [parts[name] for name in sys.argv[1:]] or parts.values():
        print(f"\n{part.__name__}\n")
        for line in part():
            print(line, flush=True)


if __name__ == "__main__":
    main()
