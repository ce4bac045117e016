"""Budgets of a case: what a run may cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from pytest_qparity.case.fields import OUR_ERROR, Name, Positive, Table
from pytest_qparity.case.names import known_list


class Budget(Table):
    """What a run may cost; at least one key."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    speedup_over: Annotated[dict[Name, Positive], Field(min_length=1)] | None = Field(
        default=None,
        description="For each precision named, how many times faster than it, at least.",
        examples=[{"fp32": 2.0}],
    )
    memory_mb: Positive | None = Field(
        default=None, description="Peak memory over the idle engine in MB, at most.", examples=[64]
    )
    size_mb: Positive | None = Field(
        default=None, description="Size of the variant's file and its external data in MB, at most.", examples=[12.5]
    )

    @model_validator(mode="after")
    def _promises_something(self) -> Budget:
        if not self.model_fields_set:
            should = f"a table with at least one of: {known_list(type(self).model_fields)}"
            raise PydanticCustomError(OUR_ERROR, should, {"remedy": "for example memory_mb = 64"})
        return self
