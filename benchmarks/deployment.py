"""ResNet-50 and BERT-base on each backend at each precision: fidelity, latency, throughput, memory, by the gate itself.

    python -m benchmarks.deployment --backend=trt,ort-cuda,ort-tensorrt [--output=tables.md]

The tables that articles on deployment show, with what can be measured without ImageNet or GLUE: weights are seeded, so
that there is no accuracy; fidelity to FP32 stands in its place (SQNR of the logits, share of equal answers). Each row
is a run of the gate: made, proved, compared, timed in turn with FP32 of the same backend, its memory measured in a
process of its own. What cannot be judged says so in its row. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from benchmarks.bert import BertSize, bert, sentences
from benchmarks.models import images, resnet50
from pytest_qparity import gate, load_case
from pytest_qparity.verdict import Outcome, Verdict

HEADER = (
    "| run | ran quantized | SQNR, dB | same answers | latency, ms | samples/s | over fp32 | memory, MB | file, MB |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)
CASE = """
model = "models/model.onnx"
task = "{task}"

[data]
test = "data/test.npz"
calibration = "data/calibration.npz"
batch = {batch}

[limits]
load_s = 1800
first_run_s = 1800

[accuracy]
metric = "agreement"

[precisions.fp32]
[precisions.fp16]
[precisions.int8]
target = "backend"
"""
ATTENTION_FLOAT = """
[precisions.int8-mixed] # attention stays float, all else is int8
base = "int8"
target = "backend"
keep_float = ["*/attention/*"]
"""


@dataclass(frozen=True)
class Load:
    """A model with its data, and how many samples go at a time."""

    title: str
    model: onnx.ModelProto
    test: Mapping[str, np.ndarray]
    calibration: Mapping[str, np.ndarray]
    batch: int
    case: str


def loads(models: list[str], batch: int, *, small: bool) -> Iterator[Load]:
    """`small`: BERT of two layers, to try the script itself."""
    if "resnet50" in models:
        case = CASE.format(task="image-classification", batch=batch)
        data = {"image": images(2 * batch, seed=2)}
        yield Load("ResNet-50", resnet50(), data, {"image": images(16)}, batch, case)
    if "bert" in models:
        size = BertSize(layers=2, hidden=64, heads=4, inner=128, vocabulary=500) if small else BertSize()
        case = CASE.format(task="text-classification", batch=batch) + ATTENTION_FLOAT
        title = f"BERT of {size.layers} layers, sequences of {size.sequence}"
        yield Load(title, bert(size), sentences(2 * batch, size, seed=2), sentences(16, size), batch, case)


def written(load: Load, root: Path) -> Path:
    """A project of one case under `root`; gives the case file."""
    for name in ("models", "data"):
        (root / "cases" / name).mkdir(parents=True)
    onnx.save(load.model, root / "cases" / "models" / "model.onnx")
    for name, arrays in (("test", load.test), ("calibration", load.calibration)):
        np.savez(root / "cases" / "data" / f"{name}.npz", **arrays)  # type: ignore[arg-type]
    case_file = root / "cases" / "load.toml"
    case_file.write_text(load.case, encoding="utf-8")
    return case_file


def rows(load: Load, root: Path, backends: list[str], seconds: float) -> Iterator[str]:
    case = load_case(written(load, root))
    settings = gate.default_settings(root, latency_seconds=seconds)
    with contextlib.closing(gate.CaseMaterial(case, settings, "cases/load.toml")) as material:
        material.accept_golden()
    for run in gate.plan(case, settings, backends, None):
        yield row(run.id, dict(gate.judge_run(case, run, settings)))


def row(run: str, verdicts: Mapping[str, Verdict]) -> str:
    """One line of the table; a figure that was not measured is a dash, and why stands in the first of them."""
    refused = next((each for each in verdicts.values() if not each.evidence and each.failures), None)
    if refused is not None:
        failure = refused.failures[0]
        return f"| {run} | {failure.code.code}: {failure.sentence.replace('|', '/')} |" + 7 * " - |"
    outputs = verdicts["parity"].evidence.get("outputs", {})
    sqnr = min((each["sqnr_db"] for each in outputs.values()), default=None)
    timed, memory = verdicts["latency"].evidence, verdicts["memory"].evidence
    speed = timed.get("speed_up_over", {}).get("fp32", {})
    figures = [
        verdicts["preflight"].deciding,
        _figure(sqnr, "{:.1f}"),
        _figure(verdicts["accuracy"].evidence.get("variant_percent"), "{:.1f} %"),
        _figure(timed.get("median_ms"), "{:.3g}"),
        _figure(timed["batch"] / timed["median_ms"] * 1e3 if timed.get("median_ms") else None, "{:,.0f}"),
        "{estimate:.2f} ({low:.2f} to {high:.2f})".format(**speed) if "estimate" in speed else "-",
        _memory(memory),
        _figure(memory.get("size_mb"), "{:.1f}"),
    ]
    return f"| {run}{_marks(verdicts)} | {' | '.join(figures)} |"


def _memory(evidence: Mapping[str, object]) -> str:
    if "device_peak_mb" in evidence:
        return f"{evidence['device_peak_mb']:,.0f} of the GPU ({evidence['device_method']})"
    return _figure(evidence.get("peak_mb"), "{:,.0f}")


def _figure(value: object, form: str) -> str:
    return "-" if value is None else form.format(value)


def _marks(verdicts: Mapping[str, Verdict]) -> str:
    """The checks that did not pass: a figure of a run that failed is no result."""
    failed = [name for name, verdict in verdicts.items() if verdict.outcome is not Outcome.PASS]
    return f" (not passed: {', '.join(failed)})" if failed else ""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", default="ort", help="backends, separated by commas")
    parser.add_argument("--model", default="resnet50,bert", help="resnet50, bert or both")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5.0, help="of timing for each run")
    parser.add_argument("--small", action="store_true", help="a small BERT, to try the script")
    parser.add_argument("--output", type=Path, help="where the tables go besides")
    options = parser.parse_args(arguments)
    lines: list[str] = []

    def say(text: str) -> None:
        print(text, flush=True)
        lines.append(text)

    for load in loads(options.model.split(","), options.batch, small=options.small):
        say(f"### {load.title}, batch {load.batch}, seeded weights\n\n{HEADER}")
        with tempfile.TemporaryDirectory() as folder:
            for line in rows(load, Path(folder), options.backend.split(","), options.seconds):
                say(line)
        say("")
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
