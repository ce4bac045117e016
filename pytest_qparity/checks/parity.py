"""Parity: how far a variant's outputs are from the golden FP32 ones, output by output."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pytest_qparity.checks.comparison import Closeness, Comparison, compare
from pytest_qparity.checks.figures import apart
from pytest_qparity.verdict import Code, Failure, Verdict, failed, passed

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class ParityLimit:
    """The least SQNR (dB) and cosine of a float output, the least agreement (fraction of equal elements) of an integer
    one, and the largest fraction of float elements that may be outside closeness; None: not judged."""

    sqnr_db: float | None
    cosine: float | None
    agreement: float
    max_mismatched: float | None
    closeness: Closeness
    implausible_db: float | None = None

    def __post_init__(self) -> None:
        if self.sqnr_db is None and self.cosine is None and self.max_mismatched is None:
            raise ValueError("a parity limit that limits nothing")
        for name in ("sqnr_db", "cosine", "agreement", "max_mismatched"):
            limit = getattr(self, name)
            if limit is not None and not math.isfinite(limit):
                raise ValueError(f"got {name} = {limit} as parity limit, should be finite")


class Layout(Protocol):
    """What arrays, and those that were never fetched, tell of themselves."""

    @property
    def dtype(self) -> np.dtype: ...
    @property
    def shape(self) -> tuple[int, ...]: ...


@dataclass(frozen=True, slots=True)
class OutputParity:
    """One output that has the golden's name, type and shape."""

    name: str
    is_float: bool
    comparison: Comparison


def judge_parity(outputs: Mapping[str, np.ndarray], golden: Mapping[str, np.ndarray], limit: ParityLimit) -> Verdict:
    """Structure first (names, order, element type, shape), then every output's values against the limit."""
    structure = _structure_failures(outputs, golden)
    compared = tuple(
        _compare_output(name, outputs[name], expected, limit.closeness)
        for name, expected in golden.items()
        if name in outputs and _comparable(outputs[name], expected)
    )
    evidence = {
        "limit": asdict(limit),
        "outputs": {one.name: _evidence(one) for one in compared},
    }
    failures = structure + tuple(failure for one in compared for failure in _value_failures(one, limit))
    failures += _implausible(compared, limit)
    if failures or not compared:
        return failed(_deciding(compared), evidence, failures)
    return passed(_deciding(compared), evidence)


def judge_misfit(layouts: Mapping[str, Layout], golden: Mapping[str, np.ndarray], limit: ParityLimit) -> Verdict:
    """Outputs that are not laid out as the golden's, and of which no value was looked at."""
    return failed("structure", {"limit": asdict(limit), "outputs": {}}, _structure_failures(layouts, golden))


def _implausible(compared: tuple[OutputParity, ...], limit: ParityLimit) -> tuple[Failure, ...]:
    """All float outputs nearer to the golden than the precision can be: something else than the variant was run."""
    floats = [one.comparison.sqnr_db for one in compared if one.is_float]
    if limit.implausible_db is None or not floats or min(floats) < limit.implausible_db:
        return ()
    return (
        Failure(
            Code.PARITY_IMPLAUSIBLE,
            f"SQNR is {min(floats):.0f} dB or more in every float output, should be below {limit.implausible_db:g} dB: "
            "no arithmetic of this precision is so near.",
            "make sure that the variant, and not the float model, was run, and that the golden is of the float model",
            likely="the quantized nodes lead to no output, or the engine ran the float model",
        ),
    )


def _structure_failures(outputs: Mapping[str, Layout], golden: Mapping[str, np.ndarray]) -> tuple[Failure, ...]:
    remedy = "compare the outputs of both files: the variant must keep the float model's names, order, types and shapes"
    if not golden:
        return (Failure(Code.PARITY_EMPTY, "The golden has no output, should have at least one.", "accept it anew"),)
    if list(outputs) != list(golden):
        sentence = f"Outputs are {_listed(outputs)}, should be {_listed(golden)} in this order."
        return (Failure(Code.PARITY_NAMES, sentence, remedy),)
    failures = []
    for name, expected in golden.items():
        got = outputs[name]
        if got.dtype != expected.dtype:
            sentence = f'Output "{name}" is {got.dtype}, should be {expected.dtype}.'
            failures.append(Failure(Code.PARITY_DTYPE, sentence, remedy))
        if got.shape != expected.shape:
            sentence = f'Output "{name}" has shape {list(got.shape)}, should have {list(expected.shape)}.'
            failures.append(Failure(Code.PARITY_SHAPE, sentence, remedy))
        if expected.size == 0:
            sentence = f'Output "{name}" has no element ({list(expected.shape)}), should have at least one.'
            failures.append(Failure(Code.PARITY_EMPTY, sentence, "give test data for which the model has an output"))
    return tuple(failures)


