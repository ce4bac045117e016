"""The case file as types: every key, its type, its range, its default. The JSON schema is made from here.

Strict: no value is converted, except whole numbers where a number is asked for and lists to tuples.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pytest_qparity.case.backend_options import BackendOptions
from pytest_qparity.case.budget_spec import Budget
from pytest_qparity.case.data_spec import DataSpec
from pytest_qparity.case.fields import (
    OUR_ERROR,
    SHA256_PATTERN,
    URL_PATTERN,
    Glob,
    Name,
    Positive,
    Table,
    Text,
    WaivableCode,
)
from pytest_qparity.case.invariance_spec import InvarianceSpec
from pytest_qparity.case.latency_spec import LatencySpec
from pytest_qparity.case.metric_spec import MetricSource
from pytest_qparity.case.names import BASELINE, known_list, nearest
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.case.regression_spec import RegressionSpec
from pytest_qparity.case.resources_spec import ResourcesSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

Task = Literal["image-classification", "text-classification", "object-detection", "audio", "other"]
CheckName = Literal["preflight", "parity", "accuracy", "invariance", "latency", "memory", "regression"]

KNOWN_METRICS = (  # those of this version; third parties may add others, so the gate checks names
    *("top1", "top5", "top_k", "agreement", "f1", "roc_auc"),
    *("exact_match", "squad_f1", "span_f1", "wer", "nll", "perplexity"),
    *("mae", "miou", "psnr", "ssim", "map", "recall_at_k"),
)
TASK_METRICS: Mapping[str, str] = {"image-classification": "top1", "text-classification": "top1"}


class UrlModel(Table):
    """A model that is fetched once and kept in the cache."""

    url: Annotated[str, Field(pattern=URL_PATTERN)] = Field(
        description="Where the model is, http or https.", examples=["https://example.org/model.onnx"]
    )
    sha256: Annotated[str, Field(pattern=SHA256_PATTERN)] = Field(
        description="SHA-256 of the file, 64 lower-case hex digits; checked before every use.", examples=["0" * 64]
    )
    size_mb: Positive = Field(
        default=2048, description="Megabytes that are fetched, at most; a larger file is refused.", examples=[100]
    )


class BuiltModel(Table):
    """A model that a function makes."""

    build: Text = Field(
        description="`module:function`, without arguments, giving an onnx.ModelProto, its bytes, or a path.",
        examples=["models:resnet"],
    )


def _kind_of_model(value: object) -> str | None:
    if isinstance(value, str):
        return "<path>"
    if isinstance(value, UrlModel | BuiltModel):
        return f"<{type(value).__name__}>"
    if isinstance(value, dict):
        return "<BuiltModel>" if any(nearest(str(key), ["build", "url"]) == "build" for key in value) else "<UrlModel>"
    return None


ModelSource = Annotated[
    Annotated[Text, Tag("<path>")]
    | Annotated[UrlModel, Tag("<UrlModel>")]
    | Annotated[BuiltModel, Tag("<BuiltModel>")],
    Discriminator(
        _kind_of_model,
        custom_error_type=OUR_ERROR,
        custom_error_message='a path, {url = "…", sha256 = "…"} or {build = "module:function"}',
    ),
]


class ParityLimits(Table):
    """How near outputs must be to the golden FP32 ones.

    A stated sqnr_db or cosine takes the place of both in the precision's table; the other keys come on top.
    """

    sqnr_db: Annotated[float, Field(gt=0, le=200)] | None = Field(
        default=None,
        description="Signal-to-quantization-noise ratio of each output in dB, at least. "
        "Stated alone, no cosine is asked for.",
        examples=[20.0],
    )
    cosine: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None,
        description="Cosine similarity of each output, at least. Stated alone, no sqnr_db is asked for.",
        examples=[0.995],
    )
    max_mismatched: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        default=None,
        description="Fraction of elements that may be further away than atol + rtol·|golden|, at most. "
        "Default: 0 where atol or rtol is stated.",
        examples=[0.01],
    )
    atol: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        description="Absolute part of the closeness of an element. Default: 0 beside rtol, 1e-8 beside neither.",
        examples=[1e-5],
    )
    rtol: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        description="Relative part of the closeness of an element. Default: 0 beside atol, 1e-5 beside neither.",
        examples=[1e-3],
    )


class AccuracySpec(Table):
    """How much of the task's metric may be lost."""

    metric: MetricSource | None = Field(
        default=None,
        description="A metric by its name, one that a plugin adds, `module:function`, or a table with its parameters. "
        "Default: that of the task.",
        examples=["top1"],
    )
    margin: Annotated[float, Field(ge=0, lt=100)] | None = Field(
        default=None,
        description="Percentage points that may be lost, at most; of a metric that is not in percent, as much of its "
        "own unit. Default: that of the precision.",
        examples=[0.5],
    )
    relative_margin: Annotated[float, Field(ge=0, lt=100)] | None = Field(
        default=None,
        description="In place of `margin`: percent of the float model's value that may be lost, at most.",
        examples=[1.0],
    )
    looks: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1, strict=False)] = Field(
        default=(1.0,),
        description="Shares of the test samples at which the check may end early, rising to 1 (O'Brien and Fleming). "
        "What is not needed does not run. For a population of many samples.",
        examples=[[0.2, 0.5, 1.0]],
    )

    @model_validator(mode="after")
    def _means_one_thing(self) -> AccuracySpec:
        if self.margin is not None and self.relative_margin is not None:
            remedy = {"remedy": "remove one of the two"}
            raise PydanticCustomError(OUR_ERROR, "a table with margin or relative_margin, not both", remedy)
        if self.looks[-1] != 1 or any(one >= other for one, other in pairwise(self.looks)):
            remedy = {"remedy": "for example looks = [0.2, 0.5, 1.0]"}
            raise PydanticCustomError(OUR_ERROR, "a table whose looks rise and end with 1", remedy)
        return self


