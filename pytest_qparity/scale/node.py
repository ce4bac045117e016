"""One run, judged where it is sent to: a job in, events of a ledger out. Nothing here knows how it came there."""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.loading import Case, load_any_case
from pytest_qparity.gate.canaries import Canaries
from pytest_qparity.gate.canary_project import own_canaries
from pytest_qparity.gate.case_material import CaseMaterial
from pytest_qparity.gate.conformance import KernelRun
from pytest_qparity.gate.judging import judge
from pytest_qparity.gate.run_material import RunMaterial
from pytest_qparity.gate.turns import Turns
from pytest_qparity.ledger import CheckId, verdict_event
from pytest_qparity.precision.remote import RemoteCache, RemoteCacheWarning
from pytest_qparity.scale.storage import SharedStorage
from pytest_qparity.version import __version__

if TYPE_CHECKING:
    from pytest_qparity.gate.planning import Run
    from pytest_qparity.gate.settings import Settings
    from pytest_qparity.verdict import Verdict

__all__ = ["JudgedRun", "RunJob", "judge_job"]

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunJob:
    """What it takes to judge a run elsewhere.

    `node_ids`: by check, those that were asked for, in order; `reproduce`: the command of each. `root`: rootdir of the
    session, which `case_file` is relative to; `case`: its name. `settings` without canaries, which the node prepares
    itself: `canary_files`, from `root`; None: the package's own; none: no canaries. `files`: digests by name of what is
    to be fetched from `storage`; None where the node sees `root` itself; `cached`: the same of the cache folder.
    `variants`: URL of the cache that made variants are shared through. `session`: whose job it is.
    """

    session: str
    root: Path
    case_file: str
    case: str
    run: Run
    node_ids: Mapping[str, str]
    reproduce: Mapping[str, str]
    settings: Settings
    canary_files: tuple[str, ...] | None
    storage: str | None = None
    files: Mapping[str, str] | None = None
    cached: Mapping[str, str] = field(default_factory=dict)
    variants: str | None = None
    import_paths: tuple[str, ...] = ()
    version: str = __version__


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """Verdict events by node id, and the samples of the latency check, for pytest-benchmark."""

    events: Mapping[str, Event]
    latency_samples_ms: tuple[float, ...] | None = None


def judge_job(job: RunJob, node: str) -> JudgedRun:
    """Judge the checks of a run on this machine, a node of that name; a run is whole or it raises.

    Raises CannotJudge where its files do not come, RuntimeError where another version of this package is here.
    """
    if job.version != __version__:
        raise RuntimeError(
            f"got pytest-qparity {__version__} on node {node}, should be {job.version} as where it began"
        )
    at_home = _at_home(job)
    with _importable(at_home.import_paths):
        settings = at_home.settings
        case = load_any_case(at_home.root / job.case_file, settings.roots, settings.contributed, job.case)
        if isinstance(case, Case):
            return _judge_case(case, at_home, node)
        with contextlib.closing(KernelRun(case, at_home.settings, job.run, tuple(job.node_ids))) as kernels:
            return JudgedRun(_events(at_home, case.name, kernels.judge, kernels.provenance, node))


def _judge_case(case: Case, job: RunJob, node: str) -> JudgedRun:
    with (
        contextlib.closing(CaseMaterial(case, job.settings, job.case_file)) as material,
        contextlib.closing(RunMaterial(material, job.run.backend, job.run.precision)) as run,
    ):
        events = _events(job, case.name, functools.partial(judge, run), run.provenance, node)
        samples_ms = run.latency_samples_ms
        return JudgedRun(events, None if samples_ms is None else tuple(map(float, samples_ms)))


def _events(
    job: RunJob,
    case: str,
    judge_check: Callable[[str], Verdict],
    provenance: Callable[[], Mapping[str, Any]],
    node: str,
) -> dict[str, Event]:
    events: dict[str, Event] = {}
    for check, node_id in job.node_ids.items():
        begin = time.perf_counter()
        with _told_of_variants() as told:
            verdict = judge_check(check)
        verdict = replace(verdict, notes=(*verdict.notes, *told))
        identity = CheckId(node_id, case, job.run.backend, job.run.precision, check, emulated=job.run.emulated)
        event = verdict_event(identity, verdict, job.reproduce[check], {**provenance(), "node": node})
        events[node_id] = {**event, "seconds": round(time.perf_counter() - begin, 6)}
    return events


def _at_home(job: RunJob) -> RunJob:
    """The job with the places that it has on this machine."""
    machine = _own_folder()
    turns = Turns(machine)  # of the machine, however many nodes it is
    root, settings = job.root, replace(job.settings, turns=turns)
    if job.storage is not None and job.files is not None:
        storage = SharedStorage(job.storage)
        root = storage.fetch_tree(job.files, machine / "projects")
        for name, digest in job.cached.items():
            storage.fetch_file(name, digest, machine / "cache" / name)
        settings = replace(
            settings,
            golden_root=_moved(settings.golden_root, job.root, root),
            cache=machine / "cache",
            roots=tuple(_moved(each, job.root, root) for each in settings.roots),
        )
    settings = replace(
        settings,
        canaries=_canaries(job.session, root, job.canary_files),
        remote_cache=None if job.variants is None else _shared_variants(job.session, job.variants),
    )
    paths = tuple(str(_moved(Path(each), job.root, root)) for each in job.import_paths)
    return replace(job, root=root, settings=settings, import_paths=paths)


def _own_folder() -> Path:
    """Where this user keeps, on this machine, what came and was made for runs. Raises RuntimeError where somebody else
    could have put something there: folders of temporary files are open to all."""
    owner = os.getuid() if hasattr(os, "getuid") else None  # Windows: such folders are a user's own
    folder = Path(tempfile.gettempdir()) / (f"qparity-cluster-{owner}" if owner is not None else "qparity-cluster")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if owner is not None and (found.st_uid != owner or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o022):
        raise RuntimeError(f"got {folder}, which others can write to, should be this user's own: remove it")
    return folder


def _moved(path: Path, root: Path, new_root: Path) -> Path:
    return new_root / path.relative_to(root) if path.is_relative_to(root) else path


@functools.lru_cache(maxsize=2)  # judged once for each backend, as in a session of pytest; a process has many runs
def _canaries(session: str, root: Path, files: tuple[str, ...] | None) -> Canaries:
    return own_canaries() if files is None else Canaries(root, [root / name for name in files])


@functools.lru_cache(maxsize=2)  # one that cannot be reached is waited for once in a session
def _shared_variants(session: str, url: str) -> RemoteCache:
    return RemoteCache(url)


@contextlib.contextmanager
def _told_of_variants() -> Iterator[list[str]]:
    """What the cache of variants warns of meanwhile: nobody reads the output of a node's processes."""
    told: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RemoteCacheWarning)
        yield told
    for each in caught:
        if issubclass(each.category, RemoteCacheWarning):
            told.append(str(each.message))
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


@contextlib.contextmanager
def _importable(paths: tuple[str, ...]) -> Iterator[None]:
    """Where backends and metrics of the project are imported from, as pytest's own process has it."""
    added = [path for path in paths if path not in sys.path]
    sys.path[:0] = added
    try:
        yield
    finally:
        for path in added:
            sys.path.remove(path)
