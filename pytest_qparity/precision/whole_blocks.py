"""That blocks fill the axis of summation of what is quantized in them, where the engine wants that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SMALLEST_BLOCK", "require_whole_blocks"]

SMALLEST_BLOCK = 16  # of those that a case may ask for
NAMES_LISTED = 8


def require_whole_blocks(lengths: Mapping[str, int], block: int, *, weights_alone: bool) -> None:
    """Raises CannotJudge where blocks do not fill the axis of summation of a product. `lengths`: of these axes, by the
    name of the node.

    Where weights alone are quantized a case may choose another block, and one block may hold a whole axis.
    """
    ragged = [name for name, length in lengths.items() if not _fills(length, block, weights_alone)]
    if not ragged:
        return
    others = (
        size
        for size in range(block - 1, SMALLEST_BLOCK - 1, -1)
        if weights_alone and all(_fills(length, size, weights_alone) for length in lengths.values())
    )
    instead = next((f"say block = {size}, or " for size in others), "")
    named = ", ".join(f'"{each}"' for each in ragged[:NAMES_LISTED]) + (", …" if len(ragged) > NAMES_LISTED else "")
    raise CannotJudge(
        Failure(
            Code.VARIANT_RECIPE,
            f"{ragged[0]}: got {lengths[ragged[0]]} elements along its axis of summation, should be a multiple of "
            f"{block}: the engine takes whole blocks alone ({len(ragged)} of {len(lengths)} products have none).",
            f"{instead}leave these nodes float: keep_float = [{named}]",
        )
    )


def _fills(length: int, block: int, weights_alone: bool) -> bool:
    return length % block == 0 or (weights_alone and length <= block)
