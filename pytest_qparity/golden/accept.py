"""What a golden's state is and whether it may be accepted. Imports no NumPy until a golden is read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pytest_qparity.golden.manifest import is_array_file
from pytest_qparity.verdict import CannotJudge, Code

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from pytest_qparity.golden.manifest import GoldenKey


class State(StrEnum):
    """How a golden stands to what its case would make today."""

    MISSING = "missing"
    CURRENT = "current"
    CHANGED = "changed"
    CORRUPT = "corrupt"
    NEWER = "newer"
    ORPHANED = "orphaned"


class Accept(StrEnum):
    """Which goldens a run may write: those that do not exist, or those too that are stale or damaged."""

    MISSING = "missing"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class GoldenStatus:
    """The state of one case's golden; `detail` is the sentence that says why."""

    case: str
    folder: Path
    state: State
    detail: str


STATE_OF = {
    Code.GOLDEN_MISSING: State.MISSING,
    Code.GOLDEN_STALE: State.CHANGED,
    Code.GOLDEN_CORRUPT: State.CORRUPT,
    Code.GOLDEN_NOT_FINITE: State.CORRUPT,
    Code.GOLDEN_NEWER: State.NEWER,
}


def status_of(case: str, folder: Path, key: GoldenKey) -> GoldenStatus:
    """Reads and verifies the golden as a run would: what is current here is current there."""
    from pytest_qparity.golden.store import read_golden

    try:
        golden = read_golden(folder, key, "qparity accept")
    except CannotJudge as stop:
        return GoldenStatus(case, folder, STATE_OF[stop.failure.code], stop.failure.sentence)
    outputs = ", ".join(golden.outputs)
    return GoldenStatus(case, folder, State.CURRENT, f"{golden.samples} samples of {outputs}")


def orphans(root: Path, case_names: Collection[str]) -> list[GoldenStatus]:
    """The goldens under `root` that belong to no case: of cases removed or renamed."""
    if not root.is_dir():
        return []
    return [
        GoldenStatus(
            folder.name, folder, State.ORPHANED, f"got a golden without a case, should be of a case named {folder.name}"
        )
        for folder in sorted(root.iterdir())
        if folder.is_dir() and folder.name not in case_names and _holds_golden(folder)
    ]


def may_write(state: State, accept: Accept) -> bool:
    if accept is Accept.MISSING:
        return state is State.MISSING
    return state in {State.MISSING, State.CHANGED, State.CORRUPT}  # what a newer version wrote is for it to replace


def ci_refusal(environment: Mapping[str, str]) -> str | None:
    """Why nothing may be accepted here: in CI nobody looks at the difference. None outside of it."""
    value = environment.get("CI", "").strip()
    if value.lower() in {"", "0", "false"}:
        return None
    return (
        f"got a request to accept goldens where CI={value}, should be accepted on a developer's machine and committed"
    )


def _holds_golden(folder: Path) -> bool:
    return any(path.name == "manifest.json" or is_array_file(path.name) for path in folder.iterdir())
