"""History: of each ledger the figures that decide, one line of JSON for each, appended and never rewritten."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from pytest_qparity.digest import file_digest
from pytest_qparity.durable import flush_folder
from pytest_qparity.ledger import read_ledger
from pytest_qparity.ledger.events import badness, plain
from pytest_qparity.report.recorded import recorded, time_of

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger
    from pytest_qparity.report.runs import RunRecord

__all__ = ["Entry", "HistoryError", "Point", "Series", "add_ledger", "read_history", "series_of"]

FORMAT = 1
# One series for each machine.
OF_HARDWARE = frozenset(
    ("median_ms", "speed_up", "peak_mb", "device_peak_mb", "engine_mb", "load_ms", "first_run_ms", "joule_per_sample")
)
LOWER_IS_BETTER = (OF_HARDWARE - {"speed_up"}) | {"size_mb", "activation_mb", "wer", "nll", "perplexity", "mae"}
_UNITS = {"sqnr_db": "dB", "speed_up": "×", "joule_per_sample": "J"}
_ENDINGS = {"_mb": "MB", "_ms": "ms"}


class HistoryError(Exception):
    """The file is no history of a version that this library reads; the text says which line, and what it should be."""


@dataclass(frozen=True, slots=True)
class RunOfEntry:
    """`figures`: see `baseline.figures.Figures.numbers`; `outcome`: the worst of the run's checks."""

    case: str
    run: str
    hardware: str
    outcome: str
    figures: Mapping[str, float]
    lower_is_better: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One ledger. `time`: when its session began, ISO 8601 in UTC; `ledger`: SHA-256 of its file; `commit`: None where
    git told none; `libraries`: versions by name."""

    time: str
    session: str
    ledger: str
    commit: str | None
    passes: bool
    libraries: Mapping[str, str]
    runs: tuple[RunOfEntry, ...]


@dataclass(frozen=True, slots=True)
class Point:
    time: str
    commit: str | None
    value: float
    outcome: str
    session: str


@dataclass(frozen=True, slots=True)
class Series:
    """One figure of one run over time, the oldest first.

    `figure`: "sqnr_db", the name of the metric, "median_ms", "speed_up" (over fp32), or a cost by its key in the memory
    check's evidence; `unit`: empty where it has none. `hardware`: of speed and memory; empty of figures of no one
    machine.
    """

    case: str
    run: str
    figure: str
    unit: str
    lower_is_better: bool
    hardware: str
    points: tuple[Point, ...]


def series_of(history: Sequence[Entry]) -> list[Series]:
    """Every series of a history, by case, run and figure in the order in which they first came. A ledger that lacks a
    figure has no point in its series; infinities (outputs equal to FP32) and NaN are no points."""
    points: dict[tuple[str, str, str, str], list[Point]] = {}
    lower: set[tuple[str, str, str, str]] = set()
    for entry in sorted(history, key=lambda each: each.time):
        for run in entry.runs:
            for figure, value in run.figures.items():
                key = (run.case, run.run, figure, run.hardware if figure in OF_HARDWARE else "")
                if abs(value) < float("inf"):
                    point = Point(entry.time, entry.commit, value, run.outcome, entry.session)
                    points.setdefault(key, []).append(point)
                if figure in run.lower_is_better or figure in LOWER_IS_BETTER:
                    lower.add(key)
    return [
        Series(case, run, figure, _unit(figure), (case, run, figure, hardware) in lower, hardware, tuple(found))
        for (case, run, figure, hardware), found in points.items()
    ]


def _unit(figure: str) -> str:
    return _UNITS.get(figure, _ENDINGS.get(figure[-3:], ""))


def entry_of(ledger: Ledger, digest: str) -> Entry:
    """What a history keeps of a ledger: also of one that does not pass, which is when things change."""
    runs = tuple(
        RunOfEntry(
            case=run.case,
            run=run.id,
            hardware=figures.hardware,
            outcome=_worst(run),
            figures=figures.numbers(),
            lower_is_better=(figures.accuracy.metric,)
            if figures.accuracy is not None and figures.accuracy.direction == "lower"
            else (),
        )
        for run, figures in recorded(ledger)
        if not run.is_carried  # the entry of the session that judged it holds its figures: they are no second sample
    )
    libraries = ledger.start.get("libraries") or {}
    session = str(ledger.start.get("session"))
    if session == "merged":  # of which there are many: its content tells them apart
        session = digest
    return Entry(time_of(ledger), session, digest, ledger.start.get("commit"), ledger.passes, libraries, runs)


def add_ledger(path: Path, history: Path) -> Entry | None:
    """Append what `entry_of` keeps of the ledger at `path`; None where it is there already, by its session.

    Each line is flushed to disk before this returns, and several processes may add at a time. Raises HistoryError where
    the history cannot be read, or the ledger is an extract: its session would be taken for what the history has of it,
    and the night lost. LedgerError and OSError as `read_ledger` does.
    """
    ledger = read_ledger(path)
    if ledger.extract_of is not None:
        raise HistoryError(
            f"got {path}, the extract of one run, {ledger.extract_of}, should be the whole ledger of its session"
        )
    entry = entry_of(ledger, file_digest(path))
    history.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{history}.lock"):
        if history.exists() and any(each.session == entry.session for each in read_history(history)):
            return None
        _append(history, _line(entry))
    return entry


def _append(history: Path, line: str) -> None:
    is_new = not history.exists()
    with history.open("ab+") as stream:
        stream.seek(0)
        *_, last = stream.read().split(b"\n")
        if last and not _is_whole(last):  # cut while it was written
            stream.truncate(stream.tell() - len(last))
        elif last:
            stream.write(b"\n")
        stream.write(line.encode())
        stream.flush()
        os.fsync(stream.fileno())
    if is_new:
        flush_folder(history.parent)


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _line(entry: Entry) -> str:
    runs = [
        {
            "case": run.case,
            "run": run.run,
            "hardware": run.hardware,
            "outcome": run.outcome,
            "figures": run.figures,
            **({"lower_is_better": run.lower_is_better} if run.lower_is_better else {}),
        }
        for run in entry.runs
    ]
    told = {
        "format": FORMAT,
        "time": entry.time,
        "session": entry.session,
        "ledger": entry.ledger,
        "commit": entry.commit,
        "passes": entry.passes,
        "libraries": entry.libraries,
        "runs": runs,
    }
    return json.dumps(plain(told), allow_nan=False, ensure_ascii=False, separators=(",", ":")) + "\n"


def read_history(path: Path) -> tuple[Entry, ...]:
    """All entries, in the order of the file, each session once: files that were joined hold some of them several times,
    and copies are no second measurement. The first stands, as it does for `add_ledger`. A last line that was cut as it
    was written is passed over, as is a blank one. Raises HistoryError at any other line that is none, OSError where
    there is no file."""
    once: dict[str, Entry] = {}
    for entry in _entries(path.read_bytes().split(b"\n"), path):
        once.setdefault(entry.session, entry)
    return tuple(once.values())


def _entries(lines: Sequence[bytes], path: Path) -> Iterator[Entry]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
            if told["format"] != FORMAT:
                raise HistoryError(
                    f"got format {told['format']!r} in line {number} of {path}, should be {FORMAT}: "
                    "upgrade pytest-qparity"
                )
            yield _entry(told)
        except (ValueError, TypeError, KeyError, AttributeError):
            if number == len(lines):
                return  # no newline behind it: it was being written
            raise HistoryError(
                f"got {line[:40].decode(errors='replace')!r} as line {number} of {path}, should be what "
                "qparity history add writes: delete the line"
            ) from None


def _entry(told: Mapping[str, Any]) -> Entry:
    return Entry(
        time=str(told["time"]),
        session=str(told["session"]),
        ledger=str(told["ledger"]),
        commit=told["commit"],
        passes=told["passes"] is True,
        libraries=dict(told["libraries"]),
        runs=tuple(
            RunOfEntry(
                str(run["case"]),
                str(run["run"]),
                str(run["hardware"]),
                str(run["outcome"]),
                {str(name): float(value) for name, value in run["figures"].items()},
                tuple(run.get("lower_is_better", ())),
            )
            for run in told["runs"]
        ),
    )


def _worst(run: RunRecord) -> str:
    return max((str(event["outcome"]) for event in run.checks.values()), key=badness)
