"""How long the report of many runs takes: to build, in seconds and MB of memory, and to open in Chromium.

    python -m benchmarks.report                         # 200 and 2,000 runs
    python -m benchmarks.report --ledger ledger.json    # one that is there

Opening needs playwright and Chromium; without them that column stays empty. Each build is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PRECISIONS = ("fp32", "fp16", "bf16", "int8", "int8-mixed", "int16", "int4", "fp8", "mxfp8", "nvfp4")
BACKENDS = ("ort", "openvino")
SHAPES = {  # cases, and of how many runs one does not pass
    "200 runs of 10 cases": (10, 10, 20),
    "2,000 runs of 100 cases": (100, 10, 20),
    "2,000 runs of 1 case": (1, 1000, 20),
    "2,000 runs of 100 cases, every second fails": (100, 10, 2),
}


def many_runs(cases: int, precisions: int, fails_each: int) -> str:
    """The text of a ledger with `cases` × `precisions` × 2 runs of six checks, with evidence as large as real ones."""
    events: list[dict[str, Any]] = []
    for case in range(cases):
        for index in range(precisions):
            for backend in BACKENDS:
                name = PRECISIONS[index % len(PRECISIONS)] + (f"-{index}" if precisions > len(PRECISIONS) else "")
                is_bad = len(events) // 6 % fails_each == fails_each - 1
                events += _run(f"model_{case:03d}", backend, name, index, is_bad=is_bad)
    node_ids = [event["node_id"] for event in events]
    start = {
        "event": "start",
        "session": "s",
        "time": "2026-11-26T09:00:00+00:00",
        "command": ["--backend=ort,openvino"],
    }
    whole = [
        start,
        {"event": "plan", "node_ids": node_ids, "case_files": {}},
        *events,
        {"event": "end", "exit_status": 1},
    ]
    return '{"format": 1, "events": [\n' + ",\n".join(json.dumps(event) for event in whole) + "\n]}\n"


def _evidence(backend: str, precision: str, index: int) -> dict[str, dict[str, Any]]:
    """By check."""
    ms = 10.0 / (1.0 + index % 10) * (1.2 if backend == "ort" else 1.0)
    drop = 0.03 * (index % 10)
    return {
        "preflight": {
            "precision": precision,
            "nodes": 47,
            "quantized_nodes": 26,
            "placement": {"CPU": 54},
            "opset": 19,
        },
        "parity": {
            "limit": {"sqnr_db": 20.0, "cosine": None, "agreement": 0.97},
            "outputs": {"logits": {"elements": 5400, "sqnr_db": 60.0 - index % 50, "cosine": 0.9999, "max_abs": 0.147}},
        },
        "accuracy": {"metric": "top1", "samples": 540, "variant_percent": 76 - drop, "drop_points": drop, "lost": 3},
        "invariance": {
            "relations": {
                name: {"logits": {"elements": 160, "differing": 0, "sqnr_db": "inf", "max_abs": 0.0}}
                for name in ("repeat", "order", "batch", "shape")
            }
        },
        "latency": {
            "median_ms": ms,
            "calls": 200,
            "batch": 8,
            "clock": "host",
            "samples_per_s": 8000.0 / ms,
            "quantiles_ms": [ms * (0.9 + 0.01 * step) for step in range(21)],
            "speed_up_over": {"fp32": {"low": 1.9, "estimate": 2.0, "high": 2.1}},
        },
        "memory": {"peak_mb": 320.0 - index % 100, "size_mb": 25.6},
    }


def _run(case: str, backend: str, precision: str, index: int, *, is_bad: bool) -> list[dict[str, Any]]:
    variant = {
        "sha256": "5f8aaa6ac92a4da54e128f8565293a863b4876b3082631f08a93e9fa97c561b8",
        "recipe": _recipe(precision),
    }
    engine = {"engine": backend, "version": "1.32.0", "device": "a CPU (avx2, avx512f, avx512_vnni)", "threads": 1}
    failure = {
        "code": "QP-PAR-002",
        "title": "signal-to-quantization-noise ratio below its limit",
        "sentence": f'SQNR of output "logits" is {12.0 + index / 100:.2f} dB, should be at least 20.0 dB.',
        "likely": "calibration inputs are not scaled as the test inputs are",
        "remedy": "calibrate with samples like those that are judged",
    }
    return [
        {
            "event": "verdict",
            "node_id": f"cases/{case}.toml::{backend}-{precision}::{check}",
            "case": case,
            "run": f"{backend}-{precision}",
            "backend": backend,
            "precision": precision,
            "check": check,
            "outcome": "accuracy-fail" if is_bad and check == "parity" else "pass",
            "deciding": "34.2 dB",
            "evidence": values,
            "failures": [failure] if is_bad and check == "parity" else [],
            "notes": ["recorded, no budget"] if check in ("latency", "memory") else [],
            "waiver": None,
            "reproduce": f'pytest "cases/{case}.toml::{backend}-{precision}::{check}" --backend={backend}',
            "provenance": {
                "variant": variant,
                "engine": engine,
                "canaries": {"planned": 10, "caught": 10, "sha256": "b6"},
            },
        }
        for check, values in _evidence(backend, precision, index).items()
    ]


def _recipe(precision: str) -> dict[str, Any]:
    makers = {"numpy": "2.4.6", "ml_dtypes": "0.6.0", "onnx": "1.23.2", "onnx-ir": "1.1.0", "onnxruntime": "1.32.0"}
    return {"base": precision, "activation": "int8", "weight": "int8", "granularity": "channel", "makers": makers}


def build(ledger: Path, page: Path) -> None:
    """Prints what it took as JSON: seconds from the ledger's file to the page's, those of
    the CPU from the start of Python, and the most memory of the process."""
    began = time.perf_counter()
    from pytest_qparity.ledger import read_ledger
    from pytest_qparity.report.html import report_page

    text = report_page(read_ledger(ledger))
    page.write_text(text, encoding="utf-8")
    taken_s = time.perf_counter() - began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(
        json.dumps(
            {"build_s": taken_s, "cpu_s": time.process_time(), "peak_mb": peak_mb, "page_mb": len(text.encode()) / 1e6}
        )
    )


def opened_s(page: Path) -> float | None:
    """From the navigation to the load event and the first frame after it; None where there is no browser."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if chromium is None:
        return None
    with sync_playwright() as play, play.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as browser:
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.goto("about:blank")
        began = time.perf_counter()
        tab.goto(page.as_uri(), wait_until="load")
        tab.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ledger", type=Path, help="one that is there, in place of made ones")
    parser.add_argument("--build", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        build(*options.build)
        return
    print("| report | build, s | of the CPU, s | peak, MB | page, MB | opens, s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        ledger, page = Path(folder) / "ledger.json", Path(folder) / "report.html"
        for name, shape in ({options.ledger.name: None} if options.ledger else SHAPES).items():
            ledger.write_text(options.ledger.read_text() if shape is None else many_runs(*shape), encoding="utf-8")
            command = [sys.executable, "-m", "benchmarks.report", "--build", str(ledger), str(page)]
            told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            opens = opened_s(page)
            shown = "" if opens is None else f"{opens:.2f}"
            figures = (told["build_s"], told["cpu_s"], told["peak_mb"], told["page_mb"])
            print(f"| {name} | {' | '.join(f'{figure:.3g}' for figure in figures)} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
