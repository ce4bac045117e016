"""A baseline's file: JSON with a line a run, in a stable order, so that git shows and merges what changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pytest_qparity.baseline.figures import Figures
from pytest_qparity.baseline.scores import unpacked_scores
from pytest_qparity.digest import bytes_digest
from pytest_qparity.ledger.events import plain

__all__ = ["Baseline", "BaselineError", "baseline_text", "parsed_baseline"]

FORMAT = 1


class BaselineError(Exception):
    """A file that is no baseline, or a ledger that none is made of; the text says what was found, and what to do."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Figures of runs: of each run one for each hardware that it was measured on, in no order that matters.

    `digest`: SHA-256 of the file that they were read from; empty where they are of none.
    """

    runs: tuple[Figures, ...]
    digest: str = ""

    def of(self, case: str, backend: str, precision: str) -> tuple[Figures, ...]:
        """A run's figures on all hardware. Not by the run's name, which says too whether it is emulated."""
        wanted = (case, backend, precision)
        return tuple(each for each in self.runs if (each.case, each.backend, each.precision) == wanted)

    def nearest(self, case: str, backend: str, precision: str, hardware: str) -> Figures | None:
        """Those of this hardware; where there are none, the newest of another."""
        known = self.of(case, backend, precision)
        return max(known, key=lambda each: (each.hardware == hardware, each.about.time or ""), default=None)


def baseline_text(runs: Iterable[Figures]) -> str:
    ordered = sorted(runs, key=lambda each: (each.case, each.run, each.hardware))
    lines = ",\n".join(json.dumps(_stored(each), allow_nan=False, ensure_ascii=False) for each in ordered)
    return f'{{"format": {FORMAT}, "runs": [\n{lines}\n]}}\n'


def _stored(figures: Figures) -> Any:
    return plain(figures.model_dump(exclude_none=True))


def parsed_baseline(text: str, path: Path) -> Baseline:
    """Raises BaselineError where `text`, of the file at `path`, is no baseline."""
    try:
        document = json.loads(text)
        told, lines = document["format"], document["runs"]
    except (ValueError, TypeError, KeyError):
        raise BaselineError(f"got {path}, should be a file that qparity baseline save wrote") from None
    if told != FORMAT:
        raise BaselineError(f"got format {told!r} in {path}, should be {FORMAT}: upgrade pytest-qparity")
    runs = tuple(_runs(lines, path))
    keys = [(each.case, each.run, each.hardware) for each in runs]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise BaselineError(f"got {twice[0]} {twice[1]} twice in {path}, should be once for each hardware: merge anew")
    return Baseline(runs, bytes_digest(text.encode()))


def _runs(lines: Any, path: Path) -> Iterator[Figures]:
    if not isinstance(lines, list) or not lines:
        raise BaselineError(f"got no run in {path}, should be at least one: nothing could ever be worse")
    for index, line in enumerate(lines):
        try:
            figures = Figures.model_validate(line)
            if figures.accuracy is not None and figures.accuracy.bits is not None:
                unpacked_scores(figures.accuracy.bits)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            wrong = f"{where}: {first['msg'].lower()}"
        except ValueError as error:
            wrong = str(error)
        else:
            yield figures
            continue
        raise BaselineError(f"got run {index + 1} of {path} with {wrong}; should be what qparity baseline save writes")
