"""The page in a real Chromium: fits a phone, asks the network for nothing, serves keyboards and screen readers."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity.report.added import Added, ReportTable
from pytest_qparity.report.html import report_page
from pytest_qparity.report.html.anchors import run_anchor
from pytest_qparity.report.html.trends import Trend
from tests.report.ledgers import HARD_NAMES, costs, event, fails, is_waived, ledger, passes, whole_run

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

PATIENCE_MS = 120_000  # for a machine with other work
LATENCIES_MS = {"fp32": 10.0, "fp16": 6.0, "int8": 2.5, "int4": None}  # int4 was not timed
ADDED = Added("Costs", ("A text.", ReportTable(("a", "b"), (("x", 1), ("y", 2)))))
DIAGNOSIS = {
    "subject": "cases/mlp.toml ort-int4",
    "findings": [{"cause": "outlier weights", "node": "/conv", "impact": 0.6, "sentence": "Far.", "remedy": "float"}],
    "layers": [
        {"node": f"/{index}", "operator": "Conv", "own": {"sqnr_db": 40.0}, "cumulative": {"sqnr_db": 30.0 - index}}
        for index in range(3)
    ],
}


def _ledger() -> Any:
    events = []
    for precision, latency_ms in LATENCIES_MS.items():
        run = {each["check"]: each for each in whole_run(precision=precision)}
        if latency_ms is None:
            del run["latency"]
            run["parity"] = event("parity", fails(), precision=precision)
        else:
            timed = costs(
                latency_ms, 32_000 / latency_ms, quantiles_ms=[latency_ms + 0.01 * k for k in range(21)], calls=200
            )
            run["latency"] = event("latency", timed, precision=precision)
        events += run.values()
    events.append(event("memory", is_waived(), backend="openvino"))  # its cell lies outside of a phone
    kernel = {"operator": "Cast", "types": "fp32 → int4", "examples": 10, "elements": 100, "worst_lsb": 0.0}
    conforms = event("cast", passes("conforms", answer="conforms", **kernel), case="math", precision="")
    more = [each for name in HARD_NAMES[::4] for each in whole_run(case=name, backend=name)]
    return ledger([*events, *more, conforms], more_planned=["cases/mlp.toml::trt-int8::parity"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    driver = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with (
        driver.sync_playwright() as play,
        play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("pygal")
    trend = Trend("mlp", "ort-int8", "sqnr_db", "dB", (("2026-11-01", 40.0), ("2026-11-02", 30.0)), ((1, True),))
    text = report_page(
        _ledger(), today=datetime.date(2027, 2, 20), diagnoses=[DIAGNOSIS], trends=[trend], sections=[ADDED]
    )
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


def _opened(browser: Any, file: Path, *, width: int = 1280, scheme: str = "light", fragment: str = "") -> Any:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(file.as_uri() + fragment)
    return page


def test_it_fits_a_phone_asks_for_nothing_and_runs_no_script_of_a_name(browser: Any, file: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))

    page.goto(file.as_uri())
    page.evaluate(_LAY_ALL_OUT)

    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("svg.chart").count() >= 4
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert said == []


def test_the_comparison_shows_all_columns_on_a_small_screen(browser: Any, tmp_path: Path) -> None:
    events = [one for precision in ("fp32", "int8-mixed") for one in whole_run(case="bert_base", precision=precision)]
    events += whole_run(case="bert_base", backend="openvino", precision="int8-mixed")
    page_file = tmp_path / "report.html"
    page_file.write_text(report_page(ledger(events)), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 800})

    page.goto(page_file.as_uri())
    page.evaluate(_LAY_ALL_OUT)

    tables = "[...document.querySelectorAll('.scroll:has(.sortable)')].map(each => each.scrollWidth - each.clientWidth)"
    assert page.evaluate(tables)
    assert not any(page.evaluate(tables))


@pytest.mark.parametrize(
    ("scheme", "options"), [("light", None), ("dark", {"runOnly": ["color-contrast"]})], ids=["light", "dark"]
)
def test_axe_finds_nothing(browser: Any, file: Path, scheme: str, options: dict[str, Any] | None) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = _opened(browser, file, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.evaluate(_LAY_ALL_OUT)

    answer = axe.run(page, options=options).response

    assert answer["passes"]  # it looked
    assert [(each["id"], each["impact"], each["nodes"][0]["html"]) for each in answer["violations"]] == []


def test_a_heading_sorts_by_numbers_with_a_key_and_what_was_not_measured_stands_last(browser: Any, file: Path) -> None:
    page = _opened(browser, file)
    table = page.locator("table.sortable", has_text="samples/s").first
    button = table.get_by_role("button", name="latency ms")

    orders = []
    for _ in range(2):
        button.focus()
        page.keyboard.press("Enter")
        orders.append(
            (table.locator("th[aria-sort]").get_attribute("aria-sort"), table.locator("tbody th").all_inner_texts())
        )

    timed = ["ort-int8", "ort-fp16", "ort-fp32"]
    assert [(way, order[:3]) for way, order in orders] == [("ascending", timed), ("descending", timed[::-1])]
    assert {frozenset(order[3:]) for _, order in orders} == {frozenset({"ort-int4", "openvino-int8", "trt-int8"})}


def test_links_lead_to_runs_also_from_outside(browser: Any, file: Path) -> None:
    page = _opened(browser, file, fragment=f"#{run_anchor('mlp', 'ort-int4')}")

    assert page.locator(f"#{run_anchor('mlp', 'ort-int4')}").evaluate(_IS_SEEN)
    links = page.locator("section.case").first.locator("td.cell a, th a")
    for index in range(links.count()):
        links.nth(index).click()
        place = page.evaluate("location.hash")
        assert page.locator(place).evaluate(_IS_SEEN), place


_LAY_ALL_OUT = """
document.querySelectorAll('.case, .run, .case > .scroll').forEach(each => each.style.contentVisibility = 'visible')
"""

_IS_SEEN = """element => {
  const { top, bottom, height } = element.getBoundingClientRect();
  return height > 0 && top < innerHeight && bottom > 0;
}"""


def test_the_first_screen_of_a_phone_says_verdict_counts_and_what_is_worst(browser: Any, tmp_path: Path) -> None:
    as_float = event("preflight", passes("0/9", kernel_counts=_AS_FLOAT, kernels="0/9 Conv int8"))
    failing = [as_float, event("parity", fails(sentence="It is far off.")), *whole_run(precision="fp16")]
    more = [each for index in range(8) for each in whole_run(case=f"another_model_{index}")]
    page_file = tmp_path / "report.html"
    page_file.write_text(report_page(ledger([*more, *failing])), encoding="utf-8")
    page = browser.new_page(viewport={"width": 390, "height": 844})

    page.goto(page_file.as_uri())

    ends = [
        _place(page.get_by_text(said).first)[1] for said in ("Does not pass", "46 pass, 1 accuracy-fail", "far off")
    ]
    assert ends == sorted(ends)
    assert ends[-1] < 844
    assert _place(page.get_by_text("As float:"))[0] > ends[-1]


_AS_FLOAT = {"Conv": {"quantized": 0, "weights_only": 0, "fell_back": 9, "left_float": 0, "otherwise": 0}}


def _place(locator: Any) -> tuple[float, float]:
    """Top and bottom, from the top of the screen."""
    box = locator.bounding_box()
    return box["y"], box["y"] + box["height"]


def test_on_a_phone_a_row_of_the_grid_begins_with_its_worst_check_however_far_it_is_scrolled(
    browser: Any, tmp_path: Path
) -> None:
    page_file = tmp_path / "report.html"
    events = [*whole_run()[:-1], event("memory", is_waived()), *whole_run(precision="fp16")]
    page_file.write_text(report_page(ledger(events)), encoding="utf-8")
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(page_file.as_uri())
    grid, mark = page.locator("table.grid"), page.locator("table.grid th .mark")
    grid.evaluate("element => element.scrollIntoView()")

    places = [mark.bounding_box()["x"]]
    grid.evaluate("element => element.parentElement.scrollLeft = 1000")
    places.append(mark.bounding_box()["x"])

    assert grid.evaluate("element => element.parentElement.scrollLeft") > 0
    assert all(0 <= place < 100 for place in places)
    assert mark.all_text_contents() == ["wwaived"]  # the letter that is seen, the word that is read out
    mark.click()
    assert page.locator(page.evaluate("location.hash")).evaluate(_IS_SEEN)


def test_print_has_room_to_sign_and_no_navigation(browser: Any, file: Path) -> None:
    page = _opened(browser, file, scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 720, "height": 1000})  # A4 within its margins

    assert page.locator(".signature").is_visible()
    assert not page.locator("nav").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") in (
        "rgb(255, 255, 255)",
        "rgba(0, 0, 0, 0)",
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 720
    assert page.pdf().startswith(b"%PDF")
