from __future__ import annotations

import dataclasses
import json

import numpy as np
import onnx
import pytest

from pytest_qparity.case.data import Feeds
from pytest_qparity.digest import json_digest
from pytest_qparity.precision import cast, making, variants
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.precision.content import content_of, holds
from pytest_qparity.precision.graph import in_order
from pytest_qparity.precision.recipes import (
    BlockRecipe,
    CastRecipe,
    CommandRecipe,
    DynamicRecipe,
    StaticRecipe,
    WeightOnlyRecipe,
)
from pytest_qparity.precision.table import PRECISIONS
from pytest_qparity.precision.variants import Workshop, calibration_digest, variant_for, variant_key
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.case.workers import Unemployed
from tests.models import mlp, save, small_cnn
from tests.precision.graphs import masked, nameless, one_matmul, quantized, request_for, samples_for, with_subgraphs
from tests.precision.making import least_sqnr_db, outputs_of
from tests.precision.test_preparing import normed as small_normed


@pytest.fixture
def cache(tmp_path):
    return VariantCache(tmp_path / "cache")


def workshop(cache):
    return Workshop(InProcess(Limits()), cache)


def not_asked():
    raise AssertionError("should not have asked for calibration data")


def variant_of(request, cache):
    return variant_for(request, lambda: samples_for(request.model, 8), workshop(cache))


def test_fp32_is_the_float_model_itself(tmp_path, cache):
    request = request_for(mlp(), tmp_path, "fp32")

    variant = variant_for(request, not_asked, workshop(cache))

    assert (variant.path, variant.digest, variant.given) == (request.model.path, request.model.digest, False)
    assert not cache.folder.exists()


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_calibration_of_what_needs_none_is_no_variant(tmp_path, cache, precision):
    request = request_for(mlp(), tmp_path, precision, calibration="minmax")

    with pytest.raises(CannotJudge, match=f"{precision}: got calibration beside .*, should be none") as caught:
        variant_for(request, not_asked, workshop(cache))

    assert caught.value.failure.code is Code.VARIANT_RECIPE


def test_a_given_file_is_taken_as_it_is(tmp_path, cache):
    given = save(quantized(), tmp_path / "given.onnx")
    before = given.read_bytes()

    variant = variant_for(request_for(mlp(), tmp_path, "int8-qat", file="given.onnx"), not_asked, workshop(cache))

    assert (variant.path, variant.given, variant.base) == (given, True, "int8")
    assert given.read_bytes() == before
    assert not cache.folder.exists()


def test_a_given_file_that_is_not_there_cannot_be_judged(tmp_path, cache):
    with pytest.raises(CannotJudge):
        variant_for(request_for(mlp(), tmp_path, "int8", file="missing.onnx"), not_asked, workshop(cache))


@pytest.mark.parametrize("precision", ["fp16", "int8", "int8-mixed"])
def test_a_made_variant_holds_its_precision_and_is_found_again(tmp_path, cache, precision):
    request = request_for(mlp(), tmp_path, precision)

    variant = variant_of(request, cache)

    assert holds(content_of(variant.path), request.base)
    assert variant.path.parent == cache.folder
    feeds = samples_for(request.model, 8)
    assert variant_for(request, lambda: feeds, Workshop(Unemployed(), cache)) == variant


def test_fp16_asks_for_no_calibration_data(tmp_path, cache):
    assert (
        variant_for(request_for(mlp(), tmp_path, "fp16"), not_asked, workshop(cache)).recipe["calibration_data"] is None
    )


def test_int8_without_calibration_data_passes_on_why(tmp_path, cache):
    with pytest.raises(AssertionError, match="calibration"):
        variant_for(request_for(mlp(), tmp_path, "int8"), not_asked, workshop(cache))


