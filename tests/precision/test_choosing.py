"""From a case's words to a recipe: its defaults, and each way in which they contradict each other."""

from __future__ import annotations

import pytest

from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.precision.choosing import activation_of, is_emulated, recipe_for, target_of
from pytest_qparity.precision.contradictions import contradictions
from pytest_qparity.precision.recipes import (
    BlockRecipe,
    CastRecipe,
    DynamicRecipe,
    StaticRecipe,
    WeightOnlyRecipe,
    is_calibrated,
)
from pytest_qparity.precision.table import PRECISIONS, method_of
from tests.precision.making import recipe

TO_ANY = 'remove it, or say target = "any"'

E4M3, E5M2, E2M1 = "float8e4m3fn", "float8e5m2", "float4e2m1"
CUT = {"calibration": "percentile", "percentile": 99.999}
ANY = StaticRecipe((), "any", "int8", "int8", symmetric=True, **CUT)
ORT = StaticRecipe((), "ort", "uint8", "int8", symmetric=False, bias="int32", **CUT)


def wrong(base: str, **spec) -> list[tuple[str, str]]:
    """Key and remedy of each contradiction."""
    return [(each.key, each.remedy) for each in contradictions(base, PrecisionSpec(**spec))]


@pytest.mark.parametrize("base", PRECISIONS)
def test_a_precision_of_which_nothing_is_said_contradicts_nothing(base):
    assert wrong(base) == []


@pytest.mark.parametrize(
    ("base", "target", "expected"),
    [
        ("int8", "any", ANY),
        ("int8", "trt", StaticRecipe((), "trt", "int8", "int8", symmetric=True, **CUT)),
        ("int8", "openvino", StaticRecipe((), "openvino", "uint8", "int8", symmetric=False, **CUT)),
        ("int8", "ort", ORT),
        ("uint8", "ort", StaticRecipe((), "ort", "uint8", "uint8", symmetric=False, bias="int32", **CUT)),
        ("uint8", "any", StaticRecipe((), "any", "uint8", "uint8", symmetric=True, **CUT)),
        ("int16", "ort", StaticRecipe((), "ort", "int16", "int8", symmetric=False, bias="int32")),
        ("int16", "any", StaticRecipe((), "any", "int16", "int8", symmetric=False)),
        ("fp8", "ort", StaticRecipe((), "ort", E4M3, E4M3, symmetric=True)),
        ("fp8-e4m3", "any", StaticRecipe((), "any", E4M3, E4M3, symmetric=True)),
        ("fp8-e5m2", "any", StaticRecipe((), "any", E5M2, E5M2, symmetric=True)),
        ("fp16", "any", CastRecipe((), "fp16")),
        ("bf16", "any", CastRecipe((), "bf16")),
        ("int4", "any", WeightOnlyRecipe((), "int4", 32, symmetric=True)),
        ("uint4", "any", WeightOnlyRecipe((), "uint4", 32, symmetric=False)),
        ("mxfp8", "any", BlockRecipe((), E4M3, E4M3, 32, "float8e8m0", "up")),
        ("mxfp4", "any", BlockRecipe((), None, E2M1, 32, "float8e8m0")),
        ("nvfp4", "any", BlockRecipe((), E2M1, E2M1, 16, E4M3)),
    ],
)
def test_defaults(base, target, expected):
    spec = PrecisionSpec() if target == "any" else PrecisionSpec(target=target)
    assert recipe_for(base, spec, "ort", ()) == expected


@pytest.mark.parametrize(
    ("base", "spec", "expected"),
    [
        ("int8", {"recipe": "dynamic"}, DynamicRecipe((), "uint8", ("Conv", "MatMul"), "tensor", 8)),
        (
            "int8",
            {"recipe": "dynamic", "weight": "int8", "operators": ["MatMul"], "reduce_range": True},
            DynamicRecipe((), "int8", ("MatMul",), "tensor", 7),
        ),
    ],
    ids=["defaults", "all said"],
)
def test_dynamic(base, spec, expected):
    assert recipe(base, **spec) == expected


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("symmetric", True, "symmetric", True),
        ("activation", "int8", "activation", "int8"),
        ("weight", "uint8", "weight", "uint8"),
        ("granularity", "tensor", "granularity", "tensor"),
        ("bias", "float", "bias", "float"),
        ("reduce_range", True, "weight_bits", 7),
        ("calibration", "entropy", "calibration", "entropy"),
        ("calibration", "minmax", "percentile", None),
        ("percentile", 99.9, "percentile", 99.9),
        ("format", "qoperator", "format", "qoperator"),
    ],
)
def test_what_is_said_takes_the_place_of_a_default(key, value, field, expected):
    assert getattr(recipe(target="ort"), field) != expected
    assert getattr(recipe(target="ort", **{key: value}), field) == expected


