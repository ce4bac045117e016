"""What a case is judged from: its float model, data and golden; each made when first asked for."""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.gate.once import hand_over, made_so_far, once
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.renewed import RenewedWorker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.case.data import Samples
    from pytest_qparity.case.data_streams import StreamedSamples
    from pytest_qparity.case.feeding import FeedSource
    from pytest_qparity.case.loading import Case
    from pytest_qparity.case.model import ModelFile
    from pytest_qparity.case.sequence import Recordings
    from pytest_qparity.checks.statistics.copies import IndexArray
    from pytest_qparity.checks.statistics.groups import Grouping
    from pytest_qparity.gate.feed_shapes import FeedShapes
    from pytest_qparity.gate.settings import Settings
    from pytest_qparity.golden.accept import Accept, GoldenStatus
    from pytest_qparity.golden.store import Golden, GoldenKey
    from pytest_qparity.precision.calibration.evidence import Doubt
    from pytest_qparity.worker.limits import Limits
    from pytest_qparity.worker.protocol import Worker


class CaseMaterial:
    """A case's float model, test data and golden, shared by all its runs."""

    def __init__(self, case: Case, settings: Settings, location: str) -> None:
        self.case = case
        self.settings = settings
        self.location = location  # the case file as a command names it

    @once
    def worker(self) -> Worker:
        """Opens the case's models and makes its variants; engines run in others."""
        return RenewedWorker(partial(self.settings.worker, self.limits), self.limits)

    def inherit_worker(self, other: CaseMaterial) -> None:
        """Use the worker that opened another case's models rather than start one, where the same limits hold and this
        case has none yet."""
        has_one = "worker" in made_so_far(self)
        if "worker" in made_so_far(other) and not has_one and self.limits == other.limits:
            hand_over("worker", other, self)

    @property
    def limits(self) -> Limits:
        stated = self.case.spec.limits
        return self.settings.limits_of({} if stated is None else stated.model_dump(exclude_none=True))

    @once
    def model(self) -> ModelFile:
        from pytest_qparity.case.model import read_model_file, resolve_model

        path = resolve_model(self.case.spec.model, self.case.folder, self.settings.cache / "models", self.worker)
        return read_model_file(path, self.worker)

    @once
    def samples(self) -> Samples | StreamedSamples:
        from pytest_qparity.case.data import Samples
        from pytest_qparity.case.data_streams import FedHashes, StreamedSamples
        from pytest_qparity.case.groups import no_groups

        samples = self._opened(self.case.spec.data.test)
        group = self.case.spec.data.group
        if group is not None and samples.groups is None:
            raise no_groups(group, samples.origin, samples.inputs if isinstance(samples, Samples) else ())
        asks_for_copies = self.case.spec.accuracy is not None and self.case.spec.data.population
        if asks_for_copies and isinstance(samples, StreamedSamples):
            return replace(samples, fed=FedHashes())
        return samples

    def _opened(self, source: str) -> Samples | StreamedSamples:
        from pytest_qparity.case.data_loading import open_samples
        from pytest_qparity.case.reach import Reach

        reach = Reach.of(self.case.folder, self.settings.roots)
        return open_samples(
            source, self.case.spec.data, reach, lambda: self.model.inputs, self.settings.largest_data_mb
        )

    @once
    def alike_samples(self) -> IndexArray | None:
        """For each test sample the index of the first that is fed as it is; None of recordings, made of steps.

        Of a stream from the hashes that the run's own pass left, where it has been gone through."""
        from pytest_qparity.checks.statistics.copies import first_alike

        return None if self.recordings is not None else first_alike(self.samples.input_hashes())

    @once
    def grouped_samples(self) -> Grouping | None:
        """The groups that test samples come in, and which of them are copies; None where each is drawn by itself."""
        from pytest_qparity.gate.grouping import grouping_of

        return grouping_of(self)

    @property
    def comes_in_groups(self) -> bool:
        """Whether what a population's draws are is a group of samples; without asking which of them are copies."""
        from pytest_qparity.gate.grouping import is_grouped

        return is_grouped(self)

    @property
    def feeds(self) -> FeedSource:
        return self._test_steps[0]

    @once
    def feed_shapes(self) -> FeedShapes:
        """The shapes of the feeds; the costliest is what costs are measured with."""
        from pytest_qparity.gate.feed_shapes import feed_shapes

        return feed_shapes(self.feeds, self._activations)

    def _activations(self, shapes: Mapping[str, tuple[int, ...]]) -> float | None:
        """Megabytes that the float model computes with at once, in these shapes; None where nobody can tell."""
        from pytest_qparity.precision.activations import activation_mb

        with contextlib.suppress(CannotJudge):
            told = activation_mb(self.model.path, shapes, self.worker)
            return None if isinstance(told, str) else told
        return None

    @property
    def recordings(self) -> Recordings | None:
        """What the samples are steps of; None where the case feeds no output back."""
        return self._test_steps[1]

    @once
    def _test_steps(self) -> tuple[FeedSource, Recordings | None]:
        return self._steps(self.samples)

    def _steps(self, samples: Samples | StreamedSamples) -> tuple[FeedSource, Recordings | None]:
        from pytest_qparity.case.data_loading import feeds_of
        from pytest_qparity.case.sequence import recordings_of

        recordings = None
        if self.case.spec.state:
            samples, recordings = recordings_of(samples, self.case.spec.state, self.model)
        return feeds_of(samples, self.model.inputs, self.case.spec.data.batch), recordings

    @once
    def calibration_samples(self) -> Samples | StreamedSamples:
        source = self.case.spec.data.calibration
        if source is None:
            raise CannotJudge(
                Failure(
                    Code.CALIBRATION_MISSING,
                    "The case has no calibration data, should have them to make this precision.",
                    'name them in the case file: [data] calibration = "…"',
                )
            )
        return self._opened(source)

    @once
    def calibration_feeds(self) -> FeedSource:
        """Of recordings: with the states that the float model itself goes through."""
        from pytest_qparity.case.sequence import with_states

        feeds, recordings = self._steps(self.calibration_samples)
        if recordings is None:
            return feeds
        with contextlib.closing(self.settings.worker(self.limits)) as worker:
            outputs = self._reference(worker, feeds, recordings).outputs
        return with_states(feeds, recordings, outputs)

    @once
    def calibration_doubts(self) -> tuple[Doubt, ...]:
        """What the calibration data say of themselves beside the test data."""
        from pytest_qparity.case.sequence import without_states
        from pytest_qparity.precision.calibration.evidence import doubts_about

        state = self.case.spec.state
        return doubts_about(without_states(self.calibration_samples, state), without_states(self.samples, state))

    @property
    def golden_folder(self) -> Path:
        return self.settings.golden_root / self.case.name

    @once
    def golden_key(self) -> GoldenKey:
        from pytest_qparity.gate.reference import recipe_digest
        from pytest_qparity.golden.store import GoldenKey

        recipe = recipe_digest(self.case.spec.data.batch, self.case.spec.state)
        return GoldenKey(model=self.model.digest, data=self.samples.digest, recipe=recipe)

    @once
    def golden_state(self) -> str:
        """Digest of the golden's files, before they are read."""
        from pytest_qparity.gate.basis import golden_state

        if self.settings.accept is not None:
            self._accept(self.settings.accept)
        return golden_state(self.golden_folder)

    @once
    def basis(self) -> Mapping[str, str] | None:
        """What verdicts on the case's runs rest on; None where it cannot be told."""
        from pytest_qparity.gate.basis import case_basis

        return case_basis(self)

    @once
    def golden(self) -> Golden:
        from pytest_qparity.golden.store import read_golden

        feeds = self.feeds  # data that do not fit are no stale golden
        self.golden_state  # noqa: B018  what verdicts rest on is what was there before it was read
        accepting = f"qparity accept {shlex.quote(self.location)}"
        golden = read_golden(self.golden_folder, self.golden_key, accepting)
        if golden.samples != feeds.samples:
            raise CannotJudge(
                Failure(
                    Code.GOLDEN_CORRUPT,
                    f"The golden holds {golden.samples} samples, should hold {feeds.samples}.",
                    f"{accepting} --changed",
                )
            )
        return golden

    def accept_golden(self) -> None:
        """Run the reference recipe and store its outputs. Raises CannotJudge where it cannot run."""
        from pytest_qparity.golden.store import write_golden

        with contextlib.closing(self.settings.worker(self.limits)) as worker:
            write_golden(self.golden_folder, self._reference(worker, self.feeds, self.recordings))

    def _reference(self, worker: Worker, feeds: FeedSource, recordings: Recordings | None) -> Golden:
        from pytest_qparity.gate.reference import reference_golden

        largest_mb = self.settings.largest_data_mb
        return reference_golden(self.model, feeds, self.golden_key, worker, largest_mb, recordings)

    def golden_status(self) -> GoldenStatus:
        from pytest_qparity.golden.accept import status_of

        return status_of(self.case.name, self.golden_folder, self.golden_key)

    def close(self) -> None:
        if "worker" in made_so_far(self):
            self.worker.close()

    def _accept(self, accept: Accept) -> None:
        from pytest_qparity.golden.accept import may_write

        if may_write(self.golden_status().state, accept):
            self.accept_golden()
