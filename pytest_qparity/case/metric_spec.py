"""A metric as a case file names it: by its name, as `module:function`, or as a table with parameters."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from pytest_qparity.case.fields import NAME_PATTERN, OUR_ERROR, Table, Text

__all__ = ["METRIC_PATTERN", "MetricSource", "MetricSpec", "metric_name", "metric_parameters"]

METRIC_PATTERN = rf"{NAME_PATTERN[:-1]}$|^[^:/\s]+:[^:/\s]+$"
MetricName = Annotated[str, Field(pattern=METRIC_PATTERN)]


class MetricSpec(Table):
    """A metric with parameters; each metric takes some of them, and any other is an error."""

    name: MetricName = Field(
        description="A metric's name, or `module:function`, beside the case file or installed.", examples=["f1"]
    )
    direction: Literal["higher", "lower"] | None = Field(
        default=None,
        description="Which way is better, of a `module:function` that gives an array: it has to be stated.",
        examples=["lower"],
    )
    percent: bool | None = Field(
        default=None,
        description="Whether the values of a `module:function` that gives an array lie between 0 and 1 and are told in "
        "percent (the default), or are in a unit of their own.",
        examples=[False],
    )
    output: Text | None = Field(
        default=None, description="The model's output that is judged. Default: the first one.", examples=["logits"]
    )
    k: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="How many of the highest count as a hit. Default: 5.", examples=[5]
    )
    average: Literal["binary", "macro", "micro", "weighted"] | None = Field(
        default=None, description='How F1 is put together of classes. Default: "macro".', examples=["binary"]
    )
    positive: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description='The class that average = "binary" is about. Default: 1.', examples=[1]
    )
    ignore_index: int | None = Field(
        default=None,
        description="The label of positions that do not count. Default: -100 for tokens, 255 for pixels, as is common.",
        examples=[-100],
    )
    shift: bool | None = Field(
        default=None,
        description="Whether the scores at a position are for the next token (a causal language model). Default: true.",
        examples=[False],
    )
    vocabulary: Text | None = Field(
        default=None,
        description="The characters of a CTC model's classes, in their order; the blank's place holds any character.",
        examples=["_ 'abcdefghijklmnopqrstuvwxyz"],
    )
    blank: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="The class of CTC's blank. Default: 0.", examples=[0]
    )
    data_range: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="The span of an image's values, from lowest to highest. Default: 1.", examples=[255]
    )
    boxes: Text | None = Field(
        default=None, description='The output with boxes [samples, boxes, 4]. Default: "boxes".', examples=["boxes"]
    )
    scores: Text | None = Field(
        default=None,
        description='The output with scores [samples, boxes] or [samples, boxes, classes]. Default: "scores".',
        examples=["scores"],
    )
    classes: Text | None = Field(
        default=None,
        description="The output with a class for each box; without it the scores have an axis of classes.",
        examples=["classes"],
    )
    iou: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None,
        description="The overlap from which on a box is found. Default: the mean over 0.5, 0.55, … 0.95 (COCO).",
        examples=[0.5],
    )


def _kind(value: object) -> str | None:
    if isinstance(value, str):
        return "<metric>"
    return "<MetricSpec>" if isinstance(value, dict | MetricSpec) else None


MetricSource = Annotated[
    Annotated[MetricName, Tag("<metric>")] | Annotated[MetricSpec, Tag("<MetricSpec>")],
    Discriminator(
        _kind,
        custom_error_type=OUR_ERROR,
        custom_error_message='a name such as "top1", "module:function" or {name = "…", …}',
    ),
]

_DECLARES = ("name", "direction", "percent")


def metric_name(metric: str | MetricSpec) -> str:
    return metric if isinstance(metric, str) else metric.name


def metric_parameters(metric: str | MetricSpec) -> dict[str, Any]:
    """What a case states beside the name, for the metric's function."""
    if isinstance(metric, str):
        return {}
    return {key: value for key, value in metric.model_dump(exclude_none=True).items() if key not in _DECLARES}
