"""The JSON schema of case files, for editors; `python -m pytest_qparity.case.json_schema` prints it."""

from __future__ import annotations

import json
from typing import Any

from pytest_qparity.case.schema import CaseSpec, ConformanceSpec


def case_schema() -> dict[str, Any]:
    """Of both kinds of case files: a model, or kernels."""
    kinds = [_for_toml(kind.model_json_schema()) for kind in (CaseSpec, ConformanceSpec)]
    tables = {name: table for kind in kinds for name, table in kind.pop("$defs").items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pytest-qparity case file",
        "anyOf": kinds,
        "$defs": tables,
    }


def case_schema_text() -> str:
    """The content of docs/case.schema.json."""
    return json.dumps(case_schema(), indent=2, ensure_ascii=False) + "\n"


def _for_toml(schema: Any) -> Any:
    """pydantic's schema without what TOML cannot say (null), without generated titles, and closed to other keys."""
    if isinstance(schema, list):
        return [_for_toml(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _for_toml(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    if {"type": "null"} in plain.get("anyOf", []):
        allowed = [each for each in plain.pop("anyOf") if each != {"type": "null"}]
        plain = {**(allowed[0] if len(allowed) == 1 else {"anyOf": allowed}), **plain}
    if plain.get("default", ...) is None:
        del plain["default"]
    if "patternProperties" in plain:
        plain["additionalProperties"] = False
    return plain


if __name__ == "__main__":
    print(case_schema_text(), end="")
