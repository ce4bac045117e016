"""Emulated types inside of branches, loops and scans."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from pytest_qparity.precision.emulation import lowered
from pytest_qparity.precision.graph import float_graph, nodes_of
from pytest_qparity.precision.jobs import Calibration
from pytest_qparity.precision.making import make
from pytest_qparity.precision.operands import TYPES
from pytest_qparity.precision.recipes import as_json
from tests.models import save
from tests.precision.bodies import ALL, branches, feeds_of
from tests.precision.graphs import one_matmul
from tests.precision.making import least_sqnr_db, outputs_of, recipe

EMULATED = ["bf16", "int4", "mxfp4", "mxfp8", "nvfp4"]
SCALES = {TensorProto.FLOAT8E8M0, TensorProto.FLOAT8E4M3FN}


def variant_of(model: onnx.ModelProto, folder, base: str, feeds) -> onnx.ModelProto:
    path, how = save(model, folder / "float.onnx"), recipe(base)
    if base in ("int8", "nvfp4"):
        calibration = Calibration(float_graph(path), how)
        for feed in feeds:
            calibration.take(feed, 1)
        return calibration.made()[0]
    arguments = {
        "model": path,
        "target": folder / "made.onnx",
        "precision": base,
        "recipe": as_json(how),
        "ranges": None,
    }
    make({}, arguments, {})
    return onnx.load(folder / "made.onnx")


def emulated(model: onnx.ModelProto, base: str) -> onnx.ModelProto:
    made, counts = lowered(model, TYPES[base] | (SCALES if base not in ("bf16", "int4", "int8") else set()))
    assert counts
    onnx.checker.check_model(made, full_check=True)
    return made


def flat(model: onnx.ModelProto, branch: str) -> onnx.ModelProto:
    """The model with the nodes of one branch of its If in the If's place."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    nodes = list(made.graph.node)
    (at,) = [index for index, node in enumerate(nodes) if node.op_type == "If"]
    body = next(attribute.g for attribute in nodes[at].attribute if attribute.name == branch)
    given = helper.make_node("Identity", [body.output[0].name], [nodes[at].output[0]], name="given")
    made.graph.initializer.extend(body.initializer)
    del made.graph.node[:]
    made.graph.node.extend([*nodes[:at], *body.node, given, *nodes[at + 1 :]])
    return made


@pytest.mark.parametrize("base", EMULATED)
def test_a_branch_is_emulated_as_the_same_nodes_are_without_it(base, tmp_path):
    variant = variant_of(branches(), tmp_path, base, feeds_of("branches", 32))
    whole = emulated(variant, base)
    others = {
        branch == "then_branch": emulated(flat(variant, branch), base) for branch in ("then_branch", "else_branch")
    }

    for feed in feeds_of("branches", 6, seed=3):
        expected = outputs_of(others[bool(feed["flag"])], feed, optimized=False)
        for one, other in zip(outputs_of(whole, feed, optimized=False), expected, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ALL)
def test_int8_in_bodies_is_what_the_nodes_compute(name, tmp_path):
    variant = variant_of(ALL[name](), tmp_path, "int8", feeds_of(name, 32))
    made = emulated(variant, "int8")

    assert not [node for node in nodes_of(made.graph) if "Linear" in node.op_type]
    for feed in feeds_of(name, 4):
        native = outputs_of(variant, feed, optimized=False)
        assert least_sqnr_db(native, outputs_of(made, feed)) >= 80.0
        if name not in ("loop", "nested"):  # onnx's evaluator (1.23) is wrong about the float models, too
            assert least_sqnr_db(ReferenceEvaluator(variant).run(None, feed), native) >= 80.0


@pytest.mark.parametrize("base", ["mxfp8", "nvfp4"])
def test_a_tensor_of_unknown_rank_is_rounded_in_the_blocks_that_it_has(base, tmp_path):
    """What a Loop gives has no rank that the file states."""
    feeds = [{"x": np.random.default_rng(seed).standard_normal((3, 64)).astype(np.float32)} for seed in range(8)]
    stated = variant_of(one_wide(64), tmp_path, base, feeds)
    unstated = onnx.ModelProto.FromString(stated.SerializeToString())
    unstated.graph.input[0].type.tensor_type.ClearField("shape")

    for feed in feeds:
        one, other = (outputs_of(lowered(each, TYPES[base] | SCALES)[0], feed)[0] for each in (stated, unstated))
        np.testing.assert_array_equal(one, other)


def test_blocks_that_do_not_fill_an_axis_of_unknown_length_fail_the_run(tmp_path):
    model = variant_of(one_wide(64), tmp_path, "mxfp8", [])
    model.graph.input[0].type.tensor_type.ClearField("shape")

    with pytest.raises(Exception, match="Reshape"):
        outputs_of(lowered(model, TYPES["mxfp8"] | SCALES)[0], {"x": np.ones((2, 48), np.float32)})


def one_wide(width: int) -> onnx.ModelProto:
    model = one_matmul()
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = width
    weight = np.random.default_rng(9).standard_normal((width, 4)).astype(np.float32)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weight, "w"))
    return model


@pytest.mark.parametrize("base", ["int8", "mxfp8", "nvfp4"])
@pytest.mark.parametrize("name", ["branches", "loop", "nested", "scan"])
def test_openvino_loads_emulated_bodies_and_rounds_alike(name, base, tmp_path):
    openvino = pytest.importorskip("openvino")
    made = emulated(variant_of(ALL[name](), tmp_path, base, feeds_of(name, 32)), base)
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}

    engine = openvino.Core().compile_model(str(save(made, tmp_path / "emulated.onnx")), "CPU", options)

    for feed in feeds_of(name, 2):
        given = engine(feed)
        # Its quotients are products with a reciprocal: a few codes differ by one.
        assert least_sqnr_db(outputs_of(made, feed), [given[each] for each in engine.outputs]) >= 30.0


def test_a_scan_reads_nothing_from_around_it_that_is_computed_there(tmp_path):
    made = emulated(variant_of(ALL["scan"](), tmp_path, "nvfp4", feeds_of("scan", 32)), "nvfp4")

    constants = {tensor.name for tensor in made.graph.initializer}
    (scan,) = (node for node in made.graph.node if node.op_type == "Scan")
    (body,) = (attribute.g for attribute in scan.attribute if attribute.name == "body")
    own = {value.name for value in (*body.input, *body.initializer)} | {
        name for node in body.node for name in node.output
    }
    assert {name for node in body.node for name in node.input if name} <= own | constants
    assert len(scan.input) == len(body.input)
    assert len(scan.output) == len(body.output)
