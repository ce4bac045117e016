"""Each fragment that docs/tensorrt.md shows stands in a case file as it is; each link of it leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_qparity import load_case
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.precision.contradictions import contradictions
from pytest_qparity.precision.table import base_of

PAGE = Path(__file__).parent.parent.parent / "docs" / "tensorrt.md"
TEXT = PAGE.read_text(encoding="utf-8")
FRAGMENTS = re.findall(r"^```toml\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
DATA = '[data]\ntest = "data/test.npz"\ncalibration = "data/calibration.npz"\n'


def case_file(folder: Path, fragment: str) -> Path:
    """The fragment in a case that has what is required besides; the files that it names are there."""
    text = 'model = "models/model.onnx"\ntask = "image-classification"\n'
    text += "" if "[data]" in fragment else DATA
    text += "" if "[precisions." in fragment else "[precisions.int8]\n"
    named = re.findall(r'^(?:file|ranges|test|calibration) = "([^"]+\.\w+)"', text + fragment, flags=re.MULTILINE)
    for name in ("models/model.onnx", *named):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    path = folder / "case.toml"
    path.write_text(text + fragment, encoding="utf-8")
    return path


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda text: text.strip().splitlines()[0])
def test_a_fragment_is_part_of_a_case(fragment: str, tmp_path: Path) -> None:
    case = load_case(case_file(tmp_path, fragment))

    for name, spec in case.spec.precisions.items():
        base = base_of(name, spec.base)
        assert base is not None
        assert list(contradictions(base, spec)) == []


def test_a_fragment_with_a_misspelt_key_would_be_noticed(tmp_path: Path) -> None:
    from pytest_qparity.case.loading import CaseError

    with pytest.raises(CaseError, match="keep_floats"):
        load_case(case_file(tmp_path, '[precisions.int8]\nkeep_floats = ["a"]\n'))

    assert list(contradictions("fp16", PrecisionSpec(target="trt")))


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_of_the_page_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        name, _, anchor = target.partition("#")
        page = (PAGE.parent / name) if name else PAGE
        assert page.exists(), target
        assert not anchor or anchor in anchors(page), target


def test_every_row_of_the_table_that_has_a_place_has_a_section() -> None:
    rows = re.findall(r"^\| .+ \| .* \| .*\(#([\w-]+)\).* \|$", TEXT, flags=re.MULTILINE)

    assert len(rows) >= 12
    assert set(rows) <= anchors(PAGE)


def test_the_page_says_with_a_date_that_nothing_ran_on_a_gpu() -> None:
    """Whoever has run it changes the table, its date and this test."""
    assert "As of 26 November 2026" in TEXT
    assert "| TensorRT, any version: parsing, building, running | **no** |" in TEXT
    assert "| `ort-cuda`, `ort-tensorrt`: a single node on a GPU | **no** |" in TEXT
