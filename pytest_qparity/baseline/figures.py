"""The figures that decide of a run, out of the evidence of its verdicts. The only place that picks them."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pytest_qparity.digest import json_digest

__all__ = [
    "About",
    "Accuracy",
    "AtBatch",
    "Bounded",
    "Figures",
    "Latency",
    "Memory",
    "OverCounterpart",
    "Repeated",
    "SpeedUp",
    "figures_of",
]

COUNTERPART = "fp32"  # whom a run's speed is a multiple of: milliseconds are of one machine on one day
_BASELINE = "baseline"  # `case.names.BASELINE`, which this layer does not see
_CENSUS = "census"
_PROCESS = "process"  # where engines run, if a latency does not say otherwise


class _Part(BaseModel):
    """Strict about keys: one that is misspelt in a file that people edit would be a comparison that nobody misses."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Bounded(_Part):
    """An estimate with its interval."""

    low: float
    estimate: float
    high: float


class SpeedUp(Bounded):
    """How many times faster than a counterpart, which is COUNTERPART on the same backend where none is named, with its
    98 % interval. Without a number above 0 nobody is faster or slower, and nothing can be worse than it."""

    low: float = Field(ge=0)  # 0: of an interval without an end, as lines of before have
    estimate: float = Field(gt=0, allow_inf_nan=False)
    high: float = Field(gt=0)


class OverCounterpart(SpeedUp):
    """`is_elsewhere`: over a run of another backend, which has a process of its own."""

    is_elsewhere: bool = False


class Repeated(Bounded):
    """The least, the median and the greatest of a cost that was measured several times."""

    times: int


class Accuracy(_Part):
    """`value`: of the metric, in percent where `percent` says so; `margin`: what might be lost of it against FP32, in
    points or the metric's unit. `bits`: of a metric that scores samples 0 or 1, these
    scores in the order of the data (`scores.packed`); None where they are others, or were not kept."""

    metric: str
    percent: bool
    direction: Literal["higher", "lower"]
    value: float
    samples: int
    is_census: bool
    margin: float | None = None
    bits: str | None = None


class AtBatch(_Part):
    """Of calls of one batch. `fastest_ms`: of those that were not interrupted. `has_counterpart`: whether they were
    timed beside COUNTERPART; `speed_up`: over it, None too where nothing bounded it. `samples_per_s` is kept to be told
    of, and is compared with nothing."""

    median_ms: float
    fastest_ms: float | None = None
    has_counterpart: bool = False
    speed_up: SpeedUp | None = None
    samples_per_s: float | None = None


class Latency(AtBatch):
    """At the case's own `batch`; `batches`: at the others that were timed. `percentiles_ms` are told of, as
    `samples_per_s` is. `time`: of the session that measured it, where that is an earlier one than the run's others.
    `speed_up_over`: over each other counterpart that bounded it, by the name that the case has for it."""

    batch: int
    clock: str = ""
    threads: int | None = None
    isolation: str = _PROCESS
    time: str | None = None
    percentiles_ms: dict[str, float] = {}
    speed_up_over: dict[str, OverCounterpart] = {}
    batches: dict[int, AtBatch] = {}

    @property
    def is_unbounded(self) -> bool:
        """Whether it was timed beside COUNTERPART, and nothing bounds by how much it is faster, at any batch."""
        return any(each.has_counterpart and each.speed_up is None for each in (self, *self.batches.values()))

    def at(self, batch: int) -> Latency:
        """What is known of one of `batches`, with what is the same of all."""
        told = self.batches[batch].model_dump()
        return Latency(**told, batch=batch, clock=self.clock, threads=self.threads, isolation=self.isolation)


class Memory(_Part):
    """In megabytes of 10**6 bytes, as the memory check measures them. What is another number each time is kept where it
    was measured repeatedly, which is where a case has a limit for it: once bounds nothing."""

    peak_mb: float
    size_mb: float
    device_peak_mb: float | None = None
    engine_mb: float | None = None
    activation_mb: float | None = None
    load_ms: Repeated | None = None
    first_run_ms: Repeated | None = None
    joule_per_sample: Repeated | None = None

    def numbers(self) -> dict[str, float]:
        """By key, those that there are; of what was repeated the median."""
        told = {name: getattr(self, name) for name in type(self).model_fields}
        numbers = {name: each.estimate if isinstance(each, Repeated) else each for name, each in told.items()}
        return {name: value for name, value in numbers.items() if value is not None}


