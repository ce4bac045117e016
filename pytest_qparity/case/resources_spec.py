"""The [resources.<backend>] table: what a run asks of the node of a cluster that judges it."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from pytest_qparity.case.fields import OUR_ERROR, Name, Positive, Table
from pytest_qparity.case.names import known_list

Count = Annotated[int, Field(ge=0, le=9999)]


class ResourcesSpec(Table):
    """What a run on a backend asks of a node, with --qparity-ray; at least one key."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    cpu: Count | None = Field(default=None, description="Cores. Default: 1.", examples=[4])
    gpu: Count | None = Field(
        default=None,
        description="Whole GPUs: a share would leave what is timed not alone. Default: 1 for engines on NVIDIA's GPUs.",
        examples=[1],
    )
    accelerator: Name | None = Field(
        default=None, description="Type of the accelerator, as Ray calls it.", examples=["H100"]
    )
    memory_mb: Positive | None = Field(
        default=None,
        description="Megabytes that are set aside. Default: `memory_mb` of [limits].",
        examples=[16000],
    )

    @model_validator(mode="after")
    def _asks_for_something(self) -> ResourcesSpec:
        if not self.model_fields_set:
            should = f"a table with at least one of: {known_list(type(self).model_fields)}"
            raise PydanticCustomError(OUR_ERROR, should, {"remedy": 'for example accelerator = "H100"'})
        return self