@pytest.mark.parametrize("precision", ["fp32", "tf32"])
def test_what_is_said_of_a_recipe_is_no_word_of_the_float_model(tmp_path, cache, precision):
    with pytest.raises(CannotJudge) as stop:
        variant_of(request_for(mlp(), tmp_path, precision, granularity="tensor"), cache)

    assert stop.value.failure.code is Code.VARIANT_RECIPE
    assert stop.value.failure.remedy.endswith("remove granularity")


@pytest.mark.parametrize("precision", [name for name, each in PRECISIONS.items() if each.made.method != "float-model"])
def test_every_precision_that_is_made_holds_what_it_says(tmp_path, cache, precision):
    request = request_for(mlp(features=32), tmp_path, precision)

    variant = variant_of(request, cache)

    assert holds(content_of(variant.path), precision)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_keep_float_reaches_the_file_and_the_recipe(tmp_path, cache, precision):
    plain = variant_of(request_for(mlp(), tmp_path, precision), cache)
    mixed = variant_of(request_for(mlp(), tmp_path, precision, keep_float=("op:Gemm",)), cache)

    assert mixed.recipe["keep_float"] == ["first", "second"]
    assert mixed.digest != plain.digest
    assert {tensor.name for tensor in onnx.load(mixed.path).graph.initializer} >= {"w1", "w2"}


def test_patterns_that_name_the_same_nodes_share_one_file(tmp_path, cache):
    by_name = variant_of(request_for(mlp(), tmp_path, "int8", keep_float=("second",)), cache)
    by_glob = variant_of(request_for(mlp(), tmp_path, "int8", keep_float=("sec*",)), cache)

    assert by_name == by_glob


def test_a_nameless_softmax_can_be_kept_float(tmp_path, cache):
    variant = variant_of(request_for(nameless(), tmp_path, "int8", keep_float=("op:Softmax",)), cache)

    softmax = next(node for node in onnx.load(variant.path).graph.node if node.op_type == "Softmax")
    assert list(softmax.output) == ["y"]


@pytest.mark.parametrize("precision", ["fp16", "int8", "int4"])
def test_a_dead_pattern_is_an_error_at_every_precision(tmp_path, cache, precision):
    with pytest.raises(CannotJudge) as stop:
        variant_of(request_for(mlp(), tmp_path, precision, keep_float=("frist",)), cache)

    assert stop.value.failure.code is Code.VARIANT_DEAD_PATTERN


@pytest.mark.parametrize("precision", ["fp16", "int8", "int4"])
def test_a_dead_pattern_is_told_with_the_line_that_the_caller_gives(tmp_path, cache, precision):
    request = request_for(mlp(), tmp_path, precision, keep_float=("frist",))

    with pytest.raises(CannotJudge, match=f'^{precision}: keep_float: got "frist", '):
        variant_of(request, cache)
    with pytest.raises(CannotJudge, match=f'^cases/x.toml:13: {precision}: keep_float: got "frist", '):
        variant_of(dataclasses.replace(request, where="cases/x.toml:13"), cache)


def test_what_the_recipe_did_to_the_model_is_told_also_from_the_cache(tmp_path, cache):
    for _ in range(2):
        fp16 = variant_of(request_for(masked(), tmp_path, "fp16"), cache)
        int8 = variant_of(request_for(one_matmul(opset=9), tmp_path, "int8"), cache)

        assert fp16.recipe["notes"] == ["1 float32 constants beyond ±65504, clipped to it, in: lowest"]
        assert int8.recipe["notes"][:-1] == ["converted from opset 9 to 19 before quantization"]


