"""Engines to look at a file for, and the rules of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.checks.linting.rules import importer, onnxruntime, openvino, operators, placement, shapes, validity
from pytest_qparity.checks.linting.rules.operator_table import parser_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_qparity.checks.linting.finding import Finding, Rule
    from pytest_qparity.checks.linting.view import View

    Check = Callable[[View], Iterator[Finding]]

__all__ = ["RULES", "found_in"]

# Every rule, in the order of docs/lint.md.
RULES: tuple[Rule, ...] = (
    *validity.RULES,
    *importer.RULES,
    *operators.RULES,
    *shapes.RULES,
    *placement.RULES,
    *onnxruntime.RULES,
    *openvino.RULES,
)


def found_in(view: View, target: str) -> tuple[Finding, ...]:
    """What the rules of a target find. Source of the rules: their own `source`."""
    return tuple(finding for check in _checks(target) for finding in check(view))


def _checks(target: str) -> tuple[Check, ...]:
    valid = validity.check(target)
    if target == "ort":
        return (valid, onnxruntime.check)
    if target == "openvino":
        return (valid, openvino.check)
    of_release = (importer.check_of_10,) if target == "trt10" else ()
    return (
        valid,
        importer.check,
        *of_release,
        operators.check(parser_table(target)),
        shapes.check,
        placement.check,
    )
