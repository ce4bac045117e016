"""The ledger: whole after every event, readable when cut anywhere, and never a pass by accident."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import execnet
import numpy as np
import pytest

from pytest_qparity.ledger import CheckId, LedgerError, LedgerWriter, read_ledger, verdict_event
from pytest_qparity.ledger.events import plain
from pytest_qparity.verdict import Code, Failure, Outcome, cannot_judge, failed, passed, waived

PARITY, LATENCY = "cases/mlp.toml::ort-int8::parity", "cases/mlp.toml::ort-int8::latency"
SLOW = Failure(Code.LATENCY_BUDGET, "The speed-up is 1.2 times, should be at least 2.", "profile it")


def check_id(node_id):
    return CheckId(node_id, "mlp", "ort", "int8", node_id.rpartition("::")[2])


def event(node_id, verdict):
    return verdict_event(check_id(node_id), verdict, f'pytest "{node_id}" --backend=ort', {"variant": {"given": True}})


PASSED = passed("34.2 dB", {"sqnr_db": 34.2})
FAILED = failed("1.20x", {"speed_up": 1.2}, (SLOW,))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.json"


@pytest.fixture
def writer(path):
    return LedgerWriter(path, {"backends": ["ort"]})


def written(writer, *verdicts, exit_status=0):
    """A ledger that plans parity and latency, holds `verdicts` in this order, and ended."""
    writer.plan([PARITY, LATENCY])
    for node_id, verdict in zip([PARITY, LATENCY], verdicts, strict=False):
        writer.judged(event(node_id, verdict))
    writer.close(exit_status)
    return read_ledger(writer.path)


def test_the_file_is_one_json_document_after_every_event(writer, path):
    def events():
        return [event["event"] for event in json.loads(path.read_bytes())["events"]]

    assert events() == ["start"]
    writer.plan([PARITY, LATENCY])
    assert events() == ["start", "plan"]
    writer.judged(event(PARITY, PASSED))
    assert events() == ["start", "plan", "verdict"]
    writer.not_judged(LATENCY, "the worker crashed")
    assert events() == ["start", "plan", "verdict", "not-judged"]
    writer.close(1)
    assert events() == ["start", "plan", "verdict", "not-judged", "end"]


def test_each_event_is_one_line(writer, path):
    writer.append({"event": "note", "text": "two\nlines\u2028three\x85four\r\n"})
    writer.close(0)

    first, start, note, end, closing = path.read_text(encoding="utf-8").split("\n")[:5]
    assert (first, closing) == ('{"format": 1, "events": [', "]}")
    assert [json.loads(line.removesuffix(","))["event"] for line in (start, note, end)] == ["start", "note", "end"]


def test_a_new_ledger_takes_the_place_of_an_old_one(path):
    path.write_text("an older and much longer ledger" * 100, encoding="utf-8")

    LedgerWriter(path, {}).close(0)

    assert len(json.loads(path.read_bytes())["events"]) == 2


def test_the_ledger_s_folder_is_made(tmp_path):
    LedgerWriter(tmp_path / "a" / "b" / "ledger.json", {}).close(0)

    assert read_ledger(tmp_path / "a" / "b" / "ledger.json").exit_status == 0


def test_a_write_of_a_part_is_carried_on(writer, path, monkeypatch):
    import os

    whole_write = os.pwrite
    parts = []

    def write_a_part(to, content, offset):
        parts.append(content[:7])
        return whole_write(to, content[:7], offset)

    monkeypatch.setattr(os, "pwrite", write_a_part)

    other = LedgerWriter(path.with_name("other.json"), {"backends": ["ort"]})
    for each in (writer, other):
        each.plan([PARITY])
        assert len(json.loads(each.path.read_bytes())["events"]) == 2
    assert len(parts) > 10


def test_a_verdict_is_read_back_as_it_was_written(writer):
    ledger = written(writer, waived(FAILED, "known (until 2027-03-01)"), PASSED)

    assert ledger.verdicts[0] == {
        "event": "verdict",
        "node_id": PARITY,
        "case": "mlp",
        "run": "ort-int8",
        "backend": "ort",
        "precision": "int8",
        "emulated": False,
        "check": "parity",
        "outcome": "waived",
        "deciding": "1.20x",
        "evidence": {"speed_up": 1.2},
        "failures": [
            {
                "code": "QP-LAT-001",
                "title": "slower than its budget",
                "sentence": "The speed-up is 1.2 times, should be at least 2.",
                "likely": None,
                "remedy": "profile it",
            }
        ],
        "notes": [],
        "waiver": "known (until 2027-03-01)",
        "reproduce": f'pytest "{PARITY}" --backend=ort',
        "provenance": {"variant": {"given": True}},
    }
    assert ledger.start == {"event": "start", "session": ledger.start["session"], "backends": ["ort"]}
    assert ledger.planned == [PARITY, LATENCY]
    assert ledger.exit_status == 0


@pytest.mark.parametrize(
    ("verdicts", "exit_status", "passes"),
    [
        pytest.param([PASSED, PASSED], 0, True, id="all passed"),
        pytest.param([PASSED, waived(FAILED, "known")], 0, True, id="one waived"),
        pytest.param([PASSED, FAILED], 0, False, id="one failed, exit status 0 all the same"),
        pytest.param([PASSED, cannot_judge(SLOW)], 0, False, id="one could not be judged"),
        pytest.param([PASSED], 0, False, id="one without a verdict"),
        pytest.param([], 0, False, id="none judged"),
        pytest.param([PASSED, PASSED], 1, False, id="exit status 1"),
    ],
)
def test_a_ledger_passes_when_all_that_was_planned_passed_and_pytest_says_so(writer, verdicts, exit_status, passes):
    assert written(writer, *verdicts, exit_status=exit_status).passes is passes


def test_a_ledger_that_planned_nothing_does_not_pass(writer, path):
    writer.plan([])
    writer.close(0)

    assert not read_ledger(path).passes


def test_a_ledger_without_an_end_does_not_pass(writer, path):
    writer.plan([PARITY])
    writer.judged(event(PARITY, PASSED))

    assert read_ledger(path).exit_status is None
    assert not read_ledger(path).passes


def test_a_check_that_failed_and_passed_when_repeated_does_not_pass(writer, path):
    writer.plan([PARITY])
    writer.judged(event(PARITY, FAILED))
    writer.judged(event(PARITY, PASSED))
    writer.close(0)

    assert not read_ledger(path).passes
    assert writer.debt() == "The ledger holds a verdict that is no pass."


def test_the_last_of_two_ends_counts(writer, path):
    writer.plan([PARITY])
    writer.judged(event(PARITY, PASSED))
    writer.append({"event": "end", "exit_status": 0})
    writer.close(1)

    assert read_ledger(path).exit_status == 1


def test_checks_without_a_verdict_are_listed_in_the_order_of_the_plan_with_their_reasons(writer, path):
    writer.plan([LATENCY, PARITY, "a third"])
    writer.judged(event(PARITY, PASSED))
    writer.not_judged("a third", "the worker crashed")
    writer.close(1)

    ledger = read_ledger(path)
    assert ledger.unjudged == (LATENCY, "a third")
    assert ledger.not_judged == {"a third": "the worker crashed"}


def test_a_reason_for_what_was_not_planned_is_passed_over(writer, path):
    writer.plan([PARITY])
    writer.not_judged("tests/test_other.py::test_x", "an ordinary test failed")

    assert read_ledger(path).not_judged == {}


@pytest.mark.parametrize(
    ("planned", "judged", "debt"),
    [
        pytest.param([], [], "No check was planned, should be at least one.", id="nothing planned"),
        pytest.param(
            [PARITY, LATENCY],
            [],
            f"2 planned checks have no verdict, should have one each; the first is {PARITY}",
            id="nothing judged",
        ),
        pytest.param(
            [PARITY, LATENCY],
            [(PARITY, PASSED)],
            f"1 planned check has no verdict, should have one: {LATENCY}",
            id="one not judged",
        ),
        pytest.param(
            [PARITY],
            [("unplanned", PASSED)],
            f"1 planned check has no verdict, should have one: {PARITY}",
            id="a verdict for another",
        ),
        pytest.param([PARITY], [(PARITY, FAILED)], "The ledger holds a verdict that is no pass.", id="one failed"),
        pytest.param(
            [PARITY], [(PARITY, cannot_judge(SLOW))], "The ledger holds a verdict that is no pass.", id="cannot judge"
        ),
        pytest.param([PARITY], [(PARITY, PASSED)], "", id="all passed"),
        pytest.param([PARITY], [(PARITY, waived(FAILED, "known"))], "", id="waived"),
    ],
)
def test_what_speaks_against_a_pass_is_said_before_the_end(writer, planned, judged, debt):
    writer.plan(planned)
    for node_id, verdict in judged:
        writer.judged(event(node_id, verdict))

    assert writer.debt() == debt


def test_a_ledger_with_a_reason_and_no_verdict_is_in_debt(writer):
    writer.plan([PARITY])
    writer.not_judged(PARITY, "the worker crashed")

    assert writer.debt().startswith("1 planned check has no verdict")


def test_a_plan_in_two_parts_owes_both(writer):
    writer.plan([PARITY])
    writer.plan([])
    writer.plan([LATENCY])
    writer.judged(event(PARITY, PASSED))

    assert writer.debt().startswith("1 planned check has no verdict")


def test_a_later_part_of_the_plan_without_a_check_takes_nothing_back(writer):
    writer.plan([PARITY])
    writer.judged(event(PARITY, PASSED))
    writer.plan([])

    assert writer.debt() == ""


def test_a_cut_at_any_byte_leaves_the_whole_events_and_no_pass(writer, path, tmp_path):
    assert written(writer, PASSED, PASSED).passes
    content = path.read_bytes()
    events = json.loads(content)["events"]
    ends = [content.index(json.dumps(event).encode()) + len(json.dumps(event)) for event in events]
    cut = tmp_path / "cut.json"

    for size in range(len(content) - 1):  # the newline at the very end is no part of the document
        cut.write_bytes(content[:size])
        whole = [event for event, end in zip(events, ends, strict=True) if end <= size]
        if not whole:
            with pytest.raises(LedgerError):
                read_ledger(cut)
            continue
        ledger = read_ledger(cut)
        assert ledger.verdicts == [event for event in whole if event["event"] == "verdict"], size
        assert ledger.planned == ([PARITY, LATENCY] if len(whole) > 1 else []), size
        assert not ledger.passes, size


def test_a_file_of_which_the_disk_lost_a_part_in_the_middle_is_read_and_does_not_pass(writer, path):
    assert written(writer, PASSED, PASSED).passes
    content = path.read_bytes()
    position = content.index(b'"start"')

    path.write_bytes(content[: position + 200] + b"\0" * 50 + content[position + 250 :])

    assert not read_ledger(path).passes


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "got 'an empty file', should be a ledger of format 1", id="empty"),
        pytest.param(
            b'{"format": 2, "events": [\n{"event": "start"}\n]}\n',
            'got \'{"format": 2, "events": [\', should be a ledger of format 1',
            id="a later version",
        ),
        pytest.param(
            b'{"format": 10, "events": [\n{"event": "start"}\n]}\n',
            'got \'{"format": 10, "events": [\', should be a ledger of format 1',
            id="a version that starts with 1",
        ),
        pytest.param(b"[]", "got '[]', should be a ledger of format 1", id="other JSON"),
        pytest.param(
            b"\x89PNG\r\n\x1a\n", "got '\N{REPLACEMENT CHARACTER}PNG', should be a ledger of format 1", id="no text"
        ),
    ],
)
def test_a_file_that_is_no_ledger_of_this_version_is_refused(path, content, sentence):
    path.write_bytes(content)

    with pytest.raises(LedgerError) as caught:
        read_ledger(path)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "plan"}',
        '{"event": "plan", "node_ids": "all"}',
        '{"event": "plan", "node_ids": [7]}',
        '{"event": "not-asked-for", "node_ids": {}}',
        '{"event": "verdict", "outcome": "pass"}',
        '{"event": "verdict", "node_id": "a", "outcome": ["pass"]}',
        '{"event": "flaky", "node_id": "a"}',
        '{"event": "not-judged", "node_id": "a"}',
        '{"event": "case-error", "case_file": "a"}',
        '{"event": "end"}',
        '{"event": "end", "exit_status": false}',
        '{"event": "end", "exit_status": 0.0}',
    ],
)
def test_an_event_that_lacks_what_is_read_of_it_makes_no_ledger(path, line):
    path.write_text(f'{{"format": 1, "events": [\n{{"event": "start"}},\n{line}\n]}}\n', encoding="utf-8")

    with pytest.raises(LedgerError, match=r"^got .*, should be "):
        read_ledger(path)


@pytest.mark.parametrize(
    "number", ["Infinity", "-Infinity", "NaN", "1e999", "-1e999", "1" + "0" * 400, "1" + "0" * 5000]
)
@pytest.mark.parametrize("end", ["]}", ""])
def test_a_number_that_json_lacks_makes_no_ledger_whole_or_cut(path, number, end):
    """What it reaches could not be written again: `qparity export` ended in a traceback."""
    line = f'{{"event": "verdict", "node_id": "a", "outcome": "pass", "evidence": {{"median_ms": {number}}}}}'
    path.write_text(f'{{"format": 1, "events": [\n{{"event": "start"}},\n{line}\n{end}\n', encoding="utf-8")

    with pytest.raises(LedgerError, match=r"^got the number .*, should be a finite one") as caught:
        read_ledger(path)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "text", ['{"format": 1, "events": 7}', '{"format": 1, "happened": []}', '{"format": 1, "e": ' + "[" * 100_000]
)
def test_a_document_without_events_is_no_ledger(path, text):
    path.write_text(text, encoding="utf-8")

    with pytest.raises(LedgerError, match="without a start event"):
        read_ledger(path)


@pytest.mark.parametrize("first", ['{"event": "plan", "node_ids": []}', '["start"]', '"start"', "7"])
def test_a_ledger_that_does_not_begin_with_its_start_is_refused(path, first):
    path.write_text(f'{{"format": 1, "events": [\n{first}\n]}}\n', encoding="utf-8")

    with pytest.raises(LedgerError, match="without a start event, should be a ledger written by pytest --backend=…"):
        read_ledger(path)


def test_events_of_a_kind_that_is_not_known_are_passed_over(writer):
    writer.append({"event": "remark", "text": "of a later minor version"})
    writer.append({"text": "no event at all"})

    assert written(writer, PASSED, PASSED).passes


def test_a_writer_that_is_killed_leaves_every_event_it_had_written(path):
    script = Path(__file__).with_name("killed_writer.py")
    command = [sys.executable, str(script), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as process:
        said = [int(process.stdout.readline()) for _ in range(200)]
        process.send_signal(signal.SIGKILL)

    ledger = read_ledger(path)
    assert [verdict["number"] for verdict in ledger.verdicts][: len(said)] == said
    assert ledger.unjudged == ()
    assert ledger.exit_status is None
    assert not ledger.passes


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(math.nan, "nan", id="NaN"),
        pytest.param(math.inf, "inf", id="infinity"),
        pytest.param(-math.inf, "-inf", id="minus infinity"),
        pytest.param(np.float32("nan"), "nan", id="NumPy's NaN"),
        pytest.param(np.float64(0.1), 0.1, id="float64"),
        pytest.param(np.float32(0.5), 0.5, id="float32"),
        pytest.param(np.float16(0.5), 0.5, id="float16"),
        pytest.param(np.int64(7), 7, id="int64"),
        pytest.param(np.uint8(7), 7, id="uint8"),
        pytest.param(Fraction(1, 4), 0.25, id="fraction"),
        pytest.param(True, True, id="bool"),
        pytest.param(None, None, id="none"),
        pytest.param(2**80, 2**80, id="a large integer"),
        pytest.param(Outcome.PASS, "pass", id="an enum of texts"),
        pytest.param(enum.IntEnum("Level", {"LOW": 3}).LOW, 3, id="an enum of integers"),
        pytest.param((1, (2.0, [math.inf])), [1, [2.0, ["inf"]]], id="nested lists"),
        pytest.param({7: {"a": np.int32(1)}}, {"7": {"a": 1}}, id="tables"),
    ],
)
def test_evidence_becomes_plain_json_that_also_crosses_to_another_process(value, expected):
    found = plain(value)

    assert found == expected
    assert type(found) is type(expected)
    assert json.loads(json.dumps(found, allow_nan=False)) == expected
    if not isinstance(expected, int) or expected < 2**63:
        assert execnet.loads(execnet.dumps(found)) == expected


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param(np.zeros(3), "numpy.ndarray", id="an array"),
        pytest.param(np.bool_(True), f"numpy.{np.bool_.__name__}", id="NumPy's bool"),
        pytest.param({1, 2}, "builtins.set", id="a set"),
        pytest.param(b"bytes", "builtins.bytes", id="bytes"),
        pytest.param(1j, "builtins.complex", id="a complex number"),
        pytest.param(Code.PARITY_SQNR, "pytest_qparity.verdict.Code", id="a code"),
    ],
)
def test_evidence_that_json_cannot_hold_is_refused_by_its_type(value, kind):
    with pytest.raises(TypeError) as caught:
        plain({"evidence": [value]})
    assert str(caught.value) == f"got {kind} as evidence, should be a number, a text, a list or a table"


def test_evidence_that_is_not_finite_is_written_as_text(writer):
    ledger = written(writer, passed("equal", {"sqnr_db": math.inf, "worst": [math.nan]}), PASSED)

    assert ledger.verdicts[0]["evidence"] == {"sqnr_db": "inf", "worst": ["nan"]}


def test_an_event_that_is_no_json_is_refused_and_the_ledger_stays_whole(writer, path):
    before = path.read_bytes()

    with pytest.raises(ValueError, match="Out of range float values"):
        writer.append({"event": "verdict", "value": math.nan})
    assert path.read_bytes() == before

    writer.plan([PARITY])
    assert [event["event"] for event in json.loads(path.read_bytes())["events"]] == ["start", "plan"]


def test_two_sessions_at_once_write_a_ledger_each_and_the_later_one_has_the_name(path):
    first = LedgerWriter(path, {"session": 1})
    second = LedgerWriter(path, {"session": 2})
    first.plan(["a"])
    second.plan(["b"])

    assert first.close(1).planned == ["a"]
    assert second.close(1).planned == ["b"]
    assert read_ledger(path).start["session"] == 2
    assert list(path.parent.iterdir()) == [path]


def test_a_case_file_that_could_not_be_planned_is_no_pass(path):
    writer = LedgerWriter(path, {})
    writer.plan([])
    writer.case_error("cases/bad.toml", "QP-CASE-001 …")
    ledger = writer.close(0)

    assert ledger.case_errors == {"cases/bad.toml": "QP-CASE-001 …"}
    assert not dataclasses.replace(ledger, planned=["a"], verdicts=[{"node_id": "a", "outcome": "pass"}]).passes
