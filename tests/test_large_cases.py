"""The cases of full size, which no job of every commit runs: they plan, with small goldens, and stand apart."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_qparity import gate, load_case

LARGE = Path(__file__).parent.parent / "cases" / "large"
CASE_FILES = sorted(LARGE.glob("*.toml"))


@pytest.mark.parametrize("path", CASE_FILES, ids=lambda path: path.stem)
def test_a_large_case_plans_and_its_golden_is_of_a_size_for_git(path: Path) -> None:
    runs = gate.plan(load_case(path), gate.default_settings(LARGE), ["ort", "openvino"])

    assert {run.id for run in runs} >= {"ort-fp32", "ort-int8", "openvino-fp32", "openvino-int8"}
    folder = LARGE / "golden" / path.stem
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["samples"] > 0
    assert sum(file.stat().st_size for file in folder.iterdir()) < 200_000


def test_the_main_job_does_not_collect_them() -> None:
    main = {path.name for path in LARGE.parent.glob("*.toml")}

    assert CASE_FILES
    assert not main & {path.name for path in CASE_FILES}


@pytest.mark.parametrize("name", ["resnet50", "bert_base"])
def test_the_line_for_trained_weights_is_a_model_once_it_is_no_comment(name: str, tmp_path: Path) -> None:
    text = (LARGE / f"{name}.toml").read_text()
    assert "SEEDED WEIGHTS" in text
    [trained] = re.findall(r"^# (model = \{ url = .*\})$", text, flags=re.MULTILINE)
    case_file = tmp_path / f"{name}.toml"
    case_file.write_text(re.sub(r"^model = .*$", lambda _: trained, text, flags=re.MULTILINE))
    (tmp_path / "seeded.py").write_text((LARGE / "seeded.py").read_text())

    load_case(case_file)