class About(_Part):
    """What the figures belong to: when, from which sources, on which bytes, by which versions. Digests are SHA-256.
    `options`: of what the case asks the engine for; None where that is nothing."""

    time: str | None = None
    commit: str | None = None
    variant: str | None = None
    model: str | None = None
    data: str | None = None
    reference: str | None = None
    engine: str | None = None
    options: str | None = None
    libraries: dict[str, str] = {}

    def runs_as(self, other: About) -> bool:
        """Whether engine, its options and libraries are known to be the same: a variant then runs as it did."""
        told = [(each.engine, each.libraries, each.options) for each in (self, other)]
        return self.engine is not None and told[0] == told[1]

    def changed_from(self, before: About) -> dict[str, list[str | None]]:
        """What else is not as it was: [before, now] by name."""
        names = ("variant", "model", "data", "reference", "engine", "options", "commit")
        pairs = {name: [getattr(before, name), getattr(self, name)] for name in names}
        libraries = sorted(before.libraries.keys() | self.libraries.keys())
        pairs |= {name: [before.libraries.get(name), self.libraries.get(name)] for name in libraries}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


class Figures(_Part):
    """A run's figures, and the hardware that its speed and memory are of; a check that gave none is None.

    `checks`: those that it had. `sqnr_db`: of each float output against the golden, in dB.
    """

    case: str
    run: str
    backend: str
    precision: str
    hardware: str
    checks: tuple[str, ...]
    sqnr_db: dict[str, float] | None = None
    accuracy: Accuracy | None = None
    latency: Latency | None = None
    memory: Memory | None = None
    about: About = About()

    def by_check(self) -> dict[str, object | None]:
        """What each check that measures gave; None where that is nothing."""
        return {
            "parity": self.sqnr_db or None,
            "accuracy": self.accuracy,
            "latency": self.latency,
            "memory": self.memory,
        }

    def numbers(self) -> dict[str, float]:
        """One number for each thing that is watched over time: the least SQNR, the metric, the speed-up over
        COUNTERPART, milliseconds, megabytes and joules."""
        found: dict[str, float] = {}
        if self.sqnr_db:
            found["sqnr_db"] = min(self.sqnr_db.values())
        if self.accuracy is not None:
            found[self.accuracy.metric] = self.accuracy.value
        if self.latency is not None:
            found["median_ms"] = self.latency.median_ms
            if self.latency.speed_up is not None:
                found["speed_up"] = self.latency.speed_up.estimate
        if self.memory is not None:
            found |= self.memory.numbers()
        return found


def figures_of(
    identity: Mapping[str, Any],
    evidence: Mapping[str, Mapping[str, Any]],
    provenance: Mapping[str, Any],
    start: Mapping[str, Any],
) -> Figures:
    """`identity`: case, run, backend, precision; `evidence`: by check, plain JSON; `start`: of the ledger, or of this
    machine (`environment()`). What the evidence does not hold is None: nothing stands for it."""
    return Figures(
        case=identity["case"],
        run=identity["run"],
        backend=identity["backend"],
        precision=identity["precision"],
        hardware=_hardware(provenance, start),
        checks=tuple(evidence),
        sqnr_db=_sqnr_db(evidence.get("parity", {})),
        accuracy=_accuracy(evidence.get("accuracy", {})),
        latency=_latency(evidence.get("latency", {})),
        memory=_memory(evidence.get("memory", {})),
        about=_about(provenance, start),
    )


def _hardware(provenance: Mapping[str, Any], start: Mapping[str, Any]) -> str:
    """The fingerprint of what the run computed on; a ledger that tells none is of no hardware that is known."""
    return str(provenance.get("hardware") or start.get("hardware") or "unknown")


def _sqnr_db(evidence: Mapping[str, Any]) -> dict[str, float] | None:
    outputs = evidence.get("outputs", {})
    told = {name: _number(each.get("sqnr_db")) for name, each in outputs.items() if isinstance(each, Mapping)}
    return {name: value for name, value in told.items() if value is not None} or None


def _accuracy(evidence: Mapping[str, Any]) -> Accuracy | None:
    percent = "variant_percent" in evidence
    value = _number(evidence.get("variant_percent" if percent else "variant_value"))
    if value is None or not evidence.get("samples"):
        return None
    return Accuracy(
        metric=evidence["metric"],
        percent=percent,
        direction=evidence.get("direction", "higher"),
        value=value,
        samples=evidence["samples"],
        is_census=evidence.get("method") == _CENSUS,
        margin=_number(evidence.get("margin_points" if percent else "margin_value")),
        bits=evidence.get("score_bits"),
    )


