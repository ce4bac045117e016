"""Memory for an output whose shape is known only when it is computed (NonZero, NonMaxSuppression)."""

from __future__ import annotations

import tensorrt as trt

from pytest_qparity.backends.trt.building import sizes_of
from pytest_qparity.backends.trt.cuda import ALIGNMENT, Buffer, CudaError


class OutputAllocator(trt.IOutputAllocator):
    """Asked by TensorRT in the middle of a run. What went wrong is kept in `failure`: the bindings would swallow what
    is raised here."""

    def __init__(self) -> None:
        trt.IOutputAllocator.__init__(self)
        self.buffer = Buffer()
        self.shape: tuple[int, ...] | None = None
        self.failure: str | None = None

    def reallocate_output(self, tensor_name: str, memory: int, size: int, alignment: int) -> int:
        if alignment > ALIGNMENT:
            self.failure = f'alignment {alignment} of output "{tensor_name}", should be at most {ALIGNMENT}'
            return 0
        try:
            return self.buffer.reserve(size)
        except CudaError as error:
            self.failure = f'{error} for {size:,} bytes of output "{tensor_name}"'
            return 0

    def reallocate_output_async(self, tensor_name: str, memory: int, size: int, alignment: int, stream: int) -> int:
        return self.reallocate_output(tensor_name, memory, size, alignment)

    def notify_shape(self, tensor_name: str, shape: trt.Dims) -> None:
        self.shape = sizes_of(shape)

    def begin(self) -> None:
        self.shape = self.failure = None
