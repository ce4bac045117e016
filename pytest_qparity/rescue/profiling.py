"""How long each node of a float model takes in ONNX Runtime. Works in the worker."""

from __future__ import annotations

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__all__ = ["node_microseconds"]

RUNS, FEWEST, SECONDS = 7, 2, 2.0  # runs that are timed, at least so many, and when to stop beyond these
_SILENT = 4
_SUFFIX = "_kernel_time"


def node_microseconds(model: Path, feed: Mapping[str, np.ndarray[Any, np.dtype[Any]]]) -> dict[str, float]:
    """By name, what each node takes over one `feed`: the median over up to seven runs of its sum within a run.

    ONNX Runtime's own profile, on the CPU, one thread, the optimizer off: every node of the file runs under its name,
    those in bodies as often as they are reached. The first run, which allocates, does not count.
    """
    import onnxruntime

    with tempfile.TemporaryDirectory(prefix="profile-") as folder:
        settings = onnxruntime.SessionOptions()
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        settings.log_severity_level = _SILENT
        settings.enable_profiling = True
        settings.profile_file_prefix = str(Path(folder) / "node")
        session = onnxruntime.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])
        until = time.monotonic() + SECONDS
        for index in range(RUNS + 1):
            if index > FEWEST and time.monotonic() > until:
                break
            session.run(None, dict(feed))
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return _medians(events)


def _medians(events: list[dict[str, Any]]) -> dict[str, float]:
    """Of events in the order of time: kernels of a run lie between its "model_run" and the next."""
    runs = sorted((int(e["ts"]), int(e["ts"]) + int(e["dur"])) for e in events if e.get("name") == "model_run")
    taken: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(runs))
    for event in events:
        if event.get("cat") != "Node" or not str(event.get("name", "")).endswith(_SUFFIX):
            continue
        at = int(event["ts"])
        within = next((index for index, (start, end) in enumerate(runs) if start <= at <= end), None)
        if within is not None:
            taken[str(event["name"]).removesuffix(_SUFFIX)][within] += float(event["dur"])
    return {name: median(sums[1:] or sums) for name, sums in taken.items()}
