"""What of the backend runs on the real compiled bindings without a GPU: its subclasses of TensorRT's interfaces, and
what it asks of dimensions, flags and types. Run by `make_stubs.py` for each release; says what it saw, and fails where
the bindings refuse something. Building, loading and running cannot be tried so.
"""

from __future__ import annotations

import importlib
import sys

sys.modules["tensorrt"] = trt = importlib.import_module("tensorrt_bindings")  # the package `tensorrt` is this module

from pytest_qparity.backends.trt.building import sizes_of  # noqa: E402
from pytest_qparity.backends.trt.decoding import TYPES  # noqa: E402
from pytest_qparity.backends.trt.loading import new_log  # noqa: E402
from pytest_qparity.backends.trt.output_allocator import OutputAllocator  # noqa: E402
from pytest_qparity.backends.trt.progress import Progress  # noqa: E402
from pytest_qparity.backends.trt.versions import network_flags  # noqa: E402

log = new_log()  # the plugins' registry takes it, though its signature says a capsule
mark = log.mark()
log.log(trt.ILogger.Severity.ERROR, "an\nerror")
log.log(trt.ILogger.WARNING, "a warning")
assert (mark.errors(), mark.warnings()) == (("an error",), ("a warning",))

watching = log.mark(watched="other")
for number in range(300):
    log.log(trt.ILogger.WARNING, f"warning {number}")
log.log(trt.ILogger.WARNING, "of other devices")
assert (len(watching.warnings()), watching.watched_warnings()) == (200, ("of other devices",))

progress = Progress()
progress.phase_start("Building", None, 3)
assert progress.step_complete("Building", 0) is True
assert str(progress) == "Building (1 of 3 steps)"

allocator = OutputAllocator()
allocator.notify_shape("y", trt.Dims((2, 3)))
assert allocator.shape == (2, 3)
assert allocator.reallocate_output_async("y", 0, 8, 256, 0) == 0, "there is a GPU: run the GPU lane"
assert "cudaMalloc" in str(allocator.failure)

assert sizes_of(trt.Dims(())) == ()
assert set(trt.DataType.__members__) == set(TYPES)
assert network_flags() == (2 if trt.__version__.startswith("10.") else 0)
print(f"TensorRT {trt.__version__}: log, progress, output allocator, dimensions, flags and types fit the real bindings")
