"""The record of a backend: what this package knows of it and what a case adds, and where each of both is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.checks.conformance.known import Known, KnownDeviations, read_known, shipped_known

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Record"]


@dataclass(frozen=True, slots=True)
class Record:
    """`named` is the file that [conformance] known has for the backend, relative to `folder`; `has_shipped` is whether
    what this package knows of it counts as well."""

    backend: str
    folder: Path
    named: str | None
    has_shipped: bool

    def known(self, version: str) -> KnownDeviations:
        """Of a version of the engine; the case's own entries first. Raises KnownError where a file cannot be read."""
        added = Known() if self.named is None else read_known(self.folder / self.named)
        shipped = shipped_known(self.backend) if self.has_shipped else Known()
        both = Known(
            deviation=(*added.deviation, *shipped.deviation), unsupported=(*added.unsupported, *shipped.unsupported)
        )
        return KnownDeviations(both, version, self._source(shipped))

    @property
    def additions(self) -> str:
        """Where a new entry goes."""
        return self.named or f'a file that [conformance] known names: known = {{{self.backend} = "known.toml"}}'

    def _source(self, shipped: Known) -> str:
        """Where the entries are, in words that end a remedy."""
        if not (shipped.deviation or shipped.unsupported):
            return self.named or "no file: none is known"
        ours = f"pytest_qparity/checks/conformance/known/{self.backend}.toml (copy it, with shipped_known = false)"
        return ours if self.named is None else f"{self.named} or {ours}"