def _comparable(output: np.ndarray, golden: np.ndarray) -> bool:
    return output.dtype == golden.dtype and output.shape == golden.shape and golden.size > 0


def _compare_output(name: str, output: np.ndarray, golden: np.ndarray, closeness: Closeness) -> OutputParity:
    is_float = golden.dtype.kind not in "iub"
    return OutputParity(name, is_float, compare(output, golden, closeness if is_float else Closeness(0.0, 0.0)))


def _value_failures(one: OutputParity, limit: ParityLimit) -> list[Failure]:
    found = one.comparison
    worst = f"{list(found.worst_index)}: {found.worst_output:g} for {found.worst_golden:g}"
    size = f"({found.elements:,} values; the worst is at {worst})"
    remedy = "check that calibration data are prepared as the test data are, or keep sensitive nodes float (keep_float)"
    if found.nonfinite:
        return [
            Failure(
                Code.PARITY_NOT_FINITE,
                f'Output "{one.name}" has {found.nonfinite:,} values that are NaN or Inf, should have none {size}.',
                "look for scales that are zero or infinite and for values beyond the range of the type (fp16: 65504)",
            )
        ]
    failures = []
    if not one.is_float:
        agreement = (found.elements - found.mismatched) / found.elements
        if not agreement >= limit.agreement:
            shown = apart(100 * agreement, 100 * limit.agreement, 2)
            sentence = (
                f'Output "{one.name}" agrees in {shown} % of its values, should in {_percent(limit.agreement)} {size}.'
            )
            failures.append(Failure(Code.PARITY_MISMATCHED, sentence, remedy))
        return failures
    if limit.sqnr_db is not None and not _reaches(found.sqnr_db, limit.sqnr_db):
        shown = apart(found.sqnr_db, limit.sqnr_db, 1)
        sentence = f'SQNR of output "{one.name}" is {shown} dB, should be at least {limit.sqnr_db:g} dB {size}.'
        failures.append(Failure(Code.PARITY_SQNR, sentence, remedy))
    if limit.cosine is not None and not _reaches(found.cosine, limit.cosine):
        shown = apart(found.cosine, limit.cosine, 6)
        sentence = f'Cosine of output "{one.name}" is {shown}, should be at least {limit.cosine:g} {size}.'
        failures.append(Failure(Code.PARITY_COSINE, sentence, remedy))
    if limit.max_mismatched is not None and not found.mismatched / found.elements <= limit.max_mismatched:
        sentence = (
            f'Output "{one.name}" has {found.mismatched:,} of {found.elements:,} values outside '
            f"atol {limit.closeness.atol:g} + rtol {limit.closeness.rtol:g}, "
            f"should be at most {_percent(limit.max_mismatched)}."
        )
        failures.append(Failure(Code.PARITY_MISMATCHED, sentence, remedy))
    return failures


def _percent(fraction: float) -> str:
    return f"{100 * fraction:g} %"


def _reaches(value: float, limit: float) -> bool:
    """Whether `value` is at or above the limit; +inf dB (equal) is, NaN and −inf are not."""
    return not math.isnan(value) and value >= limit


def _deciding(compared: tuple[OutputParity, ...]) -> str:
    floats = [one.comparison.sqnr_db for one in compared if one.is_float]
    if floats:
        return "equal" if min(floats) == math.inf else f"{min(floats):.1f} dB"
    if compared:
        return f"{100 * (1 - max(one.comparison.mismatched / one.comparison.elements for one in compared)):.1f} %"
    return "structure"


def _evidence(one: OutputParity) -> dict[str, Any]:
    return {**asdict(one.comparison), "worst_index": list(one.comparison.worst_index)}


def _listed(outputs: Mapping[str, Any]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in outputs) + "]"
