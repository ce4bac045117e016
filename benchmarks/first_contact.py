"""From `pip install` to the first verdict on a pair of files, as a newcomer does it: docs/start.md's transcript.

python benchmarks/first_contact.py python3.11 python3.13 --page docs/start.md

Builds the wheel, makes an empty virtual environment and an empty folder with two files for each Python, types the
commands, and writes what was printed, with wall seconds, between the marks of the page. Nothing is edited by hand.
"""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "cases" / "models"
PAIR = {"model.onnx": "digits_resnet.onnx", "model_int8.onnx": "digits_resnet_qat.onnx"}
FIRST = ('pip install "pytest-qparity[ort]"', "qparity check model.onnx model_int8.onnx")
AFTER = ("qparity init --yes", "qparity accept --missing", "pytest cases --backend=ort -q --benchmark-quiet")
BEGIN, END = "<!-- transcript: benchmarks/first_contact.py writes it -->", "<!-- end of the transcript -->"
ALLOWED_S = 300.0


@dataclass(frozen=True, slots=True)
class Step:
    command: str
    printed: str
    status: int
    wall_s: float


def main() -> int:
    """Exit status: 0 every command passed, and the first verdict came within ALLOWED_S; 1 not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs="+", help="interpreters")
    parser.add_argument("--page", type=Path, help="the page whose transcript is written anew")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="first-contact-") as folder:
        wheels = Path(folder) / "wheels"
        build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(wheels), str(ROOT)]
        subprocess.run(build, check=True)
        done = {
            python: newcomer(python, Path(folder) / f"{index}", wheels) for index, python in enumerate(options.pythons)
        }
    text = transcript(done)
    print(text)
    if options.page is not None:
        page = options.page.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        _, _, after = rest.partition(END)
        options.page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    is_quick = all(sum(step.wall_s for step in steps[: len(FIRST)]) <= ALLOWED_S for steps in done.values())
    return 0 if is_quick and all(step.status == 0 for steps in done.values() for step in steps) else 1


def newcomer(python: str, folder: Path, wheels: Path) -> list[Step]:
    """The commands in an empty environment of `python`, in a folder with the two files alone."""
    subprocess.run([python, "-m", "venv", str(folder / "env")], check=True)
    work = folder / "work"
    work.mkdir()
    for name, source in PAIR.items():
        shutil.copyfile(MODELS / source, work / name)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "VIRTUAL"))
    }
    environment |= {
        "PATH": f"{folder / 'env' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_FIND_LINKS": str(wheels),  # the wheel that was just built
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_QUIET": "2",
        "COLUMNS": "100",
    }
    environment.pop("CI", None)  # goldens are accepted on a developer's machine
    return [typed(command, work, environment) for command in (*FIRST, *AFTER)]


def typed(command: str, folder: Path, environment: dict[str, str]) -> Step:
    began = time.perf_counter()
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    printed = done.stdout.replace(f"{folder}/", "")  # its name says nothing to anybody
    return Step(command, printed, done.returncode, time.perf_counter() - began)


def transcript(done: dict[str, list[Step]]) -> str:
    """Of the first Python whole; of each a row of seconds."""
    versions = {python: version_of(python) for python in done}
    today = datetime.datetime.now(datetime.UTC).date()
    rows = [
        "| Python | " + " | ".join(f"`{command}`" for command in (*FIRST, *AFTER)) + " | to the first verdict |",
        "| --- |" + " ---: |" * (len(FIRST) + len(AFTER) + 1),
    ]
    for python, steps in done.items():
        cells = [
            f"{step.wall_s:.1f} s" + ("" if step.status == 0 else f" (exit status {step.status})") for step in steps
        ]
        first = sum(step.wall_s for step in steps[: len(FIRST)])
        rows.append(f"| {versions[python]} | {' | '.join(cells)} | {first:.1f} s, {len(FIRST)} commands |")
    steps = next(iter(done.values()))
    blocks = [f"$ {step.command}\n{step.printed.rstrip()}".rstrip() for step in steps]
    told = (
        f"Typed by a script in an empty virtual environment and an empty folder, {today}, from the built wheel, pip "
        f"without its cache, {os.cpu_count()} cores, wall time:"
    )
    return "\n".join(
        [told, "", *rows, "", f"With Python {versions[next(iter(done))]}:", "", "```", "\n\n".join(blocks), "```"]
    )


def version_of(python: str) -> str:
    asked = [python, "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
