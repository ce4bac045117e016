"""How far engines' Exp, Sigmoid, Tanh and Erf are from the functions: what `rounding.TRANSCENDENTAL` is chosen from.

python -m tests.checks.conformance.transcendental ort openvino

10⁷ float32 each: half of them bit patterns drawn evenly over all finite floats, half drawn evenly over where the
function moves. Prints the largest error in units in the last place of the result (of normal numbers), relative where
the result is at least 2⁻¹²⁶, and absolute.
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper

from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.registry import backend_table
from pytest_qparity.checks.conformance.rounding import spacing
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Array = np.ndarray[Any, np.dtype[Any]]

POINTS = 10_000_000
CHUNK = 500_000
SMALLEST_NORMAL = 2.0**-126


def sigmoid(x: Array) -> Array:
    """1 / (1 + e⁻ˣ), of negative x as eˣ / (1 + eˣ): no overflow, and no cancellation."""
    power = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, power) / (1.0 + power)


# In float64, whose own error is 2⁻⁵² or so; and where the function moves.
FUNCTIONS: dict[str, tuple[Callable[[Array], Array], float, float]] = {
    "Exp": (np.exp, -103.0, 88.7),
    "Sigmoid": (sigmoid, -104.0, 20.0),
    "Tanh": (np.tanh, -10.0, 10.0),
    "Erf": (lambda x: np.asarray(np.frompyfunc(math.erf, 1, 1)(x), np.float64), -4.0, 4.0),
}


def chunks(low: float, high: float) -> Iterator[Array]:
    random = np.random.default_rng(0)
    for index in range(POINTS // CHUNK):
        if index % 2:
            yield random.uniform(low, high, CHUNK).astype(np.float32)
        else:
            bits = random.integers(0, 2**32, CHUNK, np.uint32).view(np.float32)
            yield np.where(np.isfinite(bits), bits, np.float32(0.0))


def measure(backend: str) -> None:
    host = EngineHost(WorkerProcess(Limits()), backend_table()[backend])
    with tempfile.TemporaryDirectory() as folder:
        for operator, (function, low, high) in FUNCTIONS.items():
            path = Path(folder) / f"{operator}.onnx"
            path.write_bytes(_model(operator))
            session = host.load(path, SessionOptions())
            ulp = relative = absolute = at = 0.0
            for x in chunks(low, high):
                got = session.run({"x": x})["y"].astype(np.float64)
                with np.errstate(over="ignore"):
                    exact = function(x.astype(np.float64))
                told = np.isfinite(got) & (np.abs(exact) < float(np.finfo(np.float32).max))
                off = np.where(told, np.abs(np.where(told, got, 0.0) - np.where(told, exact, 0.0)), 0.0)
                normal = told & (np.abs(exact) >= SMALLEST_NORMAL)
                ulps = np.where(normal, off / spacing(np.where(told, exact, 1.0), 23, -126), 0.0)
                if ulps.max() > ulp:
                    ulp, at = float(ulps.max()), float(x[np.argmax(ulps)])
                relative = max(relative, float((off[normal] / np.abs(exact[normal])).max()))
                absolute = max(absolute, float(off[np.abs(exact) <= 1.0].max()))
            version = session.facts().version
            session.close()
            print(
                f"{backend} {version} {operator}: {ulp:.3g} ULP (at {at:.9g}), relative 2^{np.log2(relative):.2f}, "
                f"absolute 2^{np.log2(absolute):.2f} where |y| ≤ 1",
                flush=True,
            )
    host.close()


def _model(operator: str) -> bytes:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy")
    graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"])], "one", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return bytes(model.SerializeToString())


if __name__ == "__main__":
    for name in sys.argv[1:]:
        measure(name)
