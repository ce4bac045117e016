"""A failure as text: told whole once, wrapped, with the command that repeats it."""

from __future__ import annotations

import pytest

from pytest_qparity.ledger import CheckId, verdict_event
from pytest_qparity.report.text import WIDTH, failure_text, one_line, printable, printable_lines
from pytest_qparity.verdict import Code, Failure, Outcome, Verdict, cannot_judge, failed, waived

PARITY = "cases/mlp.toml::ort-int8::parity"
ACCURACY = "cases/mlp.toml::ort-int8::accuracy"

SQNR = Failure(
    Code.PARITY_SQNR,
    'SQNR of output "logits" is 12.4 dB, should be at least 20 dB '
    "(5,400 values; the worst is at [7, 3]: 1.5 for 9.25).",
    "check that calibration data are prepared as the test data are, or keep sensitive nodes float (keep_float)",
    likely="calibration inputs are not scaled as the test inputs are: their range is 16 times larger than it should be",
)
COSINE = Failure(Code.PARITY_COSINE, 'Cosine of output "logits" is 0.9, should be at least 0.995.', "look at it")
MISSING = Failure(Code.GOLDEN_MISSING, "Got no golden, should be one.", "qparity accept cases/mlp.toml")


def event(verdict, node_id=PARITY, case="mlp"):
    check = CheckId(node_id, case, "ort", "int8", node_id.rpartition("::")[2])
    return verdict_event(check, verdict, f'pytest "{node_id}" --backend=ort', {})


def test_a_failure_is_told_with_code_sentence_cause_remedy_and_command():
    assert failure_text(event(failed("12.4 dB", {"sqnr_db": 12.4}, (SQNR,))), {}) == (
        "QP-PAR-002  cases/mlp.toml::ort-int8::parity\n"
        'SQNR of output "logits" is 12.4 dB, should be at least 20 dB (5,400 values; the\n'
        "worst is at [7, 3]: 1.5 for 9.25).\n"
        "Likely: calibration inputs are not scaled as the test inputs are: their range\n"
        "        is 16 times larger than it should be\n"
        "Try:    check that calibration data are prepared as the test data are, or keep\n"
        "        sensitive nodes float (keep_float)\n"
        "Layers: qparity diagnose cases/mlp.toml ort-int8\n"
        'Repeat: pytest "cases/mlp.toml::ort-int8::parity" --backend=ort'
    )


def test_no_line_is_wider_than_79_columns():
    words = " ".join(f"{'word' * (index % 5 + 1)}-{index}" for index in range(200))
    verdict = failed("-", {}, (Failure(Code.PARITY_SQNR, words, words, likely=words),))

    text = failure_text(event(Verdict(verdict.outcome, "-", {}, verdict.failures, notes=(words,))), {})

    assert len(text.splitlines()) > 100
    assert max(len(line) for line in text.splitlines()) <= WIDTH == 79


def test_what_somebody_would_copy_is_never_broken():
    name = "model/" + "a-very-long-layer-name/" * 8
    long_id = f"cases/{'deep/' * 20}mlp.toml::ort-int8::parity"
    failure = Failure(Code.PARITY_SQNR, f"Node {name} is off.", f"qparity diagnose {name}")

    text = failure_text(event(failed("-", {}, (failure,)), node_id=long_id), {})

    lines = text.splitlines()
    assert lines[0] == f"QP-PAR-002  {long_id}"
    assert name in lines
    assert lines[-1] == f'Repeat: pytest "{long_id}" --backend=ort'


def test_a_failure_without_a_likely_cause_has_no_such_line():
    assert "Likely" not in failure_text(event(cannot_judge(MISSING)), {})


def test_line_breaks_of_an_engine_s_message_do_not_break_the_layout():
    failure = Failure(Code.BACKEND_RUN, "Got\n\nFail: shape\r\nmismatch.", "look")

    _, sentence, remedy, _ = failure_text(event(cannot_judge(failure)), {}).splitlines()

    assert sentence.split() == ["Got", "Fail:", "shape", "mismatch."]
    assert remedy == "Try:    look"


