"""Budgets of a case: what a run may cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from pytest_qparity.case.fields import OUR_ERROR, Name, Positive, Table, Text
from pytest_qparity.case.names import known_list

TIME_KEYS = ("latency_ms", "p90_ms", "p99_ms", "samples_per_s")
HARDWARE_KEYS = (*TIME_KEYS, "load_ms", "first_run_ms", "joule_per_sample")  # other figures on other hardware
_ABOUT_BUDGETS = frozenset({"hardware", "portable"})  # these promise nothing by themselves


class Ratios(Table):
    """What a run may cost as a share of what a counterpart costs on the same backend; at least one key."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    memory: Positive | None = Field(
        default=None, description="Peak memory (memory_mb) over that of the counterpart, at most.", examples=[0.6]
    )
    size: Positive | None = Field(
        default=None, description="Size of the file (size_mb) over that of the counterpart, at most.", examples=[0.3]
    )
    engine: Positive | None = Field(
        default=None, description="Size of the built engine over that of the counterpart, at most.", examples=[0.5]
    )
    activation: Positive | None = Field(
        default=None, description="Estimate of activations over that of the counterpart, at most.", examples=[0.5]
    )
    load: Positive | None = Field(
        default=None, description="Time to load over that of the counterpart, at most.", examples=[1.5]
    )
    first_run: Positive | None = Field(
        default=None, description="Time of the first run over that of the counterpart, at most.", examples=[1.0]
    )
    energy: Positive | None = Field(
        default=None, description="Joules a sample over those of the counterpart, at most.", examples=[0.7]
    )

    @model_validator(mode="after")
    def _promises_something(self) -> Ratios:
        if not self.model_fields_set:
            should = f"a table with at least one of: {known_list(type(self).model_fields)}"
            raise PydanticCustomError(OUR_ERROR, should, {"remedy": "for example memory = 0.6"})
        return self


class Budget(Table):
    """What a run may cost; at least one key that promises something."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    speedup_over: Annotated[dict[Name, Positive], Field(min_length=1)] | None = Field(
        default=None,
        description="For each precision, or run of another backend, how many times faster than it, at least.",
        examples=[{"fp32": 2.0}, {"ort-fp32": 3.0}],
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
    engine_mb: Positive | None = Field(
        default=None, description="Size of the engine that is built of the file in MB, at most.", examples=[30]
    )
    activation_mb: Positive | None = Field(
        default=None,
        description="Estimate, from shapes alone, of what activations take at once in MB, at most.",
        examples=[8],
    )
    load_ms: Positive | None = Field(
        default=None, description="Time from the file to a session in ms, at most; of one hardware.", examples=[250]
    )
    first_run_ms: Positive | None = Field(
        default=None, description="Time of a session's first run in ms, at most; of one hardware.", examples=[40]
    )
    joule_per_sample: Positive | None = Field(
        default=None, description="Energy of a sample in joules, at most; of one hardware.", examples=[0.25]
    )
    ratio_to: Annotated[dict[Name, Ratios], Field(min_length=1)] | None = Field(
        default=None,
        description="For each precision named, what share of its costs on the same backend this may have, at most.",
        examples=[{"fp32": {"memory": 0.6, "size": 0.3}}],
    )
    hardware: Text | None = Field(
        default=None,
        description="Fingerprint of the hardware for which budgets of time and energy were written (qparity doctor).",
        examples=["intel-xeon-2c-1f0a93d2"],
    )
    portable: bool = Field(
        default=False, description="Budgets of time and energy are meant for all hardware.", examples=[True]
    )

    @model_validator(mode="after")
    def _promises_something(self) -> Budget:
        if not self.model_fields_set - _ABOUT_BUDGETS:
            should = f"a table with at least one of: {known_list(set(type(self).model_fields) - _ABOUT_BUDGETS)}"
            raise PydanticCustomError(OUR_ERROR, should, {"remedy": "for example memory_mb = 64"})
        return self

    @model_validator(mode="after")
    def _says_where_it_counts(self) -> Budget:
        if self.hardware is not None and self.portable:
            should = "hardware, or portable = true, which is for all hardware: not both"
            raise PydanticCustomError(OUR_ERROR, should, {"remedy": "take one of the two out"})
        if (self.hardware is not None or self.portable) and not self.model_fields_set.intersection(HARDWARE_KEYS):
            should = f"beside a budget that depends on hardware: {known_list(HARDWARE_KEYS)}"
            raise PydanticCustomError(OUR_ERROR, should, {"remedy": "take hardware or portable out: the rest holds"})
        return self
