"""What is diagnosed: a run of a case, or two files and data."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.diagnose import SAMPLES
from pytest_qparity.diagnose.diagnosing import Diagnosis, Order, diagnose
from pytest_qparity.gate.case_material import CaseMaterial
from pytest_qparity.gate.planning import Run, plan
from pytest_qparity.gate.run_material import RunMaterial
from pytest_qparity.verdict import EMULATED, CannotJudge, Code

if TYPE_CHECKING:
    from pytest_qparity.case.feeding import Feed, FeedSource
    from pytest_qparity.case.loading import Case
    from pytest_qparity.gate.settings import Settings
    from pytest_qparity.worker.protocol import Worker

__all__ = ["Files", "UnknownRun", "diagnose_files", "diagnose_run", "run_named"]

CALIBRATION_SAMPLES = 4096  # whose ranges are held against the test data's

Told = Callable[[str, float], None]


class UnknownRun(ValueError):  # noqa: N818  # what it is
    """A run that a case does not have; the text says which it has, and the nearest."""


@dataclass(frozen=True, slots=True)
class Files:
    """data, calibration: .npz of arrays by input name. batch: samples a feed; precision: whose keys are suggested."""

    reference: Path
    variant: Path
    data: Path
    calibration: Path | None = None
    batch: int = 1
    precision: str = "int8"
    largest_data_mb: float = 4096.0


@contextlib.contextmanager
def _closing_all(material: CaseMaterial, run: Run) -> Iterator[RunMaterial]:
    with (
        contextlib.closing(material),
        contextlib.closing(RunMaterial(material, run.backend, run.precision)) as running,
    ):
        yield running


def run_named(case: Case, name: str, settings: Settings) -> Run:
    """A run of a case by its id, with or without the mark of an emulated one, over all backends that are known: none
    needs to work here. Raises UnknownRun."""
    runs = {run.id: run for run in plan(case, settings, tuple(settings.backends))}
    for each in (name, f"{name}{EMULATED}"):
        if each in runs:
            return runs[each]
    near = nearest(name, runs)
    instead = f"; nearest is {near!r}" if near else ""
    backends, precisions = known_list(settings.backends), known_list(case.spec.precisions)
    should = f"should be BACKEND-PRECISION of {backends} and {precisions}{instead}"
    raise UnknownRun(f"got run {name!r} of {case.path.name}, {should}")


def diagnose_run(
    case: Case,
    run: Run,
    settings: Settings,
    *,
    samples: int = SAMPLES,
    shortlist: int,
    told: Told,
    work: Callable[[Order, Worker, Diagnosis], None] = lambda _, __, ___: None,
) -> Diagnosis:
    """Make the run's variant (or take the given file) and diagnose it over the first `samples` of the test data.

    Calibration data are gone through where the variant is made with them. A variant of another engine's operators is
    looked at as it is emulated. work: done with the order and the worker while they are there.
    """
    material = CaseMaterial(case, settings, str(case.path))
    with _closing_all(material, run) as running:
        variant = running.variant_at(run.precision)
        feeds = _some(_fed(material), samples)
        calibration = _some(material.calibration_feeds, CALIBRATION_SAMPLES) if variant.calibrated else ()
        reference = variant.float_model or material.model.path
        order = Order(reference, variant.path, feeds, calibration, run.precision, shortlist)
        try:
            found = diagnose(order, material.worker, told)
        except CannotJudge as reason:
            if reason.failure.code is not Code.DIAGNOSE_REFUSED or not running.is_emulated:
                raise
            order = replace(order, variant=running.executed_at(run.precision).path)
            found = diagnose(order, material.worker, told)
        if material.recordings is not None:
            found = replace(found, notes=(*found.notes, _single_steps(case, run)))
        work(order, material.worker, found)
    return found


def _single_steps(case: Case, run: Run) -> str:
    path = Path(os.path.relpath(case.path)).as_posix()
    return (
        "these are single steps, each with the float model's states: what states gather over a recording is not in "
        "them. The gate judges the variant with its own states; its figure and the drift by step: "
        + shlex.join(["pytest", f"{path}::{run.id}::parity", f"--backend={run.backend}"])
    )


def _fed(material: CaseMaterial) -> FeedSource:
    """Steps of recordings begin with the states of the golden: each layer is looked at where the float model was."""
    from pytest_qparity.case.sequence import with_states

    if material.recordings is None:
        return material.feeds
    return with_states(material.feeds, material.recordings, material.golden.outputs)


def _some(feeds: FeedSource, samples: int) -> Sequence[Feed]:
    """The first feeds, which hold `samples` or a few more."""
    from pytest_qparity.case.data import some_in_memory

    return some_in_memory(feeds, samples)[: -(-samples // feeds.batch)]


def diagnose_files(
    files: Files,
    worker: Worker,
    *,
    samples: int = SAMPLES,
    shortlist: int,
    told: Told,
    work: Callable[[Order, Worker, Diagnosis], None] = lambda _, __, ___: None,
) -> Diagnosis:
    """The same of two files, without a case."""
    from pytest_qparity.case.data import make_feeds
    from pytest_qparity.case.data_loading import load_samples
    from pytest_qparity.case.model import read_model_file

    model = read_model_file(files.reference, worker)
    read_model_file(files.variant, worker)  # what is no model is named before it is run
    loaded = [
        make_feeds(load_samples(str(path.absolute()), Path(), files.largest_data_mb), model.inputs, files.batch)
        for path in (files.data, files.calibration)
        if path is not None
    ]
    feeds = loaded[0][: -(-samples // files.batch)]
    calibration = tuple(loaded[1]) if len(loaded) > 1 else ()
    order = Order(files.reference, files.variant, feeds, calibration, files.precision, shortlist)
    found = diagnose(order, worker, told)
    work(order, worker, found)
    return found
