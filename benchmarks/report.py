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

from benchmarks.ledgers import many_runs

SHAPES = {  # cases, and of how many runs one does not pass
    "200 runs of 10 cases": (10, 10, 20),
    "2,000 runs of 100 cases": (100, 10, 20),
    "2,000 runs of 1 case": (1, 1000, 20),
    "2,000 runs of 100 cases, every second fails": (100, 10, 2),
}


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
