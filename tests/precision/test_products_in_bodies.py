"""Variants whose products stand inside of branches, loops, scans and local functions, run by ONNX Runtime."""

from __future__ import annotations

import dataclasses
from collections import Counter
from itertools import chain

import numpy as np
import onnx
import onnxruntime
import pytest

from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.case.tensors import tensors_of
from pytest_qparity.precision import large
from pytest_qparity.precision.cache import VariantCache, ranges_beside
from pytest_qparity.precision.content import content_of
from pytest_qparity.precision.emulated import emulated_variant
from pytest_qparity.precision.graph import PRODUCTS, WEIGHTED, float_graph, node_names, nodes_of
from pytest_qparity.precision.scopes import bodies_of
from pytest_qparity.precision.variants import Workshop, variant_for
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.precision.bodies import ALL, branches, feeds_of, loop, mapped, samples_of
from tests.precision.graphs import request_for
from tests.precision.making import least_sqnr_db, outputs_of

SAMPLES, RUNS = 32, 8
# By precision and what the case says: the least SQNR in dB of any run of any of the models, and how far the optimizer
# may move it (ONNX Runtime computes int16 and packed products in other types where it may).
QUANTIZED = {
    "int8-ort": ("int8", {"target": "ort"}, 18.0, 100.0),
    "int8-trt": ("int8", {"target": "trt"}, 18.0, 100.0),
    "int8-openvino": ("int8", {"target": "openvino"}, 18.0, 100.0),
    "int8-any": ("int8", {"target": "any"}, 18.0, 100.0),
    "int8-bias": ("int8", {"target": "ort", "bias": "int32"}, 18.0, 100.0),
    "int8-entropy": ("int8", {"target": "ort", "calibration": "entropy"}, 15.0, 100.0),
    "int8-qoperator": ("int8", {"target": "ort", "format": "qoperator"}, 18.0, 100.0),
    "int16": ("int16", {}, 24.0, 30.0),
    "dynamic": ("int8", {"recipe": "dynamic"}, 28.0, 100.0),
    "int4": ("int4", {}, 7.0, 25.0),
    "int4-mse": ("int4", {"algorithm": "mse"}, 7.0, 25.0),
    "uint4": ("uint4", {}, 7.0, 25.0),
}
BLOCKS = {"mxfp8": 18.0, "mxfp4": 6.0, "nvfp4": 7.0}


@pytest.fixture
def workshop(tmp_path):
    return Workshop(InProcess(Limits()), VariantCache(tmp_path / "variants"))


def variant_of(name, folder, workshop, precision, samples=SAMPLES, *, family="ort", **spec):
    request = request_for(ALL[name](), folder, precision, family=family, **spec)
    return variant_for(request, lambda: samples_of(name, request.model, samples), workshop)


def products(path, folder) -> int:
    """Products of the float model, once its functions are inlined."""
    model = float_graph(path)
    return sum(node.op_type in WEIGHTED for node in nodes_of(model.graph))


def quantized(path) -> int:
    return sum(taker.product for taker in content_of(path).takers)


def runs_of(name, model, *, optimized) -> list[np.ndarray]:
    """Each output over some runs, end to end."""
    runs = [outputs_of(model, feed, optimized=optimized) for feed in feeds_of(name, RUNS)]
    return [np.concatenate([each.reshape(-1) for each in output]) for output in zip(*runs, strict=True)]


def sqnr_db(name, path, *, optimized=True) -> float:
    """Against the float model."""
    exact = runs_of(name, ALL[name](), optimized=False)
    return least_sqnr_db(exact, runs_of(name, onnx.load(path), optimized=optimized))


def optimizer_db(name, path) -> float:
    """What the optimizer costs: the variant with it against the same without."""
    made = onnx.load(path)
    return least_sqnr_db(runs_of(name, made, optimized=False), runs_of(name, made, optimized=True))


def names_of(graph) -> list[str]:
    given = [value.name for value in (*graph.input, *graph.initializer)]
    return [*given, *(output for node in graph.node for output in node.output if output)]


