"""The baseline's variant timed in turn with today's, where their bytes differ and the old ones are at hand."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_qparity.backends.timing import Question
from pytest_qparity.checks.regression.direct import BesideBaseline
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.backends.sequential import Interval
    from pytest_qparity.case.data import Feed
    from pytest_qparity.gate.run_material import RunMaterial
    from pytest_qparity.precision.variant_folder import StoredVariant
    from pytest_qparity.precision.variants import Variant

__all__ = ["beside_baseline"]


def beside_baseline(run: RunMaterial, feed: Feed) -> BesideBaseline | None:
    """None where there is nothing to be held against: no baseline of this run on this hardware that was timed, or one
    of the same bytes. What keeps the old variant from being timed is told, and is no failure of the run."""
    digest = _other_bytes(run)
    if digest is None:
        return None
    try:
        found, place = _at_hand(run, digest)
    except LookupError as reason:
        return BesideBaseline(digest, untold=str(reason))
    try:
        return BesideBaseline(digest, _timed(run, found, feed), place)
    except CannotJudge as reason:
        return BesideBaseline(digest, found=place, untold=reason.failure.sentence)


def _other_bytes(run: RunMaterial) -> str | None:
    """SHA-256 of the baseline's variant, where it is another than today's."""
    baseline = run.material.settings.baseline
    if baseline is None:
        return None
    before = baseline.nearest(run.material.case.name, run.backend_spec.name, run.precision, run.hardware)
    if before is None or before.latency is None or before.hardware != run.hardware:
        return None
    return None if before.about.variant == run.variant.digest else before.about.variant


def _at_hand(run: RunMaterial, digest: str) -> tuple[Variant, str]:
    """The file with these bytes, and where it is. Raises LookupError with where it is not."""
    from pytest_qparity.precision.cache import VariantCache
    from pytest_qparity.precision.variant_folder import StoredVariant

    settings = run.material.settings
    cached = VariantCache(settings.cache / "variants").holding(digest)
    if cached is not None:
        return _as_variant(run, StoredVariant(cached.path, cached.external), digest), "the cache of variants"
    folder, remote, looked = settings.baseline_variants, settings.remote_cache, ["the cache of variants"]
    if folder is not None:
        kept = folder.holding(digest, run.material.worker)
        if kept is not None:
            return _as_variant(run, kept, digest), str(folder.path.name)
        looked.append(f"the folder {folder.path.name}")
    if remote is not None:
        target = settings.cache / "baseline" / f"{digest}.onnx"
        if remote.fetch_content(digest, target):
            return _as_variant(run, StoredVariant(target), digest), "the shared cache of variants"
        looked.append("the shared one")
    hint = "" if folder is not None else " (--qparity-baseline-variants=FOLDER: what qparity export wrote)"
    raise LookupError(f"it is not in {', nor in '.join(looked)}{hint}")


def _as_variant(run: RunMaterial, stored: StoredVariant, digest: str) -> Variant:
    return replace(run.variant, path=stored.path, external=stored.external, digest=digest, given=True, recipe={})


def _timed(run: RunMaterial, before: Variant, feed: Feed) -> Interval:
    """In a worker of their own: whatever the old file does to it, the run's own sessions go on."""
    from pytest_qparity.backends.hosted import EngineHost
    from pytest_qparity.checks.speed_up import speed_up
    from pytest_qparity.gate.run_material import require_unchanged

    if not before.is_plan:
        _require_same_inputs(run, before)
    settings, regression = run.material.settings, run.material.case.spec.regression
    question = Question(settings.latency_seconds, (1.0 - regression.slower_percent / 100.0,), must_decide=True)
    host = EngineHost(settings.worker(run.material.limits), run.backend_spec)
    with contextlib.closing(host):
        sessions = []
        for variant in (run.variant, before):
            require_unchanged(variant)
            sessions.append(host.load(variant.path, run.options))
            sessions[-1].run(feed.arrays)  # the first run has a deadline of its own
            require_unchanged(variant)
        with settings.timed():
            return speed_up(sessions[0].time_in_turn(sessions[1], feed.arrays, question))


def _require_same_inputs(run: RunMaterial, before: Variant) -> None:
    from pytest_qparity.case.model import read_model_file

    old, now = read_model_file(before.path, run.material.worker).input_types, run.material.model.input_types
    if old != now:
        sentence = f"Its inputs are {old}, should be the float model's {now}."
        raise CannotJudge(Failure(Code.VARIANT_INTERFACE, sentence, "save the baseline anew, of this model"))
