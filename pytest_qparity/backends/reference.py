"""onnx.reference: ONNX's own evaluator in NumPy. Slow, independent of every engine, not without faults of its own."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.border import require_float32
from pytest_qparity.backends.cpu import cpu_device
from pytest_qparity.backends.feeding import require_declared
from pytest_qparity.backends.protocol import SessionFacts, SessionOptions, Unavailable
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.message import said_by

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from pytest_qparity.backends.kernels import Kernels

PLACE = "onnx.reference"


class OnnxReference:
    def unavailable(self) -> Unavailable | None:
        try:
            importlib.import_module("onnx.reference")
        except ImportError as error:
            return Unavailable(f"onnx.reference cannot be imported ({said_by(error)})", "pip install --force onnx")
        return None

    def load(self, model: Path, options: SessionOptions) -> OnnxReferenceSession:
        """The graph runs as it is written: what `Optimizer.OFF` asks for, and all there is for `Optimizer.ALL`."""
        from onnx.reference import ReferenceEvaluator

        require_float32("reference", options)
        evaluator = ReferenceEvaluator(str(model))
        if not evaluator.output_names:
            raise CannotJudge(
                Failure(
                    Code.BACKEND_LOAD,
                    f"got a graph without outputs from {model.name}, should have at least one",
                    "see whether the file is empty or cut off",
                )
            )
        return OnnxReferenceSession(evaluator)


class OnnxReferenceSession:
    def __init__(self, evaluator: Any) -> None:
        self._evaluator: Any = evaluator
        initialized = {tensor.name for tensor in evaluator.proto_.graph.initializer}
        self._inputs = {
            value.name: _declared(value) for value in evaluator.proto_.graph.input if value.name not in initialized
        }

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        import numpy as np

        evaluator = self._open()
        require_declared(feed, self._inputs)
        values = evaluator.run(None, dict(feed))
        # An output that is an input or a weight is handed out itself, and whoever writes into it changes the model.
        return {
            name: np.array(value) if isinstance(value, np.ndarray) else value
            for name, value in zip(evaluator.output_names, values, strict=True)
        }

    def facts(self) -> SessionFacts:
        import onnx

        return SessionFacts(
            engine="onnx.reference",
            version=onnx.__version__,
            device=cpu_device(),
            settings={"threads": "as NumPy has them", "optimizer": "none"},
            placement={PLACE: len(self._open().proto_.graph.node)},
            expected_placement=PLACE,
        )

    def kernels(self) -> Kernels:
        """As the file says: nothing is fused, so that a node between Q/DQ pairs computes in floats."""
        from pytest_qparity.backends.kernels import counted
        from pytest_qparity.backends.onnx_kernels import compute_nodes

        return counted(compute_nodes(self._open().proto_))

    def close(self) -> None:
        self._evaluator = None

    def _open(self) -> Any:
        if self._evaluator is None:
            raise ValueError("got a closed session, should be an open one")
        return self._evaluator


def _declared(value: Any) -> tuple[np.dtype, list[int | None] | None]:
    from onnx.helper import tensor_dtype_to_np_dtype

    tensor = value.type.tensor_type
    dtype = tensor_dtype_to_np_dtype(tensor.elem_type)
    if not tensor.HasField("shape"):
        return dtype, None
    return dtype, [size.dim_value if size.HasField("dim_value") else None for size in tensor.shape.dim]
