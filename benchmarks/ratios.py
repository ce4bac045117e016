"""Print, group by group, the median of each benchmark over that of ours: `python benchmarks/ratios.py results.json`.

Ours is the benchmark of a group that is named in `OURS`. A group without it, or without a peer, is said so in place of
its table, and the exit status is 1: no table would read as nothing to report.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

OURS = {
    "compare-10M": "test_compare",
    "start-up": "test_start_with_the_plugin",
    "start-up of a project without cases": "test_empty_session_with_the_plugin",
    "collect-10k": "test_collect_checks",
    "run-10k": "test_run_instant_checks",
    **{
        f"worker-{run}-{size}": f"test_call_a_worker[{run}-{size}]"
        for run in ("double", "largest")
        for size in ("1MB", "64MB")
    },
    "golden-write-200MB": "test_write_a_golden",
    "golden-read-200MB": "test_read_a_golden",
    "emulated-float8-1M": "test_rounding[emulation]",
    "worker-start": "test_start_a_worker",
    "worker-crash-named": "test_name_a_crash",
    "worker-hang-named": "test_name_a_hang[hold_the_gil]",
}


def medians_of(results: Path) -> dict[str, dict[str, float]]:
    """group -> benchmark -> median in seconds."""
    medians: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for benchmark in json.loads(results.read_text(encoding="utf-8"))["benchmarks"]:
        medians[benchmark["group"]][benchmark["name"]] = benchmark["stats"]["median"]
    return dict(medians)


def is_comparable(group: str, medians: dict[str, float]) -> bool:
    return OURS.get(group) in medians and len(medians) >= 2


def table_of(group: str, medians: dict[str, float]) -> str:
    if not is_comparable(group, medians):
        return f"{group}: has {sorted(medians)}, should have ours ({OURS.get(group, 'not named in OURS')}) and a peer"
    ours = OURS[group]
    lines = [f"{group:<40} {'median ms':>10} {'over ours':>10}"]
    for name, median in sorted(medians.items(), key=lambda entry: entry[1]):
        lines.append(f"  {name:<38} {1e3 * median:>10.1f} {median / medians[ours]:>9.1f}x")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        raise SystemExit("usage: python benchmarks/ratios.py RESULTS.json")
    groups = medians_of(Path(arguments[0]))
    if not groups:
        raise SystemExit(f"{arguments[0]} holds no benchmark")
    print("\n\n".join(table_of(group, medians) for group, medians in groups.items()))
    if not all(is_comparable(group, medians) for group, medians in groups.items()):
        raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