class LimitsSpec(Table):
    """What a worker process may take before it is killed: for the gate's own safety, not a budget of the variant."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    load_s: Positive | None = Field(
        default=None, description="Seconds to import the engine, read or load a model, at most.", examples=[300]
    )
    first_run_s: Positive | None = Field(
        default=None, description="Seconds for the first run of a session, at most.", examples=[120]
    )
    run_s: Positive | None = Field(default=None, description="Seconds for each later run, at most.", examples=[60])
    calibration_s: Positive | None = Field(
        default=None, description="Seconds to make a variant, calibration included, at most.", examples=[1800]
    )
    memory_mb: Positive | None = Field(
        default=None,
        description="Megabytes a worker process may hold, at most. Default: three quarters of what is free.",
        examples=[4096],
    )

    @model_validator(mode="after")
    def _limits_something(self) -> LimitsSpec:
        if not self.model_fields_set:
            should = f"a table with at least one of: {known_list(type(self).model_fields)}"
            raise PydanticCustomError(OUR_ERROR, should, {"remedy": "for example run_s = 60"})
        return self


class WaiverSpec(Table):
    """Runs whose failures are known and accepted until a date."""

    run: Glob = Field(description="Glob on the run, `<backend>-<precision>`.", examples=["trt-*"])
    reason: Text = Field(description="Why; printed in every report.", examples=["no GPU on this runner"])
    expires: date = Field(description="The last day on which it holds, a TOML date.", examples=[date(2027, 3, 1)])
    checks: Annotated[tuple[CheckName, ...], Field(strict=False)] = Field(
        default=(), description="The checks it is for. Empty: all of them.", examples=[["latency", "memory"]]
    )
    codes: Annotated[tuple[WaivableCode, ...], Field(strict=False)] = Field(
        default=(),
        description="The failure codes it is for, and no others. Empty: accuracy and budgets that are missed, and a "
        "backend that is absent or refuses (QP-BACKEND-001 to 004) where `run` begins with its name and `-`.",
        examples=[["QP-BACKEND-001"]],
    )

    @property
    def text(self) -> str:
        """As a verdict names it."""
        return f"{self.reason} (until {self.expires})"


class CaseSpec(Table):
    """A model under test and what is promised of it."""

    model: ModelSource = Field(
        description='The float model: a path, {url, sha256} or {build = "module:function"}.',
        examples=["models/digits_resnet.onnx"],
    )
    task: Task = Field(
        default="other",
        description="What the model is for; sets the default metric and tolerances.",
        examples=["image-classification"],
    )
    state: dict[Text, Text] = Field(
        default={},
        description="For a recurrent model: each output that is an input of the next step, and that input. Samples are "
        "then the steps of recordings, and the variant is judged with its own states.",
        examples=[{"stateN": "state"}],
    )
    cpu: Literal["this", "any"] = Field(
        default="this",
        description='The CPUs that verdicts are for: "this" one, or "any", which refuses files with uint8 activations '
        "and int8 weights whose int16 sums can saturate on x64 CPUs without VNNI.",
        examples=["any"],
    )
    data: DataSpec = Field(description="The [data] table: where the samples come from.")
    precisions: Annotated[dict[Name, PrecisionSpec], Field(min_length=1)] = Field(
        description="The precisions under test, a table each, such as [precisions.int8]."
    )
    parity: dict[Name, ParityLimits] = Field(
        default={}, description="Limits of the parity check for a precision, such as [parity.int8]."
    )
    accuracy: AccuracySpec | None = Field(
        default=None, description="Asks for the accuracy check; without it there is none."
    )
    invariance: InvarianceSpec | None = Field(
        default=None, description="Asks for the invariance check; without it there is none."
    )
    latency: LatencySpec | None = Field(default=None, description="Which batches the latency check times.")
    budgets: dict[Name, Annotated[dict[Name, Budget], Field(min_length=1)]] = Field(
        default={}, description="Budgets for a backend and a precision, such as [budgets.ort.int8]."
    )
    regression: RegressionSpec = Field(
        default=RegressionSpec(), description="What may be lost since the baseline, where a session is given one."
    )
    backends: dict[Name, BackendOptions] = Field(
        default={}, description="How an engine is built and run, a table for a backend, such as [backends.trt]."
    )
    resources: dict[Name, ResourcesSpec] = Field(
        default={}, description="What a run asks of a cluster's node, a table for a backend, such as [resources.trt]."
    )
    limits: LimitsSpec | None = Field(
        default=None, description="When a worker process is killed; over what pytest's configuration says."
    )
    waivers: Annotated[tuple[WaiverSpec, ...], Field(strict=False)] = Field(
        default=(), description="Failures that are known and accepted, a [[waivers]] table each."
    )

    @field_validator("precisions")
    @classmethod
    def _none_is_the_baseline(cls, precisions: dict[str, PrecisionSpec]) -> dict[str, PrecisionSpec]:
        """Beside precisions a latency names the baseline's variant, which must not be taken for one of them."""
        if BASELINE in precisions:
            remedy = f"call [precisions.{BASELINE}] otherwise, such as [precisions.int8-first]"
            raise PydanticCustomError(
                OUR_ERROR, f'names other than "{BASELINE}", which is the baseline\'s variant', {"remedy": remedy}
            )
        return precisions

    @field_validator("state")
    @classmethod
    def _each_input_once(cls, state: dict[str, str]) -> dict[str, str]:
        if len(set(state.values())) != len(state):
            raise PydanticCustomError(OUR_ERROR, "each input once", {"remedy": "feed it from one output"})
        return state

    @model_validator(mode="before")
    @classmethod
    def _metric_of_the_task(cls, value: Any) -> Any:
        """Fill in the metric where the task has one, so that whoever reads `accuracy.metric` finds it."""
        if isinstance(value, dict) and isinstance(accuracy := value.get("accuracy"), dict) and "metric" not in accuracy:
            task = value.get("task")
            if isinstance(task, str) and task in TASK_METRICS:
                return value | {"accuracy": accuracy | {"metric": TASK_METRICS[task]}}
        return value


class ConformanceTable(Table):
    """Which kernels are held against their operators' specifications."""

    kernels: Annotated[tuple[Glob, ...], Field(min_length=1, strict=False)] = Field(
        default=("*",), description="Globs on the names of kernels.", examples=[["quantize_linear-*", "qdq_*"]]
    )
    known: dict[Name, Text] = Field(
        default={},
        description="For a backend, a TOML file of known deviations, beside what this package knows of it.",
        examples=[{"my-engine": "known/my_engine.toml"}],
    )
    shipped_known: bool = Field(
        default=True, description="Whether the deviations that this package knows of count, too.", examples=[False]
    )


class ConformanceSpec(Table):
    """A case without a model: the kernels of a backend against their specifications."""

    conformance: ConformanceTable = Field(description="The [conformance] table: which kernels are tried.")
    limits: LimitsSpec | None = Field(
        default=None, description="When a worker process is killed; over what pytest's configuration says."
    )
