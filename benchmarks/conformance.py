"""Kernels that are held against their specifications: time, examples and elements a second of each backend.

python benchmarks/conformance.py ort openvino
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from pytest_qparity.ledger import read_ledger

ROOT = Path(__file__).parents[1]
LEDGER = ROOT / ".qparity" / "benchmark.json"


def measure(backend: str) -> str:
    command = [sys.executable, "-m", "pytest", "cases/quantization_math.toml", f"--backend={backend}", "-q"]
    start = time.perf_counter()
    subprocess.run([*command, f"--qparity-ledger={LEDGER}"], cwd=ROOT, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    verdicts = read_ledger(LEDGER).verdicts
    elements = sum(event["evidence"].get("elements", 0) for event in verdicts)
    examples = sum(event["evidence"].get("examples", 0) for event in verdicts)
    counts = f"{len(verdicts)} items, {examples:,} examples, {elements:,} elements"
    return f"{backend}: {seconds:.1f} s, {counts}, {elements / seconds:,.0f} elements a second"


if __name__ == "__main__":
    for name in sys.argv[1:] or ["ort", "openvino"]:
        print(measure(name))
