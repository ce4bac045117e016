from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.jobs import Calibration
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import save
from tests.precision.balancing.models import attention_like, constant, only, operand
from tests.precision.graphs import one_matmul
from tests.precision.making import least_sqnr_db, made, outputs_of, recipe


def feed(count: int = 8) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(1).standard_normal((count, 5, 8)).astype(np.float32)}


def test_scales_are_those_of_the_paper_and_shared_by_all_that_read_the_tensor(tmp_path: Path) -> None:
    model = attention_like()

    rewritten = smoothed(model, tmp_path, feed(), smooth=0.75)

    normalized = outputs_of(only(model, "n", rank=3), feed())[0]
    weights = np.abs(np.concatenate([constant(model, "wq"), constant(model, "wk")], axis=1)).max(axis=1)
    scale = np.abs(normalized).max(axis=(0, 1)) ** 0.75 / weights**0.25
    assert operand(rewritten, "n", 1) == pytest.approx(constant(model, "scale") / scale, rel=1e-5)
    assert operand(rewritten, "n", 2) == pytest.approx(constant(model, "offset") / scale, rel=1e-5)
    assert operand(rewritten, "q", 1) == pytest.approx(constant(model, "wq") * scale[:, None], rel=1e-5)
    assert operand(rewritten, "k", 1) == pytest.approx(constant(model, "wk") * scale[:, None], rel=1e-5)


@pytest.mark.parametrize("how", [{}, {"recipe": "dynamic"}, {"base": "int4"}], ids=["static", "dynamic", "int4"])
def test_an_outlier_channel_that_is_migrated_costs_less(tmp_path: Path, how: dict) -> None:
    model = attention_like()
    exact = outputs_of(model, feed())

    plain = variant(model, tmp_path, **how)[0]
    migrated, notes = variant(model, tmp_path, smooth=0.5, **how)
    folded, left = notes[0].split(", ")
    assert folded == "smooth 0.5: 2 tensors folded into what makes them"
    assert left == "1 left as they are: nothing ahead of them takes their scales"
    assert not [node for node in migrated.graph.node if "smoothed" in node.name]
    assert least_sqnr_db(exact, outputs_of(migrated, feed())) > least_sqnr_db(exact, outputs_of(plain, feed()))


def test_a_mul_stays_only_where_it_is_asked_for(tmp_path: Path) -> None:
    rewritten = smoothed(attention_like(), tmp_path, feed(), smooth=0.5, smooth_mul=True)

    (mul,) = [node for node in rewritten.graph.node if node.op_type == "Mul"]
    assert mul.input[0] == "p"
    assert next(node for node in rewritten.graph.node if node.name == "m1").input[0] == mul.output[0]


@pytest.mark.parametrize("mul", [False, True])
def test_a_key_that_changes_nothing_is_told(tmp_path: Path, mul: bool) -> None:
    if mul:
        model, key = only(attention_like(), "q", rank=3), "smooth_mul"
    else:
        model, key = one_matmul(), "smooth"
    with pytest.raises(CannotJudge) as told:
        made(model, tmp_path, smooth=0.5, smooth_mul=mul)

    assert told.value.failure.code is Code.VARIANT_DEAD_PATTERN
    assert told.value.failure.remedy == f"remove {key}"


def test_infinite_values_are_named(tmp_path: Path) -> None:
    fed = feed()
    fed["x"][1, 2, 3] = np.inf
    with pytest.raises(CannotJudge) as told:
        smoothed(attention_like(), tmp_path, fed, smooth=0.5)

    assert told.value.failure.code is Code.CALIBRATION_NOT_FINITE


def smoothed(model, folder: Path, fed, **spec):
    calibration = Calibration(float_graph(save(model, folder / "float.onnx")), recipe(**spec))
    calibration.take(fed, len(fed["x"]))
    assert calibration.turn()
    assert calibration.rewritten is not None
    return calibration.rewritten


def variant(model, folder: Path, base: str = "int8", **spec):
    """By the maker of the worker: recipes of one pass and none."""
    from pytest_qparity.precision.making import begin, make, observe, turn
    from pytest_qparity.precision.recipes import as_json

    path, target, held = save(model, folder / "float.onnx"), folder / "made.onnx", {}
    how = recipe(base, **spec)
    arguments = {
        "model": str(path),
        "precision": base,
        "recipe": as_json(how),
        "samples": 8,
        "samples_in_all": 8,
        "target": str(target),
        "ranges": None,
        "model_digest": "",
        "data_digest": "",
    }
    if spec.get("smooth") is not None or (base == "int8" and "recipe" not in spec):
        begin(held, arguments, {})
        while True:
            observe(held, arguments, feed())
            if not turn(held, arguments, {})[0]:
                break
    notes = make(held, arguments, {})[0]
    return onnx.load(target), notes
