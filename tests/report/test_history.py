"""History: appended and never rewritten, whole after a crash, and one series for each figure that is watched."""

from __future__ import annotations

import contextlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_qparity.cli import main
from pytest_qparity.report import history
from pytest_qparity.report.change_points import change_points
from pytest_qparity.report.history import Entry, HistoryError, Series, add_ledger, read_history, series_of
from pytest_qparity.report.history_text import history_text
from tests.report.written_ledgers import START, evidence, write_ledger


def add(tmp_path: Path, night: int, sqnr_db: float | str = 30.0, **start: object) -> Path:
    told = evidence(parity={"outputs": {"logits": {"sqnr_db": sqnr_db}}})
    time = f"2026-11-{night:02}T01:00:00+00:00"
    ledger = write_ledger(tmp_path / f"{night}.json", told, start={**START, "time": time, **start})
    add_ledger(ledger, tmp_path / "history.jsonl")
    return ledger


def lines_of(history: Path) -> int:
    return history.read_bytes().count(b"\n")


def named(series: list[Series]) -> dict[str, Series]:
    return {each.figure: each for each in series}


class TestSeries:
    def test_a_speed_up_that_nothing_bounds_is_no_point(self, tmp_path: Path) -> None:
        unbounded = {"speed_up_over": {"fp32": {"decision": "cannot tell"}}}
        ledger = write_ledger(tmp_path / "1.json", evidence(latency=unbounded))
        add_ledger(ledger, tmp_path / "history.jsonl")

        found = named(series_of(read_history(tmp_path / "history.jsonl")))

        assert "median_ms" in found
        assert "speed_up" not in found

    def test_each_figure_is_a_series_with_its_unit_and_direction(self, tmp_path: Path) -> None:
        add(tmp_path, 1)
        add(tmp_path, 2, 29.0)

        found = named(series_of(read_history(tmp_path / "history.jsonl")))

        told = {name: (each.unit, each.lower_is_better, [point.value for point in each.points])
                for name, each in found.items()}  # fmt: skip
        assert told == {
            "sqnr_db": ("dB", False, [30.0, 29.0]),
            "top1": ("", False, [75.0, 75.0]),
            "median_ms": ("ms", True, [2.0, 2.0]),
            "speed_up": ("×", False, [3.0, 3.0]),
            "peak_mb": ("MB", True, [20.0, 20.0]),
            "size_mb": ("MB", True, [4.0, 4.0]),
        }

    def test_speed_and_memory_of_two_machines_are_two_series_and_parity_is_one(self, tmp_path: Path) -> None:
        add(tmp_path, 1)
        add(tmp_path, 2, hardware="another-cpu-2c-00000001")

        figures = [each.figure for each in series_of(read_history(tmp_path / "history.jsonl"))]

        assert figures.count("speed_up") == figures.count("median_ms") == figures.count("peak_mb") == 2
        assert figures.count("sqnr_db") == figures.count("size_mb") == 1

    def test_costs_are_told_in_their_units_and_of_their_machine(self, tmp_path: Path) -> None:
        interval = {"low": 1.0, "estimate": 2.0, "high": 3.0, "times": 6}
        costs = {
            "engine_mb": 7.0,
            "activation_mb": 0.5,
            "intervals": {"load_ms": interval, "joule_per_sample": interval},
        }
        for night, hardware in enumerate(("one-cpu-2c-1", "other-cpu-2c-2"), start=1):
            start = {**START, "time": f"2026-11-{night:02}T01:00:00+00:00", "hardware": hardware}
            ledger = write_ledger(tmp_path / f"{night}.json", evidence(memory=costs), start=start)
            add_ledger(ledger, tmp_path / "history.jsonl")

        series = series_of(read_history(tmp_path / "history.jsonl"))

        told = [(each.figure, each.unit) for each in series if each.figure in {*costs, "load_ms", "joule_per_sample"}]
        assert sorted(told) == [("activation_mb", "MB"), *[("engine_mb", "MB")] * 2, *[("joule_per_sample", "J")] * 2,
                                *[("load_ms", "ms")] * 2]  # fmt: skip
        assert all(each.lower_is_better for each in series if each.unit in {"MB", "J", "ms"})
        shown = history_text([(each, ()) for each in series], width=100, colour=False)
        assert "median_ms on one-cpu-2c-1 " in shown
        assert "activation_mb  " in shown
        alone = [(each, ()) for each in series if each.hardware in {"", "one-cpu-2c-1"}]
        assert " on " not in history_text(alone, width=100, colour=False)

    def test_points_are_in_the_order_of_time_whatever_that_of_the_file(self, tmp_path: Path) -> None:
        add(tmp_path, 2, 29.0)
        add(tmp_path, 1, 30.0)

        (sqnr_db, *_) = series_of(read_history(tmp_path / "history.jsonl"))

        assert [point.value for point in sqnr_db.points] == [30.0, 29.0]
        assert sqnr_db.points[0].commit == "a" * 40

    def test_outputs_that_are_equal_have_no_point(self, tmp_path: Path) -> None:
        add(tmp_path, 1, "inf")

        assert "sqnr_db" not in named(series_of(read_history(tmp_path / "history.jsonl")))


