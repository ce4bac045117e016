"""The options and ini values of the plugin, as `--help` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

PAIR_OPTIONS = (
    "qparity_model",
    "qparity_candidate",
    "qparity_data",
    "qparity_samples",
    "qparity_sizes",
    "qparity_speedup",
    "qparity_weights",
)
REPEATED = (  # options without which the command that repeats a check might judge something else
    *PAIR_OPTIONS,
    "qparity_cases",
    "qparity_canaries",
    "qparity_roots",
    "qparity_golden",
    "qparity_cache",
    "qparity_largest_data_mb",
    "qparity_baseline",
    "qparity_baseline_variants",
    "qparity_limits",
    "qparity_examples",
    "qparity_seed",
)


def add_options(parser: pytest.Parser) -> None:
    add = parser.getgroup("qparity", "release gate for quantized ONNX models (qparity)").addoption
    for part in (_add_choice, _add_places, _add_comparing, _add_judging, _add_spreading, _add_reporting):
        part(add)
    _add_ini(parser)


def _add_choice(add: Callable[..., None]) -> None:
    """What is judged."""
    add("--backend", metavar="A,B", help="backends to judge the case files on (ini qparity_backends; default ort)")
    add("--precision", metavar="A,B", help="precisions to judge (ini qparity_precisions; default all of a case)")
    add(
        "--qparity-model",
        metavar="FILE",
        help="judge a pair of files in place of case files: this is the float model, the reference",
    )
    add("--qparity-candidate", metavar="FILE", help="and this is the one that is to ship")
    add("--qparity-data", metavar="FILE", help="inputs for the pair, one array for each (default: drawn)")
    add("--qparity-samples", metavar="N", help="how many inputs are drawn for a pair (default 16)")
    add("--qparity-sizes", metavar="NAME=N,...", help="sizes of axes that the pair's model leaves open")
    add("--qparity-speedup", metavar="X", help="how many times as fast as the float model the candidate must be")
    add("--qparity-weights", metavar="KIND", help="the candidate's: rounded (default), or changed on purpose")


def _add_places(add: Callable[..., None]) -> None:
    """Where things are read and kept."""
    add("--qparity-cases", metavar="GLOB", help="case files, from rootdir (ini qparity_cases; default cases/*.toml)")
    add(
        "--qparity-canaries",
        metavar="GLOB",
        help="canary files, from rootdir (ini qparity_canaries; default cases/canaries/*.toml, or "
        "the package's own where there are none; empty: none at all)",
    )
    add(
        "--qparity-roots",
        metavar="DIR,DIR",
        help="more folders that case files may read from, beside rootdir and below (ini qparity_roots)",
    )
    add("--qparity-golden", metavar="DIR", help="where goldens live (ini qparity_golden; default golden)")
    add("--qparity-cache", metavar="DIR", help="where made variants live (ini qparity_cache; default .qparity/cache)")
    add(
        "--qparity-remote-cache",
        metavar="URL",
        help="a cache of made variants that machines share, by any URL of fsspec: s3://…, gs://…, file:///… (ini "
        "qparity_remote_cache; extra [remote])",
    )
    add("--qparity-ledger", metavar="FILE", help="the ledger (ini qparity_ledger; default .qparity/ledger.json)")


def _add_comparing(add: Callable[..., None]) -> None:
    """What earlier sessions say of this one."""
    add(
        "--qparity-baseline",
        metavar="FILE",
        help="a baseline, or a ledger that passes, from rootdir: each run gets the check regression, which fails where "
        "the run is worse (ini qparity_baseline)",
    )
    add(
        "--qparity-baseline-variants",
        metavar="DIR",
        help="where the files lie that the baseline was saved of, such as what qparity export wrote; where a variant "
        "has other bytes now, both are timed in turn (ini qparity_baseline_variants)",
    )
    add(
        "--qparity-since",
        metavar="REV",
        help="judge only what a change touches: runs whose files, code, versions and hardware are those of the last "
        "ledger, which must be of the git revision REV, keep its verdicts, marked as carried over. A ledger's file in "
        "the place of REV: that one (ini qparity_since)",
    )


def _add_judging(add: Callable[..., None]) -> None:
    """How it is judged."""
    add(
        "--qparity-latency-seconds",
        metavar="S",
        help="time a latency check measures for (ini qparity_latency_seconds; default 1.0)",
    )
    add(
        "--qparity-largest-data-mb",
        metavar="MB",
        help="what the .npz files of a case's data may hold once unpacked (ini qparity_largest_data_mb; default 4096)",
    )
    add(
        "--qparity-isolation",
        choices=("process", "none"),
        help="where engines run: each in a process of its own, or in this one, for debuggers (ini qparity_isolation)",
    )
    add(
        "--qparity-limits",
        metavar="NAME=N,...",
        help="when a worker process is killed: load_s, first_run_s, run_s, calibration_s, memory_mb; over what a case "
        "file says (ini qparity_limits: under it)",
    )
    add(
        "--qparity-examples",
        metavar="N",
        help="examples that each kernel of a conformance case is tried with (ini qparity_examples; default 7)",
    )
    add(
        "--qparity-seed",
        metavar="N",
        help="seed of these examples: the same ones for the same seed (ini qparity_seed; default 0)",
    )
    add(
        "--qparity-accept",
        choices=("missing", "changed"),
        help="write goldens that are missing, or missing and changed ones; refused where CI is set",
    )


def _add_spreading(add: Callable[..., None]) -> None:
    """Where else it is judged."""
    add(
        "--qparity-shard",
        metavar="K/N",
        help="judge the K-th of N parts of the plan: whole runs, of about the same cost (their ledgers are merged)",
    )
    add(
        "--qparity-durations",
        metavar="LEDGER",
        help="an earlier ledger, from rootdir, whose seconds balance shards and the workers of pytest-xdist "
        "(ini qparity_durations)",
    )
    add(
        "--qparity-ray",
        metavar="ADDRESS",
        help="judge the runs on a Ray cluster: its address, or local to start one here (ini qparity_ray; extra ray)",
    )
    add(
        "--qparity-ray-storage",
        metavar="URL",
        help="what all nodes reach (file://, s3://, gs://, …): files and made variants go through it; not needed where "
        "they see rootdir at the same path (ini qparity_ray_storage)",
    )
    add(
        "--qparity-ray-files",
        metavar="GLOB",
        action="append",
        help="files to send along that no case file names, from rootdir; repeatable (ini qparity_ray_files)",
    )
    add(
        "--qparity-ray-resources",
        metavar="BACKEND:KEY=N,...",
        action="append",
        help="what a run on a backend asks of its node: cpu, gpu, accelerator, memory_mb; repeatable "
        "(ini qparity_ray_resources)",
    )


def _add_reporting(add: Callable[..., None]) -> None:
    """What is written of it."""
    add(
        "--qparity-report",
        action="append",
        metavar="FILE",
        help="a report to write at the end, by what FILE ends in (.html, .md, .csv, …: qparity report --help); "
        "repeatable (ini qparity_report)",
    )
    add(
        "--qparity-github",
        action="store_true",
        help="on GitHub Actions: annotate case files, and append to the step's summary (ini qparity_github)",
    )
    add(
        "--qparity-advice",
        action="store_true",
        help="say behind the summary what to ship for latency, throughput, memory and accuracy, and what could be won",
    )


def _add_ini(parser: pytest.Parser) -> None:
    """The twins of options in the ini file."""
    parser.addini("qparity_backends", "backends to judge case files on", default="ort")
    parser.addini("qparity_precisions", "precisions to judge; empty: all of a case", default="")
    parser.addini("qparity_cases", "globs of case files, from rootdir", type="args", default=["cases/*.toml"])
    parser.addini(
        "qparity_canaries", "globs of canary files, from rootdir", type="args", default=["cases/canaries/*.toml"]
    )
    parser.addini("qparity_roots", "more folders that case files may read from", type="args", default=[])
    parser.addini("qparity_golden", "folder of the goldens, from rootdir", default="golden")
    parser.addini("qparity_cache", "folder of made variants, from rootdir", default=".qparity/cache")
    parser.addini("qparity_remote_cache", "URL of a cache of made variants that machines share", default="")
    parser.addini("qparity_ledger", "the ledger file, from rootdir", default=".qparity/ledger.json")
    parser.addini("qparity_report", "reports to write at the end, from rootdir", type="args", default=[])
    parser.addini("qparity_github", "on GitHub Actions: annotations and the step's summary", type="bool", default=False)
    parser.addini("qparity_baseline", "a baseline that no run may be worse than, from rootdir", default="")
    parser.addini("qparity_baseline_variants", "folder of the files that the baseline was saved of", default="")
    parser.addini("qparity_since", "revision or ledger whose verdicts are carried over", default="")
    parser.addini("qparity_durations", "a ledger whose seconds balance shards and workers", default="")
    parser.addini("qparity_ray", "address of the Ray cluster that judges the runs", default="")
    parser.addini("qparity_ray_storage", "URL of storage that all nodes of the cluster reach", default="")
    parser.addini("qparity_ray_files", "globs of files to send along", type="args", default=[])
    parser.addini("qparity_ray_resources", "what runs on a backend ask of their node", type="args", default=[])
    parser.addini("qparity_latency_seconds", "seconds a latency check measures for", default="1.0")
    parser.addini("qparity_largest_data_mb", "megabytes that .npz files may hold once unpacked", default="4096")
    parser.addini("qparity_examples", "examples that each kernel of a conformance case is tried with", default="7")
    parser.addini("qparity_seed", "seed of these examples", default="0")
    parser.addini("qparity_isolation", "where engines run: process or none", default="")
    parser.addini("qparity_limits", "when a worker process is killed: NAME=N", type="args", default=[])
