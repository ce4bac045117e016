"""What makes another search of a search: all that decides upon verdicts, and nothing that does not."""

from __future__ import annotations

import contextlib

import pytest

from pytest_qparity.rescue.identity import search_digest
from tests.rescue.projects import CASE, opened, write_project

OWN_METRIC = '[accuracy]\nmetric = "scoring:score"\n'
SOURCE = "def score(outputs, labels):\n    return {}\n"


def digest(file, case):
    file.write_text(case)
    material, run, _ = opened(file, "int8")
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


def test_a_budget_that_the_answer_alone_is_held_against_is_the_same_search(project):
    file, before = project

    assert digest(file, CASE + "[budgets.ort.int8]\nsize_mb = 4.0\n") == before
