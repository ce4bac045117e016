"""One file of what a GPU lane found, to attach to an issue: `python -m benchmarks.gpu_summary .qparity/gpu`.

It joins what lies in the folder: ledger.json, tests.xml (JUnit), tables.md. What is missing is said to be missing.
"""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from pytest_qparity.ledger import Ledger, LedgerError, read_ledger
from pytest_qparity.report.conformance import conformance_markdown, is_of_kernels
from pytest_qparity.report.terminal import summary

WIDTH = 160
MOST_NAMED = 50


def summarized(folder: Path) -> str:
    """Markdown. The first lines say what ran and what did not, before any figure of it."""
    parts = [
        ("What ran", ran(folder)),
        ("The machine", _fenced(doctor())),
        ("Cases", cases(folder / "ledger.json")),
        ("Kernels", kernels(folder / "ledger.json")),
        ("Tests", tests(folder / "tests.xml")),
        ("Tables", _text(folder / "tables.md")),
    ]
    return "# GPU lane\n\n" + "\n\n".join(f"## {title}\n\n{text.strip()}" for title, text in parts) + "\n"


def ran(folder: Path) -> str:
    ledger = _ledger(folder / "ledger.json")
    lines = [f"- {line}" for line in _judged(ledger)] if isinstance(ledger, Ledger) else [f"- {ledger}"]
    counts = _counts(folder / "tests.xml")
    lines.append(f"- tests: {', '.join(f'{count} {name}' for name, count in counts.items()) or 'no tests.xml'}")
    lines.append(f"- tables: {_measured_rows(folder / 'tables.md')}")
    return "\n".join(lines)


def _measured_rows(path: Path) -> str:
    """A row whose run was refused has its failure's code where its figures would be."""
    if not path.is_file():
        return "no tables.md"
    runs = re.findall(r"^\| \w+-\S+ .*", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    measured = [run for run in runs if not re.search(r"\| QP-\w+-\d{3}: ", run)]
    return f"{len(measured)} of {len(runs)} runs measured"


def _judged(ledger: Ledger) -> Iterator[str]:
    """Of each backend how many checks were judged on outputs that it computed."""
    backends = dict.fromkeys(str(event["backend"]) for event in ledger.verdicts)
    for backend in backends:
        events = [event for event in ledger.verdicts if event["backend"] == backend]
        absent = sum(any(each["code"] == "QP-BACKEND-001" for each in event["failures"]) for event in events)
        device = {
            event["provenance"]["engine"]["device"] for event in events if "engine" in event.get("provenance", {})
        }
        yield f"{backend}: {len(events) - absent} of {len(events)} checks; {', '.join(sorted(device)) or 'no session'}"


def doctor() -> str:
    command = [sys.executable, "-m", "pytest_qparity.cli", "doctor"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def cases(path: Path) -> str:
    ledger = _ledger(path)
    if not isinstance(ledger, Ledger):
        return ledger
    failures = {
        (failure["code"], failure["sentence"]): event["node_id"]
        for event in reversed(ledger.verdicts)
        for failure in event["failures"]
    }
    told = [f"- {code} `{node}`: {sentence}" for (code, sentence), node in list(failures.items())[:MOST_NAMED]]
    more = [f"- and {len(failures) - MOST_NAMED} more"] if len(failures) > MOST_NAMED else []
    return "\n".join([_fenced(summary(ledger, width=WIDTH, colour=False)), "", *told, *more])


def kernels(path: Path) -> str:
    ledger = _ledger(path)
    if not isinstance(ledger, Ledger) or not any(is_of_kernels(event) for event in ledger.verdicts):
        return "None was judged."
    return conformance_markdown(ledger)


def tests(path: Path) -> str:
    if not path.is_file():
        return f"There is no {path.name}."
    named = [
        f"- {case.get('classname')}::{case.get('name')}"
        for case in ElementTree.parse(path).iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    counts = ", ".join(f"{count} {name}" for name, count in _counts(path).items())
    return "\n".join([f"{counts}.", "", *named[:MOST_NAMED]])


def _counts(path: Path) -> dict[str, int]:
    """passed, failed and skipped tests of a JUnit file; nothing where there is none."""
    if not path.is_file():
        return {}
    cases = list(ElementTree.parse(path).iter("testcase"))
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    return {"passed": len(cases) - failed - skipped, "failed": failed, "skipped (not run)": skipped}


def _ledger(path: Path) -> Ledger | str:
    try:
        return read_ledger(path)
    except (OSError, LedgerError) as error:
        return f"no ledger: {error}"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else f"There is no {path.name}."


def _fenced(text: str) -> str:
    return f"```\n{text.rstrip()}\n```"


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".qparity/gpu")
    text = summarized(folder)
    target = folder / "summary.md"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    print(text)
    print(f"written: {target}")


if __name__ == "__main__":
    main()
