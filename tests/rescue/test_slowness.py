"""What is said of an answer's speed: numbers in, sentences out."""

from __future__ import annotations

import pytest

from pytest_qparity.rescue.slowness import speed_warnings


def over(low: float, estimate: float, high: float) -> dict[str, object]:
    return {"speed_up_over": {"fp32": {"low": low, "estimate": estimate, "high": high, "decision": "slower"}}}


SLOWER = "It is slower than FP32: 0.64 times as fast (0.60 to 0.68). For speed keep the float model."

AGAINST_BEFORE = (
    "It is slower than the run as it was: 1.30 times as fast as FP32, which was 2.60 times; that is 0.50 times as fast."
)


@pytest.mark.parametrize(
    ("latency", "before", "after", "sentences"),
    [
        (over(0.6, 0.64, 0.68), 0.65, 0.64, [SLOWER]),
        (over(0.9, 1.0, 1.1), None, 1.0, ["It may be no faster than FP32: 1.00 times as fast (0.90 to 1.10)."]),
        (over(1.2, 1.3, 1.4), 1.3, 1.3, []),
        (
            over(1.2, 1.3, 1.4),
            2.6,
            1.3,
            [AGAINST_BEFORE],
        ),
    ],
    ids=["slower than both", "may be no gain", "as fast as it was", "slower than it was"],
)
def test_an_answer_that_is_slower_is_said_to_be(latency, before, after, sentences):
    assert list(speed_warnings(latency, before, after, 0.25)) == sentences


@pytest.mark.parametrize("latency", [None, {}, {"speed_up_over": {"fp32": {"decision": "cannot tell"}}}], ids=str)
def test_what_was_not_timed_is_said_with_the_work_that_became_float(latency):
    (said,) = speed_warnings(latency, None, None, 0.25)

    assert said == (
        "Whether it is faster than FP32 was not measured; nodes that became float do 25% of the float model's work."
    )
    (timed,) = speed_warnings(latency, None, 0.64, None)
    assert timed.endswith("than FP32: by the front's short timing it was 0.64 times as fast.")
    assert list(speed_warnings(latency, None, None, None)) == ["Whether it is faster than FP32 was not measured."]