@pytest.mark.parametrize("how", QUANTIZED)
@pytest.mark.parametrize("name", ALL)
def test_every_product_is_quantized_and_right(name, how, tmp_path, workshop):
    precision, spec, least_db, optimizer_least_db = QUANTIZED[how]
    if name == "convolutions" and "int4" in precision:
        pytest.skip("weights of products alone are quantized in blocks")

    variant = variant_of(name, tmp_path, workshop, precision, **spec)

    assert quantized(variant.path) == products(tmp_path / "float.onnx", tmp_path)
    assert sqnr_db(name, variant.path, optimized=False) >= least_db
    assert sqnr_db(name, variant.path) >= least_db
    assert optimizer_db(name, variant.path) >= optimizer_least_db


@pytest.mark.parametrize(
    ("name", "how", "kernels"),
    [
        ("convolutions", "int8-ort", {"QLinearConv": 3}),
        ("nested", "int8-ort", {"MatMulIntegerToFloat": 4}),
        ("nested", "int8-any", {"MatMulIntegerToFloat": 4}),
        ("nested", "int4", {"MatMulNBits": 4}),
    ],
)
def test_onnx_runtime_fuses_what_stands_in_a_body(name, how, kernels, tmp_path, workshop):
    """Q/DQ nodes and constants outside of the body it would leave alone, or refuse."""
    precision, spec, *_ = QUANTIZED[how]
    variant = variant_of(name, tmp_path, workshop, precision, **spec)
    settings = onnxruntime.SessionOptions()
    settings.optimized_model_filepath, settings.log_severity_level = str(tmp_path / "optimized.onnx"), 4

    onnxruntime.InferenceSession(str(variant.path), settings, providers=["CPUExecutionProvider"])

    ran = [node.op_type for node in nodes_of(onnx.load(tmp_path / "optimized.onnx").graph)]
    assert Counter(kind for kind in ran if "Conv" in kind or "MatMul" in kind) == kernels


def test_ranges_of_a_calibration_serve_again_also_where_it_did_not_reach_all(tmp_path, workshop):
    request = request_for(branches(), tmp_path, "int8")
    feeds = samples_of("branches", request.model, SAMPLES)
    unseen = dataclasses.replace(feeds, arrays={**feeds.arrays, "flag": np.zeros(SAMPLES, bool)})
    made = variant_for(request, lambda: unseen, workshop)
    (tmp_path / "ranges.json").write_bytes(ranges_beside(made.path).read_bytes())
    spec = PrecisionSpec(ranges="ranges.json")

    again = variant_for(dataclasses.replace(request, spec=spec), lambda: unseen, workshop)

    assert again.digest == made.digest
    assert "then/second" in " ".join(again.recipe["notes"])


@pytest.mark.parametrize("how", ["int8-ort", "int8-qoperator", "int4", "dynamic"])
@pytest.mark.parametrize("name", ALL)
def test_no_name_shadows_another(name, how, tmp_path, workshop):
    precision, spec, *_ = QUANTIZED[how]

    model = onnx.load(variant_of(name, tmp_path, workshop, precision, **spec).path)

    for inner in bodies_of(model.graph):
        assert not set(names_of(inner)) & set(names_of(model.graph))
        assert len(names_of(inner)) == len(set(names_of(inner)))


@pytest.mark.parametrize("precision", BLOCKS)
@pytest.mark.parametrize("name", [name for name in ALL if name != "convolutions"])
def test_block_formats_reach_every_product_and_are_emulated(name, precision, tmp_path, workshop):
    variant = variant_of(name, tmp_path, workshop, precision, family="trt")

    emulated = emulated_variant(variant, [precision], workshop)

    assert quantized(variant.path) == products(tmp_path / "float.onnx", tmp_path)
    assert quantized(emulated.path) == 0
    assert sqnr_db(name, emulated.path) >= BLOCKS[precision]


@pytest.mark.parametrize(("precision", "least_db"), [("fp16", 55.0), ("bf16", 36.0)])
@pytest.mark.parametrize("name", ALL)
def test_a_cast_reaches_every_product(name, precision, least_db, tmp_path, workshop):
    variant = variant_of(name, tmp_path, workshop, precision)
    judged = variant if precision == "fp16" else emulated_variant(variant, ["bf16"], workshop)

    halves = float_products(onnx.load(variant.path), onnx.TensorProto.FLOAT)
    assert not halves, halves
    assert sqnr_db(name, judged.path) >= least_db
    assert optimizer_db(name, judged.path) >= 40.0


