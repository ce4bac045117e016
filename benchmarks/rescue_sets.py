"""Every set of as many nodes as may be float, with every recipe that `qparity rescue` knows, through the real gate.


What `qparity rescue` cannot do in its budget for a model with few products: no order, no assumption. A set is one of
the products, of each size up to `--most`; a recipe is a method of calibration with any of `bias_correction`, `equalize`
and `smooth`, or `dynamic`. For each recipe a line: how many of its sets pass, the nearest, and how near that is.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.rescue import project_of
from pytest_qparity.case.loading import load_case
from pytest_qparity.gate import CaseMaterial, default_settings, plan
from pytest_qparity.rescue.candidate import Candidate
from pytest_qparity.rescue.costs import costs_of
from pytest_qparity.rescue.evaluation import Evaluation
from pytest_qparity.rescue.journal import Journal
from pytest_qparity.rescue.judging import Budget, GateJudge
from pytest_qparity.rescue.other_recipes import said
from pytest_qparity.rescue.recipe_changes import METHODS, STRENGTH

Changes = tuple[tuple[str, Any], ...]
BALANCING: tuple[Changes, ...] = (
    (("bias_correction", True),),
    (("equalize", True),),
    (("smooth", STRENGTH),),
)
DYNAMIC: Changes = (("recipe", "dynamic"), ("target", None))


def recipes(methods: Sequence[str]) -> Iterator[Changes]:
    """Each method with any of what balances; dynamic ones with what they have of it."""
    for method in methods:
        if method == "dynamic":
            for granularity in ("tensor", "channel"):
                for more in _any_of(BALANCING[1:]):
                    yield (*DYNAMIC, ("granularity", granularity), *more)
        else:
            for more in _any_of(BALANCING):
                yield (("calibration", method), *more)


def _any_of(parts: Sequence[Changes]) -> Iterator[Changes]:
    for count in range(len(parts) + 1):
        for chosen in itertools.combinations(parts, count):
            yield tuple(itertools.chain.from_iterable(chosen))


def judged_sets(judge: GateJudge, changes: Changes, products: Sequence[str], most: int) -> dict[str, Any] | None:
    """None where the recipe is another's: a key of it changes nothing in this model."""
    whole = judge.evaluate(Candidate(changes))
    if whole.changed_nothing:
        return None
    found = [whole]
    for size in range(1, most + 1):
        found += [judge.evaluate(Candidate(changes, names)) for names in itertools.combinations(products, size)]
    best = max(found, key=lambda each: each.nearness)
    all_float = judge.evaluate(Candidate(changes, tuple(products)))
    return {
        "recipe": said(changes),
        "without": _db(whole),
        "sets": len(found),
        "passing": sum(each.passes for each in found),
        "unjudged": sum(each.sqnr_db is None for each in found),
        "best": _db(best),
        "nodes": list(best.candidate.keep_float),
        "all_float": _db(all_float),
    }


def _db(evaluation: Evaluation) -> float | None:
    return None if evaluation.sqnr_db is None else round(evaluation.sqnr_db, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--most", type=int, default=2, help="nodes that may be float, at most")
    parser.add_argument("--methods", nargs="*", default=[*METHODS, "dynamic"])
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch)
        case = load_case(project_of(arguments.folder, project))
        settings = replace(default_settings(project, latency_seconds=0.1))
        (run,) = plan(case, settings, ["ort"], [arguments.precision])
        with contextlib.closing(CaseMaterial(case, settings, str(case.path))) as material:
            material.accept_golden()
            feed = material.feeds[0]
            shapes = {name: array.shape for name, array in feed.arrays.items()}
            costs = costs_of(material.model.path, shapes, material.worker)
            products = [name for name in costs.operators if costs.is_product(name)]
            budget = Budget(10**9, math.inf)
            judge = GateJudge(material, run, Journal(project / "sets.jsonl"), budget, lambda _, __: None)
            most = arguments.most
            print(f"{case.name}: {len(products)} products, sets of up to {most}", flush=True)
            for changes in recipes(arguments.methods):
                started = time.monotonic()
                row = judged_sets(judge, changes, products, most)
                if row is None:
                    print(f"{said(changes)}: changes nothing here", flush=True)
                    continue
                rows.append({**row, "seconds": round(time.monotonic() - started, 1)})
                print(json.dumps(rows[-1]), flush=True)
                arguments.output.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
