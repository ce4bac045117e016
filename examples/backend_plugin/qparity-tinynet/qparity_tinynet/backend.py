"""tinynet as a backend: it loads, it runs, it says what really ran. Lives in a worker process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pytest_qparity.backends.kernels import KernelCount, Kernels
from pytest_qparity.backends.protocol import SessionFacts, SessionOptions, Unavailable

NAME = "tinynet"


class Tinynet:
    def unavailable(self) -> Unavailable | None:
        try:
            import qparity_tinynet.engine  # noqa: F401  memory counts from here
        except ImportError as error:
            return Unavailable(f"tinynet cannot be imported ({error})", "pip install qparity-tinynet")
        return None

    def load(self, model: Path, options: SessionOptions) -> TinynetSession:
        from qparity_tinynet.engine import Network

        if options.tf32:  # never something else in silence
            raise ValueError("got tf32, should be a precision that tinynet computes in")
        return TinynetSession(Network(model))


class TinynetSession:
    def __init__(self, network: object) -> None:
        self._network = network

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return self._network.run(feed)

    def facts(self) -> SessionFacts:
        return SessionFacts(
            engine=NAME,
            version="1.0",
            device="CPU",
            settings={"threads": "as NumPy has them"},
            placement={NAME: len(self._network.nodes)},
            expected_placement=NAME,
        )

    def kernels(self) -> Kernels:
        """Between Q/DQ pairs tinynet computes in floats, and says so: `min_quantized` fails on it."""
        kinds = [node.op_type for node in self._network.nodes if node.op_type in ("Gemm", "MatMul")]
        return Kernels({kind: KernelCount(fell_back=kinds.count(kind)) for kind in sorted(set(kinds))})

    def close(self) -> None:
        self._network = None
