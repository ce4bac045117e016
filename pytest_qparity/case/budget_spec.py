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
    latency_ms: Positive | None = Field(
        default=None, description="Median milliseconds of a call of `batch` samples, at most.", examples=[4.2]
    )
    p90_ms: Positive | None = Field(
        default=None, description="Milliseconds that 90 % of the calls take, at most.", examples=[5.0]
    )
    p99_ms: Positive | None = Field(
        default=None, description="Milliseconds that 99 % of the calls take, at most; needs 662 calls.", examples=[8.0]
    )
    samples_per_s: Positive | None = Field(
        default=None,
        description="Samples a second, at the best batch that is timed, at least.",
        examples=[240],
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