def test_each_failure_of_a_verdict_is_a_block_of_its_own():
    blocks = failure_text(event(failed("-", {}, (SQNR, COSINE))), {}).split("\n\n")

    assert [block.partition("  ")[0] for block in blocks] == ["QP-PAR-002", "QP-PAR-003"]


def test_notes_come_after_the_failures():
    verdict = Verdict(
        Outcome.CANNOT_JUDGE, "-", {}, (MISSING,), notes=('the waiver "no GPU on this runner" expired on 2026-01-01',)
    )

    assert failure_text(event(verdict), {}).endswith(
        '\n\nNote:   the waiver "no GPU on this runner" expired on 2026-01-01'
    )


def test_the_second_telling_of_one_cause_is_short_and_names_the_first():
    told = {}
    failure_text(event(cannot_judge(MISSING)), told)

    assert failure_text(event(cannot_judge(MISSING), ACCURACY), told) == (
        "QP-GOLDEN-001  cases/mlp.toml::ort-int8::accuracy\n"
        "Got no golden, should be one.\n"
        "As for  cases/mlp.toml::ort-int8::parity"
    )


def test_the_third_telling_names_the_first_as_well():
    told = {}
    for node_id in (PARITY, ACCURACY):
        failure_text(event(cannot_judge(MISSING), node_id), told)

    assert failure_text(event(cannot_judge(MISSING), "the third"), told).endswith(f"As for  {PARITY}")


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(event(cannot_judge(MISSING)), id="the same check, repeated"),
        pytest.param(event(cannot_judge(MISSING), ACCURACY, case="other"), id="another case"),
        pytest.param(event(failed("-", {}, (COSINE,)), ACCURACY), id="another cause"),
    ],
)
def test_what_was_not_told_elsewhere_is_told_whole(again):
    told = {}
    failure_text(event(cannot_judge(MISSING)), told)

    assert "Try:    " in failure_text(again, told)


def test_a_cause_that_only_a_waived_check_told_is_told_whole():
    told = {}
    failure_text(event(waived(cannot_judge(MISSING), "known (until 2027-03-01)")), told)

    assert "Try:    qparity accept cases/mlp.toml" in failure_text(event(cannot_judge(MISSING), ACCURACY), told)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 漢字 −×", "plain ünïcode 漢字 −×"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\rb\nc\td\x00", r"a\rb\nc\td\x00"),
        ("\x9b2J\x85", r"\x9b2J\x85"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("\u2028line", r"\u2028line"),
        ("\ud800 half", r"\ud800 half"),
    ],
)
def test_what_a_terminal_would_obey_is_printed_as_an_escape(text, shown):
    assert printable(text) == shown


def test_a_name_in_a_failure_cannot_forge_a_line_or_colour():
    failure = Failure(Code.PARITY_NAMES, 'Outputs are ["y\x1b[2K\r1 passed"], should be ["y"].', "compare\nboth")
    check = CheckId(f"{PARITY}\x1b]0;", "mlp", "ort", "int8", "parity")

    text = failure_text(verdict_event(check, failed("names", {"a": 1}, (failure,)), "pytest \x1b", {}), {})

    assert "\x1b" not in text
    assert "\r" not in text
    assert "compare both" in text


def test_one_line_is_one_whatever_breaks_the_text_holds():
    assert one_line(" a\n\nb\r\nc\u2028d\x85e\x1b ") == r"a b c d e\x1b"


def test_printable_lines_keep_the_line_breaks_and_nothing_else():
    assert printable_lines("QP-CASE-002\n\nGot \x1b[2J\r.") == "QP-CASE-002\n\nGot \\x1b[2J\\r."


@pytest.mark.parametrize(
    "name", ["数字認識モデル", "نموذج-التعرف", "e\u0301", "👩\u200d🔬", "Größe µ ½", "C:\\new", "a\u00a0b"]
)
def test_ordinary_text_of_any_language_stays_as_it_is(name):
    assert printable(name) == name
