"""Verdicts, the evidence behind them, and the registry of failure codes."""

from __future__ import annotations

import math
import numbers
import re
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


LONGEST_TEXT = 2000
_OF_A_RUN = ("variant_percent", "variant_value", "median_ms", "peak_mb", "size_mb")  # evidence: what it is judged by
_PLAIN_WORD = re.compile(r"[a-z]+ ")  # no file name ("ext.onnx: got"), no key ("keep_float: got", "batch: got")


class Outcome(StrEnum):
    """What a check says of a run."""

    PASS = "pass"
    ACCURACY_FAIL = "accuracy-fail"
    BUDGET_FAIL = "budget-fail"
    CANNOT_JUDGE = "cannot-judge"
    WAIVED = "waived"


def counted(number: int, noun: str) -> str:
    """ "1 check", "2,000 checks"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


EMULATED = "~"  # ends the name of a run whose precision its backend does not compute in


def run_id(backend: str, precision: str, emulated: bool = False) -> str:
    """The one name of a run: "ort-int8", emulated "ort-nvfp4~"; of the kernels of a backend, which have no precision,
    "ort"."""
    name = f"{backend}-{precision}" if precision else backend
    return f"{name}{EMULATED}" if emulated else name


class Code(Enum):
    """Every failure that can be reported: its stable code, the outcome it leads to, its title.

    The documentation prints this table, and a test keeps both in step.
    """

    def __init__(self, code: str, outcome: Outcome, title: str) -> None:
        self.code = code
        self.outcome = outcome
        self.title = title

    CASE_SYNTAX = ("QP-CASE-001", Outcome.CANNOT_JUDGE, "the case file is not TOML")
    CASE_UNKNOWN_KEY = ("QP-CASE-002", Outcome.CANNOT_JUDGE, "a key that the case file format does not have")
    CASE_VALUE = ("QP-CASE-003", Outcome.CANNOT_JUDGE, "a value of the wrong type or outside its range")
    CASE_MISSING_FILE = ("QP-CASE-004", Outcome.CANNOT_JUDGE, "a file that the case names does not exist")
    CASE_DEAD_PATTERN = ("QP-CASE-005", Outcome.CANNOT_JUDGE, "a pattern or name that matches nothing")
    CASE_FUNCTION = ("QP-CASE-006", Outcome.CANNOT_JUDGE, "a 'module:function' that cannot be found")
    CASE_NAME = ("QP-CASE-007", Outcome.CANNOT_JUDGE, "a name that no case file may have, or two of one name")
    CASE_OUTSIDE = ("QP-CASE-008", Outcome.CANNOT_JUDGE, "a file outside the folders that case files may read from")

    MODEL_UNREADABLE = ("QP-MODEL-001", Outcome.CANNOT_JUDGE, "the model file cannot be read")
    MODEL_DOWNLOAD = ("QP-MODEL-002", Outcome.CANNOT_JUDGE, "the model could not be fetched, or is not the one named")
    MODEL_BUILD = ("QP-MODEL-003", Outcome.CANNOT_JUDGE, "the model's builder failed")
    MODEL_EXTERNAL_DATA = ("QP-MODEL-004", Outcome.CANNOT_JUDGE, "external data missing or outside the model's folder")

    DATA_UNREADABLE = ("QP-DATA-001", Outcome.CANNOT_JUDGE, "the data cannot be read or made")
    DATA_ARRAYS = ("QP-DATA-002", Outcome.CANNOT_JUDGE, "the data's arrays are not those of the model's inputs")
    DATA_LAYOUT = ("QP-DATA-003", Outcome.CANNOT_JUDGE, "an array's rank, shape or type does not fit its input")
    DATA_EMPTY = ("QP-DATA-004", Outcome.CANNOT_JUDGE, "no samples")
    DATA_LABELS = ("QP-DATA-005", Outcome.CANNOT_JUDGE, "labels are missing or not one for each sample")
    DATA_PACKAGE = ("QP-DATA-006", Outcome.CANNOT_JUDGE, "data that need a package which is not installed")
    DATA_CHANGED = ("QP-DATA-007", Outcome.CANNOT_JUDGE, "data that changed while they were judged")
    DATA_OVERLAP = ("QP-DATA-008", Outcome.CANNOT_JUDGE, "calibration samples that are test samples too")
    DATA_GROUPS = ("QP-DATA-009", Outcome.CANNOT_JUDGE, "groups are missing or not one for each sample")
    SEQUENCE_STATE = ("QP-SEQ-001", Outcome.CANNOT_JUDGE, "a state that does not fit, or recordings in pieces")
    CALIBRATION_MISSING = (
        "QP-CAL-001",
        Outcome.CANNOT_JUDGE,
        "the recipe needs calibration data, the case has none",
    )
    CALIBRATION_ZEROS = ("QP-CAL-002", Outcome.CANNOT_JUDGE, "calibration data without any range")
    CALIBRATION_NOT_FINITE = ("QP-CAL-003", Outcome.CANNOT_JUDGE, "NaN or Inf in a tensor that is calibrated")
    CALIBRATION_TENSOR = ("QP-CAL-004", Outcome.CANNOT_JUDGE, "a tensor that cannot be calibrated, or has no range")
    CALIBRATION_RANGES = ("QP-CAL-005", Outcome.CANNOT_JUDGE, "a file of ranges that cannot be used")

    BACKEND_UNAVAILABLE = ("QP-BACKEND-001", Outcome.CANNOT_JUDGE, "the backend does not work on this machine")
    BACKEND_LOAD = ("QP-BACKEND-002", Outcome.CANNOT_JUDGE, "the backend refuses the variant")
    BACKEND_RUN = ("QP-BACKEND-003", Outcome.CANNOT_JUDGE, "the backend failed while running")
    BACKEND_OUTPUTS = ("QP-BACKEND-004", Outcome.CANNOT_JUDGE, "the backend's outputs cannot be put together")
    BACKEND_FACTS = (
        "QP-BACKEND-005",
        Outcome.CANNOT_JUDGE,
        "the backend does not say what ran",
    )

    WORKER_CRASH = ("QP-WORKER-001", Outcome.CANNOT_JUDGE, "a worker process ended by itself")
    WORKER_DEADLINE = ("QP-WORKER-002", Outcome.CANNOT_JUDGE, "a worker process did not end its work in time")
    WORKER_MEMORY = ("QP-WORKER-003", Outcome.CANNOT_JUDGE, "a worker process took more memory than it may")
    WORKER_START = ("QP-WORKER-004", Outcome.CANNOT_JUDGE, "a worker process could not be started")
    WORKER_PROTOCOL = ("QP-WORKER-005", Outcome.CANNOT_JUDGE, "what a worker process sent is no answer")
    WORKER_ERROR = ("QP-WORKER-006", Outcome.CANNOT_JUDGE, "a call in a worker failed in a way that has no name")

    VARIANT_RECIPE = ("QP-VARIANT-001", Outcome.CANNOT_JUDGE, "the variant could not be made")
    VARIANT_DEAD_PATTERN = ("QP-VARIANT-002", Outcome.CANNOT_JUDGE, "a keep_float pattern that matches no node")
    VARIANT_INTERFACE = ("QP-VARIANT-003", Outcome.CANNOT_JUDGE, "the variant's inputs are not the float model's")
    VARIANT_CHANGED = ("QP-VARIANT-004", Outcome.CANNOT_JUDGE, "the variant's file changed while it was judged")
    VARIANT_EMULATED = ("QP-VARIANT-005", Outcome.CANNOT_JUDGE, "speed or memory of a variant that is emulated")
    VARIANT_PLAN = ("QP-VARIANT-006", Outcome.CANNOT_JUDGE, "a built engine that the backend does not load")

    GOLDEN_MISSING = ("QP-GOLDEN-001", Outcome.CANNOT_JUDGE, "no golden")
    GOLDEN_STALE = ("QP-GOLDEN-002", Outcome.CANNOT_JUDGE, "the golden belongs to other inputs")
    GOLDEN_CORRUPT = ("QP-GOLDEN-003", Outcome.CANNOT_JUDGE, "the golden's files are not those of its manifest")
    GOLDEN_NOT_FINITE = ("QP-GOLDEN-004", Outcome.CANNOT_JUDGE, "the reference itself gives NaN or Inf")
    GOLDEN_WRITE = ("QP-GOLDEN-005", Outcome.CANNOT_JUDGE, "the golden cannot be written")
    GOLDEN_NEWER = ("QP-GOLDEN-006", Outcome.CANNOT_JUDGE, "the golden is of a newer version")

    PREFLIGHT_NOT_QUANTIZED = ("QP-PRE-001", Outcome.CANNOT_JUDGE, "the variant does not hold what its precision says")
    PREFLIGHT_FALLBACK = ("QP-PRE-002", Outcome.CANNOT_JUDGE, "nodes ran elsewhere than asked")
    PREFLIGHT_SAME_AS_FLOAT = ("QP-PRE-003", Outcome.CANNOT_JUDGE, "outputs are bit for bit those of FP32")
    PREFLIGHT_OPSET = ("QP-PRE-004", Outcome.CANNOT_JUDGE, "an opset too old for the types in the file")
    PREFLIGHT_SCALE = ("QP-PRE-005", Outcome.CANNOT_JUDGE, "a scale that is zero, negative, NaN or infinite")
    PREFLIGHT_FEW_QUANTIZED = ("QP-PRE-006", Outcome.CANNOT_JUDGE, "fewer nodes run quantized than the case asks for")
    PREFLIGHT_KERNELS_UNTOLD = ("QP-PRE-007", Outcome.CANNOT_JUDGE, "nobody tells how many nodes run quantized")
    PREFLIGHT_SATURATION = ("QP-PRE-008", Outcome.CANNOT_JUDGE, "int8 sums that saturate on CPUs without VNNI")
    PREFLIGHT_REFUSED = ("QP-PRE-009", Outcome.CANNOT_JUDGE, "a file that the engine's importer refuses")
    PREFLIGHT_WEIGHTS = ("QP-PRE-010", Outcome.CANNOT_JUDGE, "weights that are not the float model's, rounded")
    PREFLIGHT_FEW_LEVELS = ("QP-PRE-011", Outcome.CANNOT_JUDGE, "weights of fewer bits than their type")

    PARITY_NAMES = ("QP-PAR-001", Outcome.ACCURACY_FAIL, "output names or their order differ from the golden")
    PARITY_SQNR = ("QP-PAR-002", Outcome.ACCURACY_FAIL, "signal-to-quantization-noise ratio below its limit")
    PARITY_COSINE = ("QP-PAR-003", Outcome.ACCURACY_FAIL, "cosine similarity below its limit")
    PARITY_DTYPE = ("QP-PAR-004", Outcome.ACCURACY_FAIL, "an output's element type differs from the golden")
    PARITY_SHAPE = ("QP-PAR-005", Outcome.ACCURACY_FAIL, "an output's shape or count differs from the golden")
    PARITY_NOT_FINITE = ("QP-PAR-006", Outcome.ACCURACY_FAIL, "NaN or Inf in an output")
    PARITY_MISMATCHED = ("QP-PAR-007", Outcome.ACCURACY_FAIL, "too many elements outside closeness")
    PARITY_EMPTY = ("QP-PAR-008", Outcome.CANNOT_JUDGE, "an output without elements")
    PARITY_IMPLAUSIBLE = ("QP-PAR-009", Outcome.CANNOT_JUDGE, "outputs nearer to FP32 than the precision can be")

    ACCURACY_DROP = ("QP-ACC-001", Outcome.ACCURACY_FAIL, "more accuracy lost than the margin allows")
    ACCURACY_OUTPUT = ("QP-ACC-002", Outcome.CANNOT_JUDGE, "the metric does not fit the outputs or labels")
    ACCURACY_UNDECIDED = ("QP-ACC-003", Outcome.CANNOT_JUDGE, "too few samples to tell what is lost")
    ACCURACY_MARGIN = ("QP-ACC-004", Outcome.CANNOT_JUDGE, "nobody says how much of the metric may be lost")
    ACCURACY_DIRECTION = ("QP-ACC-005", Outcome.CANNOT_JUDGE, "a metric that does not say which way is better")
    ACCURACY_BASELINE = ("QP-ACC-006", Outcome.CANNOT_JUDGE, "a float model without accuracy to lose")
    ACCURACY_CONSTANT = ("QP-ACC-007", Outcome.CANNOT_JUDGE, "a variant that says the same of every sample")
    ACCURACY_SHIFTED = ("QP-ACC-008", Outcome.CANNOT_JUDGE, "labels that are one off, or of another scale")

    INVARIANCE_REPEAT = ("QP-INV-001", Outcome.ACCURACY_FAIL, "other outputs when the same feed is run twice in a row")
    INVARIANCE_ORDER = ("QP-INV-002", Outcome.ACCURACY_FAIL, "other outputs in another order of feeds")
    INVARIANCE_BATCH = ("QP-INV-003", Outcome.ACCURACY_FAIL, "other outputs in a batch than alone")
    INVARIANCE_SHAPE = ("QP-INV-004", Outcome.ACCURACY_FAIL, "other outputs after a feed of another shape")
    INVARIANCE_PADDING = ("QP-INV-005", Outcome.ACCURACY_FAIL, "other outputs with more padding under the mask")
    INVARIANCE_FLOAT = ("QP-INV-006", Outcome.CANNOT_JUDGE, "FP32 itself moves by more than rounding")
    INVARIANCE_IMPOSSIBLE = ("QP-INV-007", Outcome.CANNOT_JUDGE, "a relation that cannot be tried")

    LATENCY_BUDGET = ("QP-LAT-001", Outcome.BUDGET_FAIL, "slower than its budget")
    LATENCY_UNDECIDED = ("QP-LAT-002", Outcome.CANNOT_JUDGE, "the interval still holds the budget")
    LATENCY_COUNTERPART = ("QP-LAT-003", Outcome.CANNOT_JUDGE, "nothing to compare the latency with")
    LATENCY_UNMEASURED = ("QP-LAT-004", Outcome.CANNOT_JUDGE, "latency could not be measured")
    LATENCY_OUTPUTS = ("QP-LAT-005", Outcome.CANNOT_JUDGE, "other outputs while timed than before")
    MEMORY_BUDGET = ("QP-MEM-001", Outcome.BUDGET_FAIL, "more memory than its budget")
    MEMORY_UNMEASURED = ("QP-MEM-002", Outcome.CANNOT_JUDGE, "memory could not be measured")
    SIZE_BUDGET = ("QP-MEM-003", Outcome.BUDGET_FAIL, "a larger file than its budget")
    START_BUDGET = ("QP-MEM-004", Outcome.BUDGET_FAIL, "slower to load, or to run first, than its budget")
    ENERGY_BUDGET = ("QP-MEM-005", Outcome.BUDGET_FAIL, "more energy than its budget")
    BUDGET_HARDWARE = ("QP-BUDGET-001", Outcome.CANNOT_JUDGE, "a budget that was written for other hardware")
    BUDGET_UNDECIDED = ("QP-BUDGET-002", Outcome.CANNOT_JUDGE, "the interval of a cost still holds its budget")
    BUDGET_UNMEASURED = ("QP-BUDGET-003", Outcome.CANNOT_JUDGE, "a budget for what is not measured here")

    CONFORMANCE_DEVIATES = (
        "QP-CONF-001",
        Outcome.ACCURACY_FAIL,
        "a kernel gives what its specification does not allow",
    )
    CONFORMANCE_UNSUPPORTED = ("QP-CONF-002", Outcome.CANNOT_JUDGE, "a kernel that the backend refuses altogether")
    CONFORMANCE_KNOWN = ("QP-CONF-003", Outcome.ACCURACY_FAIL, "a kernel deviates, as is on record")
    CONFORMANCE_DEAD = ("QP-CONF-004", Outcome.CANNOT_JUDGE, "a known deviation that no longer shows")
    CONFORMANCE_NOTHING = ("QP-CONF-005", Outcome.CANNOT_JUDGE, "a kernel of which nothing was compared")
    CONFORMANCE_RECORD = ("QP-CONF-006", Outcome.CANNOT_JUDGE, "a file of known deviations that cannot be read")

    CANARY_PASSED = ("QP-CANARY-001", Outcome.CANNOT_JUDGE, "a canary passed")
    CANARY_UNPROVEN = ("QP-CANARY-002", Outcome.CANNOT_JUDGE, "the canaries prove nothing")

    DIAGNOSE_REFUSED = ("QP-DIAG-001", Outcome.CANNOT_JUDGE, "a graph that cannot be run for a diagnosis")
    DIAGNOSE_UNPAIRED = ("QP-DIAG-002", Outcome.CANNOT_JUDGE, "two models that share no tensor")

    SHIP_REFUSED = ("QP-SHIP-001", Outcome.CANNOT_JUDGE, "a run that the ledger does not show to pass")
    SHIP_FILE = ("QP-SHIP-002", Outcome.CANNOT_JUDGE, "the judged file is gone, or another")
    SHIP_SIGNING = ("QP-SHIP-003", Outcome.CANNOT_JUDGE, "a key or package that signing lacks")
    SHIP_ALTERED = ("QP-SHIP-004", Outcome.CANNOT_JUDGE, "a release that is not what was exported")
    REGRESSION_PARITY = ("QP-REG-001", Outcome.ACCURACY_FAIL, "outputs further from the golden than the baseline's")
    REGRESSION_ACCURACY = ("QP-REG-002", Outcome.ACCURACY_FAIL, "less accurate than the baseline")
    REGRESSION_LATENCY = ("QP-REG-003", Outcome.BUDGET_FAIL, "less of a speed-up over fp32 than the baseline")
    REGRESSION_MEMORY = ("QP-REG-004", Outcome.BUDGET_FAIL, "more memory, or a larger file, than the baseline")
    REGRESSION_UNDECIDED = ("QP-REG-005", Outcome.CANNOT_JUDGE, "too little to tell whether it is worse")
    REGRESSION_UNMEASURED = ("QP-REG-006", Outcome.CANNOT_JUDGE, "a figure that this run or the baseline lacks")
    REGRESSION_HARDWARE = ("QP-REG-007", Outcome.CANNOT_JUDGE, "no baseline of this hardware")
    REGRESSION_VANISHED = ("QP-REG-008", Outcome.CANNOT_JUDGE, "a run or check of the baseline that nobody planned")
    REGRESSION_START = ("QP-REG-009", Outcome.BUDGET_FAIL, "slower to start, or more energy, than the baseline")
    HISTORY_PACKAGE = ("QP-HIST-001", Outcome.CANNOT_JUDGE, "change points without the package that finds them")

    CLUSTER_RUN = ("QP-RAY-001", Outcome.CANNOT_JUDGE, "a run that the cluster did not judge")
    CLUSTER_RESOURCES = ("QP-RAY-002", Outcome.CANNOT_JUDGE, "a run that no node of the cluster can take")
    CLUSTER_FILES = ("QP-RAY-003", Outcome.CANNOT_JUDGE, "files that did not come through shared storage whole")
    RUN_INCOMPLETE = ("QP-RUN-001", Outcome.CANNOT_JUDGE, "a planned check ended without a verdict")
    USAGE = ("QP-USE-001", Outcome.CANNOT_JUDGE, "a command that is not used as it can be")


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is wrong: "got X, should be Y", the likely cause and what to do about it."""

    code: Code
    sentence: str
    remedy: str
    likely: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code.code,
            "title": self.code.title,
            "sentence": as_sentence(_bounded(self.sentence)),
            "likely": self.likely,
            "remedy": _bounded(self.remedy),
        }


