"""Runs that no set of float nodes could mend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.rescue.evaluation import Evaluation

__all__ = ["require_judged"]

# What is wrong with data, metric or float model stays so, whichever nodes are float.
_OF_DATA = frozenset(
    each.code
    for each in (
        Code.ACCURACY_OUTPUT,
        Code.ACCURACY_MARGIN,
        Code.ACCURACY_DIRECTION,
        Code.ACCURACY_BASELINE,
        Code.ACCURACY_SHIFTED,
    )
)


def require_judged(asis: Evaluation) -> None:
    """What cannot be judged as it is stated cannot be mended by keeping nodes float: no golden, no backend, no file; a
    metric that fails, labels that are others, a float model without accuracy to lose."""
    parity = asis.checks["parity"]
    remedy = "see what pytest says of this run: there is nothing to rescue before its outputs can be compared"
    # NaN and Inf are what its rounding makes: no metric takes them, and with other nodes float they may be gone.
    is_finite = Code.PARITY_NOT_FINITE.code not in {code for code, _ in parity.failures}
    if is_finite and asis.sqnr_db is None and not parity.passes and parity.failures:
        raise _unjudged(*parity.failures[0], remedy)
    for code, sentence in asis.checks["accuracy"].failures if "accuracy" in asis.checks else ():
        if code in _OF_DATA and (is_finite or code != Code.ACCURACY_OUTPUT.code):
            raise _unjudged(code, sentence, remedy.replace("its outputs can be compared", "its accuracy can be judged"))


def _unjudged(code: str, sentence: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(next(each for each in Code if each.code == code), sentence, remedy))
