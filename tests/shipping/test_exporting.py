"""What an export writes, what it refuses to take, and what a kill leaves."""

from __future__ import annotations

import datetime
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity import read_ledger
from pytest_qparity.cli import main
from pytest_qparity.digest import file_digest
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.shipping.verifying import verify
from pytest_qparity.verdict import CannotJudge, Code
from tests.shipping.judged import CASE_FILE, RUN, Change, Judged, events
from tests.shipping.test_judged_run import LATENCY, waive


def refused(judged: Judged, run: str = f"{CASE_FILE}::ort-int8") -> str:
    with pytest.raises(CannotJudge) as caught:
        judged.export(run=run)
    assert caught.value.failure.code is Code.SHIP_FILE
    assert not (judged.root / "out").exists()
    return caught.value.failure.sentence


def judge_given(judged: Judged) -> str:
    """A ledger in which the engine that the case gives passed; gives its run."""
    digest, case_digest = file_digest(judged.root / "cases/models/given.plan"), file_digest(judged.root / CASE_FILE)
    given = events("int8-given", digest, case_digest, given=True, recipe={"method": "given"})
    judged.write(lambda written: written.__setitem__(slice(None), given))
    return f"{CASE_FILE}::ort-int8-given"


def test_a_release_holds_the_judged_bytes_the_verdict_and_an_extract_that_reads_as_a_ledger(judged: Judged) -> None:
    judged.export()

    out, name = judged.root / "out", judged.variant.path.name
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["README.md", "SHA256SUMS", f"{name}.data", "ledger.json", "model.onnx", "verdict.json"]
    )
    assert (out / "model.onnx").read_bytes() == judged.variant.path.read_bytes()
    assert (out / f"{name}.data").read_bytes() == bytes(range(256))
    verdict = json.loads((out / "verdict.json").read_bytes())
    assert (verdict["outcome"], verdict["variant_sha256"]) == ("pass", judged.variant.digest)
    assert verdict["ledger_sha256"] == file_digest(judged.ledger)
    assert read_ledger(out / "ledger.json").passes
    lines = (out / "SHA256SUMS").read_text().splitlines()
    assert f"{file_digest(out / 'README.md')}  README.md" in lines
    assert len(lines) == 5


def test_a_waived_release_says_so(judged: Judged) -> None:
    judged.write(waive)

    judged.export(waived=True)

    assert json.loads((judged.root / "out" / "verdict.json").read_bytes())["outcome"] == "waived"
    assert "**Waived, not passed**" in (judged.root / "out" / "README.md").read_text()
    assert verify(judged.root / "out").run.waivers


