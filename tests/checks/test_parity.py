"""Parity: outputs and a golden in, verdicts out; structure comes before values."""

from __future__ import annotations

import json
import math

import ml_dtypes
import numpy as np
import pytest

from pytest_qparity.checks.comparison import Closeness, compare
from pytest_qparity.checks.parity import ParityLimit, judge_parity
from pytest_qparity.ledger.events import plain
from pytest_qparity.verdict import Code, Outcome
from tests.checks.verdicts import codes

CLOSE = Closeness(atol=0.5, rtol=0.0)


def limit(sqnr_db=None, cosine=None, agreement=0.75, max_mismatched=None):
    return ParityLimit(sqnr_db, cosine, agreement, max_mismatched, CLOSE)


TWENTY_DB = limit(sqnr_db=20.0)


def floats(*values, dtype=np.float32):
    return np.array(values, dtype)


def logits(samples=4, classes=5, seed=0):
    return np.random.default_rng(seed).standard_normal((samples, classes)).astype(np.float32)


def only_sentence(verdict):
    (failure,) = verdict.failures
    return failure.sentence


def test_equal_outputs_pass():
    verdict = judge_parity({"logits": logits()}, {"logits": logits()}, TWENTY_DB)

    assert verdict.outcome is Outcome.PASS
    assert verdict.deciding == "equal"


def test_the_evidence_holds_the_limit_and_every_number_of_every_output():
    golden = {"logits": logits(), "boxes": logits(seed=1)}
    outputs = {name: array + np.float32(0.001) for name, array in golden.items()}

    verdict = judge_parity(outputs, golden, TWENTY_DB)

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["limit"]["sqnr_db"] == 20.0
    assert list(verdict.evidence["outputs"]) == ["logits", "boxes"]
    assert verdict.evidence["outputs"]["logits"]["elements"] == 20
    assert verdict.evidence["outputs"]["boxes"]["sqnr_db"] == compare(outputs["boxes"], golden["boxes"], CLOSE).sqnr_db
    json.dumps(plain(verdict.evidence), allow_nan=False)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        pytest.param(["a"], 'Outputs are ["a"], should be ["a", "b"] in this order.', id="one is missing"),
        pytest.param([], 'Outputs are [], should be ["a", "b"] in this order.', id="all are missing"),
        pytest.param(
            ["a", "b", "c"], 'Outputs are ["a", "b", "c"], should be ["a", "b"] in this order.', id="one too many"
        ),
        pytest.param(["b", "a"], 'Outputs are ["b", "a"], should be ["a", "b"] in this order.', id="reordered"),
        pytest.param(["a", "B"], 'Outputs are ["a", "B"], should be ["a", "b"] in this order.', id="renamed"),
    ],
)
def test_other_names_or_another_order_fail_however_equal_the_values(names, sentence):
    golden = {"a": logits(), "b": logits()}

    verdict = judge_parity({name: logits() for name in names}, golden, TWENTY_DB)

    assert verdict.outcome is Outcome.ACCURACY_FAIL
    assert codes(verdict) == [Code.PARITY_NAMES]
    assert only_sentence(verdict) == sentence


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int64, ml_dtypes.bfloat16, ">f4"])
def test_another_element_type_fails_however_equal_the_values(dtype):
    verdict = judge_parity({"a": np.ones(4, dtype)}, {"a": np.ones(4, np.float32)}, TWENTY_DB)

    assert codes(verdict) == [Code.PARITY_DTYPE]
    assert only_sentence(verdict) == f'Output "a" is {np.dtype(dtype)}, should be float32.'
    assert verdict.deciding == "structure"


@pytest.mark.parametrize(
    "shape", [(3, 5), (5, 4), (20,), (4, 5, 1), (1, 4, 5), (0, 5), ()], ids=lambda shape: str(list(shape))
)
def test_another_shape_fails_though_it_would_broadcast(shape):
    verdict = judge_parity({"a": np.ones(shape, np.float32)}, {"a": np.ones((4, 5), np.float32)}, TWENTY_DB)

    assert codes(verdict) == [Code.PARITY_SHAPE]
    assert only_sentence(verdict) == f'Output "a" has shape {list(shape)}, should have [4, 5].'


