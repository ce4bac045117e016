"""What is wrong with a case file: pydantic's findings as sentences of ours, "got X, should be Y"."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, time
from typing import TYPE_CHECKING, Any

from pytest_qparity.case import fields, schema
from pytest_qparity.case.backend_options import BackendOptions
from pytest_qparity.case.budget_spec import Budget, Ratios
from pytest_qparity.case.data_spec import AudioSpec, DataSpec, ImageSpec, TextSpec
from pytest_qparity.case.invariance_spec import InvarianceSpec, PaddingSpec
from pytest_qparity.case.latency_spec import LatencySpec
from pytest_qparity.case.metric_spec import METRIC_PATTERN, MetricSpec
from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.case.regression_spec import RegressionSpec
from pytest_qparity.case.resources_spec import ResourcesSpec
from pytest_qparity.verdict import Code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails

    from pytest_qparity.case.location import Location

_LONGEST_SHOWN = 60
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_KEY = "[key]"  # pydantic's mark for "the key itself, not its value"

_TABLES: Mapping[tuple[str, ...], type[fields.Table]] = {
    ("model",): schema.UrlModel,
    ("data",): DataSpec,
    ("data", "image"): ImageSpec,
    ("data", "text"): TextSpec,
    ("data", "audio"): AudioSpec,
    ("precisions", "*"): PrecisionSpec,
    ("parity", "*"): schema.ParityLimits,
    ("accuracy",): schema.AccuracySpec,
    ("invariance",): InvarianceSpec,
    ("invariance", "padding"): PaddingSpec,
    ("accuracy", "metric"): MetricSpec,
    ("latency",): LatencySpec,
    ("budgets", "*", "*"): Budget,
    ("budgets", "*", "*", "ratio_to", "*"): Ratios,
    ("backends", "*"): BackendOptions,
    ("regression",): RegressionSpec,
    ("resources", "*"): ResourcesSpec,
    ("limits",): schema.LimitsSpec,
    ("waivers", "*"): schema.WaiverSpec,
    ("conformance",): schema.ConformanceTable,
}

_HEADERS = {
    "data": "[data]",
    "precisions": "[precisions.int8]",
    "parity": "[parity.int8]",
    "accuracy": "[accuracy]",
    "invariance": "[invariance]",
    "latency": "[latency]",
    "budgets": "[budgets.ort.int8]",
    "regression": "[regression]",
    "backends": "[backends.trt]",
    "resources": "[resources.trt]",
    "limits": "[limits]",
    "waivers": "[[waivers]]",
    "conformance": "[conformance]",
}

_SHOULD_BE = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "date_type": "a date without quotes",
    "tuple_type": "a list in square brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "finite_number": "a finite number",
    "too_short": "something that is not empty",
    "string_too_short": "something that is not empty",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
}

_PATTERNS = {
    fields.NAME_PATTERN: 'a name of letters, digits, "_", "." and "-" that starts with a letter or digit',
    METRIC_PATTERN: 'a name such as "top1", or "module:function"',
    fields.URL_PATTERN: "an http or https address",
    fields.SHA256_PATTERN: "64 lower-case hex digits",
    fields.CODE_PATTERN: "a failure code such as QP-BACKEND-001",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, at a location of the document; its line is looked up when it is reported."""

    code: Code
    location: Location
    sentence: str
    remedy: str


def findings(errors: Sequence[ErrorDetails], root: type[fields.Table]) -> list[Finding]:
    """Each of pydantic's errors about a document of kind `root`, but for a missing key where its misspelling has been
    found in the same table, and a list that is too short because of an item that is wrong."""
    items = {error["loc"][:-1] for error in errors if error["loc"] and isinstance(error["loc"][-1], int)}
    errors = [error for error in errors if error["type"] != "too_short" or error["loc"] not in items]
    located = [(error, _tables_of(error["loc"], root)) for error in errors]
    misspelt: set[Location] = set()
    found: list[Finding] = []
    for error, (location, table) in located:
        if error["type"] == "extra_forbidden":
            near = nearest(str(location[-1]), table.model_fields)
            if near is not None:
                misspelt.add((*location[:-1], near))
            found.append(_unknown_key(location, table, near))
    for error, (location, table) in located:
        if error["type"] == "missing" and location not in misspelt:
            found.append(_missing_key(location, table))
        elif error["type"] not in {"missing", "extra_forbidden"}:
            found.append(_wrong_value(error, location, table))
    return found


def table_name(location: Location) -> str:
    """`[parity.int8]`, `[[waivers]] 2`, `the case file`."""
    if not location:
        return "the case file"
    if isinstance(location[-1], int):
        return f"[[{_dotted(location[:-1])}]] {location[-1] + 1}"
    return f"[{_dotted(location)}]"


