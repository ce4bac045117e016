"""docs/resnet50.md, from the ledgers of `cases/large/` and of the main job.

    (cd cases/large && pytest --backend=ort,openvino)
    pytest --backend=ort,openvino
    python -m benchmarks.resnet50_page cases/large/.qparity/ledger.json .qparity/ledger.json --output docs/resnet50.md

A call of resnet50_batch32 takes 1.5 s, so that the default of a second a check times too few of them: judge it by
itself with `--qparity-latency-seconds=60`, and name its ledger last.

Every figure of its tables is a ledger's; the words around them are in resnet50_page.md, beside this file.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from statistics import median

from jinja2 import Environment, StrictUndefined

from pytest_qparity import read_ledger
from pytest_qparity.ledger import Ledger
from pytest_qparity.report.comparison import ComparisonRow, comparison_rows
from pytest_qparity.report.moved import moved_note, moved_rows
from pytest_qparity.report.runs import RunRecord, decibels_text, runs_by_case

# The article's table, as it stands there.
SEED = (
    ("FP32 (TRT)", 76.1, 4.2, 238, 1024),
    ("INT8 (TRT)", 75.8, 1.5, 667, 256),
    ("FP32 (ORT)", 76.1, 5.8, 172, 1024),
    ("INT8 (ORT)", 75.2, 2.1, 476, 320),
)
LABELLED = ("magika", "digits_resnet", "textbert")
SHOWN = ("fp32", "int8", "int8-fast", "int8-mixed", "int8-rescued")
CALIBRATION_IMAGES = 16


def page(*ledgers: Ledger) -> str:
    """Of a case that several ledgers judged, what the last says."""
    runs: dict[str, list[RunRecord]] = {}
    rows: dict[str, list[ComparisonRow]] = {}
    for ledger in ledgers:
        runs |= runs_by_case(ledger)
        rows |= {case: [*of] for case, of in groupby(comparison_rows(ledger), key=lambda row: row.case)}
    resnet = [run for name in ("resnet50", "resnet50_batch32") for run in runs.get(name, ())]
    labelled = [run for name in LABELLED for run in runs.get(name, ()) if run.precision in SHOWN]
    bert = runs.get("bert_base", [])
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    template = environment.from_string(Path(__file__).with_suffix(".md").read_text(encoding="utf-8"))
    return template.render(
        machine=machine(ledgers[0]),
        load=load((*resnet, *bert, *labelled)),
        resnet=table(resnet, rows, "same answer"),
        bert=table(bert, rows, None),
        labelled=table(labelled, rows, "Top-1", named=True),
        seed=SEED,
        ratios=_ratios(resnet),
        calibration=CALIBRATION_IMAGES,
        failed=", ".join(f"{run.case} {run.id}" for run in (*resnet, *bert, *labelled) if _outcome(run)),
    )


def machine(ledger: Ledger) -> str:
    """On what the ledger was made: the figures are of this machine, and of no other."""
    start = ledger.start
    libraries = start["libraries"]
    engines = ", ".join(f"{name} {libraries[name]}" for name in ("onnxruntime", "openvino") if name in libraries)
    features = [name for name in start["cpu_features"] if name.startswith(("avx512_vnni", "amx_int8", "avx_vnni"))]
    return (
        f"{start['time'][:10]}, {start['processor']}, {start['cores']} shared cores, "
        f"{', '.join(features) or 'no int8 instructions'}; {engines}."
    )


def load(runs: Sequence[RunRecord]) -> str:
    """How busy it was while the runs were timed, from the first warm-up call to the last."""
    told = [run.checks.get("latency", {}).get("evidence", {}).get("conditions", {}) for run in runs]
    shares = [each["others_percent"] for each in told if "others_percent" in each]
    interrupted = [each["interrupted_percent"] for each in told if "interrupted_percent" in each]
    if not shares or not interrupted:
        return "How busy it was is not recorded."
    return (
        f"While runs were timed other processes took {median(shares):g} % of the processor's time in the median run\n"
        f"and {max(shares):g} % at most, and interrupted at most {max(interrupted):g} % of a run's calls."
    )


def table(
    runs: Sequence[RunRecord], rows: Mapping[str, Sequence[ComparisonRow]], score: str | None, *, named: bool = False
) -> str:
    """`rows`: by case, of the same ledgers, by which latencies are marked that do not compare with that of fp32."""
    told = [row for case in dict.fromkeys(run.case for run in runs) for row in rows[case]]
    told = [row for row in told if any((row.case, row.run) == (run.case, run.id) for run in runs)]
    moved = {(row.case, row.run) for row in moved_rows(told)}
    columns = [
        *(["model"] if named else []),
        *["run", "batch", "threads", "callers"],
        *([score] if score else []),
        *["SQNR, dB", "latency, ms", "samples/s", "over fp32", "memory, MB", "file, MB"],
    ]
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    for run in runs:
        figures = [*([run.case] if named else []), f"{run.id}{_outcome(run)}", *_call(run)]
        figures += [_percent(run)] if score else []
        costs = _costs(run)
        if (run.case, run.id) in moved:
            costs[3] += " †"
        lines.append(f"| {' | '.join([*figures, *costs])} |")
    return "\n".join([*lines, *(f"\n† {note}" for note in moved_note(told, "`over fp32`"))])


def _call(run: RunRecord) -> list[str]:
    """Batch, the engine's threads, and how many call at a time."""
    settings = run.checks["parity"]["provenance"].get("engine", {}).get("settings", {})
    threads = str(settings.get("threads", "-"))
    return [_figure(run.measured("latency", "batch"), "{:.0f}"), threads, "1"]


