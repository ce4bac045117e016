from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pytest_qparity.case import schema
from pytest_qparity.case.json_schema import case_schema, case_schema_text

DOCS = Path(__file__).parents[2] / "docs"


TABLES = {
    "data",
    "precisions",
    "parity",
    "accuracy",
    "invariance",
    "latency",
    "budgets",
    "backends",
    "resources",
    "limits",
    "waivers",
    "regression",
}
TABLES |= {"conformance", "image", "text", "audio"}  # the latter of [data]
BESIDE = {key: {"load_ms": 250.0} for key in ("hardware", "portable")}  # what a key says something of


def tables() -> list[type[schema.Table]]:
    return [schema.CaseSpec, *(each for each in schema.Table.__subclasses__() if each is not schema.CaseSpec)]


def test_the_committed_schema_is_the_one_that_the_types_give() -> None:
    # As values: pydantic before 2.14 writes 0.0 for 0.
    assert json.loads((DOCS / "case.schema.json").read_text()) == json.loads(case_schema_text())


def test_the_module_prints_the_schema() -> None:
    done = subprocess.run([sys.executable, "-m", "pytest_qparity.case.json_schema"], capture_output=True, text=True)

    assert json.loads(done.stdout) == case_schema()


def test_the_schema_says_nothing_that_toml_cannot_and_closes_every_table() -> None:
    def objects(part: Any) -> list[dict[str, Any]]:
        inside = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
        return [found for each in inside for found in objects(each)] + ([part] if isinstance(part, dict) else [])

    found = objects(case_schema())

    assert {"type": "null"} not in found
    assert len([each for each in found if each.get("type") == "object"]) > 10
    assert all(each["additionalProperties"] is not True for each in found if each.get("type") == "object")
    assert all(each["additionalProperties"] is False for each in found if "properties" in each and "type" in each)


def test_every_key_has_a_description_and_an_example_that_is_right() -> None:
    for table in tables():
        for key, field in table.model_fields.items():
            assert field.description, key
            if key in TABLES:
                continue  # their keys have the examples
            assert field.examples, key
            start = table.model_construct(**BESIDE.get(key, {}))
            table.__pydantic_validator__.validate_assignment(start, key, field.examples[0])


def test_the_reference_names_every_key_of_every_table() -> None:
    text = (DOCS / "case-file.md").read_text()

    for table in tables():
        for key in table.model_fields:
            assert f"`{key}`" in text, f"{table.__name__}.{key}"
