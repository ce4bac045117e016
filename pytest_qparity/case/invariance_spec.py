"""The [invariance] table: which ways of running the same samples must give the same outputs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pytest_qparity.case.fields import OUR_ERROR, Table, Text


class PaddingSpec(Table):
    """How a sample is made longer without another meaning: positions at the end that the mask takes out."""

    mask: Text = Field(
        description="Which of the model's tensors masks positions; it gets `value` where padding is added.",
        examples=["attention_mask"],
    )
    value: float = Field(default=0, description="What the mask says of a padded position.", examples=[0])
    axis: Annotated[int, Field(ge=1)] = Field(
        default=1, description="The axis of the mask and of those in `pad` that gets longer.", examples=[1]
    )
    pad: dict[Text, float] = Field(
        default={},
        description="The others that get longer with it, and what is written there.",
        examples=[{"input_ids": 0}],
    )
    by: Annotated[int, Field(ge=1)] = Field(default=8, description="How many positions are added.", examples=[32])

    @field_validator("pad")
    @classmethod
    def _leaves_the_mask_out(cls, pad: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        mask = info.data.get("mask")
        if mask in pad:
            should = f'a table without the mask "{mask}", whose value is stated already'
            raise PydanticCustomError(OUR_ERROR, should, {"remedy": f'take "{mask}" out of pad'})
        return pad


class InvarianceSpec(Table):
    """Which ways of running are tried, on how many samples, and how far outputs may move.

    A relation that is not stated is tried where the model allows it; one that is stated true and cannot be tried is
    cannot-judge.
    """

    repeat: bool | None = Field(default=None, description="The same feed twice in a row.", examples=[True])
    order: bool | None = Field(default=None, description="The same feeds in another order.", examples=[True])
    batch: bool | None = Field(default=None, description="The same samples alone and in batches.", examples=[True])
    shape: bool | None = Field(
        default=None, description="The same samples after a feed of another shape.", examples=[True]
    )
    padding: PaddingSpec | None = Field(
        default=None,
        description="The same samples with more padding under the mask; not tried where it is not stated.",
        examples=[{"mask": "attention_mask", "pad": {"input_ids": 0}}],
    )
    samples: Annotated[int, Field(ge=1)] = Field(
        default=16, description="How many samples are tried, at most, spread evenly over the test data.", examples=[32]
    )
    error_share: Annotated[float, Field(ge=0, le=10)] | None = Field(
        default=None,
        description="How far an output may move beyond what FP32 moves, as a share of the root mean square of the "
        "variant's own error.",
        examples=[0.5],
    )
    fp32_sqnr_db: Annotated[float, Field(gt=0, le=200)] = Field(
        default=80.0,
        description="Signal-to-noise ratio in dB that FP32 itself keeps between two ways of running, at least.",
        examples=[60.0],
    )

    @model_validator(mode="after")
    def _asks_for_something(self) -> InvarianceSpec:
        stated = (self.repeat, self.order, self.batch, self.shape)
        if self.padding is None and all(each is False for each in stated):
            should = "a table that leaves one of repeat, order, batch, shape and padding to try"
            raise PydanticCustomError(OUR_ERROR, should, {"remedy": "leave one of them out, or delete the table"})
        return self