def test_a_target_of_the_backend_is_that_of_its_family():
    assert target_of(PrecisionSpec(target="backend"), "openvino") == "openvino"
    assert target_of(PrecisionSpec(target="trt"), "openvino") == "trt"


@pytest.mark.parametrize(
    ("base", "spec", "method"),
    [
        ("fp32", {}, "float-model"),
        ("int8", {"file": "x.onnx"}, "given"),
        ("int8", {"command": ["x", "{output}"]}, "command"),
        ("int8", {"recipe": "dynamic"}, "dynamic"),
        ("nvfp4", {}, "block"),
    ],
)
def test_the_way_in_which_a_variant_comes_to_be(base, spec, method):
    assert method_of(base, PrecisionSpec(**spec)) == method


CONTRADICTIONS = [
    ("fp32", {"keep_float": ["*"]}, [("keep_float", "remove keep_float")]),
    ("fp16", {"target": "ort"}, [("target", "remove target")]),
    ("fp16", {"block": 32}, [("block", "remove block")]),
    ("int8", {"block": 32}, [("block", "remove block")]),
    ("fp8", {"bias": "int32"}, [("bias", "remove bias")]),
    ("fp8", {"bias": "float"}, []),
    ("int8", {"operators": ["MatMul"]}, [("operators", 'say recipe = "dynamic", or remove operators')]),
    (
        "int8",
        {"recipe": "dynamic", "calibration": "mse"},
        [("calibration", 'say recipe = "static", or remove calibration')],
    ),
    ("int8", {"recipe": "dynamic", "types": {"*": "int16"}}, [("types", 'say recipe = "static", or remove types')]),
    ("int4", {"recipe": "static"}, [("recipe", "remove recipe, or name another base")]),
    ("fp16", {"recipe": "dynamic"}, [("recipe", "remove recipe, or name another base")]),
    ("int16", {"recipe": "dynamic"}, [("recipe", "remove recipe, or name another base")]),
    ("int8", {"weight": "int16"}, [("weight", "correct weight, or name another base")]),
    ("int8", {"activation": "int16"}, [("activation", "correct activation, or name another base")]),
    ("uint8", {"activation": "int8"}, [("activation", "correct activation, or name another base")]),
    ("fp8", {"weight": "int8"}, [("weight", "correct weight, or name another base")]),
    ("int4", {"weight": "int8"}, [("weight", "correct weight, or name another base")]),
    (
        "int8",
        {"percentile": 99.9, "calibration": "mse"},
        [("percentile", 'say calibration = "percentile", or remove percentile')],
    ),
    ("int8", {"percentile": 99.9}, []),
    ("int8", {"ranges": "x.json", "calibration": "mse"}, [("ranges", "remove one of them")]),
    ("fp8", {"reduce_range": True}, [("reduce_range", "remove reduce_range")]),
    ("int16", {"weight": "int16", "reduce_range": True}, [("reduce_range", "remove reduce_range")]),
    ("nvfp4", {"algorithm": "hqq"}, [("algorithm", "remove algorithm")]),
    ("mxfp8", {"block": 16}, [("block", "remove block")]),
    ("int16", {"format": "qoperator"}, [("format", "remove format: operators take 8 bits")]),
    (
        "int8",
        {"format": "qoperator", "target": "trt"},
        [("target", "remove format: these engines take Q/DQ nodes alone")],
    ),
    (
        "int8",
        {"format": "qoperator", "target": "openvino"},
        [("target", "remove format: these engines take Q/DQ nodes alone")],
    ),
    ("int8", {"format": "qoperator", "bias": "float"}, [("bias", "remove bias")]),
    ("int8", {"format": "qoperator", "types": {"*": "uint8"}}, [("types", "remove types")]),
    ("int4", {"format": "qoperator", "algorithm": "mse"}, [("algorithm", "remove format")]),
    ("int4", {"format": "qoperator", "block": 48}, [("block", "remove format, or correct block")]),
    ("int4", {"format": "qoperator", "algorithm": "hqq", "symmetric": True}, [("symmetric", "remove symmetric")]),
    ("int4", {"format": "qoperator", "algorithm": "gptq", "symmetric": False}, [("symmetric", "remove symmetric")]),
    ("int4", {"algorithm": "hqq"}, [("algorithm", 'say format = "qoperator"')]),
    ("fp8", {"symmetric": False}, [("symmetric", "remove symmetric")]),
    ("nvfp4", {"scale_rule": "up"}, [("scale_rule", "remove scale_rule")]),
    ("int16", {"target": "trt"}, [("target", "name another target")]),
    ("int8", {"target": "trt", "symmetric": False}, [("symmetric", TO_ANY)]),
    ("int8", {"target": "trt", "bias": "int32"}, [("bias", TO_ANY)]),
    ("int8", {"target": "trt", "activation": "uint8"}, [("activation", TO_ANY)]),
    ("int8", {"target": "trt", "types": {"*": "uint8"}}, [("types", TO_ANY)]),
]


