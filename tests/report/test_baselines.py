"""Baselines out of ledgers: what is refused, what stays of an older one, what is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity.baseline.figures import Repeated
from pytest_qparity.baseline.file import Baseline, BaselineError, parsed_baseline
from pytest_qparity.cli import main
from pytest_qparity.report.baselines import baseline_at
from tests.report.written_ledgers import START, evidence, write_ledger

RUNS = (("digits", "fp32"), ("digits", "int8"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def save(*arguments: str) -> int:
    return main(["baseline", "save", "main", "--from", "ledger.json", *arguments])


def kept() -> Baseline:
    path = Path("baselines/main.json")
    return parsed_baseline(path.read_text(), path)


def names() -> list[str]:
    return [f"{each.case} {each.run} {each.hardware}" for each in kept().runs]


def test_it_keeps_the_figures_of_each_run_and_what_they_are_of() -> None:
    write_ledger(Path("ledger.json"), runs=RUNS)

    assert save() == 0

    first, _ = kept().runs
    assert first.numbers() == {
        "sqnr_db": 30.0,
        "top1": 75.0,
        "median_ms": 2.0,
        "speed_up": 3.0,
        "peak_mb": 20.0,
        "size_mb": 4.0,
    }
    assert first.hardware == "some-cpu-2c-00000000"
    assert (first.about.commit, first.about.data, first.about.engine) == ("a" * 40, "d" * 64, "onnxruntime 1.32.0")
    assert first.accuracy is not None
    assert first.accuracy.is_census


@pytest.mark.parametrize(
    ("ledger", "said"),
    [
        ({"outcomes": {"parity": "accuracy-fail"}}, "got accuracy-fail, should pass"),
        ({"exit_status": 1}, "ended with status 1"),
    ],
)
def test_a_ledger_that_does_not_pass_is_refused(
    ledger: dict[str, object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_ledger(Path("ledger.json"), **ledger)  # type: ignore[arg-type]

    assert save() == 1
    assert said in capsys.readouterr().err
    assert not Path("baselines").exists()


def test_a_ledger_that_is_cut_is_refused_and_what_passed_of_it_is_saved_where_it_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = write_ledger(Path("ledger.json"), runs=RUNS).read_text()
    Path("ledger.json").write_text(whole[: whole.index("ort-int8::memory", whole.index('"verdict"'))])

    assert save() == 1
    assert save("--partial") == 0

    assert names() == ["digits ort-fp32 some-cpu-2c-00000000"]
    assert "left out   digits ort-int8" in capsys.readouterr().out


def test_runs_that_failed_are_left_out_of_a_part_and_their_older_lines_stay() -> None:
    write_ledger(Path("ledger.json"), runs=RUNS)
    save()
    good = write_ledger(Path("ledger.json"), runs=(("digits", "fp32"),)).read_text()
    bad = write_ledger(Path("bad.json"), runs=(("digits", "int8"),), outcomes={"parity": "accuracy-fail"}).read_text()
    events = bad.splitlines()[2:-2]
    Path("ledger.json").write_text("\n".join([*good.splitlines()[:-2], *events]) + "\n]}\n")

    assert save("--partial") == 0

    assert names() == ["digits ort-fp32 some-cpu-2c-00000000", "digits ort-int8 some-cpu-2c-00000000"]


def test_another_machine_adds_its_lines_and_the_same_one_replaces_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    write_ledger(Path("ledger.json"), runs=RUNS)
    save()
    write_ledger(Path("ledger.json"), runs=RUNS[:1], start={**START, "hardware": "another-cpu-2c-00000001"})
    save()
    assert names() == [
        "digits ort-fp32 another-cpu-2c-00000001",
        "digits ort-fp32 some-cpu-2c-00000000",
        "digits ort-int8 some-cpu-2c-00000000",
    ]
    capsys.readouterr()

    write_ledger(Path("ledger.json"), runs=RUNS[:1])
    save()

    assert names() == ["digits ort-fp32 another-cpu-2c-00000001", "digits ort-fp32 some-cpu-2c-00000000"]
    assert "dropped    digits ort-int8" in capsys.readouterr().out


def test_what_the_session_was_not_asked_for_stays() -> None:
    write_ledger(Path("ledger.json"), runs=RUNS)
    save()
    write_ledger(Path("ledger.json"), runs=RUNS[:1], start={**START, "precisions": ["fp32"]})
    save()

    assert names() == ["digits ort-fp32 some-cpu-2c-00000000", "digits ort-int8 some-cpu-2c-00000000"]


def test_the_same_ledger_gives_the_same_bytes() -> None:
    write_ledger(Path("ledger.json"), runs=RUNS)
    save()
    first = Path("baselines/main.json").read_bytes()
    save()

    assert Path("baselines/main.json").read_bytes() == first


def unbounded(**ends: Any) -> dict[str, dict[str, Any]]:
    over = {"fp32": {**ends, "decision": "cannot tell"}}
    return evidence(latency={"speed_up_over": over, "quantiles_ms": [1.5, 2.0]})


@pytest.mark.parametrize(
    "ends",
    [
        {},
        {"low": 0.0, "estimate": 3.0, "high": "inf"},  # of an old ledger
        {"low": 1.0, "estimate": -1.0, "high": 3.0},  # of one that was edited
    ],
)
def test_a_speed_up_that_nothing_bounds_is_refused_and_saved_where_that_is_said(
    capsys: pytest.CaptureFixture[str], ends: dict[str, Any]
) -> None:
    write_ledger(Path("ledger.json"), unbounded(**ends))

    assert save() == 1
    assert "no interval that bounds the speed-up over fp32 of digits ort-int8" in capsys.readouterr().err
    assert not Path("baselines").exists()
    assert save("--allow-no-speed") == 0

    assert "no speed   digits ort-int8: nothing bounds its speed-up over fp32" in capsys.readouterr().out
    (latency,) = [each.latency for each in kept().runs]
    assert latency is not None
    assert (latency.has_counterpart, latency.speed_up, latency.fastest_ms) == (True, None, 1.5)


def test_a_batch_whose_speed_up_nothing_bounds_is_refused_too() -> None:
    row = {"median_ms": 9.0, "speed_up_over": {"fp32": {"decision": "cannot tell"}}}
    write_ledger(Path("ledger.json"), evidence(latency={"batches": {"8": row}}))

    assert save() == 1


@pytest.mark.parametrize("again", [(), ("--partial",)])
def test_of_a_noisy_session_the_older_speed_of_the_same_files_stays(
    capsys: pytest.CaptureFixture[str], again: tuple[str, ...]
) -> None:
    write_ledger(Path("ledger.json"))
    save()
    noisy = unbounded() | {"memory": {"peak_mb": 21.0, "size_mb": 4.0}}
    write_ledger(Path("ledger.json"), noisy, start={**START, "time": "2026-12-24T10:00:00+00:00"})

    assert save(*again) == save(*again) == 0

    assert "kept speed digits ort-int8: nothing bounds it in this session" in capsys.readouterr().out
    (run,) = kept().runs
    assert run.latency is not None
    assert run.latency.speed_up is not None
    assert (run.latency.speed_up.estimate, run.latency.time) == (3.0, START["time"])
    assert (run.memory.peak_mb if run.memory else None, run.about.time) == (21.0, "2026-12-24T10:00:00+00:00")


@pytest.mark.parametrize("part", ["variant", "model", "engine"])
def test_but_not_that_of_other_files_or_another_engine(part: str) -> None:
    write_ledger(Path("ledger.json"))
    save()
    path = Path("baselines/main.json")
    path.write_text(re.sub(rf'"{part}": "[^"]*"', f'"{part}": "another"', path.read_text()))
    write_ledger(Path("ledger.json"), unbounded())

    assert save() == 1


@pytest.mark.parametrize(
    "told",
    [
        pytest.param('"libraries": {"numpy": "9.9.9", ', id="libraries"),
        pytest.param('"options": "another", "libraries": {', id="options"),
    ],
)
def test_nor_that_of_other_options_of_the_engine_or_other_libraries(told: str) -> None:
    write_ledger(Path("ledger.json"))
    save()
    path = Path("baselines/main.json")
    path.write_text(path.read_text().replace('"libraries": {', told))
    write_ledger(Path("ledger.json"), unbounded())

    assert save() == 1


def test_nor_that_of_another_isolation() -> None:
    write_ledger(Path("ledger.json"), evidence(latency={"conditions": {"isolation": "none"}}))
    save()
    write_ledger(Path("ledger.json"), unbounded())

    assert save() == 1


def test_a_part_leaves_the_older_line_of_such_a_run_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    write_ledger(Path("ledger.json"), runs=RUNS)
    save()
    path = Path("baselines/main.json")
    path.write_text(path.read_text().replace("onnxruntime 1.32.0", "onnxruntime 1.31.0"))
    good = write_ledger(Path("ledger.json"), runs=RUNS[:1]).read_text()
    noisy = write_ledger(Path("noisy.json"), unbounded(), runs=RUNS[1:]).read_text()
    Path("ledger.json").write_text("\n".join([*good.splitlines()[:-2], *noisy.splitlines()[2:-2]]) + "\n]}\n")

    assert save("--partial") == 0

    assert "left out   digits ort-int8" in capsys.readouterr().out
    assert [each.about.engine for each in kept().runs] == ["onnxruntime 1.32.0", "onnxruntime 1.31.0"]


def test_a_check_that_gave_no_figure_is_told_where_it_is_saved(capsys: pytest.CaptureFixture[str]) -> None:
    write_ledger(Path("ledger.json"), {**evidence(), "latency": {}})

    assert save() == 0

    assert "no figure  digits ort-int8 latency was judged and gave none" in capsys.readouterr().out


def test_a_cost_is_kept_with_its_interval_where_it_was_repeated_and_else_not() -> None:
    told = {"load_ms": 12.0, "first_run_ms": 3.0, "activation_mb": 0.5, "engine_mb": 7.0}
    intervals = {"load_ms": {"low": 11.0, "estimate": 12.0, "high": 14.0, "times": 6}}
    write_ledger(Path("ledger.json"), evidence(memory={**told, "intervals": intervals}))

    save()

    (memory,) = [each.memory for each in kept().runs]
    assert memory is not None
    assert memory.numbers() == {
        "peak_mb": 20.0,
        "size_mb": 4.0,
        "engine_mb": 7.0,
        "activation_mb": 0.5,
        "load_ms": 12.0,
    }
    assert (memory.load_ms, memory.first_run_ms) == (Repeated(low=11.0, estimate=12.0, high=14.0, times=6), None)


@pytest.mark.parametrize("name", ["../main", "", "a b"])
def test_a_name_that_leads_elsewhere_is_usage(name: str) -> None:
    write_ledger(Path("ledger.json"))

    assert main(["baseline", "save", name, "--from", "ledger.json"]) == 2


def test_a_name_may_be_that_of_its_file() -> None:
    write_ledger(Path("ledger.json"))

    assert main(["baseline", "save", "main.json", "--from", "ledger.json"]) == 0
    assert [path.name for path in Path("baselines").iterdir()] == ["main.json"]


def test_an_extract_is_no_baseline_and_of_a_part_it_saves_its_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Every run that it lacks would be dropped from the baseline, and pass as new from then on."""
    write_ledger(Path("ledger.json"), runs=RUNS)
    save()
    extract = {**START, "extract": {"run": "cases/digits.toml::ort-int8", "ledger_sha256": "0" * 64}}
    write_ledger(Path("ledger.json"), start=extract)

    with pytest.raises(BaselineError, match="Every other run would pass as new"):
        baseline_at(Path("ledger.json"))
    assert save() == 1
    assert "got the extract of one run, cases/digits.toml::ort-int8" in capsys.readouterr().err
    assert len(kept().runs) == 2
    assert save("--partial") == 0
    assert len(kept().runs) == 2


def test_a_ledger_that_passes_stands_for_its_baseline_and_one_that_does_not_is_refused() -> None:
    good = write_ledger(Path("good.json"), runs=RUNS)
    bad = write_ledger(Path("bad.json"), outcomes={"parity": "accuracy-fail"})

    assert [each.run for each in baseline_at(good).runs] == ["ort-fp32", "ort-int8"]
    with pytest.raises(BaselineError, match="does not pass"):
        baseline_at(bad)
