"""What a worker does for recipes, and what becomes of a recipe that ends its worker."""

from __future__ import annotations

import contextlib
import dataclasses
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.precision import jobs
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.precision.calibration.method import Method
from pytest_qparity.precision.calibration.ranges import Ranges
from pytest_qparity.precision.content import content_of, holds
from pytest_qparity.precision.recipes import (
    BlockRecipe,
    CastRecipe,
    DynamicRecipe,
    StaticRecipe,
    WeightOnlyRecipe,
    as_json,
    recipe_of,
)
from pytest_qparity.precision.variants import Workshop, variant_for
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.case.workers import misled
from tests.models import mlp, save, small_cnn
from tests.precision.graphs import masked, model_file, nameless, one_matmul, request_for, samples_for
from tests.precision.making import array, dequantized

INT8 = StaticRecipe((), target="ort", activation="uint8", weight="int8", symmetric=False, bias="int32")
CALLS = "pytest_qparity.precision.making"
NO_LIMIT = Limits()


@pytest.fixture(scope="module")
def process():
    worker = WorkerProcess(Limits(memory_mb=4000))
    yield worker
    worker.close()


@pytest.fixture(params=["none", "process"])
def worker(request, process):
    return process if request.param == "process" else InProcess(NO_LIMIT)


@pytest.fixture
def cache(tmp_path):
    return VariantCache(tmp_path / "cache")


def chosen(worker, path, *patterns, place="int8"):
    choice = {"keep_float": list(patterns), "only": [], "edges_float": False, "types": {}, "place": place}
    arguments = {"model": str(path), "precision": "int8", "choice": choice}
    return worker.call(f"{CALLS}:chosen", arguments, {}, "W", worker.limits.load).value["keep_float"]


def make(worker, model, tmp_path, recipe, *, feeds=None):
    """The path and notes of a made variant."""
    path = save(model, tmp_path / "float.onnx")
    target = tmp_path / "scratch" / "made.onnx"
    target.parent.mkdir(exist_ok=True)
    arguments = stated(path, target, recipe)
    if feeds is not None:
        worker.call(f"{CALLS}:begin", arguments, {}, "W", worker.limits.calibration)
        for feed in feeds:
            counted = arguments | {"samples": feed.count}
            worker.call(f"{CALLS}:observe", counted, feed.arrays, "W", worker.limits.calibration)
    return target, worker.call(f"{CALLS}:make", arguments, {}, "W", worker.limits.calibration).value


def stated(path, target, recipe):
    return {
        "model": str(path),
        "model_digest": "0" * 64,
        "target": str(target),
        "precision": "fp16" if isinstance(recipe, CastRecipe) else "int8",
        "recipe": as_json(recipe),
        "ranges": None,
        "data_digest": None,
        "samples_in_all": 8,
    }


def feeds_for(model, tmp_path, count=8):
    return samples_for(model_file(save(model, tmp_path / "float.onnx")), count)


def without_doubts(notes):
    """What was done to the model: few samples are doubted, as they should be."""
    return [note for note in notes if "calibration samples" not in note]


def left_in(cache):
    return sorted(path.name for path in cache.folder.iterdir() if path.suffix != ".lock")


def variant_of(request, worker, cache):
    return variant_for(request, lambda: samples_for(request.model, 8), Workshop(worker, cache))


def counting_to_2_62():
    """x @ w, behind it a loop that ends in centuries, and a product whose range is that of the loop's output."""
    going, state = (
        helper.make_tensor_value_info("going", TensorProto.BOOL, []),
        helper.make_tensor_value_info("state", TensorProto.FLOAT, ["N", 4]),
    )
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["on"]), helper.make_node("Relu", ["state"], ["next"])],
        "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []), going, state],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, ["N", 4]),
        ],
    )
    model = one_matmul()
    model.graph.node[-1].output[0] = "inner"
    model.graph.initializer.append(numpy_helper.from_array(np.array(2**62, np.int64), "count"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "true"))
    model.graph.node.append(helper.make_node("Loop", ["count", "true", "inner"], ["ended"], body=body, name="loop"))
    model.graph.initializer.append(numpy_helper.from_array(np.eye(4, dtype=np.float32), "w2"))
    model.graph.node.append(helper.make_node("MatMul", ["ended", "w2"], ["y"], name="last"))
    return model


