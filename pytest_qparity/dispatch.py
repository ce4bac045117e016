"""A session that judges nothing itself: its runs go to a cluster, and each check waits for what came of it."""

from __future__ import annotations

import contextlib
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from pytest_qparity.case.loading import Case
from pytest_qparity.collection import CheckItem, KernelsNode, RunNode
from pytest_qparity.concluding import reproduce_of
from pytest_qparity.gate import Canaries
from pytest_qparity.scale.cluster import ClusterError, RayCluster
from pytest_qparity.scale.node import JudgedRun, RunJob
from pytest_qparity.scale.project import fetched_model, files_of_case, files_of_globs
from pytest_qparity.scale.resources import RayOptions, Resources, resources_for
from pytest_qparity.scale.storage import SharedStorage, StorageError, known_everywhere, names_from
from pytest_qparity.session_settings import settings_of
from pytest_qparity.stash import SELECTION

if TYPE_CHECKING:
    from pytest_qparity.verdict import Failure

__all__ = ["Dispatch"]

Sent: TypeAlias = dict[str, dict[str, str]]  # digests by name, of each case file


class Dispatch:
    """The runs of a session on a cluster; sent when the first check asks for its verdict."""

    def __init__(self, session: pytest.Session, options: RayOptions) -> None:
        self._session = session
        self._options = options
        self._storage = None if options.storage is None else known_everywhere(options.storage)
        self._selection = session.config.stash[SELECTION]
        self._settings = settings_of(session.config, self._selection)
        self._cluster: RayCluster | None = None

    def result(self, item: pytest.Item) -> JudgedRun | Failure:
        """What came of the run that a check belongs to. Ends the session where there is no cluster to judge on."""
        if self._cluster is None:
            try:
                self._cluster = self._begun()
            except (ClusterError, StorageError) as error:
                pytest.exit(f"--qparity-ray: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
            except OSError as error:
                reason = f"got {error.strerror or error} for {self._options.storage}, should be storage to write to"
                pytest.exit(f"--qparity-ray-storage: {reason}", returncode=pytest.ExitCode.USAGE_ERROR)
        return self._cluster.result(item.nodeid)

    def close(self) -> None:
        if self._cluster is not None:
            self._cluster.close()

    def _begun(self) -> RayCluster:
        jobs = list(self._jobs())  # what is wrong with the files is told before a cluster is started
        cluster = RayCluster(self._options.address)
        for job, resources in jobs:
            cluster.send(job, resources)
        return cluster

    def _jobs(self) -> Iterator[tuple[RunJob, Resources]]:
        root = self._session.config.rootpath
        canary_files = tuple(sorted(path.relative_to(root).as_posix() for path in self._selection.canary_files(root)))
        session = uuid.uuid4().hex
        files, cached = self._sent()
        variants = self._storage if self._selection.remote_cache is None else self._selection.remote_cache.url
        for node, items in self._runs().items():
            case_file = node.parent.nodeid
            yield (
                RunJob(
                    session=session,
                    root=root,
                    case_file=case_file,
                    case=node.parent.case.name,
                    run=node.run,
                    node_ids={item.name: item.nodeid for item in items},
                    reproduce={item.name: reproduce_of(item, node.run.backend) for item in items},
                    settings=replace(
                        self._settings,
                        canaries=Canaries(),
                        watch=None,
                        turns=None,
                        session_basis=None,
                        remote_cache=None,
                    ),
                    canary_files=None if self._selection.has_own_canaries(root) else canary_files,
                    storage=self._storage,
                    files=files.get(case_file),
                    cached=cached.get(case_file, {}),
                    variants=None if variants is None else known_everywhere(variants),
                    import_paths=tuple(
                        path for path in sys.path if Path(path).is_relative_to(root) and "site-packages" not in path
                    ),
                ),
                self._resources(node),
            )

    def _runs(self) -> dict[RunNode | KernelsNode, list[CheckItem]]:
        runs: dict[RunNode | KernelsNode, list[CheckItem]] = {}
        for item in self._session.items:
            if isinstance(item, CheckItem) and isinstance(item.parent, RunNode | KernelsNode):
                runs.setdefault(item.parent, []).append(item)
        return runs

    def _resources(self, node: RunNode | KernelsNode) -> Resources:
        case, backend = node.parent.case, node.run.backend
        limits = {} if case.spec.limits is None else case.spec.limits.model_dump(exclude_none=True)
        stated = case.spec.resources.get(backend) if isinstance(case, Case) else None
        of_case = {} if stated is None else stated.model_dump(exclude_none=True)
        of_session = self._options.resources.get(backend, {})
        memory_mb = self._settings.limits_of(limits).memory_mb
        return resources_for(self._settings.backends[backend], of_case, of_session, memory_mb)

    def _sent(self) -> tuple[Sent, Sent]:
        """What the runs of each case need of the project, and of its cache, once that is in the storage."""
        files: Sent = {}
        cached: Sent = {}
        if self._storage is None:
            return files, cached
        root, golden_root = self._session.config.rootpath, self._settings.golden_root
        storage = SharedStorage(self._storage)
        storage.require_usable()
        with contextlib.closing(self._settings.worker(self._settings.limits)) as worker:
            shared = files_of_globs(root, self._options.files)
            for canary_file in self._selection.canary_files(root):
                shared += files_of_case(canary_file, golden_root / canary_file.stem, worker)
            in_all = storage.put(names_from(root, shared))
            for case_file in dict.fromkeys(node.parent for node in self._runs()):
                own = names_from(root, files_of_case(case_file.path, golden_root / case_file.case.name, worker))
                files[case_file.nodeid] = {**in_all, **storage.put(own)}
                cached[case_file.nodeid] = storage.put(fetched_model(case_file.case, self._settings.cache, worker))
        return files, cached
