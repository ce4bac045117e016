"""The page says what the ledger says: first whether it may ship, then why not, whatever names it holds."""

from __future__ import annotations

import datetime
import re
from html.parser import HTMLParser

import pytest

from pytest_qparity.ledger import Ledger
from pytest_qparity.report.html import report_page
from tests.report.ledgers import (
    ALL_WAIVED,
    EMPTY,
    FAILING,
    HARD_NAMES,
    KILLED,
    PASSING,
    event,
    fails,
    ledger,
    passes,
    whole_run,
)

TODAY = datetime.date(2027, 2, 20)


class Page(HTMLParser):
    """Elements by id, where links lead, and the text of the part that says the verdict."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        verdict = re.search(r'<section class="verdict (\w+)".*?</section>', text, re.DOTALL)
        assert verdict is not None
        self.state = verdict[1]
        self.verdict = re.sub(r"<[^>]*>", " ", verdict[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")


def page_of(of: Ledger) -> Page:
    return Page(report_page(of, today=TODAY))


@pytest.mark.parametrize(
    ("of", "state", "said"),
    [
        (PASSING, "pass", "Passes"),
        (ALL_WAIVED, "waived", "Nothing passed by itself"),
        (KILLED, "fail", "did not come to its end"),
        (EMPTY, "fail", "No check was planned"),
        (FAILING, "fail", "should pass; 1 more did not."),
        (ledger(whole_run(), deselected=["cases/mlp.toml::ort-fp16::parity"]), "fail", "1 check was not asked for"),
        (ledger(whole_run(), uncollected=["cases/other.toml"]), "fail", "1 case file was not collected"),
        (ledger(whole_run(), case_errors={"cases/a.toml": "unknown key"}), "fail", "could not be planned"),
        (ledger(whole_run(), exit_status=1), "fail", "ended with status 1"),
    ],
    ids=["passing", "waived", "killed", "empty", "failing", "deselected", "uncollected", "case-error", "status"],
)
def test_the_verdict_stands_first_and_is_the_ledger_s(of: Ledger, state: str, said: str) -> None:
    page = page_of(of)

    assert (page.state, of.passes) == (state, state != "fail")
    assert said in page.verdict
    assert of.against_it in page.verdict.replace("&#34;", '"')
    assert ("Passes" in page.verdict) == (state == "pass")


@pytest.mark.parametrize("of", [KILLED, EMPTY], ids=["killed", "empty"])
def test_a_session_that_judged_nothing_or_a_part_is_not_said_to_have_judged_all(of: Ledger) -> None:
    text = report_page(of, today=TODAY)

    assert "was asked for and judged once" not in text
    assert "was asked for and judged once" in report_page(PASSING, today=TODAY)


def test_every_link_leads_to_a_place_of_the_page_and_nowhere_else() -> None:
    for of in (PASSING, ALL_WAIVED, KILLED, EMPTY, FAILING):
        page = page_of(of)

        assert len(page.ids) == len(set(page.ids))
        assert {link for link in page.links if not link.startswith("#")} == {"data:,"}
        assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


@pytest.mark.parametrize("name", HARD_NAMES)
def test_a_name_is_text_on_one_line_and_reorders_nothing_beside_it(name: str) -> None:
    clean = report_page(ledger([*whole_run(), event(verdict=fails())]), today=TODAY)
    text = report_page(
        ledger([*whole_run(case=name, backend=name), event(case=name, verdict=fails(sentence=f"{name} fails."))]),
        today=TODAY,
    )

    assert text.count("<script") == clean.count("<script") == 1
    assert "\u202e" not in text
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert set(page.tags) - {"bdi"} == set(Page(clean).tags) - {"bdi"}
    shown = _shown(name)
    assert (shown if shown.isascii() else f"<bdi>{shown}</bdi>") in text


def _shown(name: str) -> str:
    from markupsafe import escape

    return str(escape(" ".join(name.split()).replace("\u202e", "\\u202e")))


def test_a_run_has_the_same_address_in_every_report() -> None:
    alone = page_of(ledger(whole_run()))
    among_others = page_of(ledger([*whole_run(case="other"), *whole_run(), event(verdict=passes(), precision="fp16")]))

    runs = [place for place in alone.ids if place.startswith("run-mlp-ort-int8")]
    assert runs
    assert set(runs) <= set(among_others.ids)
