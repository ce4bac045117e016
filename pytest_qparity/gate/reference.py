"""The reference recipe: how golden FP32 outputs are made.

ONNX Runtime on the CPU, one thread, optimizer off, buffers aligned to 64 bytes: reruns, threads and batch splits of it
are bit-equal (docs/goldens.md).
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from pytest_qparity.digest import json_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from pytest_qparity.backends.protocol import SessionFacts
    from pytest_qparity.case.feeding import FeedSource
    from pytest_qparity.case.model import ModelFile
    from pytest_qparity.case.sequence import Recordings
    from pytest_qparity.golden.store import Golden, GoldenKey
    from pytest_qparity.worker.protocol import Worker

RECIPE = {"version": 1, "engine": "ort", "threads": 1, "optimizer": "off"}


def recipe_digest(batch: int, state: Mapping[str, str]) -> str:
    """Digest of the reference recipe; the batch belongs to it, since some models' outputs depend on it, and so do the
    outputs that are fed back as inputs."""
    carried = {"state": dict(state)} if state else {}
    return json_digest({**RECIPE, "batch": batch, **carried})


def reference_golden(
    model: ModelFile,
    feeds: FeedSource,
    key: GoldenKey,
    worker: Worker,
    largest_mb: float,
    recordings: Recordings | None = None,
) -> Golden:
    """`reference_outputs` with where they come from."""
    from pytest_qparity.golden.store import Golden

    outputs, facts = reference_outputs(model, feeds, worker, largest_mb, recordings)
    provenance = {
        "engine": facts.engine,
        "engine_version": facts.version,
        "device": facts.device,
        "machine": platform.machine(),
        **{name: str(value) for name, value in facts.settings.items()},
    }
    return Golden(key=key, outputs=outputs, samples=feeds.samples, provenance=provenance)


def reference_outputs(
    model: ModelFile, feeds: FeedSource, worker: Worker, largest_mb: float, recordings: Recordings | None = None
) -> tuple[Mapping[str, np.ndarray], SessionFacts]:
    """Run the float model over all feeds by the reference recipe, step by step where they are `recordings`. Raises
    CannotJudge where it cannot run, or gives more than `largest_mb`."""
    from pytest_qparity.backends.hosted import EngineHost
    from pytest_qparity.backends.outputs import gather_outputs
    from pytest_qparity.backends.protocol import Optimizer, SessionOptions
    from pytest_qparity.backends.registry import BUILTIN
    from pytest_qparity.backends.rollout import Rollout

    host = EngineHost(worker, next(spec for spec in BUILTIN if spec.name == RECIPE["engine"]))
    host.require_available()
    session = host.load(model.path, SessionOptions(threads=1, optimizer=Optimizer.OFF))
    outputs = gather_outputs(session if recordings is None else Rollout(session, recordings), feeds, largest_mb)
    return outputs, session.facts()