def float_products(model, type_) -> set[str]:
    """Names of the products that take a tensor of the type, by inference."""
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    graphs = [inferred.graph, *bodies_of(inferred.graph)]
    stated = chain.from_iterable((*graph.value_info, *graph.input, *graph.output) for graph in graphs)
    types = {value.name: value.type.tensor_type.elem_type for value in stated}
    types |= {tensor.name: tensor.data_type for graph in graphs for tensor in graph.initializer}
    wanted = (node for node in nodes_of(inferred.graph) if node.op_type in WEIGHTED)
    return {node.name for node in wanted if any(types[name] == type_ for name in node.input)}


@pytest.mark.parametrize(
    ("precision", "spec"),
    [
        ("int8", {}),
        ("int8", {"recipe": "dynamic"}),
        ("int8", {"format": "qoperator"}),
        ("int4", {}),
        ("int4", {"format": "qoperator"}),
        ("mxfp8", {}),
        ("nvfp4", {}),
    ],
)
def test_a_product_in_a_branch_can_stay_float(precision, spec, tmp_path, workshop):
    everything = variant_of("branches", tmp_path, workshop, precision, **spec)

    variant = variant_of("branches", tmp_path, workshop, precision, keep_float=("then/first", "e*/product"), **spec)

    left = {node.name for node in nodes_of(onnx.load(variant.path).graph) if node.op_type in PRODUCTS}
    assert {"then/first", "else/product"} <= left
    if spec.get("format") != "qoperator":  # whose float products take what others give, dequantized
        assert quantized(variant.path) == quantized(everything.path) - 2 == 3


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize(
    ("name", "kept"),
    [("branches", ("then/first", "then/second", "else/tanh")), ("loop", ("loop/recurrent", "loop/tanh", "loop/seen"))],
)
def test_a_node_in_a_body_can_stay_float32_between_halves(name, kept, precision, tmp_path, workshop):
    variant = variant_of(name, tmp_path, workshop, precision, keep_float=kept)

    assert float_products(onnx.load(variant.path), onnx.TensorProto.FLOAT) == {
        each for each in kept if "product" in each or each in ("then/first", "then/second", "loop/recurrent")
    }
    if precision == "fp16":
        assert sqnr_db(name, variant.path) >= 55.0


@pytest.mark.parametrize("pattern", ["if", "op:If"])
@pytest.mark.parametrize("precision", ["int8", "fp16", "bf16", "int4"])
def test_naming_the_branch_keeps_all_of_it_float(pattern, precision, tmp_path, workshop):
    variant = variant_of("branches", tmp_path, workshop, precision, keep_float=(pattern,))

    model = onnx.load(variant.path)
    inside = {"then/first", "then/second", "else/product"}
    assert inside <= node_names(model)
    if precision in ("fp16", "bf16"):
        assert float_products(model, onnx.TensorProto.FLOAT) == inside
    else:
        assert quantized(variant.path) == 2


@pytest.mark.parametrize(("name", "chosen"), [("branches", "then/first"), ("loop", "loop/recurrent")])
@pytest.mark.parametrize("precision", ["int8", "int4", "fp16"])
def test_only_a_product_in_a_body(precision, name, chosen, tmp_path, workshop):
    variant = variant_of(name, tmp_path, workshop, precision, only=(chosen,))

    model = onnx.load(variant.path)
    if precision == "fp16":
        others = {node.name for node in nodes_of(model.graph) if node.op_type in WEIGHTED and node.name != chosen}
        assert float_products(model, onnx.TensorProto.FLOAT) == others
    else:
        assert quantized(variant.path) == 1


