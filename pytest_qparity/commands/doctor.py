"""`qparity doctor`: which backends work on this machine, and why the others do not."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_qparity.commands.json_output import add_json

if TYPE_CHECKING:
    from pytest_qparity.backends.registry import BackendSpec

NOTHING_WORKS = 4
EXAMPLES = """examples:
  qparity doctor           engines, CPU, GPU, versions, and as what each precision runs here
  qparity doctor --json    for scripts

exit status: 0 at least one backend works; 4 none does
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "doctor",
        help="say which backends work on this machine, and why the others do not",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_json(parser)


def run(options: argparse.Namespace, backends: Mapping[str, BackendSpec]) -> int:
    """Exit status: 0 where at least one backend works; 4 where none does."""
    from pytest_qparity.gate.doctor import examine
    from pytest_qparity.progress import working
    from pytest_qparity.report.doctor import screen
    from pytest_qparity.worker.limits import Limits
    from pytest_qparity.worker.process import WorkerProcess

    with working("asking each engine"):
        found = examine(backends, lambda: WorkerProcess(Limits()))
    print(json.dumps(found.as_json(), indent=2) if options.json else screen(found).rstrip("\n"))
    return 0 if found.works else NOTHING_WORKS
