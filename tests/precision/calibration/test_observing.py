from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity import quantmath
from pytest_qparity.precision import large
from pytest_qparity.precision.calibration.method import METHODS, Method
from pytest_qparity.precision.calibration.observing import Observer, observe
from pytest_qparity.verdict import CannotJudge, Code
from tests.precision import graphs
from tests.precision.graphs import FLOAT, model_of

TENSORS = ("x", "a", "b", "y")


def small(dtype=FLOAT):
    """Two products with a Relu between, and a shape that is no float."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="/first"),
        helper.make_node("Relu", ["a"], ["b"], name="/relu"),
        helper.make_node("MatMul", ["b", "w"], ["y"], name="/second"),
        helper.make_node("Shape", ["y"], ["shape"], name="/shape"),
    ]
    weight = graphs.weights(8, 8).astype(helper.tensor_dtype_to_np_dtype(dtype))
    return model_of(nodes, [("x", dtype, ["N", 8])], [("y", dtype, ["N", 8])], {"w": weight})


def feeds(count=8, dtype=np.float32, size=3):
    random = np.random.default_rng(7)
    return [{"x": random.standard_normal((size, 8)).astype(dtype)} for _ in range(count)]


def values_of(model, feed):
    """All tensors of `small`, by NumPy in the order ONNX Runtime multiplies a row: float32 products of 8 terms."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in ("a", "b"))
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(copy.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return {**feed, **dict(zip(names, session.run(names, feed), strict=True))}


@pytest.mark.parametrize("name", [name for name in METHODS if name != "given"])
def test_the_ranges_are_those_of_quantmath_over_all_feeds(name):
    found = observe(small(), TENSORS, feeds(), Method(name))

    for tensor in TENSORS:
        estimator = Method(name).estimator()
        for feed in feeds():
            estimator.add(values_of(small(), feed)[tensor].astype(np.float64))
        assert found.tensors[tensor].whole == estimator.range()
    assert tuple(found.tensors) == TENSORS
    assert found.samples == 8


def test_settings_reach_the_estimator():
    settings = Method("percentile", (("percentile", 60.0), ("bins", 64)))

    found = observe(small(), ["a"], feeds(), settings)

    wide = observe(small(), ["a"], feeds(), Method("percentile"))
    assert found.tensors["a"].whole.high < wide.tensors["a"].whole.high
    assert found.method.as_json() == {"name": "percentile", "percentile": 60.0, "bins": 64}


@pytest.mark.parametrize(("name", "settings"), [("minmax", {"bins": 64}), ("mse", {"percentile": 9}), ("median", {})])
def test_a_method_without_such_a_setting_is_refused(name, settings):
    with pytest.raises(ValueError, match="got"):
        Method(name, tuple(settings.items()))


def test_the_model_is_left_as_it_was():
    model = small()
    before = model.SerializeToString()

    observe(model, TENSORS, feeds(2), Method("minmax"))

    assert model.SerializeToString() == before


def test_a_float16_model_has_the_ranges_of_its_float16_values():
    found = observe(small(TensorProto.FLOAT16), TENSORS, feeds(dtype=np.float16), Method("minmax"))

    expected = [values_of(small(TensorProto.FLOAT16), feed)["a"] for feed in feeds(dtype=np.float16)]
    assert expected[0].dtype == np.float16
    assert found.tensors["a"].whole == quantmath.Range(float(np.min(expected)), float(np.max(expected)))


def test_external_data_stay_beside_the_model(tmp_path):
    model = small()
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    files = sorted(file.name for file in tmp_path.iterdir())

    found = observe(path, TENSORS, feeds(), Method("minmax"))

    assert found.tensors == observe(small(), TENSORS, feeds(), Method("minmax")).tensors
    assert sorted(file.name for file in tmp_path.iterdir()) == files == ["model.onnx", "weights.bin"]


def test_a_model_beyond_a_message_goes_to_the_engine_as_files(monkeypatch):
    model = small()
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(graphs.weights(8, 8), "w"))
    before = model.SerializeToString()
    whole = observe(model, TENSORS, feeds(), Method("minmax"))
    monkeypatch.setattr(large, "LARGEST_WEIGHTS", 100)

    assert observe(model, TENSORS, feeds(), Method("minmax")).tensors == whole.tensors
    assert model.SerializeToString() == before


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_name_their_tensor(bad):
    observer = Observer(small(), ["b", "a"], Method("entropy"))
    observer.take(feeds(1)[0])
    feed = feeds(1)[0]
    feed["x"][1, 1] = bad

    with pytest.raises(CannotJudge) as stopped:
        observer.take(feed)

    assert stopped.value.failure.code is Code.CALIBRATION_NOT_FINITE
    assert stopped.value.failure.sentence.startswith('"a": got 8 NaN or Inf among 24 values of calibration sample 2')


def test_a_tensor_that_is_not_there_has_a_nearest_name():
    with pytest.raises(CannotJudge) as stopped:
        Observer(graphs.nameless(), ["softmax", "Y"], Method("minmax"))
    assert stopped.value.failure.code is Code.CALIBRATION_TENSOR

    with pytest.raises(CannotJudge) as stopped:
        Observer(graphs.nameless(), ["a", "Y"], Method("minmax"))
    assert stopped.value.failure.remedy == 'name "y"'


def test_a_tensor_inside_a_branch_is_not_in_the_main_graph():
    model = graphs.function_inside()

    with pytest.raises(CannotJudge, match='"c": got no tensor'):
        Observer(model, ["c"], Method("minmax"))


def test_a_tensor_that_is_no_float_is_refused():
    with pytest.raises(CannotJudge, match=r'"shape": got tensor\(int64\)'):
        Observer(small(), ["shape"], Method("minmax"))


def test_an_initializer_has_a_range_as_well():
    found = observe(small(), ["w"], feeds(1), Method("minmax"))

    weight = graphs.weights(8, 8)
    assert found.tensors["w"].whole == quantmath.Range(float(weight.min()), float(weight.max()))


def test_no_feed_and_no_value_are_no_range():
    with pytest.raises(CannotJudge) as stopped:
        observe(small(), ["a"], [], Method("minmax"))
    assert stopped.value.failure.code is Code.DATA_EMPTY

    with pytest.raises(CannotJudge) as stopped:
        observe(small(), ["a"], [{"x": np.zeros((0, 8), np.float32)}], Method("minmax"))
    assert stopped.value.failure.code is Code.CALIBRATION_TENSOR


def test_estimators_hold_nothing_that_grows_with_the_feeds():
    observer = Observer(small(), TENSORS, Method("percentile"))

    def held():
        halves = observer.halves()["a"]
        return sum(each.histogram.negative.nbytes + each.histogram.positive.nbytes for each in halves.both())

    observer.take(feeds(1)[0])
    before = held()
    for feed in feeds(50):
        observer.take(feed)
    assert held() == before
    assert observer.samples == 51


def test_samples_of_a_batch_are_counted():
    observer = Observer(small(), ["a"], Method("minmax"))
    for feed in feeds(4):
        observer.take(feed, samples=3)

    assert observer.ranges("m" * 64, "d" * 64).samples == 12