def test_a_waiver_that_ended_since_is_refused_unless_it_is_asked_for(
    judged: Judged, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def end_waiver(events: list[dict[str, Any]]) -> None:
        waive(events)
        events[LATENCY]["waiver"] = "slow here (until 2020-02-29)"

    judged.write(end_waiver)
    (judged.root / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.chdir(judged.root)
    export = ("export", CASE_FILE, "ort-int8", "--ledger", "ledger.json", "-o", "out")

    assert main([*export, "--waived"]) == 1
    refused = " ".join(capsys.readouterr().err.split())
    assert f"{RUN}::latency is waived (slow here (until 2020-02-29)), should be so on 20" in refused
    assert "or say --waived --expired" in refused
    assert main([*export, "--expired"]) == 2
    assert not Path("out").exists()
    capsys.readouterr()

    assert main([*export, "--waived", "--expired"]) == 0
    told = "waived     latency: slow here (until 2020-02-29), which has expired since"
    assert told in capsys.readouterr().out.splitlines()
    assert main(["verify", "out"]) == 0  # it is what was exported, and says so
    assert told in capsys.readouterr().out.splitlines()
    assert main(["verify", "out", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["waivers"][0]["expired"] is True


def test_the_last_day_of_a_waiver_counts(judged: Judged) -> None:
    judged.write(waive)

    with pytest.raises(CannotJudge, match="should be so on 2027-03-02 too"):
        judged.export(waived=True, today=datetime.date(2027, 3, 2))
    assert judged.export(waived=True, today=datetime.date(2027, 3, 1)).waivers


def test_a_given_file_is_taken_from_the_case_unless_it_has_changed(judged: Judged) -> None:
    path = judged.root / "cases" / "models" / "given.plan"
    run = judge_given(judged)

    judged.export("first", run)

    assert (judged.root / "first" / "model.plan").read_bytes() == path.read_bytes()
    path.write_bytes(b"other bytes")
    assert "given.plan is " in refused(judged, run)
    path.unlink()
    assert "given.plan is gone" in refused(judged, run)


def test_a_variant_that_changed_in_the_cache_is_refused(judged: Judged) -> None:
    judged.variant.path.write_bytes(b"other bytes")

    assert "should be the variant judged" in refused(judged)


def test_what_is_copied_must_be_what_was_judged(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changes between the look at it and its copy."""
    monkeypatch.setattr(VariantCache, "holding", lambda *_: judged.variant)
    judged.variant.path.write_bytes(b"other bytes")

    assert f"{judged.variant.path.name} is " in refused(judged)


def test_a_case_file_that_changed_since_is_refused(judged: Judged) -> None:
    (judged.root / CASE_FILE).write_text("# other promises\n")

    assert f"{CASE_FILE} is " in refused(judged)


@pytest.mark.parametrize(
    "names",
    [
        ("README.md",),
        ("readme.MD",),
        ("README.md.",),
        ("Readme.md/weights",),
        ("sha256sums",),
        ("Model.onnx",),
        ("a.data", "A.data"),
        ("caf\u00e9.data", "cafe\u0301.data"),
    ],
    ids=ascii,
)
def test_external_data_may_not_have_a_name_of_ours_on_any_system(
    judged: Judged, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    taken = type(judged.variant)(judged.variant.path, judged.variant.digest, (), names)
    monkeypatch.setattr(VariantCache, "holding", lambda *_: taken)

    assert f"Got external data {names[-1]!r}" in refused(judged)


def change(check: str, **evidence: Any) -> Change:
    return lambda events: next(each for each in events if each.get("check") == check)["evidence"].update(evidence)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (change("accuracy", variant_percent="nan"), "a pass has a finite variant_percent, not 'nan'"),
        (change("latency", median_ms="inf"), "a pass has a finite median_ms, not 'inf'"),
        (change("memory", size_mb=[4.0]), "a pass has a finite size_mb"),
        (change("accuracy", samples="many"), "got what cannot be read (ValueError"),
        (change("latency", speed_up_over=[]), "got what cannot be read (AttributeError"),
        (lambda events: events[2].pop("precision"), "got what cannot be read (KeyError: 'precision')"),
    ],
    ids=["nan", "inf", "list", "text", "no table", "no precision"],
)
def test_a_ledger_that_was_edited_is_refused_with_a_sentence(judged: Judged, edit: Change, said: str) -> None:
    judged.write(edit)

    with pytest.raises(CannotJudge) as caught:
        judged.export()

    assert caught.value.failure.code is Code.SHIP_REFUSED
    assert said in caught.value.failure.sentence
    assert not (judged.root / "out").exists()


def test_a_waived_figure_that_is_no_number_is_told_as_it_is(judged: Judged) -> None:
    failure = {"code": "QP-ACC-001", "sentence": "Got NaN."}
    waived = {"outcome": "waived", "waiver": "not yet (until 2027-03-01)", "failures": [failure]}

    def edit(events: list[dict[str, Any]]) -> None:
        change("accuracy", variant_percent="nan")(events)
        next(each for each in events if each.get("check") == "accuracy").update(waived)

    judged.write(edit)
    judged.export(waived=True)

    assert "- top1: nan %, the float model 99.00 %" in (judged.root / "out" / "README.md").read_text()
    verify(judged.root / "out")


def test_a_folder_that_holds_something_stays_as_it_is(judged: Judged) -> None:
    out = judged.root / "out"
    out.mkdir()
    (out / "mine").write_text("mine")

    with pytest.raises(OSError, match="not empty"):
        judged.export()

    assert [path.name for path in out.iterdir()] == ["mine"]
    assert not list(judged.root.glob(".out.*"))


@pytest.mark.parametrize("moment", range(10))
def test_an_export_that_is_killed_leaves_no_folder_that_verifies(judged: Judged, moment: int) -> None:
    """Before each flush, of which there are seven (six files and their folder), at the rename, behind it, and never."""
    child = os.fork()
    if child == 0:
        _die_at(moment)
        try:
            judged.export()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)

    whole = [path for path in judged.root.iterdir() if path.is_dir() and _verifies(path)]
    assert os.WIFSIGNALED(status) == (moment < 9)
    assert whole == ([] if moment < 8 else [judged.root / "out"])


def _die_at(moment: int) -> None:
    calls = iter(range(100))

    def dying(*_: object) -> None:
        if next(calls) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    real = Path.rename
    os.fsync = dying  # type: ignore[assignment]
    Path.rename = lambda path, target: (dying(), real(path, target))[1]  # type: ignore[method-assign]


def _verifies(folder: Path) -> bool:
    try:
        verify(folder)
    except CannotJudge:
        return False
    return True
