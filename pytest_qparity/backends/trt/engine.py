"""From a plan to an engine that runs here, or to the reason why it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorrt as trt

from pytest_qparity.backends.trt.failures import not_loaded, quoted

if TYPE_CHECKING:
    from pytest_qparity.backends.trt.log import Log
    from pytest_qparity.backends.trt.plans import Plan

# TensorRT tells of a plan from another model of GPU in a warning and goes on (NVIDIA/TensorRT issue 2900).
_OTHER_GPU = "different models of devices"


class Engine:
    """An engine and the runtime that it belongs to, which has to live as long. `warnings`: of reading it."""

    def __init__(self, runtime: trt.Runtime, engine: trt.ICudaEngine, warnings: tuple[str, ...]) -> None:
        self._runtime = runtime
        self.engine = engine
        self.warnings = warnings


def deserialized(plan: Plan, log: Log, shown: str) -> Engine:
    """The engine of `plan`. Raises CannotJudge where the plan is of another version of TensorRT or of another GPU."""
    remedy = f"build it with TensorRT {trt.__version__} on this GPU, or give the ONNX file in its place"
    mark = log.mark(watched=_OTHER_GPU)
    runtime = trt.Runtime(log)
    engine = runtime.deserialize_cuda_engine(plan.content)
    if engine is None:
        got = f"{quoted(mark.errors())} from reading the plan of {shown}"
        raise not_loaded(got, f"be a plan of TensorRT {trt.__version__} for this GPU", remedy)
    elsewhere = mark.watched_warnings()
    if elsewhere:
        raise not_loaded(f"{quoted(elsewhere)} of the plan of {shown}", "be a plan for this model of GPU", remedy)
    return Engine(runtime, engine, mark.warnings())
