"""What was found so far, on disk: a search that was killed goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_qparity.digest import canonical_json
from pytest_qparity.rescue.evaluation import Evaluation

__all__ = ["Journal"]

FORMAT = 2


class Journal:
    """A file of JSON lines; each is flushed to disk before the next step begins. A line that is cut off, as a kill
    leaves one, is passed over, and so is a file of another format.

    Whose it is stands in its name: all that decides upon a verdict is in the digest there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.evaluations: dict[str, Evaluation] = {}
        self.rankings: dict[str, Any] = {}
        self.microseconds: dict[str, float] | None = None
        for line in _lines(path):
            self._take(line)
        path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, evaluation: Evaluation) -> None:
        """What tells of this moment and not of the candidate is no answer, and is not kept: the next session asks
        again."""
        if evaluation.is_of_candidate:
            self._write("evaluation", evaluation.as_json())

    def add_ranking(self, of: str, ranking: Mapping[str, Any]) -> None:
        """of: key of the candidate whose nodes are ranked."""
        self._write("ranking", {"of": of, **ranking})

    def add_microseconds(self, measured: Mapping[str, float]) -> None:
        """What nodes cost: a search that goes on ranks them as the one before did."""
        self._write("microseconds", measured)

    def _write(self, kind: str, value: Mapping[str, Any]) -> None:
        line = {"format": FORMAT, "kind": kind, "value": dict(value)}
        is_cut = self.path.is_file() and self.path.stat().st_size > 0 and not self.path.read_bytes().endswith(b"\n")
        with self.path.open("ab") as stream:
            stream.write(b"\n" * is_cut + f"{canonical_json(line)}\n".encode())
            stream.flush()
            os.fsync(stream.fileno())
        self._take(line)

    def _take(self, line: Mapping[str, Any]) -> None:
        if line.get("format") != FORMAT:
            return
        if line["kind"] == "evaluation":
            found = Evaluation.from_json(line["value"])
            self.evaluations[found.candidate.key] = found
        elif line["kind"] == "ranking":
            self.rankings[line["value"]["of"]] = line["value"]
        elif line["kind"] == "microseconds":
            self.microseconds = dict(line["value"])


def _lines(path: Path) -> list[Mapping[str, Any]]:
    if not path.is_file():
        return []
    found: list[Mapping[str, Any]] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