def test_the_recipe_is_plain_json_with_all_that_made_the_file(tmp_path, cache):
    request = request_for(mlp(), tmp_path, "int8")

    recipe = variant_of(request, cache).recipe

    assert json.loads(json.dumps(recipe)) == recipe
    makers = recipe.pop("makers")
    doubt = recipe["notes"].pop()
    assert "8 calibration samples" in doubt
    assert {"numpy", "onnx", "onnxruntime"} <= makers.keys()
    assert recipe == {
        "base": "int8",
        "method": "static",
        "target": "any",
        "format": "qdq",
        "granularity": "channel",
        "weight": "int8",
        "weight_bits": 8,
        "activation": "int8",
        "symmetric": True,
        "types": [],
        "bias": "float",
        "calibration": "percentile",
        "percentile": 99.999,
        "ranges": None,
        "equalize": False,
        "smooth": None,
        "smooth_mul": False,
        "bias_correction": False,
        "extend": False,
        "calibration_data": calibration_digest(samples_for(request.model, 8)),
        "keep_float": [],
        "version": 6,
        "notes": ["converted from opset 17 to 19 before quantization"],
    }


RECIPES = (
    StaticRecipe((), "ort", "uint8", "int8", symmetric=False),
    CastRecipe(()),
    DynamicRecipe(()),
    WeightOnlyRecipe((), "int4"),
    BlockRecipe((), "float4e2m1", "float4e2m1", 16, "float8e4m3fn"),
    CommandRecipe(("maker", "{output}"), "1.0", "/cases"),
)
FIELDS = [(recipe, field.name) for recipe in RECIPES for field in dataclasses.fields(recipe)]


def another(value):
    """A value that is not this one."""
    return {bool: lambda: not value, tuple: lambda: (*value, "other"), str: lambda: f"{value}-other"}.get(
        type(value), lambda: 1 if value is None else 2 * value
    )()


@pytest.mark.parametrize(("recipe", "field"), FIELDS, ids=[f"{type(each).__name__}.{name}" for each, name in FIELDS])
def test_every_field_of_a_recipe_changes_the_key(recipe, field):
    changed = dataclasses.replace(recipe, **{field: another(getattr(recipe, field))})

    assert json_digest(variant_key("0", recipe, None)) != json_digest(variant_key("0", changed, None))


def test_model_data_and_libraries_change_the_key(monkeypatch):
    recipe = RECIPES[0]
    keys = [variant_key("0", recipe, "a"), variant_key("1", recipe, "a"), variant_key("0", recipe, "b")]
    monkeypatch.setattr(variants.importlib.metadata, "version", lambda _: "0.0")
    keys.append(variant_key("0", recipe, "a"))
    keys.append(variant_key("0", RECIPES[1], "a"))

    assert len({json_digest(key) for key in keys}) == len(keys)


def test_the_digest_of_calibration_data_is_that_of_values_and_of_how_they_are_fed():
    array = np.arange(8, dtype=np.float32).reshape(4, 2)
    feeds = [
        Feeds({"x": array}, 4, 1, False),
        Feeds({"x": array}, 4, 2, False),
        Feeds({"x": array}, 4, 1, True),
        Feeds({"y": array}, 4, 1, False),
        Feeds({"x": array + 1}, 4, 1, False),
    ]

    assert len({calibration_digest(each) for each in feeds}) == len(feeds)
    assert calibration_digest(feeds[0]) == calibration_digest(Feeds({"x": array.copy()}, 4, 1, False))


def test_other_activations_are_another_file(tmp_path, cache):
    unsigned = variant_of(request_for(mlp(), tmp_path, "int8", activation="uint8"), cache)
    signed = variant_of(request_for(mlp(), tmp_path, "int8", activation="int8"), cache)

    assert unsigned.path != signed.path


def test_a_maker_that_raises_is_one_failure_with_its_words_and_leaves_nothing(tmp_path, cache, monkeypatch):
    def fail(*_):
        raise AssertionError("no such luck\nand more")

    monkeypatch.setattr(making, "make_fp16", fail)

    with pytest.raises(CannotJudge) as stop:
        variant_of(request_for(mlp(), tmp_path, "fp16"), cache)

    assert stop.value.failure.code is Code.VARIANT_RECIPE
    assert "AssertionError (no such luck)" in stop.value.failure.sentence
    assert not [path for path in cache.folder.iterdir() if path.suffix != ".lock"]


