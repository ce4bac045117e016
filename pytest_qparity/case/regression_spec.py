"""The [regression] table: what may be lost since the baseline."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pytest_qparity.case.fields import Table


class RegressionSpec(Table):
    """What may be lost since the baseline, at most, where a session is given one."""

    sqnr_db: Annotated[float, Field(ge=0)] = Field(
        default=1.0, description="dB that the SQNR of any output may lose.", examples=[0.5]
    )
    margin: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        description="Percentage points, or as much of the metric's own unit, that accuracy may lose. "
        "Default: as much as the accuracy check allows.",
        examples=[0.2],
    )
    slower_percent: Annotated[float, Field(ge=0, lt=100)] = Field(
        default=10.0, description="Percent of the speed-up over fp32 that may be lost.", examples=[5]
    )
    latency_percent: Annotated[float, Field(ge=0)] = Field(
        default=100.0,
        description="Percent that the fastest call may take longer on the same hardware, whatever fp32 does.",
        examples=[25],
    )
    memory_percent: Annotated[float, Field(ge=0)] = Field(
        default=10.0, description="Percent that the peak of memory may grow; 1 MB may it always.", examples=[5]
    )
    size_percent: Annotated[float, Field(ge=0)] = Field(
        default=1.0, description="Percent that the variant's file may grow.", examples=[0]
    )
    engine_percent: Annotated[float, Field(ge=0)] = Field(
        default=10.0, description="Percent that the built engine may grow, where a backend tells of one.", examples=[5]
    )
    activation_percent: Annotated[float, Field(ge=0)] = Field(
        default=10.0, description="Percent that the estimate of what activations take may grow.", examples=[0]
    )
    load_percent: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="Percent that the time to load may grow. Default: not compared.", examples=[100]
    )
    first_run_percent: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        description="Percent that the time of the first run may grow. Default: not compared.",
        examples=[100],
    )
    energy_percent: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="Percent that the energy of a sample may grow. Default: not compared.", examples=[20]
    )
    other_hardware: Literal["cannot-judge", "note"] = Field(
        default="cannot-judge",
        description="What it is where the baseline has no speed and memory of this hardware.",
        examples=["note"],
    )

    @property
    def repeats(self) -> bool:
        """Whether it has a limit for what is another number each time, and has to be measured several times."""
        return not (self.load_percent is None and self.first_run_percent is None and self.energy_percent is None)
