"""What a person reads at the end: compared with the whole text, figures that vary masked."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from pytest_qparity.cli import main
from tests.e2e.projects import CASE, session

pytest_plugins = ["pytester"]

FAST = "--qparity-latency-seconds=0.01"

FAILING = CASE + "\n[parity.int8]\nsqnr_db = 90.0\n"

SUMMARY = """\
case and run  preflight  parity     accuracy  latency  memory
mlp
  ort-fp32    3 nodes    equal      # pt      # ms     # MB
  ort-fp16    3 nodes    # dB       # pt      #x       # MB
  ort-int8    0/2 Gemm   F # dB     # pt      #x       # MB
F accuracy-fail   B budget-fail   ? cannot-judge   w waived
as float: 0 of 2 compute nodes of mlp ort-int8 run quantized; the others compute
in floats, which gains no speed; target = "backend" in the precision's table
makes the file that this engine is fastest with
accuracy: 3 gates of populations, each wrong either way with a chance of 5 % at
most: expect up to 0.15 false passes and 0.15 false failures
no canaries: turned off by an empty qparity_canaries
15 checks planned: 14 pass, 1 accuracy-fail
what it means: qparity explain QP-PAR-002
ledger: .qparity/ledger.json"""

FAILURE = """\
QP-PAR-002  cases/mlp.toml::ort-int8::parity
SQNR of output "logits" is # dB, should be at least # dB (480 values; the
worst is at [#]: # for #).
Try:    check that calibration data are prepared as the test data are, or keep
        sensitive nodes float (keep_float)
Layers: qparity diagnose cases/mlp.toml ort-int8
Repeat: pytest cases/mlp.toml::ort-int8::parity --backend=ort"""


@pytest.fixture
def project(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    (project.path / "cases" / "mlp.toml").write_text(FAILING, encoding="utf-8")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    return project


@pytest.fixture(scope="module")
def plain(template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a session of that project prints."""
    root = tmp_path_factory.mktemp("plain")
    shutil.copytree(template, root, dirs_exist_ok=True)
    (root / "cases" / "mlp.toml").write_text(FAILING, encoding="utf-8")
    return session(root, COLUMNS="80", NO_COLOR="1").stdout


def masked(text: str) -> str:
    """`text` without what a machine changes (times, memory, figures of int8 kernels) and trailing blanks."""
    text = re.sub(r"[\d.]+ ms", "# ms", text)
    text = re.sub(r"[\d.]+x\b", "#x", text)
    text = re.sub(r"[+-]?[\d.]+ (MB|dB|pt)", r"# \1", text)
    text = re.sub(r"\[\d+, \d+\]: -?[\d.e-]+ for -?[\d.e-]+", "[#]: # for #", text)
    return re.sub(r"[ ]+$", "", text, flags=re.MULTILINE)


def squeezed(text: str) -> list[str]:
    """Lines with runs of blanks as one, since masked figures are of other widths than real ones."""
    return [" ".join(line.split()) for line in text.splitlines()]


def section(text: str) -> list[str]:
    """The lines of the qparity section, up to the ledger's."""
    lines = squeezed(masked(text))
    start = next(index for index, line in enumerate(lines) if re.fullmatch(r"=+ qparity =+", line))
    end = next(index for index, line in enumerate(lines) if line.startswith("ledger: "))
    return [line for line in lines[start + 1 : end + 1] if line]


def test_the_summary_of_a_plain_session(plain: str) -> None:
    assert section(plain) == squeezed(SUMMARY)


@pytest.mark.parametrize("arguments", [["-q"], ["-n", "2"], ["--tb=no"]], ids=["-q", "xdist", "--tb=no"])
def test_the_summary_is_the_same_however_pytest_is_run(project: pytest.Pytester, arguments: list[str]) -> None:
    result = project.runpytest_subprocess(FAST, *arguments)

    assert section(result.stdout.str()) == squeezed(SUMMARY)


def test_no_line_of_ours_is_wider_than_80_columns_or_coloured(plain: str) -> None:
    ours = plain[plain.index(" FAILURES ") : plain.index("ledger: ")].splitlines()
    assert max(map(len, ours)) <= 80
    assert "\x1b" not in plain


def test_a_failure_says_what_it_got_what_to_try_and_how_to_repeat_it(plain: str) -> None:
    assert " ".join(FAILURE.split()) in " ".join(masked(plain).split())


def test_the_command_of_a_failure_repeats_it(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("cases/mlp.toml::ort-int8::parity", "--backend=ort", FAST)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["QP-PAR-002  cases/mlp.toml::ort-int8::parity"])


def test_in_ci_the_short_summary_has_one_line_for_a_failure(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")

    text = project.runpytest_subprocess(FAST, "-k", "int8 and parity").stdout.str()

    [line] = [line for line in text.splitlines() if line.startswith("FAILED ")]
    assert line.startswith("FAILED cases/mlp.toml::ort-int8::parity - QP-PAR-002 SQNR of output")
    assert text.count("Repeat: ") == 1


HOSTILE = r"\u001b[2J\u009b\u202e\r\nFORGED"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f'"{HOSTILE}" = 1\n{CASE}', id="a key"),
        pytest.param(f'{CASE}\n[precisions."int8-{HOSTILE}"]\n', id="a precision"),
        pytest.param(f'{CASE}\n[parity."{HOSTILE}"]\nsqnr_db = 1.0\n', id="a limit"),
        pytest.param(CASE.replace("models/mlp", f"models/{HOSTILE}"), id="a model"),
        pytest.param(
            f'{CASE}\n[[waivers]]\nrun = "{HOSTILE}"\nreason = "x"\nexpires = 2099-01-01\n', id="a waiver of nothing"
        ),
        pytest.param(
            f'{FAILING}\n[[waivers]]\nrun = "ort-*"\nreason = "{HOSTILE}"\nexpires = 2099-01-01\n', id="a reason"
        ),
    ],
)
def test_what_a_case_file_holds_sends_nothing_to_the_terminal_and_forges_no_line(
    project: pytest.Pytester, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (project.path / "cases" / "mlp.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("CI", "true")  # pytest then shows the whole of a reason

    said = project.runpytest_subprocess(FAST, "-rx", "-k", "int8 and parity").stdout.str()
    capfd.readouterr()
    monkeypatch.delenv("CI")
    main(["accept", "cases/mlp.toml"])
    said += "".join(capfd.readouterr())

    assert "FORGED" in said
    assert not {character for character in said if character in "\x1b\x9b\u202e\r"}
    assert not [line for line in said.splitlines() if line.startswith("FORGED")]


def test_an_engine_s_error_sends_nothing_to_the_terminal_and_forges_no_line(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    project.makeconftest(
        """
        from pytest_qparity import collection
        from pytest_qparity.verdict import Code, Failure, cannot_judge

        def pytest_configure():
            said = "it said \\x1b[2J\\x9b\\u202e\\r\\nFORGED"
            collection.judge = lambda run, check: cannot_judge(Failure(Code.BACKEND_RUN, said, said, likely=said))
        """
    )

    said = project.runpytest_subprocess(FAST, "-k", "int8 and parity").stdout.str()

    assert "FORGED" in said
    assert not {character for character in said if character in "\x1b\x9b\u202e\r"}
    assert not [line for line in said.splitlines() if line.startswith("FORGED")]


def test_advice_stands_behind_the_summary_where_it_is_asked_for(project: pytest.Pytester) -> None:
    said = project.runpytest("--qparity-advice", FAST, "--backend=ort", "--qparity-canaries=").stdout.str()
    silent = project.runpytest(FAST, "--backend=ort", "--qparity-canaries=").stdout.str()

    assert "For latency " in " ".join(said.partition("advice for mlp\n")[2].split())
    assert "ort-int8 is too far from the float model's outputs" in " ".join(said.split())
    assert said.index("15 checks planned") < said.index("advice for mlp") < said.index("ledger: ")
    assert "advice for" not in silent