def test_a_failure_with_a_code_of_its_own_keeps_it(tmp_path, cache):
    request = request_for(mlp(), tmp_path, "int8")
    zeros = Feeds({"input": np.zeros((4, 16), np.float32)}, 4, 1, False)

    with pytest.raises(CannotJudge) as stop:
        variant_for(request, lambda: zeros, workshop(cache))

    assert stop.value.failure.code is Code.CALIBRATION_ZEROS


def unsorted(model):
    model.graph.node.reverse()
    return model


def mistyped(model):
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    return model


@pytest.mark.parametrize("spoil", [unsorted, mistyped])
def test_an_invalid_file_never_enters_the_cache(tmp_path, cache, monkeypatch, spoil):
    monkeypatch.setattr(making, "make_fp16", lambda model, recipe: (spoil(cast.make_fp16(model, recipe)[0]), ()))

    with pytest.raises(CannotJudge) as stop:
        variant_of(request_for(mlp(), tmp_path, "fp16"), cache)

    assert stop.value.failure.code is Code.VARIANT_RECIPE
    assert not list(cache.folder.glob("*.onnx"))


def test_a_model_that_no_full_check_passes_can_still_be_made(tmp_path, cache):
    """Its own shapes contradict each other, which ONNX Runtime takes with a warning."""
    model = one_matmul()
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 5
    with pytest.raises(onnx.shape_inference.InferenceError):
        onnx.checker.check_model(model, full_check=True)

    assert holds(content_of(variant_of(request_for(model, tmp_path, "int8"), cache).path), "int8")


def test_an_unsorted_file_of_such_a_model_never_enters_the_cache(tmp_path, cache, monkeypatch):
    model = one_matmul()
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 5
    monkeypatch.setattr(making, "make_fp16", lambda model, recipe: (unsorted(cast.make_fp16(model, recipe)[0]), ()))

    with pytest.raises(CannotJudge, match="topologically sorted"):
        variant_of(request_for(model, tmp_path, "fp16"), cache)


def test_what_the_converter_keeps_float_in_a_branch_has_its_casts_there(tmp_path, cache):
    """Max is among what it keeps float32, with casts that it puts into the main graph."""
    model = with_subgraphs("Max")

    made = onnx.load(variant_of(request_for(model, tmp_path, "fp16"), cache).path)

    feed = {"x": np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)}
    assert least_sqnr_db(outputs_of(model, feed), outputs_of(made, feed)) >= 55.0


def test_the_float_model_is_left_as_it_was(tmp_path, cache):
    request = request_for(mlp(), tmp_path, "fp16")
    before = request.model.path.read_bytes()

    variant_of(request, cache)
    variant_of(request_for(mlp(), tmp_path, "int8"), cache)

    assert request.model.path.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"cache", "float.onnx"}


@pytest.mark.parametrize("stated", [{}, {"recipe": "dynamic"}], ids=["static", "dynamic"])
def test_a_model_that_is_quantized_already_is_refused_unless_it_is_to_be_extended(tmp_path, cache, stated):
    with pytest.raises(CannotJudge, match="holds 2 quantized nodes, should hold none") as stop:
        variant_of(request_for(half_quantized(), tmp_path, "int8", **stated), cache)

    assert stop.value.failure.code is Code.VARIANT_RECIPE
    assert "extend = true" in stop.value.failure.remedy
    extended = variant_of(request_for(half_quantized(), tmp_path, "int8", extend=True, **stated), cache)
    assert content_of(extended.path).nodes > len(half_quantized().graph.node)


