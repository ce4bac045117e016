"""The [latency] table: what is timed beside the case's own batch, and beside what."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pytest_qparity.case.fields import OUR_ERROR, Name, Table
from pytest_qparity.case.names import known_list

BatchSize = Annotated[int, Field(ge=1)]


class LatencySpec(Table):
    """What is timed beside the case's own batch and fp32; at least one key."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    batches: Annotated[tuple[BatchSize, ...], Field(min_length=1, strict=False)] = Field(
        default=(),
        description="Samples a call that are timed, each in a session of its own and beside fp32; throughput is that "
        "of the best.",
        examples=[[1, 8, 32]],
    )
    over: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)] = Field(
        default=(),
        description="Runs, such as those of another backend, and precisions that each run is timed in turn with, "
        "beside those of its budgets.",
        examples=[["ort-fp32"]],
    )

    @model_validator(mode="after")
    def _asks_for_something(self) -> LatencySpec:
        if not self.model_fields_set:
            should = f"a table with at least one of: {known_list(type(self).model_fields)}"
            raise PydanticCustomError(OUR_ERROR, should, {"remedy": "for example batches = [1, 8, 32]"})
        return self

    @field_validator("batches", "over")
    @classmethod
    def _each_once(cls, told: tuple[object, ...], field: ValidationInfo) -> tuple[object, ...]:
        if len(set(told)) != len(told):
            what = "batch" if field.field_name == "batches" else "counterpart"
            raise PydanticCustomError(OUR_ERROR, f"each {what} once", {"remedy": "remove what stands there twice"})
        return told
