"""Variants with these keys, as a case has them made: cached, with what their layers are held against."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_qparity.diagnose.causes.cause import Cause
from pytest_qparity.diagnose.diagnosing import Order, diagnose
from pytest_qparity.precision.cache import VariantCache, ranges_beside
from pytest_qparity.precision.variants import Variant, VariantRequest, Workshop, variant_for
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.precision.balancing.models import badly_scaled
from tests.precision.graphs import request_for, samples_for

WORKER = InProcess(Limits())
OF_THE_FILE = {Cause.WRONG_WEIGHT, Cause.WRONG_WEIGHT_SCALE, Cause.WRONG_BIAS, Cause.COMPUTES_OTHERWISE}


@pytest.fixture
def request_(tmp_path: Path) -> VariantRequest:
    return request_for(badly_scaled(), tmp_path, "int8", target="ort", granularity="tensor", equalize=True)


def variant_of(request: VariantRequest) -> Variant:
    workshop = Workshop(WORKER, VariantCache(request.folder / "cache"))
    return variant_for(request, lambda: samples_for(request.model, 8), workshop)


def test_the_recipe_tells_what_was_changed(request_: VariantRequest) -> None:
    variant = variant_of(request_)

    assert variant.recipe["equalize"] is True
    assert variant.recipe["notes"][0] == "equalize: 3 pairs of products balanced"
    assert not ranges_beside(variant.path).exists()  # they would be taken for those of the float model's tensors


def test_layers_are_held_against_the_rewritten_float_model(request_: VariantRequest) -> None:
    variant = variant_of(request_)
    feeds = samples_for(request_.model, 8)
    assert variant.float_model is not None

    beside_it = diagnose(Order(variant.float_model, variant.path, feeds, feeds), WORKER)
    beside_the_cases = diagnose(Order(request_.model.path, variant.path, feeds, feeds), WORKER)
    causes = [
        {finding.suspect.cause for finding in found.findings} & OF_THE_FILE for found in (beside_it, beside_the_cases)
    ]
    assert not causes[0]
    assert causes[1]  # scaled weights, taken for wrong ones


def test_a_damaged_one_is_made_anew(request_: VariantRequest) -> None:
    first = variant_of(request_)
    assert first.float_model is not None
    content = first.float_model.read_bytes()
    first.float_model.write_bytes(b"cut")

    again = variant_of(request_)

    assert again.float_model is not None
    assert again.float_model.read_bytes() == content


def test_ranges_of_other_tensors_are_refused_and_those_of_the_same_are_not(
    tmp_path: Path, request_: VariantRequest
) -> None:
    plain = variant_of(request_for(badly_scaled(), tmp_path, "int8", target="ort"))
    (tmp_path / "ranges.json").write_bytes(ranges_beside(plain.path).read_bytes())

    with pytest.raises(CannotJudge, match="got ranges beside smooth, should be one of both") as told:
        variant_of(request_for(badly_scaled(), tmp_path, "int8", target="ort", smooth=0.5, ranges="ranges.json"))
    calibrated = variant_of(request_for(badly_scaled(), tmp_path, "int8", target="ort", bias_correction=True))
    taken = variant_of(
        request_for(badly_scaled(), tmp_path, "int8", target="ort", bias_correction=True, ranges="ranges.json")
    )

    assert told.value.failure.code is Code.VARIANT_RECIPE
    assert taken.digest == calibrated.digest
    assert taken.digest != plain.digest


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"smooth_mul": True}, "got smooth_mul without smooth"),
        ({"bias_correction": True, "recipe": "dynamic"}, 'got bias_correction beside recipe = "dynamic"'),
        ({"bias_correction": True, "format": "qoperator"}, 'got bias_correction beside format = "qoperator"'),
    ],
)
def test_keys_without_effect_are_told(tmp_path: Path, spec: dict, said: str) -> None:
    with pytest.raises(CannotJudge, match=said):
        variant_of(request_for(badly_scaled(), tmp_path, "int8", **spec))
