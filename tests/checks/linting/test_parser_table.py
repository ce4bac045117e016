"""The parser's tables: made by the script from the page's form, complete, and of known releases."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest

from pytest_qparity.checks.linting.rules import operator_table
from pytest_qparity.checks.linting.rules.operator_table import TYPES, parser_table
from pytest_qparity.checks.linting.rules.restrictions import RESTRICTIONS
from pytest_qparity.checks.linting.rules.unlisted_options import UNREAD
from tests.checks.linting.make_parser_table import parser_table as made_from

TABLES = Path(operator_table.__file__).parent / "tables"
# Rows of the pages of both releases whose column Restrictions says something.
RESTRICTED = """
Attention AveragePool Constant CumSum DeformConv DequantizeLinear Dropout EyeLike GRU GridSample Hardmax If LSTM
LayerNormalization Loop LpPool MaxPool OneHot QuantizeLinear RNN RandomNormal RandomNormalLike RandomUniform
RandomUniformLike ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
ReduceSum ReduceSumSquare Resize RotaryEmbedding STFT ScatterND Squeeze TensorScatter TopK Unsqueeze
"""
ELSEWHERE = {"DequantizeLinear", "QuantizeLinear", "RotaryEmbedding"}  # rules of their own, and onnx.checker
UNCHECKED = {"Loop"}
OF_RELEASES = {"trt10": "10.16", "trt11": "11.1"}


def page(rows: str, more: int = 150) -> str:
    filler = "".join(f"| Filler{index} | Y | FP32 |\n" for index in range(more))
    header = "TensorRT 10.16 supports operators in the inclusive range of opset 9 to opset 24. More is said.\n\n"
    return f"{header}| Operator | Supported | Supported Types | Restrictions |\n|---|---|---|---|\n{rows}{filler}"


def test_the_script_reads_the_page_as_it_is_written() -> None:
    rows = (
        "| Abs                       | Y          | FP32, FP16, INT32 |\n"
        "| Selu                      | Y          | FP32, FP16, BF16, |\n"
        "| Det                       | N          |\n"
        "| NonMaxSuppression         | Y [EXPERIMENTAL] | FP32 | `a` | \n"
        "| Xor                       | Y          | BOOL\n"
    )

    table = made_from(page(rows), "c0ffee")

    assert (table["release"], table["opsets"]) == ("10.16", [9, 24])
    assert table["source"].endswith("/blob/c0ffee/docs/operators.md")
    operators = {name: types for name, types in table["operators"].items() if not name.startswith("Filler")}
    assert operators == {
        "Abs": ["FP32", "FP16", "INT32"],
        "Det": None,
        "NonMaxSuppression": ["FP32"],
        "Selu": ["FP32", "FP16", "BF16"],
        "Xor": ["BOOL"],
    }


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("no page", id="another page"),
        pytest.param(page("", more=3), id="cut short"),
        pytest.param(page("| Abs | Y | FP32 |\n| Abs | Y | FP32 |\n"), id="twice"),
        pytest.param(page("| Abs | Y |\n"), id="without types"),
    ],
)
def test_a_page_of_another_form_makes_no_table(text: str) -> None:
    with pytest.raises(ValueError, match="should be"):
        made_from(text, "c0ffee")


@pytest.mark.parametrize("name", OF_RELEASES)
def test_a_table_is_of_its_release_and_names_its_commit(name: str) -> None:
    table = parser_table(name)

    assert table.release == OF_RELEASES[name]
    commit = table.source.split("/blob/")[1].split("/")[0]
    assert len(commit) == 40
    assert commit in (TABLES / "NOTICE.md").read_text(encoding="utf-8")
    assert json.loads((TABLES / f"{name}.json").read_text(encoding="utf-8"))["license"] == "Apache-2.0"


@pytest.mark.parametrize("name", OF_RELEASES)
def test_a_table_speaks_of_onnxs_operators_in_words_that_are_known(name: str) -> None:
    table = parser_table(name)
    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history() if schema.domain == ""}
    words = {word for types in table.operators.values() if types for word in types}

    experimental = {"ImageScaler", "ParametricSoftplus", "ScaledTanh"}  # of ONNX before 1.5
    assert set(table.operators) - known <= experimental
    assert words <= set(TYPES.values())
    assert len(table.operators) >= 200
    assert sum(types is None for types in table.operators.values()) >= 40


def test_what_a_row_restricts_is_looked_at_or_said_to_be_unchecked() -> None:
    looked_at = {*RESTRICTIONS, *UNREAD, *ELSEWHERE}
    page = (Path(__file__).parents[3] / "docs" / "lint.md").read_text(encoding="utf-8")
    paragraph = page.split("### TRT-OP-004")[1].split("### ")[0]
    checked, unchecked = paragraph.split("Not checked")

    assert set(RESTRICTED.split()) - looked_at == UNCHECKED
    assert looked_at - set(RESTRICTED.split()) == {"BatchNormalization"}
    for operator in set(RESTRICTED.split()) - set(UNREAD):
        name = "Reduce…" if operator.startswith("Reduce") else operator
        assert name in (unchecked if operator in UNCHECKED else checked)
