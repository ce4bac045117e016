"""pytest-qparity: each fault as a precision of a case file, or as a case of its own; `qparity accept`, then pytest.

Files of which nothing but the variant is another are precisions of one case. Unlike the others this adapter runs in the
project's own environment.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from protocol import CAUGHT, PASSES

from pytest_qparity import read_ledger
from pytest_qparity.version import __version__

SAME = "files"  # the case of all that differ in the variant's file alone
CASE = """\
model = "{float}"
task = "image-classification"
[data]
test = "{test}"
{calibration}
{population}
batch = {batch}
[accuracy]
metric = "top1"
margin = {margin}
[invariance]
"""
GIVEN = '[precisions.int8-{id}]\nfile = "{file}"\nmin_quantized = 0.9\n'


class Project:
    """A project in `root`: what was asked is in `runs`, a fault's id by case and precision."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.runs: dict[tuple[str, str], str] = {}
        (root / "cases").mkdir(parents=True)
        (root / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
        self._later: list[tuple[Path, Path]] = []

    def add(self, folder: Path, question: dict[str, Any], sound: Path) -> None:
        name, case = question["id"], question["id"].replace("-", "_")
        is_file_alone = question["recipe"] is None or not question["needs"]
        alike = all((folder / each).read_bytes() == (sound / each).read_bytes() for each in ("float.onnx", "test.npz"))
        has_golden = (folder / "golden.npz").exists()
        if alike and is_file_alone and not question["needs"] and not has_golden:
            case_file = self.root / "cases" / f"{SAME}.toml"
            if not case_file.exists():
                case_file.write_text(self._head(SAME, sound, question))
            with case_file.open("a") as stream:
                stream.write(GIVEN.format(id=name, file=self._held(SAME, folder / "int8.onnx", f"{case}.onnx")))
            self.runs[SAME, f"int8-{name}"] = name
            return
        text = self._head(case, folder, question)
        if is_file_alone:
            text += GIVEN.format(id=name, file=self._held(case, folder / "int8.onnx"))
            self.runs[case, f"int8-{name}"] = name
        else:
            keep_float = json.dumps(question["recipe"].get("keep_float", []))
            text += f'[precisions.int8]\ntarget = "ort"\nkeep_float = {keep_float}\n'
            self.runs[case, "int8"] = name
        if question["budgets"]:
            text += f"[budgets.ort.int8-{name}]\n" + "".join(_budget(*each) for each in question["budgets"].items())
        (self.root / "cases" / f"{case}.toml").write_text(text)

    def accept(self) -> None:
        """Goldens of the models and samples that they were stored of; then the case's own take their places."""
        told = _run(self.root, [str(Path(sys.executable).with_name("qparity")), "accept", "--missing"])
        if not (self.root / "golden").exists():
            raise SystemExit(f"nothing was accepted:\n{told[-3000:]}")
        for source, target in self._later:
            shutil.copy(source, target)

    def _head(self, case: str, folder: Path, question: dict[str, Any]) -> str:
        stored_model, stored_test = folder / "golden_model.onnx", folder / "golden_test.npz"
        made = question["recipe"] is not None and question["needs"]
        return CASE.format(
            float=self._held(case, folder / "float.onnx", stored=stored_model),
            test=self._held(case, folder / "test.npz", stored=stored_test),
            calibration=f'calibration = "{self._held(case, folder / "calibration.npz")}"' if made else "",
            population="" if question["population"] else "population = false",
            margin=question["margin_points"],
            batch=question["batch"],
        )

    def _held(self, case: str, source: Path, name: str | None = None, stored: Path | None = None) -> str:
        target = self.root / "cases" / "held" / case / (name or source.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        is_other = stored is not None and stored.exists()
        shutil.copy(stored if is_other and stored is not None else source, target)
        if is_other:
            self._later.append((source, target))
        return f"held/{case}/{target.name}"


def _budget(name: str, value: float) -> str:
    return f"speedup_over = {{fp32 = {value}}}\n" if name == "speedup" else f"{name} = {value}\n"


def _run(root: Path, command: list[str]) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run([sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True)
    return done.stdout + done.stderr


def session(project: Project, *options: str) -> dict[str, dict[str, str]]:
    """What came of each fault of a project, by its id."""
    project.accept()
    told = _run(project.root, ["-m", "pytest", *options])
    ledger_file = project.root / ".qparity" / "ledger.json"
    if not ledger_file.exists():
        raise SystemExit(f"no ledger:\n{told[-3000:]}")
    ledger = read_ledger(ledger_file)
    wrong: dict[str, list[str]] = {name: [] for name in project.runs.values()}
    judged: set[str] = set()
    for event in ledger.verdicts:
        name = project.runs.get((event["case"], event["precision"]))
        if name is None:
            continue
        judged.add(name)
        if event["outcome"] != "pass":
            wrong[name] += [f"{failure['code']} {failure['sentence']}" for failure in event["failures"]]
    for case_file, error in ledger.case_errors.items():
        for (case, _), name in project.runs.items():
            if Path(case_file).stem == case:
                wrong[name].append(str(error))
    for name, found in wrong.items():
        if not found and name not in judged:
            found.append("no verdict: the exit status is 1")
    return {
        name: {
            "verdict": CAUGHT if found else PASSES,
            "says": " ".join(found[0].split())[:240] if found else "",
            "codes": " ".join(sorted({word for each in found for word in each.split()[:1] if word.startswith("QP-")})),
        }
        for name, found in wrong.items()
    }


def main() -> None:
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    only = set(sys.argv[3].split(",")) if len(sys.argv) > 3 else None
    verdicts: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        kinds = {name: Project(Path(scratch) / name) for name in ("plain", "costs", "cuda")}
        for question_file in sorted(folder.glob("*/question.json")):
            question = json.loads(question_file.read_text())
            if only is not None and question["id"] not in only:
                continue
            kind = "cuda" if "provider" in question["needs"] else "costs" if question["budgets"] else "plain"
            kinds[kind].add(question_file.parent, question, folder / "sound")
        options = {
            "plain": ("--backend=ort", "--qparity-latency-seconds=0.1"),
            "costs": ("--backend=ort",),
            "cuda": ("--backend=ort-cuda", "--qparity-latency-seconds=0.1"),
        }
        for kind, project in kinds.items():
            if project.runs:
                verdicts |= session(project, *options[kind])
                written = {"packages": {"pytest-qparity": __version__}, "verdicts": verdicts}
                target.write_text(json.dumps(written, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