@pytest.mark.parametrize(
    ("base", "spec", "expected"),
    CONTRADICTIONS,
)
def test_each_contradiction_is_told_with_its_key_and_the_way_out(base, spec, expected):
    assert wrong(base, **spec) == expected


def test_all_contradictions_are_told_together():
    assert [key for key, _ in wrong("int8", block=32, weight="int16", bias="float", format="qoperator")] == [
        "block",
        "weight",
        "bias",
    ]


@pytest.mark.parametrize(
    ("base", "spec", "calibrated"),
    [
        ("int8", {}, True),
        ("fp8", {}, True),
        ("int8", {"recipe": "dynamic"}, False),
        ("fp16", {}, False),
        ("int4", {}, False),
        ("int4", {"algorithm": "gptq"}, True),
        ("nvfp4", {}, True),
        ("mxfp8", {}, False),
        ("mxfp4", {}, False),
    ],
)
def test_data_are_asked_for_where_a_recipe_needs_them(base, spec, calibrated):
    assert is_calibrated(recipe(base, **spec)) is calibrated


def test_ranges_of_a_file_take_the_place_of_calibration_data():
    assert not is_calibrated(recipe_for("int8", PrecisionSpec(ranges="x.json"), "ort", (), (), "digest"))


@pytest.mark.parametrize(
    ("base", "spec", "emulated"),
    [
        ("nvfp4", {}, True),
        ("int8", {}, False),
        ("int16", {}, True),
        ("int8", {"types": {"op:Conv": "int16"}}, True),
        ("int8", {"types": {"op:Conv": "uint8"}}, False),
    ],
)
def test_a_type_that_a_backend_does_not_compute_in_is_emulated_wherever_it_comes_from(base, spec, emulated):
    assert is_emulated(base, PrecisionSpec(**spec), ("int16", "nvfp4")) is emulated
    assert not is_emulated(base, PrecisionSpec(**spec), ())


@pytest.mark.parametrize(
    ("base", "spec", "family", "activation"),
    [
        ("int8", {}, "ort", "int8"),
        ("int8", {"target": "ort"}, "trt", "uint8"),
        ("int8", {"target": "backend"}, "ort", "uint8"),
        ("int8", {"activation": "uint8"}, "trt", "uint8"),
        ("int16", {}, "ort", "int16"),
    ],
)
def test_activations_have_the_stated_type_else_that_of_the_precision_else_that_of_the_target(
    base, spec, family, activation
):
    assert activation_of(base, PrecisionSpec(**spec), family) == activation


@pytest.mark.parametrize(
    ("base", "spec", "types", "expected"),
    [
        ("int8", {}, (), ("percentile", 99.999)),
        ("uint8", {}, (), ("percentile", 99.999)),
        ("int16", {}, (), ("minmax", None)),
        ("fp8-e4m3", {}, (), ("minmax", None)),
        ("int8", {}, (("head", "int16"),), ("minmax", None)),
        ("int16", {"percentile": 99.9}, (), ("percentile", 99.9)),
        ("int8", {"calibration": "entropy"}, (), ("entropy", None)),
    ],
)
def test_outliers_are_cut_where_activations_have_8_bits_and_nothing_is_said(base, spec, types, expected):
    found = recipe_for(base, PrecisionSpec(**spec), "ort", (), types)

    assert (found.calibration, found.percentile) == expected


def test_ranges_of_a_file_are_given_and_no_percentile():
    found = recipe_for("int8", PrecisionSpec(ranges="x.json"), "ort", (), (), "0" * 64)

    assert (found.calibration, found.percentile) == ("given", None)


def test_a_percentile_beside_ranges_has_no_effect():
    (found,) = contradictions("int8", PrecisionSpec(ranges="x.json", percentile=99.9))

    assert (found.key, found.got) == ("ranges", "ranges beside percentile")