@pytest.mark.parametrize("layout", [False, True], ids=["at once", "behind a layout"])
def test_what_is_quantized_before_stays_so_where_the_rest_is_quantized_dynamically(tmp_path, cache, layout):
    """ONNX Runtime's quantizer wants weights that are initializers."""
    model = onnx.load(variant_of(request_for(small_cnn(), tmp_path, "int8", keep_float=("classify",)), cache).path)
    if layout:
        conv = next(node for node in model.graph.node if node.name == "conv2")
        (taken,) = conv.input[1:2]
        conv.input[1] = "moved"
        model.graph.node.append(onnx.helper.make_node("Identity", [taken], ["moved"], name="move"))
        model = in_order(model)

    extended = variant_of(request_for(model, tmp_path, "int8", recipe="dynamic", extend=True), cache)

    kinds = [node.op_type for node in onnx.load(extended.path).graph.node]
    assert (kinds.count("Conv"), kinds.count("MatMulInteger"), kinds.count("ConvInteger")) == (2, 1, 0)


def half_quantized():
    """x → Q → DQ → @ w → @ v: the second product is float."""
    model = one_matmul()
    model.graph.node[0].input[0], model.graph.node[0].output[0] = "dequantized", "hidden"
    pair = [
        onnx.helper.make_node("QuantizeLinear", ["x", "s"], ["codes"], name="quantize"),
        onnx.helper.make_node("DequantizeLinear", ["codes", "s"], ["dequantized"], name="dequantize"),
    ]
    for node in reversed(pair):
        model.graph.node.insert(0, node)
    model.graph.node.append(onnx.helper.make_node("MatMul", ["hidden", "v"], ["y"], name="second"))
    constants = {"s": np.array(0.1, np.float32), "v": np.eye(4, dtype=np.float32)}
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in constants.items())
    return model


def test_an_operator_that_is_never_quantized_dynamically_is_refused(tmp_path, cache):
    with pytest.raises(CannotJudge, match='operators: got "Matmul", should be among: ') as stop:
        variant_of(request_for(mlp(), tmp_path, "int8", recipe="dynamic", operators=("Matmul",)), cache)

    assert stop.value.failure.remedy == 'write "MatMul"'


def test_an_operator_that_the_model_has_not_is_an_error(tmp_path, cache):
    with pytest.raises(CannotJudge, match='got "LSTM", which is the type of none of 3 nodes') as stop:
        variant_of(request_for(mlp(), tmp_path, "int8", recipe="dynamic", operators=("MatMul", "LSTM")), cache)

    assert stop.value.failure.code is Code.VARIANT_DEAD_PATTERN
    assert stop.value.failure.remedy == (
        'remove "LSTM" from operators, or correct it: the types are Gemm, MatMul, Relu'
    )


def test_operators_of_which_the_case_says_nothing_need_not_be_there(tmp_path, cache):
    variant = variant_of(request_for(mlp(), tmp_path, "int8", recipe="dynamic"), cache)

    assert holds(content_of(variant.path), "int8")


def test_only_leaves_batch_norms_to_be_folded(tmp_path, cache):
    variant = variant_of(request_for(small_normed(), tmp_path, "int8", only=("op:Conv",)), cache)

    assert "BatchNormalization" not in {node.op_type for node in onnx.load(variant.path).graph.node}


@pytest.mark.parametrize(
    ("target", "element", "is_error"),
    [("any", "int8", True), ("ort", "uint8", True), ("any", "uint8", False), ("backend", "uint8", False)],
)
def test_a_type_that_activations_have_anyway_is_an_error_where_it_is_so_on_every_backend(
    tmp_path, target, element, is_error
):
    request = request_for(mlp(), tmp_path, "int8", target=target, types={"first": element})
    workshop = Workshop(InProcess(Limits()), VariantCache(tmp_path / "cache"))

    if not is_error:
        variant_for(request, lambda: samples_for(request.model, 8), workshop)
        return
    with pytest.raises(CannotJudge) as stop:
        variant_for(request, lambda: samples_for(request.model, 8), workshop)
    assert stop.value.failure.code is Code.VARIANT_DEAD_PATTERN
