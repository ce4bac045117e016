"""What an answer costs in speed, said plainly: a run that passes and is slower than the float model helps nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["speed_warnings"]


def speed_warnings(
    latency: Mapping[str, Any] | None, before: float | None, after: float | None, float_share: float | None
) -> Iterator[str]:
    """Sentences where the answer is slower than FP32 on the same backend, or than the run as it was, or was not timed.
    Where its check found no interval, the front's own timing is told, if there is one.

    latency: evidence of the answer's check, None where there is none. before, after: the speed-up over FP32 of the run
    as it was and of the answer, None where it was not timed or is no change. float_share: of all work that in nodes
    which became float, 0 to 1; None where nobody looked.
    """
    from pytest_qparity.checks.speed_up import DIFFERENCE_BOUNDS

    over = {} if latency is None else latency.get("speed_up_over", {}).get("fp32", {})
    low, estimate, high = (over.get(key) for key in ("low", "estimate", "high"))
    if estimate is None or low is None or high is None:
        work = f"; nodes that became float do {float_share:.0%} of the float model's work" if float_share else ""
        if after is None:
            yield f"Whether it is faster than FP32 was not measured{work}."
        else:
            yield (
                f"No interval tells whether it is faster than FP32: by the front's short timing it was {after:.2f} "
                f"times as fast{work}."
            )
    elif high < 1.0:
        yield (
            f"It is slower than FP32: {estimate:.2f} times as fast ({low:.2f} to {high:.2f}). For speed keep the float "
            "model."
        )
    elif low <= 1.0:
        yield f"It may be no faster than FP32: {estimate:.2f} times as fast ({low:.2f} to {high:.2f})."
    if before is not None and after is not None and after < before * DIFFERENCE_BOUNDS[0]:
        yield (
            f"It is slower than the run as it was: {after:.2f} times as fast as FP32, which was {before:.2f} times; "
            f"that is {after / before:.2f} times as fast."
        )
