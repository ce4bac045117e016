"""rich's console for text that goes elsewhere than to the terminal itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["text_console"]


def text_console(stream: TextIO, *, width: int, colour: bool) -> Console:
    """Writes to `stream` in `width` columns, whatever the terminal is."""
    from rich.console import Console

    return Console(
        file=stream,
        width=width,
        height=25,  # without one rich takes 80 columns where TERM is dumb
        color_system="standard" if colour else None,
        force_terminal=colour,
        highlight=False,
    )
