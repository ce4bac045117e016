"""Every tool over every planted fault, each in an environment of its own; writes docs/peers.md.

    python -m benchmarks.peers [--tools NAME,…] [--faults ID,…] [--environments DIR]

Environments are made once with venv and pip and kept in `--environments`. `--tools` runs some and keeps what
`--results` holds of the others; `--tools none` makes the page of that file alone.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from benchmarks.peers.page import page
from benchmarks.peers.pair import outputs_of
from benchmarks.peers.plan import CONTROLS, FAULTS, plant_all
from benchmarks.peers.tools import ENVIRONMENTS, OWN, TOOLS, Tool

ROOT = Path(__file__).parents[2]
ADAPTERS = Path(__file__).parent / "adapters"


def environment(name: str, folder: Path) -> Path:
    """The Python of an environment with what ENVIRONMENTS names for it, made where it is not there yet."""
    if name == OWN:
        return Path(sys.executable)
    made = folder / name
    marker, wanted = made / "requirements.txt", "\n".join(ENVIRONMENTS[name])
    python = made / "bin" / "python"
    if not marker.exists() or marker.read_text() != wanted:
        venv.create(made, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *ENVIRONMENTS[name]], check=True)
        marker.write_text(wanted)
    return python


def run(tool: Tool, python: Path, faults: Path, only: str) -> dict[str, Any]:
    """What the adapter wrote, the seconds it took, and the most memory that one of its processes held."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "verdicts.json"
        command = [str(python), str(ADAPTERS / f"{tool.adapter}.py"), str(faults), str(target), only, *tool.arguments]
        variables = {**os.environ, "PYTHONPATH": str(ROOT) if tool.environment == OWN else ""}
        start = time.perf_counter()
        with (Path(scratch) / "told.txt").open("w+") as told:
            process = subprocess.Popen(command, env=variables, stdout=told, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            told.seek(0)
            last = told.read()[-600:]
        took_s = time.perf_counter() - start
        written = json.loads(target.read_text()) if target.exists() else {"packages": {}, "verdicts": {}}
    for answer in written["verdicts"].values():
        answer["says"] = without_folders(answer["says"])
    largest_mb = usage.ru_maxrss / (1024 if platform.system() == "Linux" else 1024**2) * 1.048576
    ended = "" if process.returncode == 0 else without_folders(last)
    cpu_s = usage.ru_utime + usage.ru_stime
    return {
        **written,
        "took_s": round(took_s, 1),
        "cpu_s": round(cpu_s, 1),
        "peak_mb": round(largest_mb),
        "ended": ended,
    }


def without_folders(text: str) -> str:
    """The text with the last part alone of each path below a folder of this machine: where it ran is of no interest."""
    places = {tempfile.gettempdir(), str(ROOT), str(Path.home()), sys.prefix}
    for place in sorted(places, key=len, reverse=True):
        text = re.sub(rf"{re.escape(place)}(?:/[\w.+-]+)*/", "", text)
        text = re.sub(rf"{re.escape(place)}\S*$", "", text)  # cut in its middle
    return text


def limits(faults: Path) -> dict[str, Any]:
    """Twice what the sound file differs by, an output at a time; 0.5 points of top-1."""
    sound = faults / "sound"
    with np.load(sound / "test.npz") as held:
        inputs = held["input"]
    want, got = (outputs_of(onnx.load(sound / name), inputs) for name in ("float.onnx", "int8.onnx"))
    return {"atol": {name: float(2 * np.abs(want[name] - got[name]).max()) for name in want}, "drop_points": 0.5}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", default=",".join(tool.name for tool in TOOLS).replace(", ", "/"))
    parser.add_argument("--faults", help="these alone, by their ids; answers to the others are kept")
    parser.add_argument("--environments", type=Path, default=ROOT / ".qparity" / "peers")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results.json")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "peers.md")
    options = parser.parse_args()
    chosen = [tool for tool in TOOLS if tool.name.replace(", ", "/") in options.tools.split(",")]
    results = json.loads(options.results.read_text()) if options.results.exists() else {}
    options.environments.mkdir(parents=True, exist_ok=True)
    everything = options.faults or ",".join(fault.id for fault in (*CONTROLS, *FAULTS))
    wanted = {"sound", *everything.split(",")}
    session = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    if not chosen:
        options.page.write_text(page(results), encoding="utf-8")
        return
    with tempfile.TemporaryDirectory() as scratch:
        faults = Path(scratch) / "faults"
        plant_all(faults, tuple(fault for fault in (*CONTROLS, *FAULTS) if fault.id in wanted))
        (faults / "limits.json").write_text(json.dumps(limits(faults)))
        for tool in chosen:
            python = environment(tool.environment, options.environments)
            before = results.get(tool.name, {}) if options.faults else {}
            alone = before.get("alone") or run(tool, python, faults, "sound")
            made = run(tool, python, faults, everything)
            verdicts = {**before.get("verdicts", {}), **made["verdicts"]}
            sessions = [*before.get("sessions", []), session]
            results[tool.name] = {**made, "verdicts": verdicts, "alone": alone, "sessions": sessions}
            counted = [each["verdict"] for each in results[tool.name]["verdicts"].values()]
            print(f"{tool.name}: {len(counted)} answers, {counted.count('passes')} pass", flush=True)
            options.results.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            options.page.write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
