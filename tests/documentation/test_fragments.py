"""Each fragment of a case file that a page shows stands in a case as it is."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity import load_case
from pytest_qparity.case.contributed import Contributed, contributed_by
from pytest_qparity.precision.contradictions import contradictions
from pytest_qparity.precision.table import base_of
from tests.documentation.test_executed import python_of

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("accuracy", "article", "extending", "index", "parity", "preflight", "recipes", "zh")
_BLOCK = re.compile(r"^( *)```toml\n(.*?)^\1```", flags=re.MULTILINE | re.DOTALL)
DATA = '\n[data]\ntest = "data/test.npz"\ncalibration = "data/calibration.npz"\n'


def fragments() -> list[object]:
    return [
        pytest.param(textwrap.dedent(found[2]), id=f"{page}-{number}")
        for page in PAGES
        for number, found in enumerate(_BLOCK.finditer((DOCS / f"{page}.md").read_text(encoding="utf-8")))
        if not found[2].startswith("# pyproject.toml")
    ]


def case_file(folder: Path, fragment: str) -> Path:
    """The fragment in a case that has what is required besides; what it names is there."""
    text = "" if re.search(r"^model\s*=", fragment, re.MULTILINE) else 'model = "models/my_model.onnx"\n'
    text += "" if re.search(r"^task\s*=", fragment, re.MULTILINE) else 'task = "image-classification"\n'
    text += fragment
    text += "" if "[data]" in fragment else DATA
    for budgeted in re.findall(
        r"^\[(?:budgets\.\w+|parity)\.([\w-]+)\]|^run = \"\w+-([\w-]+)\"", fragment, re.MULTILINE
    ):
        name = "".join(budgeted)
        text += "" if f"[precisions.{name}]" in fragment else f"\n[precisions.{name}]\n"
    text += "" if "[precisions." in text else "\n[precisions.int8]\n"
    for name in re.findall(r'= "((?:models|data)/[^"]+)"', text):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "samples.py").write_text("def validation(): ...\n")
    (folder / "acme_tools.py").write_text("def samples(name): ...\ndef quantize(model, output, calibration): ...\n")
    (folder / "scoring.py").write_text("def squared_margin(outputs, labels): ...\n")
    path = folder / "case.toml"
    path.write_text(text, encoding="utf-8")
    return path


def contributed() -> Contributed:
    """What the plugin of the page on extending names."""
    (plugin,) = [code for name, code in python_of("extending") if name == "qparity_acme.py"]
    hooks: dict[str, Any] = {}
    exec(plugin, hooks)
    return contributed_by(hooks["pytest_qparity_precisions"](), hooks["pytest_qparity_data"]())


@pytest.mark.parametrize("fragment", fragments())
def test_a_fragment_is_part_of_a_case(fragment: str, tmp_path: Path) -> None:
    case = load_case(case_file(tmp_path, fragment), contributed=contributed())

    for name, spec in case.spec.precisions.items():
        base = base_of(name, spec.base)
        assert base is not None
        assert list(contradictions(base, spec)) == []