def _latency(evidence: Mapping[str, Any]) -> Latency | None:
    median_ms = _number(evidence.get("median_ms"))
    if median_ms is None:
        return None
    threads = evidence.get("threads")
    batch = evidence.get("batch", 1)
    fastest_ms = next(iter(evidence.get("quantiles_ms", ())), None)
    percentiles = {name: _number(value) for name, value in evidence.get("percentiles_ms", {}).items()}
    swept = {int(name): _at_batch(row) for name, row in evidence.get("batches", {}).items() if name != str(batch)}
    return Latency(
        **_calls({**evidence, "fastest_ms": fastest_ms}, median_ms),
        batch=batch,
        clock=str(evidence.get("clock", "")),
        threads=threads if isinstance(threads, int) else None,
        isolation=str(evidence.get("conditions", {}).get("isolation", _PROCESS)),
        percentiles_ms={name: value for name, value in percentiles.items() if value is not None},
        speed_up_over=_over_others(evidence.get("speed_up_over", {}), evidence.get("counterparts", {})),
        batches={batch: each for batch, each in swept.items() if each is not None},
    )


def _at_batch(row: Mapping[str, Any]) -> AtBatch | None:
    median_ms = _number(row.get("median_ms"))
    return None if median_ms is None else AtBatch(**_calls(row, median_ms))


def _calls(told: Mapping[str, Any], median_ms: float) -> dict[str, Any]:
    """What calls of one batch have, whichever it is."""
    over = told.get("speed_up_over", {}).get(COUNTERPART)
    return {
        "median_ms": median_ms,
        "fastest_ms": _number(told.get("fastest_ms")),
        "has_counterpart": over is not None,
        "speed_up": None if over is None else _speed_up(over),
        "samples_per_s": _number(told.get("samples_per_s")),
    }


def _over_others(over: Mapping[str, Mapping[str, Any]], elsewhere: Container[str]) -> dict[str, OverCounterpart]:
    """The baseline's variant is none of them: it is another one each day."""
    found = {name: _speed_up(told) for name, told in over.items() if name not in (COUNTERPART, _BASELINE)}
    return {
        name: OverCounterpart(**each.model_dump(), is_elsewhere=name in elsewhere)
        for name, each in found.items()
        if each is not None
    }


def _speed_up(over: Mapping[str, Any]) -> SpeedUp | None:
    ends = {name: _number(over.get(name)) for name in ("low", "estimate", "high")}
    known = {name: end for name, end in ends.items() if end is not None}
    return SpeedUp(**known) if len(known) == len(ends) and _is_bounded(known) else None


def _is_bounded(ends: Mapping[str, float]) -> bool:
    """Ledgers of before wrote down the numbers of intervals that bound nothing, too."""
    return all(end > 0 and math.isfinite(end) for end in ends.values())


def _memory(evidence: Mapping[str, Any]) -> Memory | None:
    peak_mb, size_mb = _number(evidence.get("peak_mb")), _number(evidence.get("size_mb"))
    if peak_mb is None or size_mb is None:
        return None
    single = {name: _number(evidence.get(name)) for name in ("device_peak_mb", "engine_mb", "activation_mb")}
    intervals = evidence.get("intervals", {})
    repeated = {name: _repeated(intervals.get(name)) for name in ("load_ms", "first_run_ms", "joule_per_sample")}
    return Memory.model_validate({"peak_mb": peak_mb, "size_mb": size_mb, **single, **repeated})


def _repeated(interval: Mapping[str, Any] | None) -> Repeated | None:
    if interval is None:
        return None
    ends = {name: _number(interval.get(name)) for name in ("low", "estimate", "high")}
    known = {name: end for name, end in ends.items() if end is not None}
    return Repeated(**known, times=interval.get("times", 0)) if len(known) == len(ends) else None


def _about(provenance: Mapping[str, Any], start: Mapping[str, Any]) -> About:
    golden, engine = provenance.get("golden_key", {}), provenance.get("engine", {})
    options = provenance.get("engine_options")
    libraries = {name: str(version) for name, version in (start.get("libraries") or {}).items()}
    return About(
        time=start.get("time"),
        commit=start.get("commit"),
        variant=provenance.get("variant", {}).get("sha256"),
        model=golden.get("model"),
        data=golden.get("data"),
        reference=golden.get("recipe"),
        engine=f"{engine['engine']} {engine['version']}" if engine else None,
        options=json_digest(options) if options else None,
        libraries=libraries | ({"python": str(start["python"])} if "python" in start else {}),
    )


def _number(value: Any) -> float | None:
    """JSON lacks infinities and NaN: a ledger writes them as texts."""
    if isinstance(value, str) and value in ("inf", "-inf", "nan"):
        return float(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