def test_type_and_shape_of_every_output_are_told_at_once():
    outputs = {"a": np.ones(3), "b": np.ones((2, 2), np.float32)}
    golden = {"a": floats(1, 1), "b": floats(1, 1, 1, 1)}

    assert codes(judge_parity(outputs, golden, TWENTY_DB)) == [
        Code.PARITY_DTYPE,
        Code.PARITY_SHAPE,
        Code.PARITY_SHAPE,
    ]


def test_an_output_without_elements_cannot_be_judged():
    empty = {"a": np.zeros((0, 5), np.float32)}

    verdict = judge_parity(empty, empty, TWENTY_DB)

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    assert codes(verdict) == [Code.PARITY_EMPTY]
    assert only_sentence(verdict) == 'Output "a" has no element ([0, 5]), should have at least one.'


def test_an_output_without_elements_is_told_beside_one_that_is_equal():
    outputs = {"a": logits(), "b": np.zeros((0, 5), np.float32)}

    assert codes(judge_parity(outputs, outputs, TWENTY_DB)) == [Code.PARITY_EMPTY]


def test_a_golden_without_outputs_cannot_be_judged():
    verdict = judge_parity({}, {}, TWENTY_DB)

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    assert codes(verdict) == [Code.PARITY_EMPTY]
    assert only_sentence(verdict) == "The golden has no output, should have at least one."


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_single_nan_or_inf_fails_under_the_loosest_limit(value):
    golden, output = logits(), logits()
    output[2, 3] = value

    verdict = judge_parity({"a": output}, {"a": golden}, limit(sqnr_db=0.1, cosine=0.1, max_mismatched=0.99))

    assert codes(verdict) == [Code.PARITY_NOT_FINITE]
    assert only_sentence(verdict) == (
        'Output "a" has 1 values that are NaN or Inf, should have none '
        f"(20 values; the worst is at [2, 3]: {value:g} for {golden[2, 3]:g})."
    )
    assert verdict.deciding == "-inf dB"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nan_for_nan_and_inf_for_inf_fail_too(value):
    same = {"a": floats(1.0, value)}

    assert codes(judge_parity(same, same, TWENTY_DB)) == [Code.PARITY_NOT_FINITE]


OUTPUT, GOLDEN = floats(3.0, 4.5, -1.0), floats(3.0, 4.0, -1.0)
FOUND = compare(OUTPUT, GOLDEN, CLOSE)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        pytest.param(limit(sqnr_db=FOUND.sqnr_db), [], id="SQNR exactly its limit"),
        pytest.param(limit(sqnr_db=math.nextafter(FOUND.sqnr_db, 99)), [Code.PARITY_SQNR], id="SQNR just below"),
        pytest.param(limit(cosine=FOUND.cosine), [], id="cosine exactly its limit"),
        pytest.param(limit(cosine=math.nextafter(FOUND.cosine, 1)), [Code.PARITY_COSINE], id="cosine just below"),
        pytest.param(limit(sqnr_db=1.0, cosine=0.9999), [Code.PARITY_COSINE], id="the cosine alone"),
        pytest.param(limit(sqnr_db=90.0, cosine=0.9999), [Code.PARITY_SQNR, Code.PARITY_COSINE], id="both"),
    ],
)
def test_sqnr_and_cosine_pass_at_or_above_their_limits(stated, expected):
    assert codes(judge_parity({"a": OUTPUT}, {"a": GOLDEN}, stated)) == expected


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        pytest.param(0.25, [], id="exactly the fraction"),
        pytest.param(math.nextafter(0.25, 0), [Code.PARITY_MISMATCHED], id="just below it"),
        pytest.param(0.0, [Code.PARITY_MISMATCHED], id="none allowed"),
    ],
)
def test_mismatched_elements_pass_up_to_the_fraction_allowed(allowed, expected):
    golden = floats(1, 2, 3, 4)

    verdict = judge_parity({"a": golden + floats(0, 0.5, 0, 0.75)}, {"a": golden}, limit(max_mismatched=allowed))

    assert codes(verdict) == expected


def test_values_below_their_limits_are_told_in_full():
    golden = {"a": floats(3.0, 4.0, 0.0)}
    output = {"a": floats(3.0, 3.0, 1.0)}

    verdict = judge_parity(output, golden, limit(sqnr_db=20.0, cosine=0.995, max_mismatched=0.01))

    size = "(3 values; the worst is at [1]: 3 for 4)"
    assert [failure.sentence for failure in verdict.failures] == [
        f'SQNR of output "a" is 11.0 dB, should be at least 20 dB {size}.',
        f'Cosine of output "a" is 0.963546, should be at least 0.995 {size}.',
        'Output "a" has 2 of 3 values outside atol 0.5 + rtol 0, should be at most 1 %.',
    ]
    assert verdict.deciding == "11.0 dB"