def test_what_no_sample_reaches_stays_float_and_is_named(tmp_path, workshop):
    """Calibrated with flags that are all false, what the first branch makes has no ranges, and what it takes from
    around it has; recipes without ranges need none."""
    request = request_for(branches(), tmp_path, "int8")
    feeds = samples_of("branches", request.model, SAMPLES)
    always = dataclasses.replace(feeds, arrays={**feeds.arrays, "flag": np.zeros(SAMPLES, bool)})

    variant = variant_for(request, lambda: always, workshop)
    weights = variant_for(dataclasses.replace(request, precision="int4", base="int4"), lambda: always, workshop)

    assert quantized(variant.path) == 4
    assert "1 product stays float, as no calibration sample reaches" in " ".join(variant.recipe["notes"])
    assert "then/second" in " ".join(variant.recipe["notes"])
    assert quantized(weights.path) == 5
    assert sqnr_db("branches", variant.path) >= 12.0


def test_a_loop_without_steps_has_no_ranges(tmp_path, workshop):
    request = request_for(loop(), tmp_path, "nvfp4", family="trt")
    feeds = samples_of("loop", request.model, SAMPLES)
    never = dataclasses.replace(feeds, arrays={**feeds.arrays, "steps": np.zeros(SAMPLES, np.int64)})

    variant = variant_for(request, lambda: never, workshop)

    # x, which one of the products takes from around the loop, is seen.
    assert quantized(variant.path) == 3
    assert "loop/recurrent" in " ".join(variant.recipe["notes"])


def test_a_body_that_calibration_cannot_look_into_stays_float_and_is_told(tmp_path, workshop):
    for precision, found in (("int8", 1), ("nvfp4", 1), ("int4", 2)):
        request = request_for(mapped(), tmp_path, precision)

        variant = variant_for(request, lambda: samples_of("mapped", request.model, 8), workshop)  # noqa: B023

        told = " ".join(variant.recipe.get("notes", ()))
        assert quantized(variant.path) == found
        assert ("map/product" in told) == (found == 1)
        if precision != "nvfp4":
            feed = feeds_of("mapped", 1)[0]
            made = outputs_of(onnx.load(variant.path), feed)
            assert least_sqnr_db(outputs_of(mapped(), feed), made) >= {"int8": 18.0, "int4": 7.0}[precision]


def test_bodies_that_state_no_shapes(tmp_path, workshop):
    """Exporters leave them out of loops."""
    for precision, spec in (("int8", {}), ("int4", {}), ("nvfp4", {}), ("fp16", {}), ("bf16", {})):
        model = loop()
        for inner in bodies_of(model.graph):
            for value in (*inner.input, *inner.output):
                if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
                    value.type.tensor_type.ClearField("shape")
        request = request_for(model, tmp_path, precision, **spec)

        variant = variant_for(request, lambda: samples_of("loop", request.model, SAMPLES), workshop)  # noqa: B023

        if precision not in ("fp16", "bf16"):
            assert quantized(variant.path) == 4
        judged = emulated_variant(variant, [precision], workshop) if precision in ("nvfp4", "bf16") else variant
        assert sqnr_db("loop", judged.path) >= {"int8": 18.0, "int4": 7.0, "nvfp4": 7.0}.get(precision, 36.0)


@pytest.mark.parametrize(
    ("precision", "spec"), [("int8", {}), ("fp16", {}), ("bf16", {}), ("int4", {}), ("int8", {"recipe": "dynamic"})]
)
def test_weights_in_local_functions_count(precision, spec, tmp_path, workshop, monkeypatch):
    request = request_for(ALL["called_twice"](), tmp_path, precision, **spec)

    def made(cache):
        shop = dataclasses.replace(workshop, cache=VariantCache(tmp_path / cache))
        return variant_for(request, lambda: samples_of("called_twice", request.model, 8), shop)

    whole = made("whole")
    monkeypatch.setattr(large, "LARGEST_WEIGHTS", 100)
    monkeypatch.setattr(large, "SMALL", 100)
    apart = made("apart")

    assert apart.external
    inside = [len(tensor.raw_data) for _, tensor in tensors_of(onnx.load(apart.path, load_external_data=False))]
    assert max(inside) <= 128
    if precision != "bf16":
        session = onnxruntime.InferenceSession(str(apart.path), providers=["CPUExecutionProvider"])
        for feed in feeds_of("called_twice", 2):
            for one, other in zip(outputs_of(onnx.load(whole.path), feed), session.run(None, feed), strict=True):
                np.testing.assert_array_equal(one, other)
