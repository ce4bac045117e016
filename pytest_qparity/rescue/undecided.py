"""What is said of candidates that the gate neither passes nor refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_qparity.rescue.other_recipes import said

if TYPE_CHECKING:
    from pytest_qparity.rescue.evaluation import Evaluation
    from pytest_qparity.rescue.exhaustive import Proof

__all__ = ["how_it_ends", "lacks_samples", "no_proof"]


def how_it_ends(evaluations: Sequence[Evaluation]) -> str:
    """Of candidates of which none suffices: that they fail, or why that cannot be said."""
    undecided = [each for each in evaluations if each.is_undecided]
    return f"undecided ({_why(undecided)})" if undecided else "still fails"


def lacks_samples(best: Evaluation, nodes: int | None) -> str:
    """Of a candidate that lacks nothing but samples. nodes: that are quantized, None where nobody looked."""
    kept, changes = len(best.candidate.keep_float), said(best.candidate.changes)
    parts = [changes] if changes else []
    if kept:
        parts.append(f"{kept}{f' of {nodes} quantized' if nodes else ''} nodes float")
    return (
        f"With {' and '.join(parts)} no sample is lost or gained, and only samples are lacking to say that it may "
        f"ship: undecided. To decide, {best.lacking}."
    )


def no_proof(undecided: Sequence[Evaluation], proof: Proof) -> str:
    """Why what was judged is no `proof`: some of its sets were not refused for their outputs."""
    which = f"{len(undecided)} of all {proof.sets} sets" if proof.sets > 1 else "The one set"
    return f"No proof that none passes: {which} of {proof.members} could not be judged ({_why(undecided)})."


def _why(undecided: Sequence[Evaluation]) -> str:
    codes = ", ".join(sorted(frozenset[str]().union(*(each.codes for each in undecided))))
    to_decide = next((each.to_decide for each in undecided if each.to_decide), "")
    return f"{codes}; to decide, {to_decide}" if to_decide else codes
