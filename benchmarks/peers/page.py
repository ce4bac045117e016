"""docs/peers.md out of what the tools answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.peers.fault import Fault
from benchmarks.peers.plan import CONTROLS, FAULTS
from benchmarks.peers.tools import TOOLS, Tool

SIGNS = {"caught": "caught", "passes": "**passes**", "not asked": "–"}
OURS = "pytest-qparity"


def page(results: Mapping[str, Any]) -> str:
    shown = [tool for tool in TOOLS if tool.name in results and results[tool.name]["verdicts"]]
    parts = [_head(), _summary(shown, results), _uses(shown, results), _table(shown, results), _ours(results)]
    return "\n\n".join([*parts, _absent(), _says(results)]) + "\n"


def _head() -> str:
    return f"""\
# Beside what people use instead

`python -m benchmarks.peers` writes this page: {len(FAULTS)} planted faults and {len(CONTROLS)} sound pairs, each put
before every tool that can be asked. The pair is the digits classifier of `cases/` with a second output, and ONNX
Runtime's own static int8 of it; 540 labelled samples, 54 at a time; a census. Each fault is made of that pair by a
seeded function (`benchmarks/peers/file_faults.py`, `release_faults.py`), and each tool runs on the same files,
in an environment of its own.

- **caught**: the tool failed, whatever it said and for whatever reason. **passes**: it ran on the files and let them
  pass. **–**: it was not asked, since it cannot be told of what is wrong (a budget, labels, a stored golden), or makes
  its variant itself and takes no other. Not asked is neither good nor bad; someone else must ask.
- The limits favour the peers: where a tool has none of its own, its tolerance is twice what the sound file differs
  by, which nobody knows of a file that may be broken.