def _bounded(text: str) -> str:
    """Cut in the middle where it is beyond reading: names in models may be megabytes long."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT // 2]} … {text[-LONGEST_TEXT // 2 :]}"


def as_sentence(text: str) -> str:
    """With a capital in front and a full stop behind, whoever wrote it. A name in front stays as it is written."""
    if _PLAIN_WORD.match(text):
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


class CannotJudge(Exception):  # noqa: N818  # the design's word for it
    """Raised where a run cannot be judged; carries the failure that says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)  # the whole of it, so that the exception crosses a process border
        self.failure = failure

    def __str__(self) -> str:
        return self.failure.sentence


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one check, with the evidence that it rests on.

    `deciding` is the short figure a table shows ("34.2 dB"); `evidence` holds plain JSON values.
    A verdict other than pass carries at least one failure; `waiver` is set exactly when it is waived.
    """

    outcome: Outcome
    deciding: str
    evidence: Mapping[str, Any]
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    waiver: str | None = field(default=None)

    def __post_init__(self) -> None:
        wrong = contradiction(self.outcome, len(self.failures), self.waiver, self.evidence)
        if wrong:
            raise ValueError(wrong)


def contradiction(outcome: Outcome, failures: int, waiver: str | None, evidence: Mapping[str, Any]) -> str:
    """Why no verdict can be so, which a ledger may say all the same; empty where it can. The only place that knows."""
    if (outcome is Outcome.PASS) == bool(failures):
        return f"a verdict {outcome} with {failures} failures contradicts itself"
    if (outcome is Outcome.WAIVED) != (waiver is not None):
        return "a verdict is waived exactly when it names its waiver"
    if waiver is not None and not waiver.strip():
        return "a waiver needs a reason"
    if outcome is Outcome.PASS and not evidence:
        return "a pass needs evidence"
    for name in _OF_A_RUN if outcome is Outcome.PASS else ():
        value = evidence.get(name)
        if value is not None and not (isinstance(value, numbers.Real) and math.isfinite(value)):
            return f"a pass has a finite {name}, not {value!r}"
    return ""


def passed(deciding: str, evidence: Mapping[str, Any], notes: tuple[str, ...] = ()) -> Verdict:
    return Verdict(Outcome.PASS, deciding, evidence, (), notes)


def failed(
    deciding: str, evidence: Mapping[str, Any], failures: tuple[Failure, ...], notes: tuple[str, ...] = ()
) -> Verdict:
    """The outcome is that of the gravest failure: an accuracy or budget failure is known, cannot-judge is not."""
    outcomes = {failure.code.outcome for failure in failures}
    for outcome in (Outcome.ACCURACY_FAIL, Outcome.BUDGET_FAIL, Outcome.CANNOT_JUDGE):
        if outcome in outcomes:
            return Verdict(outcome, deciding, evidence, failures, notes)
    raise ValueError("a failed verdict needs a failure")


def cannot_judge(failure: Failure, evidence: Mapping[str, Any] | None = None) -> Verdict:
    """Nothing was measured: what decided is the part that is lacking ("golden", "backend"), by the failure's code."""
    return Verdict(Outcome.CANNOT_JUDGE, failure.code.code.split("-")[1].lower(), evidence or {}, (failure,))


def waived(verdict: Verdict, reason: str) -> Verdict:
    return Verdict(Outcome.WAIVED, verdict.deciding, verdict.evidence, verdict.failures, verdict.notes, reason)