def test_nodes_are_kept_by_glob_and_by_operator(worker, tmp_path):
    path = save(mlp(), tmp_path / "float.onnx")

    assert sorted(chosen(worker, path, "sec*", "op:Relu")) == ["relu", "second"]


def test_a_node_without_a_name_is_kept_by_the_name_it_gets(worker, tmp_path):
    path = save(nameless(), tmp_path / "float.onnx")

    [name] = chosen(worker, path, "op:Softmax")

    assert name


def test_a_dead_pattern_comes_with_the_place_where_it_is_written(worker, tmp_path):
    path = save(mlp(), tmp_path / "float.onnx")

    with pytest.raises(CannotJudge) as stop:
        chosen(worker, path, "frist", place="cases/x.toml:13: int8")

    assert stop.value.failure.code is Code.VARIANT_DEAD_PATTERN
    assert stop.value.failure.sentence.startswith('cases/x.toml:13: int8: keep_float: got "frist", ')


@pytest.mark.parametrize("call", ["chosen", "begin", "make"])
def test_a_model_that_cannot_be_opened_is_a_recipe_that_failed(worker, tmp_path, call):
    (tmp_path / "float.onnx").write_bytes(b"\xff" * 40)
    recipe = INT8 if call == "begin" else CastRecipe(())
    arguments = stated(tmp_path / "float.onnx", tmp_path / "made.onnx", recipe) | {
        "precision": "fp16",
        "choice": {"keep_float": ["*"], "only": []},
    }

    with pytest.raises(CannotJudge) as stop:
        worker.call(f"{CALLS}:{call}", arguments, {}, "W", worker.limits.load)

    assert stop.value.failure.code is Code.VARIANT_RECIPE
    assert stop.value.failure.sentence.startswith("fp16: got ")
    assert "[precisions.fp16] file" in stop.value.failure.remedy
    assert not (tmp_path / "made.onnx").exists()


@pytest.mark.parametrize("recipe", [CastRecipe(()), INT8], ids=["fp16", "int8"])
def test_the_file_at_the_target_holds_the_precision_and_its_ranges_alone_lie_beside_it(worker, tmp_path, recipe):
    base = "fp16" if isinstance(recipe, CastRecipe) else "int8"
    feeds = None if base == "fp16" else feeds_for(small_cnn(), tmp_path)

    target, notes = make(worker, small_cnn(), tmp_path, recipe, feeds=feeds)

    assert holds(content_of(target), base)
    assert without_doubts(notes) == []
    ranges = set() if feeds is None else {"made.onnx.ranges.json"}
    assert {path.name for path in target.parent.iterdir()} == {"made.onnx"} | ranges


def test_what_was_done_to_the_model_comes_back_as_notes(worker, tmp_path):
    _, fp16 = make(worker, masked(), tmp_path, CastRecipe(()))
    old = one_matmul(opset=9)
    _, int8 = make(worker, old, tmp_path, INT8, feeds=feeds_for(old, tmp_path))

    assert fp16 == ["1 float32 constants beyond ±65504, clipped to it, in: lowest"]
    assert without_doubts(int8) == ["converted from opset 9 to 17 before quantization"]


RECIPES = [
    CastRecipe(("first",), smallest=1e-7, largest=1e4),
    StaticRecipe(("second",), "any", "int8", "int8", symmetric=True, types=(("first", "int16"),), percentile=99.0),
    DynamicRecipe(("first",), weight="int8", operators=("MatMul",)),
    WeightOnlyRecipe(("first",), weight="uint4", block=64, symmetric=False, algorithm="mse"),
    BlockRecipe(("first",), activation=None, weight="float4e2m1", block=32, scale="float8e8m0", scale_rule="up"),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.method for recipe in RECIPES])
def test_every_field_of_a_recipe_comes_through_json(recipe):
    assert recipe_of(json.loads(json.dumps(as_json(recipe)))) == recipe


def test_every_feed_reaches_the_observer_as_it_is_fed(tmp_path, monkeypatch):
    taken = []
    monkeypatch.setattr(jobs.Observer, "take", lambda self, feed, samples: taken.append((dict(feed), samples)))
    monkeypatch.setattr(jobs.Observer, "ranges", lambda self: Ranges({}, Method("minmax"), "test", 1))
    feeds = feeds_for(mlp(), tmp_path, count=6)

    with pytest.raises(CannotJudge):  # no range was found
        make(InProcess(NO_LIMIT), mlp(), tmp_path, INT8, feeds=feeds)

    assert [samples for _, samples in taken] == [feed.count for feed in feeds]
    for (got, _), feed in zip(taken, feeds, strict=True):
        np.testing.assert_array_equal(got["input"], feed.arrays["input"])


