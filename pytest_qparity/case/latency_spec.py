"""The [latency] table: what is timed beside the case's own batch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from pytest_qparity.case.fields import OUR_ERROR, Table

BatchSize = Annotated[int, Field(ge=1)]


class LatencySpec(Table):
    """Which batches are timed."""

    batches: Annotated[tuple[BatchSize, ...], Field(min_length=1, strict=False)] = Field(
        description="Samples a call that are timed, each in a session of its own; throughput is that of the best.",
        examples=[[1, 8, 32]],
    )

    @field_validator("batches")
    @classmethod
    def _each_once(cls, batches: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(batches)) != len(batches):
            raise PydanticCustomError(OUR_ERROR, "each batch once", {"remedy": "remove what stands there twice"})
        return batches
