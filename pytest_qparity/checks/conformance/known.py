"""Known deviations of a backend: what of it differs from the specification and is on record, in one TOML file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pytest_qparity.backends.protocol import Optimizer  # noqa: TC001  pydantic reads it
from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.checks.conformance.example import TRAITS
from pytest_qparity.checks.conformance.trial import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_qparity.checks.conformance.example import Array
    from pytest_qparity.checks.conformance.trial import Difference, Trial

__all__ = ["Known", "KnownDeviation", "KnownDeviations", "KnownError", "read_known", "shipped_known"]

_RELEASE = re.compile(r"\d+(\.\d+)*")


def release_of(version: str) -> str | None:
    """A version without the engine's build; None where it does not begin with numbers."""
    found = _RELEASE.match(version)
    return None if found is None else found[0]


class KnownError(ValueError):
    """A file of known deviations that cannot be read; the text says what was found and expected."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kernels: tuple[str, ...] = Field(min_length=1)  # globs
    versions: str = Field(min_length=1)  # of the engine, as pip writes them
    observed: str = Field(min_length=1)
    reproducer: str = ""

    @field_validator("versions")
    @classmethod
    def _is_specifier(cls, value: str) -> str:
        try:
            SpecifierSet(value)
        except InvalidSpecifier as error:
            raise ValueError(f"{error}; should be as pip writes it, such as >=1.30,<1.33") from None
        return value

    def is_of_version(self, version: str) -> bool:
        """Whether it speaks of this version of the engine."""
        release = release_of(version)
        return release is not None and Version(release) in SpecifierSet(self.versions)

    def is_of_kernel(self, kernel: str) -> bool:
        return any(fnmatchcase(kernel, glob) for glob in self.kernels)


class KnownDeviation(_Entry):
    """Outputs that are on record as wrong; `where` they are of these traits, or everywhere."""

    expected: str = Field(min_length=1)
    where: tuple[str, ...] = ()
    optimizers: tuple[Optimizer, ...] = ()  # none named: at every level
    at_most_lsb: float | None = Field(default=None, gt=0, allow_inf_nan=False)  # ∞ would account for NaN
    sporadic: bool = False  # undefined behaviour need not show
    answers: tuple[Answer, ...] = (Answer.RAN,)

    @field_validator("where")
    @classmethod
    def _are_traits(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for trait in value:
            if trait not in TRAITS:
                near = nearest(trait, TRAITS)
                hint = "" if near is None else f" (did you mean {near}?)"
                raise ValueError(f"got {trait!r}, should be one of: {known_list(sorted(TRAITS))}{hint}")
        return value

    def covers(self, trial: Trial, difference: Difference) -> Array:
        """Which elements it accounts for."""
        beyond = difference.beyond
        if not beyond.any():
            return np.zeros(beyond.shape, bool)
        if (self.optimizers and trial.optimizer not in self.optimizers) or trial.answer not in self.answers:
            return np.zeros(beyond.shape, bool)
        meant = np.full(beyond.shape, not self.where or not trial.example.traits.isdisjoint(self.where))
        for trait in self.where:
            if trait in difference.traits:
                meant = meant | difference.traits[trait]
        # An entry that says neither where nor how far accounts for no NaN and no infinity: these are another fault.
        if self.at_most_lsb is None:
            return meant & (np.isfinite(beyond) if not self.where and trial.answer is Answer.RAN else True)
        return meant & (beyond <= self.at_most_lsb)


class KnownUnsupported(_Entry):
    """Kernels that the engine refuses as a whole."""


class Known(BaseModel):
    """A file of known deviations."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    deviation: tuple[KnownDeviation, ...] = ()
    unsupported: tuple[KnownUnsupported, ...] = ()


@dataclass(frozen=True)
class KnownDeviations:
    """What is known of one engine at one version."""

    known: Known
    version: str
    source: str

    @cached_property
    def of_version(self) -> Known:
        return Known(
            deviation=tuple(entry for entry in self.known.deviation if entry.is_of_version(self.version)),
            unsupported=tuple(entry for entry in self.known.unsupported if entry.is_of_version(self.version)),
        )

    def deviations(self, kernel: str) -> tuple[KnownDeviation, ...]:
        return tuple(entry for entry in self.of_version.deviation if entry.is_of_kernel(kernel))

    def unsupported(self, kernel: str) -> KnownUnsupported | None:
        return next((entry for entry in self.of_version.unsupported if entry.is_of_kernel(kernel)), None)

    def dead_globs(self, kernels: Iterable[str]) -> tuple[str, ...]:
        """Globs of entries that match no kernel of the suite, whatever the version."""
        ids = tuple(kernels)
        entries: tuple[_Entry, ...] = (*self.known.deviation, *self.known.unsupported)
        globs = dict.fromkeys(glob for entry in entries for glob in entry.kernels)
        return tuple(glob for glob in globs if not any(fnmatchcase(kernel, glob) for kernel in ids))


def shipped_known(backend: str) -> Known:
    """What this package knows of a backend; nothing of one that is not built in."""
    file = resources.files(__package__) / "known" / f"{backend}.toml"
    return _parsed(file.read_text(encoding="utf-8"), file.name) if file.is_file() else Known()


def read_known(path: Path) -> Known:
    """Raises KnownError where the file is not there, no TOML, or holds what it should not."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KnownError(f"got {error}, should be a TOML file of known deviations at {path}") from None
    return _parsed(text, str(path))


def _parsed(text: str, shown: str) -> Known:
    try:
        document: dict[str, Any] = tomllib.loads(text)
        return Known.model_validate(document)
    except tomllib.TOMLDecodeError as error:
        raise KnownError(f"got {error} in {shown}, should be TOML") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise KnownError(f"got {place} in {shown}: {first['msg']}") from None
