"""A float model without its local functions."""

from __future__ import annotations

import numpy as np
import onnx

from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.precision.inlined import inlined_variant
from pytest_qparity.precision.variants import Variant, Workshop
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.models import save
from tests.precision.graphs import function_inside, one_matmul
from tests.precision.making import outputs_of


def inlined(model: onnx.ModelProto, folder) -> Variant | None:
    path = save(model, folder / "float.onnx")
    workshop = Workshop(InProcess(Limits()), VariantCache(folder / "variants"))
    return inlined_variant(Variant(path, "0" * 64, "fp32", "fp32", False, {}), workshop)


def test_calls_become_the_nodes_of_their_functions_and_compute_the_same(tmp_path):
    found = inlined(function_inside(), tmp_path)

    assert found is not None
    model = onnx.load(found.path)
    assert not model.functions
    assert [node.op_type for node in model.graph.node] == ["MatMul"]
    feed = {"x": np.ones((3, 8), np.float32)}
    assert (outputs_of(model, feed)[0] == outputs_of(function_inside(), feed)[0]).all()
    assert found.recipe["of"] == "0" * 64


def test_a_model_without_functions_is_none(tmp_path):
    assert inlined(one_matmul(), tmp_path) is None
