"""A session that judges nothing itself: its runs go to a cluster, and each check waits for what came of it."""

from __future__ import annotations

import contextlib
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_qparity.case.loading import Case
from pytest_qparity.collection import CheckItem, KernelsNode, RunNode
from pytest_qparity.concluding import reproduce_of
from pytest_qparity.gate import Canaries
from pytest_qparity.scale.cluster import ClusterError, RayCluster
from pytest_qparity.scale.node import JudgedRun, RunJob
from pytest_qparity.scale.project import files_of_case, files_of_globs
from pytest_qparity.scale.resources import RayOptions, Resources, resources_for
from pytest_qparity.scale.storage import SharedStorage, StorageError, names_from
from pytest_qparity.session_settings import settings_of
from pytest_qparity.stash import SELECTION

if TYPE_CHECKING:
    from pytest_qparity.verdict import Failure

__all__ = ["Dispatch"]


class Dispatch:
    """The runs of a session on a cluster; sent when the first check asks for its verdict."""

    def __init__(self, session: pytest.Session, options: RayOptions) -> None:
        self._session = session
        self._options = options
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
        files = dict(self._files())
        for node, items in self._runs().items():
            case_file = node.parent.nodeid
            yield (
                RunJob(
                    session=session,
                    root=root,
                    case_file=case_file,
                    run=node.run,
                    node_ids={item.name: item.nodeid for item in items},
                    reproduce={item.name: reproduce_of(item, node.run.backend) for item in items},
                    settings=replace(self._settings, canaries=Canaries(), watch=None, turns=None, session_basis=None),
                    canary_files=None if self._selection.has_own_canaries(root) else canary_files,
                    storage=self._options.storage,
                    files=files.get(case_file),
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
        case, stated = node.parent.case, {}
        if isinstance(case, Case) and case.spec.limits is not None:
            stated = case.spec.limits.model_dump(exclude_none=True)
        memory_mb = self._settings.limits_of(stated).memory_mb
        return resources_for(self._settings.backends[node.run.backend], self._options.resources, memory_mb)

    def _files(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Digests by name of what the runs of each case need, once they are in the storage."""
        if self._options.storage is None:
            return
        root, golden_root = self._session.config.rootpath, self._settings.golden_root
        storage = SharedStorage(self._options.storage)
        storage.require_usable()
        with contextlib.closing(self._settings.worker(self._settings.limits)) as worker:
            shared = files_of_globs(root, self._options.files)
            for canary_file in self._selection.canary_files(root):
                shared += files_of_case(canary_file, golden_root, worker)
            in_all = storage.put(names_from(root, shared))
            for case_file in dict.fromkeys(node.parent for node in self._runs()):
                own = names_from(root, files_of_case(case_file.path, golden_root, worker))
                yield case_file.nodeid, {**in_all, **storage.put(own)}
