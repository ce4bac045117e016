"""The [backends.<name>] table: how an engine is built and run."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from pytest_qparity.case.fields import OUR_ERROR, Table
from pytest_qparity.case.names import known_list


class BackendOptions(Table):
    """How an engine is built and run; at least one key. Which keys a backend takes is its own affair."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    workspace_mb: Annotated[int, Field(ge=1, le=10**6)] | None = Field(
        default=None,
        description="Megabytes of GPU memory that a kernel may use while it runs, at most. trt, ort-tensorrt.",
        examples=[4096],
    )
    optimization_level: Annotated[int, Field(ge=0, le=5)] | None = Field(
        default=None,
        description="How long TensorRT looks for faster kernels, 0 (not at all) to 5. trt, ort-tensorrt.",
        examples=[5],
    )
    strict_nans: bool | None = Field(
        default=None,
        description="Whether 0·x, x − x and x/x are computed rather than folded, which would hide a NaN. trt.",
        examples=[False],
    )
    cuda_graphs: bool | None = Field(
        default=None, description="Whether runs of one shape are recorded once and replayed. trt.", examples=[True]
    )

    @model_validator(mode="after")
    def _asks_for_something(self) -> BackendOptions:
        if not self.model_fields_set:
            should = f"a table with at least one of: {known_list(type(self).model_fields)}"
            raise PydanticCustomError(OUR_ERROR, should, {"remedy": "for example optimization_level = 5"})
        return self
