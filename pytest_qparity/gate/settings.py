"""Settings of a gate: where things live, what is known, what a run may do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.backends.registry import BackendSpec, backend_table
from pytest_qparity.case.contributed import NOTHING_CONTRIBUTED, Contributed
from pytest_qparity.case.naming import name_in
from pytest_qparity.gate.canaries import Canaries
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.protocol import DEFAULT_ISOLATION, Isolation
from pytest_qparity.worker.started import StartedWorkers

if TYPE_CHECKING:
    from pytest_qparity.baseline.file import Baseline
    from pytest_qparity.checks.metrics import Metric
    from pytest_qparity.gate.basis import SessionBasis
    from pytest_qparity.gate.turns import Turns
    from pytest_qparity.golden.accept import Accept
    from pytest_qparity.ledger.earlier import Earlier
    from pytest_qparity.precision.remote import RemoteCache
    from pytest_qparity.precision.variant_folder import VariantFolder
    from pytest_qparity.worker.protocol import Watch, Worker


DEFAULT_EXAMPLES = 7


@dataclass(frozen=True, slots=True)
class Settings:
    """Where goldens and variants live, what is known, what a run may do, and what must fail before it is believed."""

    golden_root: Path
    cache: Path
    roots: tuple[Path, ...]  # case files may read from these folders and below
    backends: Mapping[str, BackendSpec]
    metrics: Mapping[str, Metric]
    accept: Accept | None = None
    latency_seconds: float = 1.0
    canaries: Canaries = field(default_factory=Canaries)
    largest_data_mb: float = 4096.0  # that .npz files of one source may hold
    isolation: Isolation = DEFAULT_ISOLATION
    limits: Limits = field(default_factory=Limits)
    examples: int = DEFAULT_EXAMPLES  # of each kernel that is held against its specification
    seed: int = 0  # of these examples
    demanded_limits: Mapping[str, float] = field(default_factory=dict)  # over what a case states
    baseline: Baseline | None = None  # what runs must not be worse than
    baseline_variants: VariantFolder | None = None  # where files lie that the baseline was saved of
    watch: Watch | None = None  # hears how far long calls are
    session_basis: SessionBasis | None = None  # what all verdicts rest on; None: no verdict says
    earlier: Earlier | None = None  # verdicts of an earlier ledger, for runs that nothing touches
    remote_cache: RemoteCache | None = None  # of made variants, shared with other machines
    contributed: Contributed = NOTHING_CONTRIBUTED  # precisions and data sources of plugins
    case_names: Mapping[Path, str] = field(default_factory=dict)  # of the project's case files
    turns: Turns | None = None  # of processes that share the machine; None: this one is the only one
    started: StartedWorkers = field(default_factory=StartedWorkers)

    def case_name(self, path: Path) -> str:
        """What the case at `path` is called in goldens, ledger and baseline."""
        return name_in(self.case_names, path)

    def limits_of(self, stated: Mapping[str, float]) -> Limits:
        """The limits of a case that states some of its own."""
        return self.limits.but(**stated).but(**self.demanded_limits)

    def worker(self, limits: Limits) -> Worker:
        """A new worker; whoever asks for it closes it."""
        worker = self.started.taken(limits) or self._worker(limits)
        if self.turns is None:
            return worker
        from pytest_qparity.gate.turns import InTurn

        return InTurn(worker, self.turns)

    def starting(self, limits: Iterable[Limits]) -> AbstractContextManager[None]:
        """A block that asks for workers with these limits: they start together, the first that is awaited takes the
        time of all."""
        return nullcontext() if self.isolation is Isolation.NONE else self.started.ahead(self._worker, limits)

    def timed(self) -> AbstractContextManager[bool | None]:
        """While something is timed; whether it is alone then, None where that cannot be told."""
        return nullcontext() if self.turns is None else self.turns.timed()

    def _worker(self, limits: Limits) -> Worker:
        if self.isolation is Isolation.NONE:
            from pytest_qparity.worker.in_process import InProcess

            return InProcess(limits, self.watch)
        from pytest_qparity.worker.process import WorkerProcess

        return WorkerProcess(limits, self.watch)


def default_settings(root: Path, latency_seconds: float = 1.0) -> Settings:
    """Goldens in `root`/golden, variants in `root`/.qparity/cache, canaries in `root`/cases/canaries or this
    package's own, the built-in backends and metrics. Case files may read from `root` and below."""
    from pytest_qparity.checks.metrics import BUILTIN_METRICS
    from pytest_qparity.gate.canary_project import own_canaries

    canary_files = tuple(root.glob("cases/canaries/*.toml"))

    return Settings(
        golden_root=root / "golden",
        cache=root / ".qparity" / "cache",
        roots=(root,),
        backends=backend_table(),
        metrics={metric.name: metric for metric in BUILTIN_METRICS},
        latency_seconds=latency_seconds,
        canaries=Canaries(root, canary_files) if canary_files else own_canaries(),
    )