- The sound rows count as much: a tool that fails them would be switched off.
- The faults were chosen by the authors of pytest-qparity, who know best what it looks for. Read the first table as a
  list of questions, not as a score."""


def _counts(tool: Tool, results: Mapping[str, Any], faults: tuple[Fault, ...]) -> tuple[int, int, int]:
    verdicts = [_verdict(tool, fault, results) for fault in faults]
    return verdicts.count("caught"), verdicts.count("passes"), verdicts.count("not asked")


def _verdict(tool: Tool, fault: Fault, results: Mapping[str, Any]) -> str:
    """`no answer` where the adapter ended before the fault: it stands in no column of the summary."""
    answer = results[tool.name]["verdicts"].get(fault.id)
    return "no answer" if answer is None else str(answer["verdict"])


def _summary(shown: list[Tool], results: Mapping[str, Any]) -> str:
    lines = [
        "## In one table",
        "",
        "Time and memory: one sound pair, from the command to its end; memory is the most that one process held. Wall",
        "time is of two cores that others used as well, so compare CPU time. A process's memory begins with that of",
        f"the command that started it: {_least_mb(shown, results)} MB is said of whatever held less.",
        _collected(shown, results),
        "",
        "| tool | caught | passes | not asked | sound pairs failed | wall s | CPU s | peak MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for tool in shown:
        caught, passes, silent = _counts(tool, results, FAULTS)
        failed, asked, _ = _counts(tool, results, CONTROLS)
        alone = results[tool.name]["alone"]
        cost = f"{alone['took_s']} | {alone['cpu_s']} | {alone['peak_mb']}"
        lines.append(f"| {tool.name} | {caught} | {passes} | {silent} | {failed} of {failed + asked} | {cost} |")
    return "\n".join(lines)


def _least_mb(shown: list[Tool], results: Mapping[str, Any]) -> int:
    return min(int(results[tool.name]["alone"]["peak_mb"]) for tool in shown)


def _collected(shown: list[Tool], results: Mapping[str, Any]) -> str:
    """Whether the answers are of one run of the command, and what it took."""
    sessions = {each for tool in shown for each in results[tool.name].get("sessions", [])}
    if len(sessions) != 1 or not all(results[tool.name].get("sessions") for tool in shown):
        told = "The answers were collected in several runs of the command, over the same seeded files."
    else:
        took_s = sum(results[tool.name]["took_s"] + results[tool.name]["alone"]["took_s"] for tool in shown)
        told = (
            f"All answers are of one run of the command, on {min(sessions)[:10]}; its tools took "
            f"{took_s / 60:.0f} minutes,\nin environments that were there."
        )
    budgets = results.get(OURS, {}).get("verdicts", {}).get("sound-budgets", {})
    is_alarm = budgets.get("verdict") == "caught"
    return told + ("\nA budget of speed could not be judged there (`sound-budgets`)." if is_alarm else "")


def _uses(shown: list[Tool], results: Mapping[str, Any]) -> str:
    lines = ["## How each was used", "", "| tool | versions | how |", "| --- | --- | --- |"]
    for tool in shown:
        versions = ", ".join(f"{name} {found}" for name, found in results[tool.name]["packages"].items() if found)
        lines.append(f"| {tool.name} | {versions} | {tool.asked} |")
    return "\n".join(lines)


def _table(shown: list[Tool], results: Mapping[str, Any]) -> str:
    lines = ["## Every fault", ""]
    lines += [f"| fault | {' | '.join(tool.name for tool in shown)} |", f"| --- |{' --- |' * len(shown)}"]
    for area in dict.fromkeys(fault.area for fault in (*CONTROLS, *FAULTS)):
        lines.append(f"| *{area}* |{' |' * len(shown)}")
        for fault in (*CONTROLS, *FAULTS):
            if fault.area != area:
                continue
            cells = []
            for tool in shown:
                verdict = _verdict(tool, fault, results)
                is_alarm = fault.is_sound and verdict == "caught"
                cells.append(
                    "**fails**"
                    if is_alarm
                    else "passes"
                    if fault.is_sound and verdict == "passes"
                    else SIGNS.get(verdict, verdict)
                )
            lines.append(f"| {fault.what} (`{fault.id}`) | {' | '.join(cells)} |")
    return "\n".join(lines)


def _ours(results: Mapping[str, Any]) -> str:
    verdicts = results.get(OURS, {}).get("verdicts", {})
    let_pass = [fault for fault in FAULTS if verdicts.get(fault.id, {}).get("verdict") == "passes"]
    lines = ["## What pytest-qparity lets pass", ""]
    lines += [f"- {fault.what} (`{fault.id}`)" for fault in let_pass] or [
        "Of these faults none; the list was written by its authors."
    ]
    lines += ["", WHY_OUTSIDE] if any(fault.id == "outside" for fault in let_pass) else []
    alarms = [fault.id for fault in CONTROLS if verdicts.get(fault.id, {}).get("verdict") == "caught"]
    lines += ["", "Sound pairs that it failed:", ""] if alarms else []
    lines += [f"- `{name}`: {verdicts[name]['says']}" for name in alarms]
    lines += ["", "The codes by which it caught the others:", "", "| fault | codes |", "| --- | --- |"]
    lines += [f"| `{name}` | {answer['codes']} |" for name, answer in verdicts.items() if answer["verdict"] == "caught"]
    return "\n".join(lines)


def _absent() -> str:
    lines = ["## Not in the table", ""]
    lines += [f"- **{name}**: {why}" for name, why in ABSENT.items()]
    return "\n".join(lines)


def _says(results: Mapping[str, Any]) -> str:
    lines = [
        "## What the peers said",
        "",
        "The first words of each answer that was not a pass, of the faults alone.",
        "",
    ]
    for tool in TOOLS:
        answers = results.get(tool.name, {}).get("verdicts", {})
        if tool.name == OURS or not answers:
            continue
        lines += [f"<details><summary>{tool.name}</summary>", ""]
        for name, answer in answers.items():
            if answer["verdict"] == "caught":
                text = answer["says"][:160].replace("`", "'").replace("<", "&lt;").replace("|", "/")
                lines.append(f"- `{name}`: {text}")
        lines += ["", "</details>", ""]
    return "\n".join(lines).rstrip()


WHY_OUTSIDE = """\
No finite test shows what a model does beyond its inputs (`outside`), and no limit could be set there: a float model may
rightly do anything with an image that no camera takes, and so may its int8, whose ranges end where calibration ended.
Who knows a wider range that must hold gives it as a case of its own: the test samples scaled, by `[data] test =
"module:function"`, with parity alone ([data](data.md))."""
ABSENT: dict[str, str] = {
    "Intel Neural Compressor": "`onnx-neural-compressor` 1.0 is the one with an ONNX interface. It installs and cannot "
    "be imported: it needs `prettytable` and `scipy` and names neither. `neural-compressor` 3.10 lacks the "
    "`neural_compressor.config` that its 2.x had for ONNX.",
    "Olive": "`olive-ai` 0.13.0 installs and cannot be imported: it needs `requests` and does not name it. Its goals "
    "(`max-degradation`) choose among the files that its own passes make.",
    "OpenVINO's accuracy checker": "`openvino-dev` 2024.6.0 is its last release; it was not tried.",
}
