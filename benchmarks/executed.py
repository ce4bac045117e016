"""What ran, as a ledger says: precision × recipe × backend, natively, emulated or not; the table of docs/precisions.md.

    pytest --backend=ort,openvino,reference -k "preflight or parity or accuracy" cases/digits_resnet.toml
    python -m benchmarks.executed .qparity/ledger.json digits_resnet

A cell: how it ran (of emulated runs the nodes that were lowered; else how many of the compute nodes ran quantized), the
least SQNR of the outputs, and what became of the accuracy. A run that was refused has its failure's code.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_qparity.ledger.reading import Ledger, read_ledger

CHECKS = ("preflight", "parity", "accuracy")
LIBRARIES = ("pytest-qparity", "onnx", "onnxruntime", "openvino")


def main(ledger: Path, case: str) -> None:
    found = read_ledger(ledger)
    print(stated(found))
    print("\n".join(table(found, case)))


def stated(ledger: Ledger) -> str:
    """When, with which versions, on which processor."""
    start = ledger.start
    versions = ", ".join(f"{name} {start['libraries'][name]}" for name in LIBRARIES if name in start["libraries"])
    return f"{start['time'][:10]}, {versions}, {start['processor']} ({', '.join(start['cpu_features'])})\n"


def table(ledger: Ledger, case: str) -> Iterator[str]:
    verdicts = [each for each in ledger.verdicts if each["case"] == case and each["check"] in CHECKS]
    backends = list(dict.fromkeys(each["backend"] for each in verdicts))
    yield f"| precision | recipe | {' | '.join(f'`{name}`' for name in backends)} |"
    yield f"| --- | --- |{' --- |' * len(backends)}"
    for precision in dict.fromkeys(each["precision"] for each in verdicts):
        runs = [of(verdicts, precision, backend) for backend in backends]
        yield f"| `{precision}` | {recipe(runs)} | {' | '.join(cell(run) for run in runs)} |"


def of(verdicts: list[Mapping[str, Any]], precision: str, backend: str) -> dict[str, Mapping[str, Any]]:
    return {each["check"]: each for each in verdicts if (each["precision"], each["backend"]) == (precision, backend)}


def recipe(runs: list[dict[str, Mapping[str, Any]]]) -> str:
    """How the file came to be, as its provenance says."""
    variant = next(each["provenance"]["variant"] for run in runs for each in run.values() if each["provenance"])
    made = variant["recipe"]
    if variant["given"]:
        return "given"
    words = [made["method"], "QOperator" if made.get("format") == "qoperator" else "", made.get("calibration", "")]
    return ", ".join(word for word in words if word)


def cell(run: dict[str, Mapping[str, Any]]) -> str:
    if not {"preflight", "parity"} <= set(run):
        return "not run"
    failures = [failure["code"] for failure in run["preflight"]["failures"]]
    if failures:
        return f"not: {failures[0]}"
    return "; ".join([how(run["preflight"]), *(run[check]["deciding"] for check in CHECKS[1:] if check in run)])


def how(preflight: Mapping[str, Any]) -> str:
    """Native is what the engine computes in the precision, not what it was asked for."""
    if preflight["emulated"]:
        return f"emulated ({sum(preflight['evidence']['emulated'].values())} nodes)"
    counts = preflight["evidence"].get("kernel_counts", {}).values()
    quantized, total = sum(each["quantized"] for each in counts), sum(map(nodes, counts))
    if not total:
        return "native"
    return f"native ({quantized}/{total})" if quantized else f"as float (0/{total})"


def nodes(count: Mapping[str, int]) -> int:
    return sum(count[kind] for kind in ("quantized", "fell_back", "left_float", "otherwise"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
