"""What makes another search of a search: all that decides upon verdicts, and nothing that does not."""

from __future__ import annotations

import contextlib

import onnx
import pytest

from pytest_qparity.gate import CaseMaterial
from pytest_qparity.rescue.identity import search_digest
from tests.rescue.projects import CASE, opened, write_project

OWN_METRIC = '[accuracy]\nmetric = "scoring:score"\n'
SOURCE = "def score(outputs, labels):\n    return {}\n"


def digest(file, case, precision="int8"):
    file.write_text(case)
    material, run, _ = opened(file, precision)
    with contextlib.closing(material):
        return search_digest(material, run)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    file = write_project(tmp_path_factory.mktemp("identity"))
    (file.parent / "scoring.py").write_text(SOURCE.format(1))
    return file, digest(file, CASE)


@pytest.mark.parametrize(
    "changed",
    [
        CASE.replace("[data]", "[data]\npopulation = false"),
        CASE.replace("[data]", 'task = "text-classification"\n[data]'),
        CASE.replace("[data]", '[data]\noverlap = "allowed"'),
        CASE + "[regression]\nmargin = 0.5\n",
        CASE + "[invariance]\norder = true\n",
        CASE + "[parity.int8]\nsqnr_db = 21.0\n",
        CASE + OWN_METRIC,
    ],
)
def test_what_decides_upon_verdicts_is_another_search(project, changed):
    file, before = project

    assert digest(file, changed) != before


def test_another_source_of_the_metric_is_another_search(project):
    file, _ = project
    before = digest(file, CASE + OWN_METRIC)

    assert digest(file, CASE + OWN_METRIC) == before
    (file.parent / "scoring.py").write_text(SOURCE.format(2))
    assert digest(file, CASE + OWN_METRIC) != before


def test_another_source_of_what_the_metric_imports_is_another_search(project, tmp_path, monkeypatch):
    file, _ = project
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "rules_of_metric.py").write_text("")
    (file.parent / "scoring.py").write_text("def score(outputs, labels):\n    import rules_of_metric\n")
    before = digest(file, CASE + OWN_METRIC)

    (tmp_path / "rules_of_metric.py").write_text("stricter = True\n")

    assert digest(file, CASE + OWN_METRIC) != before


def test_other_ranges_in_the_file_that_a_case_names_are_another_search(project):
    file, _ = project
    case = CASE.replace('target = "ort"', 'target = "ort"\nranges = "ranges.json"')
    ranges = file.parent / "ranges.json"
    ranges.write_text('{"input": [-1.0, 1.0]}')
    before = digest(file, case)

    assert digest(file, case) == before
    ranges.write_text('{"input": [-2.0, 2.0]}')
    assert digest(file, case) != before


def test_other_weights_beside_a_given_file_are_another_search(project):
    file, _ = project
    case = CASE.replace("stock.onnx", "apart.onnx")
    model = onnx.load(file.parent / "stock.onnx")
    onnx.save(model, file.parent / "apart.onnx", save_as_external_data=True, location="apart.data", size_threshold=0)
    before = digest(file, case, "int8-stock")

    assert digest(file, case, "int8-stock") == before
    data = file.parent / "apart.data"
    data.write_bytes(bytes([data.read_bytes()[0] ^ 1]) + data.read_bytes()[1:])
    assert digest(file, case, "int8-stock") != before


def test_another_golden_is_another_search(project):
    file, _ = project
    material, run, settings = opened(file, "int8")
    with contextlib.closing(material):
        before = search_digest(material, run)
    note = settings.golden_root / "masked" / "note"
    note.write_text("")
    with contextlib.closing(CaseMaterial(material.case, settings, "cases/masked.toml")) as fresh:
        after = search_digest(fresh, run)
    note.unlink()

    assert after != before


def test_a_budget_that_the_answer_alone_is_held_against_is_the_same_search(project):
    file, before = project

    assert digest(file, CASE + "[budgets.ort.int8]\nsize_mb = 4.0\n") == before
