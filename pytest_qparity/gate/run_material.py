"""What a run is judged from: its variant, session and outputs; each made when first asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.gate.once import made_so_far, once
from pytest_qparity.precision.table import base_of
from pytest_qparity.processor import this_processor
from pytest_qparity.verdict import CannotJudge, Code, Failure, run_id

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.backends.engine_options import EngineOptions
    from pytest_qparity.backends.hosted import EngineHost, HostedSession
    from pytest_qparity.backends.kernels import Kernels, NotTold
    from pytest_qparity.backends.outputs import Misfit
    from pytest_qparity.backends.protocol import SessionFacts, SessionOptions
    from pytest_qparity.backends.shapes import InputShapes
    from pytest_qparity.case.model import StoredBytes
    from pytest_qparity.checks.origin import Origin
    from pytest_qparity.gate.case_material import CaseMaterial
    from pytest_qparity.gate.judged import Judged
    from pytest_qparity.precision.calibration.evidence import Doubt
    from pytest_qparity.precision.variants import Variant, Workshop
    from pytest_qparity.verdict import Verdict
    from pytest_qparity.worker.protocol import Worker


class RunMaterial:
    """A run's variant, session and outputs, and those of FP32 on the same backend beside them."""

    def __init__(self, material: CaseMaterial, backend: str, precision: str, lent: EngineHost | None = None) -> None:
        """`lent`: a host that several runs share and whoever lends it closes; without one the run has its own."""
        self.material = material
        self.backend_spec = material.settings.backends[backend]
        self.precision = precision
        self.base = self._base(precision)
        self._beside: dict[str, RunMaterial] = {}
        self._lent = lent
        self._worker: Worker | None = None
        self.verdicts: dict[str, Verdict] = {}  # of checks that were judged, before waivers
        self.latency_samples_ms: np.ndarray | None = None  # float64 (calls,), once the latency check has measured

    @property
    def id(self) -> str:
        return run_id(self.backend_spec.name, self.precision, self.is_emulated)

    @property
    def is_emulated(self) -> bool:
        """Whether the backend runs the precision on float operators."""
        return self.is_emulated_at(self.precision)

    def is_emulated_at(self, precision: str) -> bool:
        from pytest_qparity.case.precision_spec import PrecisionSpec
        from pytest_qparity.precision.choosing import is_emulated

        stated = self.material.case.spec.precisions.get(precision, PrecisionSpec())
        return is_emulated(self._base(precision), stated, self.backend_spec.emulated)

    @once
    def host(self) -> EngineHost:
        """The worker in which this run's sessions live. Raises CannotJudge where the backend does not work here."""
        from pytest_qparity.backends.hosted import EngineHost

        host = self._lent
        if host is None:
            host = EngineHost(self.material.settings.worker(self.material.limits), self.backend_spec)
            self._worker = host.worker
        host.require_available()
        return host

    @once
    def variant(self) -> Variant:
        """Raises CannotJudge where there is no backend to run it, or its inputs are not those of the float model."""
        self.host  # noqa: B018  no variant is made for a backend that is not there, but to look at its file
        return self.file

    @once
    def file(self) -> Variant:
        """The variant whether or not its backend is here: rules of an importer are held against it everywhere. Raises
        CannotJudge where its inputs are not those of the float model."""
        variant = self.variant_at(self.precision)
        stated = self.material.case.spec.precisions.get(self.precision)
        from_file = stated is not None and stated.file is not None
        if from_file and not variant.is_plan:  # an engine tells its inputs once it is loaded
            self._require_same_inputs(variant.path)
        return variant

    @property
    def origin(self) -> Origin:
        """Where the variant that was judged came from: what can be done about it depends on that."""
        from pytest_qparity.checks.origin import Origin

        variant, method = self.file, self.file.recipe["method"]
        if variant.given or method == "mixed":
            return Origin.ENGINE if variant.is_plan else Origin.GIVEN
        if variant.recipe.get("ranges") is not None:
            return Origin.RANGES
        by_method = {"float model": Origin.FLOAT, "cast": Origin.CAST, "command": Origin.COMMAND}
        return by_method.get(method) or (Origin.CALIBRATED if variant.calibrated else Origin.UNCALIBRATED)

    def variant_at(self, precision: str) -> Variant:
        from pytest_qparity.case.precision_spec import PrecisionSpec
        from pytest_qparity.precision.variants import VariantRequest, variant_for

        case = self.material.case
        request = VariantRequest(
            model=self.material.model,
            precision=precision,
            base=self._base(precision),
            spec=case.spec.precisions.get(precision, PrecisionSpec()),
            folder=case.folder,
            family=self.backend_spec.placement,
            where=self._place_of(precision),
            loads_plans=self.backend_spec.loads_plans,
        )
        return variant_for(request, lambda: self.material.calibration_feeds, self._workshop)

    @once
    def calibration_doubts(self) -> tuple[Doubt, ...]:
        """What the case's data say of the variant's ranges; nothing of a variant that has none."""
        from pytest_qparity.gate.ranges import doubts_about_file

        if self.variant.calibrated:
            return self.material.calibration_doubts
        stated = self.material.case.spec.precisions.get(self.precision)
        if stated is None or stated.ranges is None or self.variant.given:
            return ()
        return doubts_about_file(self.material, self.precision, stated.ranges)

    @once
    def executed(self) -> Variant:
        """The file that the session runs: the variant itself, or what emulates it on this backend."""
        self.host  # noqa: B018  as of the variant
        return self.executed_file

    @once
    def executed_file(self) -> Variant:
        """The same, whether or not its backend is here."""
        return self._executed(self.file)

    def executed_at(self, precision: str) -> Variant:
        """The file that a session of a precision runs, for whoever opens no session."""
        return self._executed(self.variant_at(precision))

    @property
    def _workshop(self) -> Workshop:
        from pytest_qparity.precision.cache import VariantCache
        from pytest_qparity.precision.variants import Workshop

        settings = self.material.settings
        return Workshop(self.material.worker, VariantCache(settings.cache / "variants", settings.remote_cache))

    def _executed(self, variant: Variant) -> Variant:
        from pytest_qparity.precision.emulated import emulated_variant

        if not self.is_emulated_at(variant.precision):
            return variant
        return emulated_variant(variant, self.backend_spec.emulated, self._workshop)

    @property
    def options(self) -> SessionOptions:
        """What the session of this run is asked for."""
        return self._options_at(self.base)

    def options_at(self, precision: str) -> SessionOptions:
        """What a session of another precision of the case is asked for."""
        return self._options_at(self._base(precision))

    def _options_at(self, base: str) -> SessionOptions:
        from pytest_qparity.backends.protocol import SessionOptions

        cache = self.material.settings.cache / "engines"
        tf32 = base == "tf32" and base not in self.backend_spec.emulated  # a lowered file rounds by itself
        return SessionOptions(tf32=tf32, shapes=self._shapes, cache=cache, engine=self._engine_options)

    @property
    def _engine_options(self) -> EngineOptions:
        """What the case says of how this backend's engines are built and run."""
        from pytest_qparity.backends.engine_options import EngineOptions

        stated = self.material.case.spec.backends.get(self.backend_spec.name)
        return EngineOptions() if stated is None else EngineOptions(**stated.model_dump())

    @once
    def _shapes(self) -> Mapping[str, InputShapes]:
        """In which the test data feed a model that leaves some open. Data that are not there are told by whoever
        needs their values: a session does not."""
        from pytest_qparity.backends.shapes import shapes_over

        shapes = [tensor.shape for tensor in self.material.model.inputs]
        if all(shape is not None and all(isinstance(size, int) for size in shape) for shape in shapes):
            return {}
        try:
            return shapes_over(self.material.feeds.of_each_shape())
        except CannotJudge:
            return {}

    @once
    def session(self) -> HostedSession:
        return self._open(self.executed)

    @once
    def facts(self) -> SessionFacts:
        """What the session states of itself: engine, version, settings, where its nodes ran."""
        return self.session.facts()

    @once
    def hardware(self) -> str:
        """Fingerprint of what the session computes on, as its facts name it: budgets of time belong to it."""
        from pytest_qparity.backends.cpu import cpu_device
        from pytest_qparity.backends.cuda_driver import hardware_of
        from pytest_qparity.hardware import this_hardware

        device = self.facts.device
        return this_hardware() if device == cpu_device() else this_hardware(hardware_of(device))

    @once
    def kernels(self) -> Kernels | NotTold:
        """What became of the variant's compute nodes. Takes as long as loading: preflight alone asks for it."""
        kernels = self.session.kernels()
        require_unchanged(self.variant)  # an engine may read the file again for it
        return kernels

    def at(self, precision: str) -> RunMaterial:
        """The run of another precision of the case in the same worker: what this one is compared with."""
        if precision == self.precision:
            return self
        if precision not in self._beside:
            self._beside[precision] = _Counterpart(self.material, self.backend_spec.name, precision, self.host)
        return self._beside[precision]

    def session_at(self, precision: str) -> HostedSession:
        return self.at(precision).session

    def _counterpart(self, variant: Variant, options: SessionOptions | None = None) -> HostedSession:
        """A session of the variant; of the float model, where the engine refuses it and it has local functions, which
        every recipe inlines, one of the model without them."""
        from pytest_qparity.precision.inlined import inlined_variant

        try:
            return self._open(self._executed(variant), options)
        except CannotJudge:
            inlined = inlined_variant(variant, self._workshop) if variant.base == "fp32" and not variant.given else None
            if inlined is None:
                raise
        return self._open(inlined, options)

    def session_that_never_ran(self, precision: str, shapes: Mapping[str, InputShapes]) -> HostedSession:
        """One more session of a precision, for feeds of `shapes`; whoever asks closes it."""
        is_own = precision == self.precision
        variant = self.executed if is_own else self.variant_at(precision)
        options = replace(self._options_at(variant.base), shapes=shapes)
        return self._open(variant, options) if is_own else self._counterpart(variant, options)

    @once
    def gathered(self) -> dict[str, np.ndarray] | Misfit:
        """The variant's outputs over all test samples, if they are laid out as the golden's; of recordings, those of
        the variant with its own states."""
        from pytest_qparity.backends.outputs import gather_outputs_like
        from pytest_qparity.backends.rollout import Rollout

        session = self.session  # a backend that is not there needs no golden
        feeds, recordings = self.material.feeds, self.material.recordings
        runs = session if recordings is None else Rollout(session, recordings)
        return gather_outputs_like(runs, feeds, self.material.golden.outputs)

    @once
    def gathered_from_golden_states(self) -> dict[str, np.ndarray] | Misfit:
        """The variant's outputs where each step of a recording begins with the golden's states."""
        from pytest_qparity.backends.outputs import gather_outputs_like
        from pytest_qparity.case.sequence import with_states

        recordings, golden = self.material.recordings, self.material.golden.outputs
        if recordings is None:
            raise ValueError("got a case without states, should have some")
        return gather_outputs_like(self.session, with_states(self.material.feeds, recordings, golden), golden)

    @once
    def judged(self) -> Judged:
        """The outputs that parity and accuracy are told of: all, or where the case has looks those that it took."""
        from pytest_qparity.gate.judged import judged_samples

        return judged_samples(self)

    @property
    def outputs(self) -> Mapping[str, np.ndarray]:
        """Those over all test samples. Raises CannotJudge where they are a misfit, which parity tells."""
        from pytest_qparity.backends.outputs import Misfit
        from pytest_qparity.gate.accuracy import misfit

        if isinstance(self.gathered, Misfit):
            raise misfit()
        return self.gathered

    def provenance(self) -> dict[str, Any]:
        """Digests and facts of what was made so far; what could not be had is left out."""
        known: dict[str, Any] = {"cpu": this_processor().as_json()}
        made = made_so_far(self)
        if "file" in made:
            variant: Variant = made["file"]
            known["variant"] = {"sha256": variant.digest, "given": variant.given, "recipe": variant.recipe}
            known |= {"variant_cache": variant.origin} if variant.origin else {}
        if "executed_file" in made and self.is_emulated:
            executed: Variant = made["executed_file"]
            known["emulation"] = {"sha256": executed.digest, "recipe": executed.recipe}
        if self._engine_options.stated:
            known["engine_options"] = self._engine_options.as_json()
        with contextlib.suppress(CannotJudge):
            if "session" in made:
                known["engine"] = asdict(self._facts_now())
                known["hardware"] = self.hardware
            known["golden_key"] = asdict(self.material.golden_key)
        canaries = self.material.settings.canaries.record(self.backend_spec.name)
        if canaries is not None:
            known["canaries"] = canaries
        return known

    def close(self) -> None:
        """End the run's worker, and with it its sessions."""
        if self._worker is not None:
            self._worker.close()

    def _facts_now(self) -> SessionFacts:
        """What the session states after what it ran, such as what an engine warned of while it did; of one that has
        ended since, what it stated before."""
        try:
            return self.session.facts()
        except CannotJudge:
            return self.facts

    def _place_of(self, precision: str) -> str:
        """File and line of a precision's table, for messages; empty where the case has none."""
        case = self.material.case
        if precision not in case.spec.precisions:
            return ""
        line = case.line_of("precisions", precision)
        return self.material.location if line is None else f"{self.material.location}:{line}"

    def _require_same_inputs(self, given: Path) -> None:
        from pytest_qparity.case.model import read_model_file

        self._require_inputs(read_model_file(given, self.material.worker).input_types)

    def _require_inputs(self, got: Mapping[str, str] | None) -> None:
        """The feeds are made for the float model's inputs."""
        expected = self.material.model.input_types
        if got != expected:
            raise CannotJudge(
                Failure(
                    Code.VARIANT_INTERFACE,
                    f"The variant's inputs are {got or 'not told'}, should be the float model's {expected}.",
                    "export the variant with the float model's input names and types",
                )
            )

    def _open(self, variant: Variant, options: SessionOptions | None = None) -> HostedSession:
        require_unchanged(variant)
        session = self.host.load(variant.path, options or self._options_at(variant.base))
        require_unchanged(variant)
        if variant.is_plan:
            self._require_inputs(session.inputs())
        return session

    def _base(self, precision: str) -> str:
        declared = self.material.case.spec.precisions.get(precision)
        base = base_of(precision, declared.base if declared else None)
        if base is None:
            raise ValueError(f"got precision {precision!r}, should have been refused when the case was planned")
        return base


class _Counterpart(RunMaterial):
    @once
    def session(self) -> HostedSession:
        return self._counterpart(self.variant)


def require_unchanged(variant: Variant) -> StoredBytes:
    """The variant's bytes as they are now. A verdict belongs to exact bytes: raises CannotJudge where it is others."""
    from pytest_qparity.case.model import stored_bytes

    try:
        now = stored_bytes(variant.path, variant.external)
    except OSError as error:
        raise _changed(f"{variant.path.name} is gone ({error.strerror}), should be there as planned.") from None
    if now.digest != variant.digest:
        raise _changed(
            f"{variant.path.name} is {now.digest[:12]} now, should be {variant.digest[:12]} as planned.",
        )
    return now


def _changed(sentence: str) -> CannotJudge:
    return CannotJudge(Failure(Code.VARIANT_CHANGED, sentence, "let nothing write to models while they are judged"))
