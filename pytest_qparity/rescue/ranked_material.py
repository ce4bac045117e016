"""What nodes are ranked by: some test data, what each node costs, which stand in bodies, and the file to look into."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_qparity.case.sequence import with_states
from pytest_qparity.precision.table import base_of
from pytest_qparity.rescue.costs import Costs, costs_of, measured_microseconds

if TYPE_CHECKING:
    from pytest_qparity.case.data import Feed
    from pytest_qparity.case.precision_spec import PrecisionSpec
    from pytest_qparity.gate import CaseMaterial, Run
    from pytest_qparity.rescue.candidate import Candidate
    from pytest_qparity.rescue.journal import Journal

__all__ = ["base_of_run", "costs_of_nodes", "feeds_for_ranking", "products_in_bodies", "twin"]

SPREAD = 1024  # feeds that are gone through for them: data may be a stream
SAMPLES, FEEDS = 64, 8  # of the test data, at most, for the sensitivity: it ranks, it does not judge
TIMED = "ort"  # whose CPU kernels are those that are timed


def feeds_for_ranking(material: CaseMaterial) -> list[Feed]:
    """Some, from all over the data; of recordings with the float model's states."""
    feeds, recordings = material.feeds, material.recordings
    if recordings is not None:
        feeds = with_states(feeds, recordings, material.golden.outputs)
    count = min(FEEDS, max(SAMPLES // feeds.batch, 1), len(feeds))
    among = min(len(feeds), SPREAD)
    wanted = {index * among // count for index in range(count)}
    return [feed for index, feed in enumerate(itertools.islice(feeds, max(wanted) + 1)) if index in wanted]


def costs_of_nodes(material: CaseMaterial, run: Run, journal: Journal, feed: Feed) -> Costs:
    """On ONNX Runtime's CPU kernels measured once, for all sessions of a search; of other engines modelled."""
    worker, model = material.worker, material.model.path
    costs = costs_of(model, {name: array.shape for name, array in feed.arrays.items()}, worker)
    if run.backend != TIMED:
        return costs
    if journal.microseconds is None:
        measured = measured_microseconds(model, feed.arrays, worker)
        if not measured:  # of this moment: the next session may measure them
            return costs
        journal.add_microseconds(measured)
    return costs.timed(journal.microseconds or {})


def products_in_bodies(method: str, costs: Costs) -> dict[str, list[str]]:
    """By their holder, those that recipes quantize; of a given file no node in a body can be kept."""
    found: dict[str, list[str]] = {}
    for name, holder in costs.holders.items():
        if method not in ("given", "cast") and costs.is_product(name):
            found.setdefault(holder, []).append(name)
    return found


def twin(candidate: Candidate, spec: PrecisionSpec) -> Candidate:
    """The same with Q/DQ nodes in the place of operators on integers, and static ranges in that of dynamic ones."""
    if spec.recipe != "dynamic" and spec.format != "qoperator":
        return candidate
    gone = ("algorithm", "format", "operators", "recipe") if spec.recipe != "dynamic" else ("operators", "recipe")
    kept = tuple((key, value) for key, value in candidate.changes if key not in gone)
    return replace(candidate, changes=(*kept, *((key, None) for key in gone)))


def base_of_run(run: Run, material: CaseMaterial) -> str:
    return str(base_of(run.precision, material.case.spec.precisions[run.precision].base))
