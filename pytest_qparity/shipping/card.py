"""The section of a model card that says what was judged: metadata as Hugging Face reads them, then words for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pytest_qparity.report.as_float import as_float_of
from pytest_qparity.report.text import one_line

if TYPE_CHECKING:
    from pytest_qparity.case.loading import Case
    from pytest_qparity.shipping.judged_run import JudgedRun

__all__ = ["CARD_FORMAT", "METADATA", "SECTION", "Marks", "card_facts", "card_text"]

# Releases outlive versions: another text is another format, and what makes cards of the older one has to stay.
CARD_FORMAT = 1

# Where a metric of ours is one of Hugging Face's by another name.
_HUGGING_FACE = {"top1": "accuracy"}


@dataclass(frozen=True, slots=True)
class Marks:
    """The lines around what is held of a card."""

    begin: str
    end: str


METADATA = Marks(f"# card {CARD_FORMAT} of pytest-qparity: begin", f"# card {CARD_FORMAT} of pytest-qparity: end")
SECTION = Marks(
    f"<!-- card {CARD_FORMAT} of pytest-qparity: begin -->", f"<!-- card {CARD_FORMAT} of pytest-qparity: end -->"
)


@dataclass(frozen=True, slots=True)
class _Result:
    """A score of the task's metric: percent where the name says so."""

    dataset: str
    name: str
    type: str
    value: float


def card_facts(run: JudgedRun, case: Case) -> dict[str, Any]:
    """What a card says of the case and no verdict does: the extract of the ledger keeps it, so that the card can be
    made again where the case is not."""
    from pytest_qparity.precision.table import FLOATS, base_of

    stated = case.spec.precisions.get(run.precision)
    is_float = base_of(run.precision, stated.base if stated else None) in FLOATS
    return {
        "task": case.spec.task,
        "test_data": PurePosixPath(case.spec.data.test).stem,
        "is_quantized": not is_float,
    }


def card_text(run: JudgedRun, model: str, *, has_external: bool) -> str:
    """Markdown with YAML metadata in front, of a run of an extract. Every text of it may be anyone's and is escaped.

    `model`: the name of its file; `has_external`: whether data lie beside it.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("pytest_qparity.shipping"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["text"] = _markdown
    environment.filters["yaml"] = json.dumps  # YAML 1.2 takes JSON's texts and numbers as they are
    facts = run.start["extract"]["card"]
    quantized = ("quantized",) if facts["is_quantized"] else ()
    return environment.get_template("model_card.md").render(
        metadata=METADATA,
        section=SECTION,
        run=run,
        task=facts["task"],
        tags=list(dict.fromkeys(("onnx", *quantized, run.precision, "pytest-qparity"))),
        result=_result(run, facts["test_data"]),
        model=model,
        external=has_external,
        made=_made(run),
        engine=_engine(run),
        version=run.start.get("libraries", {}).get("pytest-qparity", "of an unknown version"),
        canaries=_canaries(run),
        figures=list(_figures(run)),
    )


def _markdown(text: object) -> str:
    """On one line, with what Markdown or HTML would take for markup as text."""
    escaped = one_line(str(text)).replace("\\", "\\\\")
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in "`*_[]|":
        escaped = escaped.replace(mark, f"\\{mark}")
    return escaped


def _result(run: JudgedRun, test_data: str) -> _Result | None:
    """None where nothing was scored: a card without a number is better than one with another number."""
    accuracy = next((event for event in run.verdicts if event["check"] == "accuracy"), None)
    if accuracy is None:
        return None
    evidence: Mapping[str, Any] = accuracy["evidence"]
    percent, value = evidence.get("variant_percent"), evidence.get("variant_value")
    score = percent if percent is not None else value
    if not isinstance(score, int | float):
        return None
    metric = str(evidence.get("metric"))
    name = f"{metric} (%)" if percent is not None else metric
    return _Result(test_data, name, _HUGGING_FACE.get(metric, metric), score)


def _made(run: JudgedRun) -> str:
    recipe = run.variant.get("recipe", {})
    if run.variant.get("given"):
        return "elsewhere: given as a file"
    if recipe.get("method") == "float model":
        return "the float model itself"
    return f"by the recipe {recipe.get('method', 'unknown')} for target {recipe.get('target') or 'any'}"


def _engine(run: JudgedRun) -> str:
    engine = run.engine
    settings = ", ".join(f"{name} {value}" for name, value in dict(engine.get("settings", {})).items())
    return f"{engine.get('engine')} {engine.get('version')}, {engine.get('device')}" + (
        f"; {settings}" if settings else ""
    )


def _canaries(run: JudgedRun) -> str:
    told = run.event("parity")["provenance"].get("canaries")
    if not isinstance(told, Mapping):
        return "none: turned off"
    return f"{told.get('caught')} of {told.get('planned')} broken models were caught on this engine"


def _figures(run: JudgedRun) -> list[str]:
    """What the checks measured, each with what it covers."""
    checks = {event["check"]: event["evidence"] for event in run.verdicts}
    lines = []
    accuracy = checks.get("accuracy", {})
    if "variant_percent" in accuracy:
        lines.append(
            f"{accuracy['metric']}: {_percent(accuracy['variant_percent'])}, "
            f"the float model {_percent(accuracy['float_percent'])}, over {accuracy['samples']:,} samples"
        )
    latency = checks.get("latency", {})
    if isinstance(latency.get("median_ms"), int | float):
        over = latency.get("speed_up_over", {}).get("fp32", {})
        shown = "{estimate:.2f} ({low:.2f} to {high:.2f}) times as fast as fp32 on the same engine"
        ends = [over.get(name) for name in ("low", "estimate", "high")]
        is_bounded = all(isinstance(end, int | float) and end > 0 for end in ends)  # else it is no number to show
        times = f", {shown.format(**over)}" if is_bounded else ""
        lines.append(
            f"Latency: {latency['median_ms']:.4g} ms, the median of {latency['calls']:,} calls of batch "
            f"{latency['batch']}, one call at a time{times}"
        )
    memory = checks.get("memory", {})
    if isinstance(memory.get("peak_mb"), int | float):
        lines.append(f"Memory: {memory['peak_mb']:.4g} MB at the peak over an idle process")
    if isinstance(memory.get("size_mb"), int | float):
        lines.append(f"File: {memory['size_mb']:.4g} MB")
    return [*lines, *as_float_of(run.verdicts)]


def _percent(value: float | str) -> str:
    """Of a waived check it may be no number, which a ledger writes as a text."""
    return f"{float(value):.2f} %"
