"""Size and power of the accuracy test over recordings: tables of docs/statistics.md.

python -m benchmarks.recordings            # some minutes
python -m benchmarks.recordings ruined     # one of its tables: ruined, worst, sound, whole, retrieval
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from pytest_qparity.checks.scores import Scores
from pytest_qparity.checks.statistics.groups import Grouping, conclude_of_groups
from pytest_qparity.checks.statistics.noninferiority import Answer, Margin
from tests.checks.statistics.recording_simulation import Losing, Recorded, Retrieved

GATES = 4000  # Monte Carlo error 0.34 points at 5 %
TRIED, GATES_TRIED = 300, 4000  # populations among which the worst is looked for
WHOLE_GATES = 400  # of a thousand resamples each
RETRIEVAL_GATES = 400


def ruined() -> Iterator[str]:
    yield "| recordings | steps | ruined | lose | flips | drop = margin: passes | fails | steps as draws: passes |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for count in (5, 20, 60, 200):
        for share, loss, flipped in ((0.05, 0.5, 0.0), (0.05, 0.5, 0.05), (0.01, 0.9, 0.01), (0.2, 0.1, 0.05)):
            for others in (None, 400):
                setting = Recorded(count, share, loss=loss, flipped=flipped, others=others)
                passed, failed, alone = setting.passes(setting.drop, GATES)
                steps = "100" if others is None else f"100, {others}"
                yield (
                    f"| {count} | {steps} | {100 * share:g} % | {100 * loss:g} % | {100 * flipped:g} % | "
                    f"{100 * passed:.2f} % | {100 * failed:.2f} % | {100 * alone:.2f} % |"
                )


def worst() -> Iterator[str]:
    yield f"Of {TRIED} drawn populations of three kinds each, those that pass a loss of the margin most often:\n"
    yield "| recordings | losses | shares | passes |"
    yield "| --- | --- | --- | --- |"
    generator = np.random.default_rng(1)
    found = []
    for _ in range(TRIED):
        count = int(generator.choice([2, 3, 5, 10, 20, 50, 100]))
        losses, shares = np.sort(generator.uniform(-1, 1, 3)), generator.dirichlet([1.0, 1.0, 1.0])
        if generator.random() < 0.5:  # most lose next to nothing, few much
            rare = 10 ** generator.uniform(-2.5, -0.2)
            losses = np.array([*generator.uniform(-0.05, 0.05, 2), generator.uniform(0.1, 1.0)])
            shares = np.array([*((1 - rare) * generator.dirichlet([1.0, 1.0])), rare])
        elif generator.random() < 0.5:
            losses[2] = 1.0
        setting = Losing(count, tuple(losses), tuple(shares))
        found.append((setting.passes(GATES_TRIED), setting))
    for passed, setting in sorted(found, key=lambda each: -each[0])[:6]:
        losses_, shares_ = (", ".join(f"{each:.3f}" for each in of) for of in (setting.losses, setting.shares))
        yield f"| {setting.recordings} | {losses_} | {shares_} | {100 * passed:.2f} % |"


def sound() -> Iterator[str]:
    yield "| recordings | flips | margin | nothing lost: passes | steps as draws: passes |"
    yield "| --- | --- | --- | --- | --- |"
    for count in (60, 200, 600):
        for flipped in (0.01, 0.05):
            for margin in (0.005, 0.02, 0.05):
                passed, _, alone = Recorded(count, 0.0, flipped=flipped).passes(margin, 2000)
                told = f"{100 * flipped:g} % | {100 * margin:g} | {100 * passed:.1f} % | {100 * alone:.1f} %"
                yield f"| {count} | {told} |"


def whole() -> Iterator[str]:
    """Of a metric of the whole: a share of true positives among what was found, as precision is."""
    yield "| recordings | ruined | drop = margin: passes |"
    yield "| --- | --- | --- |"
    for count, share in ((5, 0.2), (10, 0.3), (20, 0.05), (20, 0.3), (60, 0.05), (60, 0.3), (200, 0.05)):
        generator = np.random.default_rng(0)
        passed = sum(_of_whole(generator, count, share) for _ in range(WHOLE_GATES))
        yield f"| {count} | {100 * share:g} % | {100 * passed / WHOLE_GATES:.2f} % |"


def _of_whole(generator: np.random.Generator, count: int, share: float, steps: int = 20) -> bool:
    found = (generator.random(count * steps) < 0.8).astype(np.float64)
    right = (generator.random(count * steps) < 0.9).astype(np.float64)
    is_ruined = np.repeat(generator.random(count) < share, steps)
    worse = np.where(is_ruined, generator.random(count * steps) < 0.4, right).astype(np.float64)

    def precision(of: np.ndarray) -> Scores:
        return Scores(of, whole=lambda counts: float(counts @ (found * of)) / max(float(counts @ found), 1e-9))

    of_steps = np.repeat(np.arange(count), steps)
    grouping = Grouping(of_steps, np.arange(count * steps), "recordings")
    margin = Margin(absolute=100 * share * 0.5)
    return conclude_of_groups(precision(right), precision(worse), margin, grouping).answer is Answer.WITHIN


def retrieval() -> Iterator[str]:
    """Of `recall_at_k`, whose samples share the fate of their label."""
    yield "| labels | samples of each | ruined | drop = margin: passes | samples as draws: passes |"
    yield "| --- | --- | --- | --- | --- |"
    for setting in (Retrieved(20, 0.05), Retrieved(60, 0.02), Retrieved(60, 0.1), Retrieved(200, 0.05, 5)):
        passed, alone = setting.passes(RETRIEVAL_GATES)
        told = f"{100 * setting.ruined:g} % | {100 * passed:.1f} % | {100 * alone:.1f} %"
        yield f"| {setting.labels} | {setting.each} | {told} |"


def main() -> None:
    parts = {each.__name__: each for each in (ruined, worst, sound, whole, retrieval)}
    for part in [parts[name] for name in sys.argv[1:]] or parts.values():
        print(f"\n{part.__name__}\n")
        for line in part():
            print(line, flush=True)


if __name__ == "__main__":
    main()