def place(location: Location) -> str:
    """`sqnr_db in [parity.int8]`, `item 2 of keep_float in [precisions.int8]`, `task`."""
    *table, last = location
    if isinstance(last, int):
        return f"item {last + 1} of {place(tuple(table))}"
    return f"{_dotted((last,))} in {table_name(tuple(table))}" if table else _dotted((last,))


def shown(value: object) -> str:
    """A value as it stands in TOML, shortened."""
    if isinstance(value, str):
        quoted = json.dumps(value, ensure_ascii=False)
        return quoted if len(quoted) <= _LONGEST_SHOWN else f'{quoted[:_LONGEST_SHOWN]}…"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, dict | list | tuple):
        return f"{'a' if value else 'an empty'} {'table' if isinstance(value, dict) else 'list'}"
    if isinstance(value, int) and abs(value) >= 10**_LONGEST_SHOWN:
        return f"a whole number of more than {_LONGEST_SHOWN} digits"
    return str(value)


def uncapitalized(sentence: str) -> str:
    """A sentence as it goes on after a colon."""
    return sentence[:1].lower() + sentence[1:]


def _tables_of(location: Location, root: type[fields.Table]) -> tuple[Location, type[fields.Table]]:
    """The location without pydantic's marks, and the table that its last key belongs to."""
    table: type[fields.Table] | None = schema.BuiltModel if "<BuiltModel>" in location else None
    plain = tuple(part for part in location if part != _KEY and not (isinstance(part, str) and part.startswith("<")))
    names = [key for key in _TABLES if len(key) < len(plain) and _fits(key, plain)]
    return plain, table or (_TABLES[max(names, key=len)] if names else root)


def _fits(pattern: tuple[str, ...], location: Location) -> bool:
    return all(part in ("*", name) for part, name in zip(pattern, location, strict=False))


def _unknown_key(location: Location, table: type[fields.Table], near: str | None) -> Finding:
    key = str(location[-1])
    if near is not None:
        remedy = f'write "{near}"'
    elif table is not schema.CaseSpec and key in schema.CaseSpec.model_fields:
        remedy = f'move "{key}" above the first table: below [{location[0]}] it belongs to that table'
    else:
        remedy = "remove it"
    sentence = (
        f"Unknown key {shown(key)} in {table_name(location[:-1])}, should be one of: {known_list(table.model_fields)}."
    )
    return Finding(Code.CASE_UNKNOWN_KEY, location, sentence, remedy)


def _missing_key(location: Location, table: type[fields.Table]) -> Finding:
    key = str(location[-1])
    sentence = f"Got no {key} in {table_name(location[:-1])}, should be there. {table.model_fields[key].description}"
    return Finding(Code.CASE_VALUE, location, sentence, f"add {_example(location, table)}")


def _wrong_value(error: ErrorDetails, location: Location, table: type[fields.Table]) -> Finding:
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    known: list[str] = []
    if kind == fields.OUR_ERROR:
        should = error["msg"]
    elif kind == "literal_error":
        known = re.findall(r"'([^']*)'", context["expected"])
        should = f"one of: {known_list(known)}" if len(known) > 1 else f'"{known[0]}"'
    elif kind == "string_pattern_mismatch":
        should = _PATTERNS[context["pattern"]]
    else:
        should = _SHOULD_BE.get(kind, "a value that this key takes").format(**context)
    near = nearest(value, known) if isinstance(value, str) else None
    if error["loc"][-1] == _KEY:
        return Finding(Code.CASE_VALUE, location, f"Got the key {place(location)}, should be {should}.", "rename it")
    if near is not None:
        remedy = f'write "{near}"'
    elif "remedy" in context:
        remedy = context["remedy"]
    else:
        remedy = f"for example {_example(location, table)}"
    subject = table_name(location) if isinstance(value, dict) else place(location)
    return Finding(Code.CASE_VALUE, location, f"{subject}: got {shown(value)}, should be {should}.", remedy)


def _example(location: Location, table: type[fields.Table]) -> str:
    """A line, or a table's header, that would be right at this location."""
    for key in reversed([part for part in location if isinstance(part, str)]):
        if key in table.model_fields and (examples := table.model_fields[key].examples):
            return f"{key} = {_toml(examples[0])}"
        if key in _HEADERS:
            return _HEADERS[key]
    return table_name(location)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return shown(value)


def _dotted(location: Sequence[str | int]) -> str:
    return ".".join(str(part) if _BARE.fullmatch(str(part)) else shown(str(part)) for part in location)
