"""A ledger that cannot be written, or is interrupted while it is, stays one document of the events before."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity.ledger import LedgerWriter, read_ledger

NODE = "cases/mlp.toml::ort-int8::parity"
LONG = {"event": "verdict", "node_id": NODE, "outcome": "pass", "deciding": "40 dB" * 1000}
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def writer(tmp_path: Path) -> LedgerWriter:
    writer = LedgerWriter(tmp_path / "ledger.json", {}, flush_every_s=0.0)
    writer.plan([NODE])
    return writer


def events(writer: LedgerWriter) -> list[str]:
    return [event["event"] for event in json.loads(writer.path.read_bytes())["events"]]


def failing_write(error: BaseException, *, after: int) -> Callable[..., int]:
    """os.pwrite that writes `after` bytes of a long event, and then raises."""
    write = os.pwrite

    def pwrite(to: int, content: bytes, position: int) -> int:
        if len(content) < len(LONG["deciding"]):
            return write(to, content, position)
        write(to, content[:after], position)
        raise error

    return pwrite


@pytest.mark.parametrize("after", [0, 1, 3, 100, 5000])
def test_on_a_full_disk_the_events_before_stay_one_document(
    writer: LedgerWriter, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(os, "pwrite", failing_write(FULL, after=after))

    with pytest.raises(OSError, match="No space left"):
        writer.judged(LONG)

    assert events(writer) == ["start", "plan"]
    ledger = writer.close(3)
    assert events(writer) == ["start", "plan", "end"]
    assert ledger.unjudged == (NODE,)


def test_a_verdict_that_was_not_written_is_owed(writer: LedgerWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwrite", failing_write(FULL, after=0))

    with pytest.raises(OSError, match="No space left"):
        writer.judged(LONG)

    assert writer.debt().startswith("1 planned check has no verdict")


@pytest.mark.parametrize("after", [0, 3, 5000, 10_000])
def test_what_was_interrupted_is_written_over_by_what_comes_next(
    writer: LedgerWriter, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(os, "pwrite", failing_write(KeyboardInterrupt(), after=after))

    with pytest.raises(KeyboardInterrupt):
        writer.judged(LONG)
    writer.close(2)

    assert events(writer) == ["start", "plan", "end"]
    assert not read_ledger(writer.path).passes


def test_a_flush_that_fails_is_an_error_of_the_append(writer: LedgerWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    def flush(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", flush)
        with pytest.raises(OSError, match="Input/output"):
            writer.judged(LONG)

    assert events(writer) == ["start", "plan"]


def test_an_event_that_comes_alone_is_flushed_before_the_append_returns_and_the_name_before_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Any] = []
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: flushed.append(os.fstat(descriptor).st_size))
    monkeypatch.setattr("pytest_qparity.ledger.writing.flush_folder", flushed.append)

    writer = LedgerWriter(tmp_path / "ledger.json", {}, flush_every_s=0.0)
    begun = writer.path.stat().st_size
    assert flushed == [begun, tmp_path]
    writer.plan([NODE])
    assert flushed[2:] == [writer.path.stat().st_size]
    writer.judged(LONG)
    assert flushed[3:] == [writer.path.stat().st_size]
    writer.close(0)
    assert flushed[4:] == [writer.path.stat().st_size]


def test_a_verdict_and_that_it_is_flaky_are_one_write(writer: LedgerWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.judged({**LONG, "outcome": "cannot-judge"})
    writes: list[bytes] = []
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda *of: writes.append(of[1]) or write(*of))

    writer.judged(LONG)

    assert len(writes) == 1
    assert events(writer)[-2:] == ["verdict", "flaky"]
