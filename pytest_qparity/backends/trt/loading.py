"""From a file to a session: the plan from the cache or built, the engine from the plan."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import tensorrt as trt

from pytest_qparity.backends.cuda_driver import this_driver
from pytest_qparity.backends.trt.building import built
from pytest_qparity.backends.trt.engine import deserialized
from pytest_qparity.backends.trt.log import Log
from pytest_qparity.backends.trt.plans import Building, PlanCache, build_plan, read_plan
from pytest_qparity.backends.trt.progress import Progress
from pytest_qparity.backends.trt.session import Loaded, TensorrtSession
from pytest_qparity.backends.trt.settings import build_settings
from pytest_qparity.backends.trt.timing_cache import TimingCacheFile
from pytest_qparity.case.inspection import inspect
from pytest_qparity.case.model import stored_bytes
from pytest_qparity.case.plan_file import is_plan
from pytest_qparity.digest import json_digest

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_qparity.backends.cuda_driver import Gpu
    from pytest_qparity.backends.protocol import SessionOptions
    from pytest_qparity.backends.trt.settings import BuildSettings


def new_log() -> Log:
    """The logger of this process, known to TensorRT's plugins, which some files name as operators."""
    log = Log()
    trt.init_libnvinfer_plugins(cast("Any", log), "")  # takes a logger, though its signature says a capsule
    return log


def loaded_session(model: Path, options: SessionOptions, log: Log) -> TensorrtSession:
    """A session of an ONNX file, or of a plan that somebody else built."""
    driver, cuda_graphs = this_driver(), options.engine.cuda_graphs is True
    gpu = driver.gpus[0]
    if is_plan(model):
        plan = read_plan(model)
        engine = deserialized(plan, log, model.name)
        return TensorrtSession(Loaded(engine, plan, driver.device, log, cuda_graphs=cuda_graphs))
    settings = build_settings(options)
    stated, _ = inspect({}, {"model": str(model), "shown": model.name}, {})
    external = sorted({each["location"] for each in stated["external"]})
    key = plan_key(stored_bytes(model, external).digest, settings, gpu)
    cache = options.cache
    timings = None if cache is None else TimingCacheFile(cache / f"{json_digest(_machine(gpu))}.timings")

    def build() -> tuple[bytes, Building]:
        mark, progress, start_s = log.mark(), Progress(options.tell), time.monotonic()
        content = built(model, settings, log, timings, progress)
        took_ms = round(1e3 * (time.monotonic() - start_s))
        return content, Building(mark.warnings(), took_ms, progress.longest())

    plan = build_plan(build) if cache is None else PlanCache(cache).get_or_build(key, build)
    outputs = [output["name"] for output in stated["outputs"]]
    engine = deserialized(plan, log, model.name)
    return TensorrtSession(Loaded(engine, plan, driver.device, log, settings, model, outputs, cuda_graphs))


def plan_key(model_digest: str, settings: BuildSettings, gpu: Gpu) -> dict[str, Any]:
    """All that decides upon which plan serves: the only place that says so."""
    return {"model": model_digest, "settings": settings.as_json(), **_machine(gpu)}


def _machine(gpu: Gpu) -> dict[str, str]:
    return {"tensorrt": trt.__version__, "gpu": gpu.name, "compute_capability": gpu.capability}
