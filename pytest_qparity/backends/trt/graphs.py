"""CUDA graphs: what a run asks of the stream is recorded and launched as one, as long as shapes and addresses stay.

A shape is run once as it is before it is recorded: TensorRT does after a change of shapes what must not be recorded
(NVIDIA's trtexec records after a run of its own too). One graph is kept: a context that has run other shapes in between
may have moved what the graph refers to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.backends.trt.building import sizes_of
from pytest_qparity.backends.trt.cuda import CudaError
from pytest_qparity.backends.trt.failures import not_run

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    import tensorrt as trt

    from pytest_qparity.backends.trt.cuda import Graph, Stream
    from pytest_qparity.backends.trt.tensors import Tensor

_OPEN = -1
REMEDY = "take cuda_graphs out of [backends.trt]"


class GraphReplay:
    """The graph of the shapes and addresses that ran last, once they have run."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._key: Hashable | None = None
        self._graph: Graph | None = None

    def ready(self, key: Hashable, enqueue: Callable[[], None]) -> Graph | None:
        """The graph for `key`, recorded now where it is the second run of it; None where `enqueue` is to be called
        instead. Raises CannotJudge where the work cannot be recorded: a case that asks for graphs is not run without.
        """
        if key != self._key:
            self.close()
            self._key = key
            return None
        if self._graph is None:
            try:
                self._graph = self._stream.recorded(enqueue)
            except CudaError as error:
                self.close()
                raise not_run(f"{error} from recording a CUDA graph", "record the run", REMEDY) from error
        return self._graph

    def close(self) -> None:
        graph, self._graph, self._key = self._graph, None, None
        if graph is not None:
            graph.close()


def why_not_recorded(engine: trt.ICudaEngine, context: trt.IExecutionContext, tensors: Sequence[Tensor]) -> str | None:
    """Why runs of an engine cannot be recorded, told before the first; None where nothing is known against it.

    Values in the host's memory would be those of the run that was recorded, and a shape that the data decide upon has
    TensorRT wait in the middle of a run. Shapes are asked of the context for those that the engine is best at.
    """
    for tensor in tensors:
        if tensor.on_host:
            return f'"{tensor.name}" lies in the memory of the host'
    for tensor in tensors:
        if tensor.is_input and _OPEN in tensor.shape:
            _, best, _ = engine.get_tensor_profile_shape(tensor.name, 0)
            context.set_input_shape(tensor.name, best)
    context.infer_shapes()
    for tensor in tensors:
        if not tensor.is_input and _OPEN in sizes_of(context.get_tensor_shape(tensor.name)):
            return f'the shape of "{tensor.name}" depends on the data'
    return None