def test_a_calibration_that_broke_off_is_none_of_the_next_recipe(worker, tmp_path):
    """The next has its ranges from a file, and asks for no calibration."""
    path = save(mlp(), tmp_path / "float.onnx")
    ranges = tmp_path / "ranges.txt"
    ranges.write_text("input: 3.0\nhidden: 3.0\nactive: 3.0\nlogits: 3.0\n")
    broken = dataclasses.replace(INT8, activation="int8", symmetric=True, keep_float=("second",))
    worker.call(f"{CALLS}:begin", stated(path, tmp_path / "x.onnx", broken), {}, "W", worker.limits.calibration)
    target = tmp_path / "made.onnx"
    given = dataclasses.replace(broken, keep_float=(), ranges="0" * 64)

    arguments = stated(path, target, given) | {"ranges": str(ranges)}
    worker.call(f"{CALLS}:make", arguments, {}, "W", worker.limits.calibration)

    assert array(onnx.load(target), "input_scale") == pytest.approx(3 / 127)
    assert dequantized(onnx.load(target), "second")[:2] == [True, True]


def test_a_model_with_external_data_is_made_into_one_file(worker, tmp_path):
    model = small_cnn()
    folder = tmp_path / "model"
    folder.mkdir()
    onnx.save(model, folder / "float.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    (tmp_path / "scratch").mkdir()
    arguments = stated(folder / "float.onnx", tmp_path / "scratch" / "made.onnx", CastRecipe(()))

    worker.call(f"{CALLS}:make", arguments, {}, "W", worker.limits.calibration)

    assert model_file(tmp_path / "scratch" / "made.onnx").external == ()


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize("model", [mlp, small_cnn, nameless], ids=["mlp", "cnn", "nameless"])
def test_both_workers_make_the_same_bytes(tmp_path, process, precision, model):
    request = request_for(model(), tmp_path, precision)

    here = variant_of(request, InProcess(NO_LIMIT), VariantCache(tmp_path / "here"))
    there = variant_of(request, process, VariantCache(tmp_path / "there"))

    assert here.path.read_bytes() == there.path.read_bytes()
    assert (here.digest, here.recipe) == (there.digest, there.recipe)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize(
    ("does", "code", "says"),
    [
        ("die_half_way", Code.WORKER_CRASH, "was ended by SIGSEGV during its calibration"),
        ("exit_as_if_done", Code.WORKER_CRASH, "ended by itself with status 0 during its calibration"),
        ("hang_half_way", Code.WORKER_DEADLINE, "did not end its calibration within 1 s and was killed"),
    ],
    ids=["crash", "exit", "hang"],
)
def test_a_recipe_that_ends_its_worker_is_named_and_leaves_nothing(tmp_path, cache, precision, does, code, says):
    request = request_for(mlp(), tmp_path, precision)

    with misled(f"tests.precision.foreign:{does}", calibration_s=1) as worker, pytest.raises(CannotJudge) as stop:
        variant_of(request, worker, cache)

    assert stop.value.failure.code is code
    assert stop.value.failure.sentence.startswith(f"Making {precision} of float.onnx {says}")
    assert left_in(cache) == []


def test_what_a_dead_maker_left_is_no_variant_for_the_next(tmp_path, cache, process):
    request = request_for(mlp(), tmp_path, "fp16")
    with misled("tests.precision.foreign:die_half_way") as worker, contextlib.suppress(CannotJudge):
        variant_of(request, worker, cache)

    made = variant_of(request, process, cache)

    assert holds(content_of(made.path), "fp16")
    assert left_in(cache) == sorted([made.path.name, f"{made.path.stem}.json"])


def test_a_model_that_never_ends_cannot_hold_calibration_up(tmp_path, cache):
    request = request_for(counting_to_2_62(), tmp_path, "int8")

    worker = WorkerProcess(Limits(calibration_s=3, memory_mb=4000))
    with contextlib.closing(worker), pytest.raises(CannotJudge) as stop:
        variant_of(request, worker, cache)

    assert stop.value.failure.code is Code.WORKER_DEADLINE
    assert left_in(cache) == []