def _costs(run: RunRecord) -> list[str]:
    latency_ms, batch = run.measured("latency", "median_ms"), run.measured("latency", "batch")
    rate = batch / latency_ms * 1e3 if latency_ms and batch else None
    return [
        "-" if run.sqnr_db is None else decibels_text(run.sqnr_db),
        _figure(latency_ms, "{:,.3g}" if latency_ms is not None and latency_ms < 1000 else "{:,.0f}"),
        _figure(rate, "{:,.0f}" if rate is not None and rate >= 100 else "{:,.3g}"),
        _speed(run),
        _figure(run.measured("memory", "peak_mb"), "{:,.0f}"),
        _figure(run.measured("memory", "size_mb"), "{:,.3g}"),
    ]


def _speed(run: RunRecord) -> str:
    """A ratio without an interval is none: on a busy machine it is the neighbours' (19 times was told of 3)."""
    ratio = _ratio(run)
    if ratio is not None:
        return "{:.2f} ({:.2f} to {:.2f})".format(*ratio)
    timed = run.checks.get("latency", {}).get("evidence", {})
    return "cannot tell" if "fp32" in timed.get("speed_up_over", {}) else "-"


def _ratio(run: RunRecord) -> tuple[float, float, float] | None:
    """Estimate, low and high of the speed over fp32 of the same engine; None where it has no interval."""
    ends = ("estimate", "low", "high")
    estimate, low, high = (run.measured("latency", "speed_up_over", "fp32", end) for end in ends)
    return None if estimate is None or low is None or high is None else (estimate, low, high)


def _ratios(runs: Iterable[RunRecord]) -> list[str]:
    found = [(run, _ratio(run), run.measured("latency", "batch")) for run in runs]
    return [f"{ratio[0]:.1f} ({run.backend}, batch {batch:.0f})" for run, ratio, batch in found if ratio is not None]


def _percent(run: RunRecord) -> str:
    return _figure(run.measured("accuracy", "variant_percent"), "{:.2f} %")


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _outcome(run: RunRecord) -> str:
    """What did not pass, behind the name of the run: a figure of a run that failed is no result."""
    bad = [f"{check} {event['outcome']}" for check, event in run.checks.items() if event["outcome"] != "pass"]
    return f" ({', '.join(bad)})" if bad else ""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ledgers", nargs="+", type=Path, help="of cases/large, and of the main job")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    text = page(*map(read_ledger, options.ledgers))
    options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