def test_a_ratio_just_below_its_limit_does_not_read_as_if_it_reached_it():
    stated = limit(sqnr_db=FOUND.sqnr_db + 1e-3, cosine=FOUND.cosine + 1e-7)

    sqnr, cosine = (failure.sentence for failure in judge_parity({"a": OUTPUT}, {"a": GOLDEN}, stated).failures)

    assert "is 20.170 dB, should be at least 20.1713 dB" in sqnr
    assert "is 0.998409, should be at least 0.99841 " in cosine


def test_each_output_is_judged_and_the_worst_decides():
    golden = {"good": logits(), "bad": logits()}
    outputs = {"good": logits() * np.float32(1.001), "bad": -logits()}

    verdict = judge_parity(outputs, golden, TWENTY_DB)

    assert codes(verdict) == [Code.PARITY_SQNR]
    assert 'SQNR of output "bad"' in only_sentence(verdict)
    assert verdict.deciding == "-6.0 dB"


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn])
def test_float_outputs_of_every_type_are_judged_as_floats(dtype):
    golden = floats(1, 2, 3, 4, dtype=dtype)

    assert codes(judge_parity({"a": -golden}, {"a": golden}, TWENTY_DB)) == [Code.PARITY_SQNR]


def test_a_golden_of_zeros_gives_no_ratio_to_hide_in():
    zeros = {"a": np.zeros(4, np.float32)}

    assert judge_parity(zeros, zeros, TWENTY_DB).outcome is Outcome.PASS
    assert codes(judge_parity({"a": np.full(4, 1e-6, np.float32)}, zeros, TWENTY_DB)) == [Code.PARITY_SQNR]


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_, np.int8])
@pytest.mark.parametrize(("changed", "expected"), [(0, []), (1, []), (2, [Code.PARITY_MISMATCHED])])
def test_integer_outputs_agree_in_at_least_the_fraction_asked_for(dtype, changed, expected):
    golden = np.array([1, 0, 1, 1], dtype)
    output = golden.copy()
    output[:changed] = 1 - output[:changed].astype(np.int64)

    verdict = judge_parity({"a": output}, {"a": golden}, limit(sqnr_db=100.0, cosine=1.0, agreement=0.75))

    assert codes(verdict) == expected
    assert verdict.deciding == f"{100 - 25 * changed:.1f} %"


def test_closeness_forgives_no_integer():
    golden, output = np.array([1000, 2000]), np.array([1001, 2001])

    wide = ParityLimit(20.0, None, 1.0, None, Closeness(atol=10.0, rtol=1.0))

    assert codes(judge_parity({"a": output}, {"a": golden}, wide)) == [Code.PARITY_MISMATCHED]


def test_integers_that_disagree_are_told_in_full():
    verdict = judge_parity({"a": np.array([7, 2, 3])}, {"a": np.array([1, 2, 3])}, limit(sqnr_db=20.0, agreement=0.97))

    assert only_sentence(verdict) == (
        'Output "a" agrees in 66.67 % of its values, should in 97 % (3 values; the worst is at [0]: 7 for 1).'
    )


def test_an_agreement_of_exactly_its_limit_passes_whatever_the_number_of_elements():
    for elements in range(2, 30):
        golden = np.zeros(elements, np.int64)
        for agreeing in range(1, elements):
            output = np.arange(elements) >= agreeing
            stated = limit(sqnr_db=20.0, agreement=agreeing / elements)
            verdict = judge_parity({"a": output.astype(np.int64)}, {"a": golden}, stated)
            assert verdict.outcome is Outcome.PASS, (elements, agreeing)


def test_a_limit_that_limits_nothing_is_refused():
    with pytest.raises(ValueError, match="a parity limit that limits nothing"):
        limit()


@pytest.mark.parametrize("name", ["sqnr_db", "cosine", "agreement", "max_mismatched"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_limit_that_is_none_is_refused(name, value):
    with pytest.raises(ValueError, match=f"got {name} = {value} as parity limit, should be finite"):
        limit(**{"sqnr_db": 20.0, name: value})
