"""Cycles are looked for as before once a page stands, or could not be made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pytest_qparity.report.html import report_page
from pytest_qparity.report.html.collecting import no_collection
from tests.report.ledgers import PASSING


class Watching(dict[str, str]):
    """Case files that note whether cycles are looked for when the page asks for them."""

    seen: bool | None = None

    def items(self) -> Iterator[tuple[str, str]]:  # type: ignore[override]
        self.seen = gc.isenabled()
        return iter(dict.items(self))


def test_it_is_paused_while_a_page_is_built_and_goes_on_after() -> None:
    files = Watching({"cases/mlp.toml": "d" * 64})

    report_page(replace(PASSING, case_files=files))

    assert files.seen is False
    assert gc.isenabled()


def test_it_goes_on_after_an_error_and_stays_off_where_it_was_off() -> None:
    with pytest.raises(ValueError, match="broken"), no_collection():
        raise ValueError("broken")
    assert gc.isenabled()

    gc.disable()
    try:
        with no_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
