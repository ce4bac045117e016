"""Progress on a terminal: behind the line that pytest writes, gone when the call ends, and silent elsewhere."""

from __future__ import annotations

import io
from typing import Any

import pytest
from _pytest._io import TerminalWriter

from pytest_qparity.watching import watch_of

WORK = 'Backend "trt" with m.onnx'


class Config:
    """What `watch_of` asks of pytest's."""

    def __init__(
        self, *, isatty: bool = True, markup: bool = True, verbosity: int = 0, reporter: bool = True, width: int = 80
    ) -> None:
        self.file = io.StringIO()
        self.writer = TerminalWriter(self.file)
        self.writer.hasmarkup, self.writer.fullwidth = markup, width
        self.pluginmanager = self
        self._reporter = type("Reporter", (), {"isatty": isatty})() if reporter else None
        self._verbosity = verbosity

    def get_plugin(self, name: str) -> Any:
        return self._reporter if name == "terminalreporter" else None

    def get_verbosity(self) -> int:
        return self._verbosity

    def get_terminal_writer(self) -> TerminalWriter:
        return self.writer


def test_it_stands_behind_the_line_and_leaves_the_cursor_where_it_was() -> None:
    config = Config()
    config.writer.write("cases/m.toml ..")
    watch = watch_of(config)  # type: ignore[arg-type]
    assert watch is not None

    watch(WORK, "Building (1 of 3 steps)")
    watch(WORK, "")
    config.writer.write(".")

    expected = f"cases/m.toml ..\x1b7 {WORK}: Building (1 of 3 steps)\x1b[K\x1b8\x1b7\x1b[K\x1b8."
    assert config.file.getvalue() == expected
    assert config.writer.width_of_current_line == len("cases/m.toml ...")


def test_a_line_never_wraps() -> None:
    config = Config(width=50)
    config.writer.write("cases/m.toml ..")
    watch = watch_of(config)  # type: ignore[arg-type]
    assert watch is not None

    watch(WORK, "Building " * 20)

    shown = config.file.getvalue().removeprefix("cases/m.toml ..\x1b7").removesuffix("\x1b[K\x1b8")
    assert len("cases/m.toml ..") + len(shown) < 50


def test_where_there_is_no_room_nothing_is_written() -> None:
    config = Config(width=30)
    config.writer.write("cases/m.toml ..")
    watch = watch_of(config)  # type: ignore[arg-type]
    assert watch is not None

    watch(WORK, "Building")

    assert config.file.getvalue() == "cases/m.toml .."


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(Config(isatty=False), id="a file or a pipe"),
        pytest.param(Config(markup=False), id="a terminal without control sequences"),
        pytest.param(Config(verbosity=-1), id="-q"),
        pytest.param(Config(reporter=False), id="a worker of pytest-xdist"),
    ],
)
def test_elsewhere_it_is_silent(config: Config) -> None:
    assert watch_of(config) is None  # type: ignore[arg-type]
