"""What the tables of a case file share: the types of their values, and what those must be."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from pytest_qparity.case.names import nearest
from pytest_qparity.case.patterns import is_closed
from pytest_qparity.verdict import Code

OUR_ERROR = "qparity"  # the type of validation errors whose text is already what a value should be

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
URL_PATTERN = r"^https?://"
SHA256_PATTERN = r"^[0-9a-f]{64}$"
CODE_PATTERN = r"^QP-[A-Z]+-\d{3}$"

# Without these nothing has been judged at all.
NEVER_WAIVED = ("QP-CASE-", "QP-DATA-", "QP-CAL-", "QP-GOLDEN-", "QP-CANARY-", "QP-USE-")
SEEN_IN_A_FILE = ("QP-PRE-", "QP-PAR-", "QP-ACC-", "QP-INV-")  # what the checks that canaries get say of a file


def _closed_glob(pattern: str) -> str:
    if not is_closed(pattern):
        should = 'a glob in which each "[" has its "]" (bad glob)'
        raise PydanticCustomError(OUR_ERROR, should, {"remedy": 'close it; a "[" that stands for itself is "[[]"'})
    return pattern


def _waivable(code: str) -> str:
    if code.startswith(NEVER_WAIVED):
        should = (
            "a code that may be waived: where case, data, calibration, golden or canary is wrong, nothing was judged"
        )
        raise PydanticCustomError(OUR_ERROR, should, {"remedy": "remove it, and mend what the code is about"})
    return _known(code)


def _of_a_file(code: str) -> str:
    if not code.startswith(SEEN_IN_A_FILE):
        should = "a code of preflight, parity, accuracy or invariance: any other says nothing of the file"
        raise PydanticCustomError(OUR_ERROR, should, {"remedy": "name what the checks must say of this file"})
    return _known(code)


def _known(code: str) -> str:
    known = [each.code for each in Code]
    if code not in known:
        near = nearest(code, known)
        remedy = f'write "{near}"' if near is not None else "take it from the failure it is for"
        raise PydanticCustomError(OUR_ERROR, "a failure code (docs/failures.md)", {"remedy": remedy})
    return code


def _says_something(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError(OUR_ERROR, "text that says something")
    return text


Text = Annotated[str, AfterValidator(_says_something), Field(min_length=1)]
Glob = Annotated[str, AfterValidator(_closed_glob), Field(min_length=1)]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
WaivableCode = Annotated[str, Field(pattern=CODE_PATTERN), AfterValidator(_waivable)]
FileCode = Annotated[str, Field(pattern=CODE_PATTERN), AfterValidator(_of_a_file)]
Positive = Annotated[float, Field(gt=0)]


class Table(BaseModel):
    """What all tables of a case file share: no unknown keys, no conversions, no NaN or infinity, no changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
