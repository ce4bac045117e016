"""Rounding 2²⁰ values to float8e4m3fn on ONNX Runtime, one thread: the emulation's operators against other forms of
them that are exact too, and an emulated Q/DQ pair against ONNX Runtime's own kernels."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.precision.emulation import lowered
from pytest_qparity.quantmath import floats

ELEMENTS = 1 << 20
LOWEST, HIGHEST, MANTISSA_BITS, LARGEST = -6, 8, 3, 448.0
FLOAT8 = TensorProto.FLOAT8E4M3FN

pytestmark = pytest.mark.benchmark(group="emulated-float8-1M", min_rounds=7, warmup=True, warmup_iterations=1)


@pytest.fixture(scope="module")
def values():
    generator = np.random.default_rng(0)
    return (generator.standard_normal(ELEMENTS) * np.exp2(generator.uniform(-12, 12, ELEMENTS))).astype(np.float32)


class Graph:
    """Nodes and constants of x → y, in the order they are asked for."""

    def __init__(self):
        self.nodes, self.constants, self.names = [], [], 0

    def name(self):
        self.names += 1
        return f"v{self.names}"

    def constant(self, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value, np.float32), self.name()))
        return self.constants[-1].name

    def op(self, op_type, *inputs, output=None, **attributes):
        names = [each if isinstance(each, str) else self.constant(each) for each in inputs]
        self.nodes.append(helper.make_node(op_type, names, [output or self.name()], **attributes))
        return self.nodes[-1].output[0]

    def model(self, opset=17):
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy")
        graph = helper.make_graph(self.nodes, "rounding", [x], [y], self.constants)
        return helper.make_model(graph, ir_version=11, opset_imports=[helper.make_opsetid("", opset)])


def by_step(step):
    """The rounding, given how the power of two at or below the magnitude is found."""
    graph = Graph()
    clipped = graph.op("Clip", "x", -LARGEST, LARGEST)
    power = step(graph, graph.op("Max", graph.op("Abs", clipped), 2.0**LOWEST))
    unit = graph.op("Mul", power, 2.0**-MANTISSA_BITS)
    graph.op("Mul", graph.op("Round", graph.op("Div", clipped, unit)), unit, output="y")
    return graph.model()


def logarithm_and_table(graph, magnitude):
    """⌊log₂⌋ as the engine has it, the power from a table, then corrected by comparison in both directions."""
    exponent = graph.op("Floor", graph.op("Mul", graph.op("Log", magnitude), 1 / np.log(2)))
    index = graph.op("Sub", graph.op("Clip", exponent, float(LOWEST), float(HIGHEST)), float(LOWEST))
    table = 2.0 ** np.arange(LOWEST, HIGHEST + 1)
    power = graph.op("Gather", table, graph.op("Cast", index, to=TensorProto.INT32))
    power = graph.op("Where", graph.op("Less", magnitude, power), graph.op("Mul", power, 0.5), power)
    twice = graph.op("Mul", power, 2.0)
    return graph.op("Where", graph.op("GreaterOrEqual", magnitude, twice), twice, power)


def bisection(graph, magnitude):
    """Four comparisons, each of which halves the binades that are left."""
    power = graph.constant(2.0**LOWEST)
    for binades in (8, 4, 2, 1):
        higher = graph.op("Mul", power, 2.0**binades)
        power = graph.op("Where", graph.op("GreaterOrEqual", magnitude, higher), higher, power)
    return power


def pair():
    graph = Graph()
    zero = helper.make_tensor("zero", FLOAT8, [], b"\0", raw=True)
    graph.constants.append(zero)
    scale = graph.constant(0.37)
    graph.op("DequantizeLinear", graph.op("QuantizeLinear", "x", scale, "zero"), scale, "zero", output="y")
    return graph.model(opset=21)


def emulated_cast():
    graph = Graph()
    graph.op("Cast", graph.op("Cast", "x", to=FLOAT8), to=TensorProto.FLOAT, output="y")
    return lowered(graph.model(opset=21), {FLOAT8})[0]


def measured(benchmark, model: onnx.ModelProto, values):
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return benchmark(lambda: session.run(None, {"x": values})[0])


@pytest.mark.parametrize(
    "make",
    [emulated_cast, lambda: by_step(logarithm_and_table), lambda: by_step(bisection)],
    ids=["emulation", "logarithm and table", "bisection"],
)
def test_rounding(benchmark, values, make):
    got = measured(benchmark, make(), values)

    assert np.array_equal(got, floats.cast(values, floats.E4M3FN).astype(np.float32))


@pytest.mark.parametrize("make", [pair, lambda: lowered(pair(), {FLOAT8})[0]], ids=["native", "emulated"])
def test_pair(benchmark, values, make):
    scale = np.array(0.37, np.float32)

    got = measured(benchmark, make(), values)

    wanted = floats.dequantize_float(floats.quantize_float(values, scale, floats.E4M3FN), scale)
    assert np.array_equal(got, wanted)
