"""What a command prints where stdout lacks characters, is full, closed, or read by nobody."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_qparity.cli import main
from pytest_qparity.commands.printing import OutputLostError, checked_stdout, encodable
from tests.report.written_ledgers import write_ledger

QPARITY = (sys.executable, "-c", "import sys; from pytest_qparity.cli import main; sys.exit(main())")


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Of a case with a name that Latin-1 lacks."""
    return write_ledger(tmp_path / "l.json", runs=(("数字認識", "int8"), ("digits😀", "int8")))


def _printed(*arguments: object, encoding: str = "utf-8", stdout: int = subprocess.PIPE) -> tuple[int, bytes, str]:
    command = (*QPARITY, *map(str, arguments))
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, env=environment, check=False)
    return done.returncode, done.stdout or b"", done.stderr.decode(errors="replace")


@pytest.mark.parametrize(
    "arguments", [("report", "{ledger}", "--table"), ("diff", "{ledger}", "{ledger}"), ("report", "{ledger}", "--json")]
)
def test_what_an_encoding_lacks_is_escaped(ledger: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    failing = write_ledger(tmp_path / "f.json", runs=(("数字認識", "int8"),), outcomes={"parity": "accuracy-fail"})
    of = failing if arguments[0] == "diff" else ledger
    named = [argument.format(ledger=of) for argument in arguments]

    status, told, said = _printed(*named, encoding="ascii")

    assert (status, said) == (0, "")
    text = told.decode("ascii")
    assert r"\u6570\u5b57" in text
    if "--json" in arguments:
        assert {row["case"] for row in json.loads(text)["comparison"]} == {"数字認識", "digits😀"}


@needs_full
@pytest.mark.parametrize("arguments", [("--table",), (), ("--json",)], ids=["table", "summary", "json"])
def test_a_full_disk_is_told_as_one_and_blames_no_ledger(ledger: Path, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        status, _, said = _printed("report", ledger, *arguments, stdout=full.fileno())

    assert status == 74
    assert said == ("qparity: got No space left on device on stdout, should take all that is printed: it is cut\n")


@needs_full
def test_a_full_disk_is_told_of_help_too() -> None:
    with Path("/dev/full").open("wb") as full:
        assert _printed("--help", stdout=full.fileno())[0] == 74


def test_a_reader_who_left_is_no_file_that_cannot_be_read(ledger: Path, tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    assert main(["history", "add", str(ledger), "--file", str(history)]) == 0
    reading, writing = os.pipe()
    os.close(reading)

    status, _, said = _printed("history", "show", "--json", "--file", history, stdout=writing)
    os.close(writing)

    assert (status, said) == (141, "")


def test_a_closed_stdout_is_told() -> None:
    command = " ".join(f"'{word}'" for word in (*QPARITY, "doctor", "--json"))

    done = subprocess.run(["sh", "-c", f"{command} >&-"], capture_output=True, text=True, check=False)

    assert done.returncode == 74
    assert "Traceback" not in done.stderr
    assert "on stdout, should take all that is printed" in done.stderr


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "a–é😀"),
        ("latin-1", r"a\u2013é\ud83d\ude00"),
        ("ascii", r"a\u2013\u00e9\ud83d\ude00"),
        (None, "a–é😀"),
    ],
)
def test_an_escape_is_one_that_json_reads(encoding: str | None, shown: str) -> None:
    assert encodable("a–é😀", encoding) == shown
    assert json.loads(f'"{shown}"') == "a–é😀"
    assert encodable("\udc80", "utf-8") == r"\udc80"  # of a path that is no UTF-8


def test_what_commands_catch_of_files_is_not_what_stdout_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(sys, "stdout", Full())

    with pytest.raises(OutputLostError, match="full"), checked_stdout():
        print("told")
    assert not issubclass(OutputLostError, (OSError, ValueError))