class TestFile:
    def test_a_ledger_is_added_once(self, tmp_path: Path) -> None:
        ledger = add(tmp_path, 1)

        assert add_ledger(ledger, tmp_path / "history.jsonl") is None
        assert lines_of(tmp_path / "history.jsonl") == 1

    def test_copies_of_lines_are_no_second_measurement(self, tmp_path: Path) -> None:
        for night in range(1, 9):
            add(tmp_path, night, 40.0 + 0.1 * (night % 3) - 10.0 * (night > 4))
        history = tmp_path / "history.jsonl"
        once = read_history(history)
        history.write_bytes(history.read_bytes() * 3)

        joined = read_history(history)

        assert lines_of(history) == 24
        assert joined == once
        assert not change_points(named(series_of(joined))["sqnr_db"])  # eight points are too few for one

    def test_an_extract_is_refused_since_its_session_would_be_taken_for_known(self, tmp_path: Path) -> None:
        whole, history = add(tmp_path, 1), tmp_path / "history.jsonl"
        history.unlink()
        extract = {**START, "extract": {"run": "cases/digits.toml::ort-int8", "ledger_sha256": "0" * 64}}

        with pytest.raises(HistoryError, match="the extract of one run"):
            add_ledger(write_ledger(tmp_path / "extract.json", start=extract), history)

        assert not history.exists()
        assert add_ledger(whole, history) is not None

    def test_a_ledger_that_does_not_pass_is_kept_with_its_outcome(self, tmp_path: Path) -> None:
        ledger = write_ledger(tmp_path / "ledger.json", outcomes={"parity": "accuracy-fail"})

        entry = add_ledger(ledger, tmp_path / "history.jsonl")

        assert entry is not None
        assert not entry.passes
        assert entry.runs[0].outcome == "accuracy-fail"

    def test_a_line_that_was_cut_is_written_over_and_costs_no_other(self, tmp_path: Path) -> None:
        add(tmp_path, 1)
        history = tmp_path / "history.jsonl"
        history.write_bytes(history.read_bytes() + history.read_bytes()[:100])

        assert len(read_history(history)) == 1
        add(tmp_path, 2)
        assert [entry.time[:10] for entry in read_history(history)] == ["2026-11-01", "2026-11-02"]

    def test_an_editor_that_takes_the_last_newline_costs_nothing(self, tmp_path: Path) -> None:
        add(tmp_path, 1)
        history = tmp_path / "history.jsonl"
        history.write_bytes(history.read_bytes().rstrip(b"\n"))

        add(tmp_path, 2)

        assert len(read_history(history)) == 2

    @pytest.mark.parametrize(("line", "said"), [("{", "as line 1"), ('{"format": 9}', "got format 9 in line 1")])
    def test_a_line_that_is_none_is_named(self, tmp_path: Path, line: str, said: str) -> None:
        (tmp_path / "history.jsonl").write_text(f"{line}\n")

        with pytest.raises(HistoryError, match=said):
            read_history(tmp_path / "history.jsonl")

    def test_one_that_is_added_by_two_at_a_time_is_there_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ledger = add(tmp_path, 1)
        add(tmp_path, 2)
        (tmp_path / "history.jsonl").write_text("")
        both_read = threading.Barrier(2)

        def read_together(path: Path) -> tuple[Entry, ...]:
            found = read_history(path)
            with contextlib.suppress(threading.BrokenBarrierError):
                both_read.wait(timeout=0.2)  # never met where one of them waits for the other
            return found

        monkeypatch.setattr(history, "read_history", read_together)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: add_ledger(ledger, tmp_path / "history.jsonl"), range(2)))

        assert lines_of(tmp_path / "history.jsonl") == 1

    def test_several_may_add_at_a_time(self, tmp_path: Path) -> None:
        ledgers = [write_ledger(tmp_path / f"{index}.json") for index in range(8)]

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda path: add_ledger(path, tmp_path / "history.jsonl"), ledgers))

        assert len({entry.session for entry in read_history(tmp_path / "history.jsonl")}) == 8


class TestCommand:
    def test_it_adds_and_shows_since_when_a_level_is_another(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "140")
        for night in range(1, 25):
            add(tmp_path, night, 30.0 + 0.01 * (night % 3) - 2.0 * (night > 14), commit=f"{night:040}")
        file = ["--file", str(tmp_path / "history.jsonl")]
        ledger = write_ledger(tmp_path / "last.json", start={**START, "time": "2026-11-25T01:00:00+00:00"})

        assert main(["history", "add", str(ledger), *file]) == 0
        assert main(["history", "show", *file]) == 0
        shown = capsys.readouterr().out
        assert "added      2026-11-25T01:00:00+00:00  1 run, passes" in shown
        assert "worse since 2026-11-15T01:00 at 000000000000: 30.01 dB to 28.01 dB (-6.7 %)" in shown
        assert main(["history", "show", "--json", *file]) == 0
        told = json.loads(capsys.readouterr().out)
        assert [change["commit"] for change in told[0]["changes"]] == [f"{15:040}"]
        assert not any(series["changes"] for series in told[1:])

    def test_without_the_package_the_figures_are_shown_and_the_status_says_that_changes_are_not_known(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(__import__("sys").modules, "ruptures", None)
        for night in range(1, 13):
            add(tmp_path, night, float(night))

        status = main(["history", "show", "--file", str(tmp_path / "history.jsonl")])

        told = capsys.readouterr()
        assert status == 1
        assert "QP-HIST-001" in told.err
        assert "sqnr_db" in told.out

    @pytest.mark.parametrize("arguments", [["add", "absent.json"], ["show"], ["show", "--case", "x"]])
    def test_what_is_not_there_is_usage(
        self, tmp_path: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)

        assert main(["history", *arguments]) == 2
