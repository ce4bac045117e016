"""What a session was asked to judge: backends, precisions, case files, and where things live."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.backends.registry import BackendSpec, backend_table
from pytest_qparity.case.contributed import NOTHING_CONTRIBUTED, Contributed
from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.case.naming import case_name
from pytest_qparity.precision.table import PRECISIONS, base_of
from pytest_qparity.worker.limits import Limits, stated_limits
from pytest_qparity.worker.protocol import DEFAULT_ISOLATION, Isolation

if TYPE_CHECKING:
    from pytest_qparity.baseline.file import Baseline
    from pytest_qparity.gate.pair import PairPlace
    from pytest_qparity.precision.remote import RemoteCache
    from pytest_qparity.precision.variant_folder import VariantFolder
    from pytest_qparity.report.added import ReportSection
    from pytest_qparity.scale.costs import Durations
    from pytest_qparity.scale.resources import RayOptions
    from pytest_qparity.scale.sharding import Shard
    from pytest_qparity.since import Since

CANARIES = "cases/canaries/*.toml"  # may find nothing; whoever names another glob has canaries of that name


class SelectionError(Exception):
    """An option or ini value that cannot be; the text says what was found, what was expected, what to do."""


@dataclass(frozen=True, slots=True)
class Selection:
    """`precisions` is None where every precision of a case is asked for; `accept` is None, "missing" or "changed".

    `reports`: files to write of the ledger at the end; `on_github`: whether GitHub is told too. `asked_for`: whether
    the command line asks for cases, so that a session without one must not pass. `repeat_options`: what a command that
    repeats a check needs besides its node id and backend. `pair`: two files that are judged in place of case files.
    `sections`: of reports, that plugins add.
    `shard`: the part of the plan that is judged, None: all of it; `durations`: what balances parts; `ray`: the cluster
    that judges, None: this machine.
    """

    backends: tuple[str, ...]
    precisions: tuple[str, ...] | None
    known_backends: Mapping[str, BackendSpec]
    contributed: Contributed
    sections: tuple[ReportSection, ...]
    case_globs: tuple[str, ...]
    canary_globs: tuple[str, ...]
    roots: tuple[Path, ...]
    golden_root: Path
    cache: Path
    ledger: Path
    latency_seconds: float
    largest_data_mb: float
    accept: str | None
    examples: int
    seed: int
    isolation: Isolation
    limits: Limits
    demanded_limits: Mapping[str, float]
    reports: tuple[Path, ...]
    on_github: bool
    asked_for: bool
    repeat_options: tuple[str, ...]
    baseline: Baseline | None = None
    baseline_variants: VariantFolder | None = None
    pair: PairPlace | None = None
    since: Since | None = None
    remote_cache: RemoteCache | None = None
    shard: Shard | None = None
    durations: Durations | None = None
    ray: RayOptions | None = None

    def case_files(self, root: Path) -> dict[Path, str]:
        """What the globs find under `root`, without canaries, and the name of each, by the first glob that finds it; of
        a pair its case alone. Raises SelectionError at a glob that cannot be."""
        if self.pair is not None:
            return {self.pair.case_file: self.pair.case_file.stem}
        canaries = self.canary_files(root)
        names: dict[Path, str] = {}
        for glob in self.case_globs:
            for path in sorted(_found((glob,), root, "case files") - canaries):
                names.setdefault(path, case_name(path, root, glob))
        return names

    def canary_files(self, root: Path) -> frozenset[Path]:
        """What the globs find under `root`. Raises SelectionError at a glob that cannot be, or where canaries were
        asked for and there is none."""
        found = _found(self.canary_globs, root, "canary files")
        if self.canary_globs and self.canary_globs != (CANARIES,) and not found:
            globs = " ".join(self.canary_globs)
            raise SelectionError(f"got no canary file by {globs!r}, should be at least one: qparity canaries FOLDER")
        return found

    def has_own_canaries(self, root: Path) -> bool:
        """Whether the package's own canaries stand in: the project has none, and nobody has turned them off."""
        return bool(self.canary_globs) and not self.canary_files(root)


def _found(globs: Iterable[str], root: Path, kind: str) -> frozenset[Path]:
    found: set[Path] = set()
    for glob in globs:
        try:
            found.update(path for path in root.glob(glob) if path.is_file())
        except (ValueError, NotImplementedError, IndexError) as error:
            raise SelectionError(f"got {kind} {glob!r} ({error}), should be a glob from rootdir") from None
    return frozenset(found)


def names_of(text: str, option: str) -> tuple[str, ...]:
    """The names in "a,b c", without repeats. Raises SelectionError where there is none."""
    names = tuple(dict.fromkeys(text.replace(",", " ").split()))
    if not names:
        raise SelectionError(f"got {option} without a name, should name at least one")
    return names


def roots_of(root: Path, folders: Iterable[str]) -> tuple[Path, ...]:
    """The folders that case files may read from: `root` itself, and those named from there."""
    return root, *(root / folder.strip() for folder in folders if folder.strip())


def known_backends(contributed: Iterable[BackendSpec]) -> dict[str, BackendSpec]:
    """The built-in backends and those that plugins add. Raises SelectionError where two of these share a name."""
    try:
        return backend_table(contributed)
    except ValueError as error:
        raise SelectionError(str(error)) from None


def backends_among(names: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """`names`, each of which is a known backend. Raises SelectionError at one that is not."""
    known = tuple(known)
    for name in names:
        if name not in known:
            raise SelectionError(
                f"got backend {name!r}, should be one of: {known_list(known)}{_did_you_mean(name, known)}"
            )
    return tuple(names)


def known_precisions(names: Sequence[str], contributed: Contributed = NOTHING_CONTRIBUTED) -> tuple[str, ...]:
    """`names`, each a precision or a variant named after one ("int8-mixed"). Raises SelectionError at another."""
    known = (*PRECISIONS, *contributed.precisions)
    for name in names:
        if base_of(name, None) is None and contributed.precision_behind(name) is None:
            raise SelectionError(
                f"got precision {name!r}, should be one of: {known_list(known)}; or a case's own name, such as "
                f"int8-mixed{_did_you_mean(name, known)}"
            )
    return tuple(names)


def isolation_of(text: str) -> Isolation:
    """Where engines run; the system's default where nothing is said. Raises SelectionError at anything else."""
    if not text:
        return DEFAULT_ISOLATION
    try:
        return Isolation(text)
    except ValueError:
        raise SelectionError(f"got isolation {text!r}, should be one of: {known_list(Isolation)}") from None


def limits_of(settings: Iterable[str], option: str) -> dict[str, float]:
    """Limits of workers in texts such as "run_s=5". Raises SelectionError at one that cannot be."""
    try:
        return stated_limits(setting.strip() for setting in settings if setting.strip())
    except ValueError as error:
        raise SelectionError(f"{option}: {error}") from None


LARGEST_COUNT = 999_999_999


def count_of(text: str, option: str, lowest: int) -> int:
    """A whole number of at least `lowest` and of nine digits at most. Raises SelectionError at anything else."""
    if not (text.isascii() and text.isdigit()):
        raise SelectionError(f"got {option} {text!r}, should be a whole number of at least {lowest}")
    if len(text.lstrip("0")) > len(str(LARGEST_COUNT)):
        raise SelectionError(f"got {option} {text!r}, should be a whole number of at most {LARGEST_COUNT:,}")
    if int(text) < lowest:
        raise SelectionError(f"got {option} {text!r}, should be a whole number of at least {lowest}")
    return int(text)


def shard_named(text: str) -> Shard:
    """The shard that "3/8" names. Raises SelectionError at anything else."""
    from pytest_qparity.scale.sharding import parse_shard

    try:
        return parse_shard(text)
    except ValueError as error:
        raise SelectionError(f"--qparity-shard: {error}") from None


def durations_in(root: Path, name: str) -> Durations | None:
    """Those of the ledger of that name; None where no ledger is named. Raises SelectionError at one without any."""
    if not name:
        return None
    from pytest_qparity.ledger import LedgerError
    from pytest_qparity.scale.costs import read_durations

    try:
        return read_durations(root / name)
    except OSError as error:
        reason = f"got {error.strerror or error} for {name}, should be an earlier ledger, or leave the option out"
    except LedgerError as error:
        reason = str(error)
    raise SelectionError(f"--qparity-durations: {reason}")


def ray_of(
    address: str, storage: str, files: Iterable[str], resources: Iterable[str], backends: Mapping[str, BackendSpec]
) -> RayOptions | None:
    """The cluster at an address; None where none is named. Raises SelectionError at what cannot be."""
    if not address:
        if storage:
            raise SelectionError(f"got --qparity-ray-storage {storage!r} without --qparity-ray, should be with it")
        return None
    from pytest_qparity.scale.resources import RayOptions, parse_resources

    if storage.startswith("memory:"):
        raise SelectionError(f"got --qparity-ray-storage {storage!r}, should be what other processes reach too")
    try:
        stated = parse_resources(resources, backends)
    except ValueError as error:
        raise SelectionError(f"--qparity-ray-resources: {error}") from None
    return RayOptions(address, storage or None, tuple(files), stated)


def vanished_cases(selection: Selection, names: Iterable[str]) -> tuple[str, ...]:
    """Cases of which the baseline has runs on the selection's backends, and that are none of `names`, all case files'.
    Precisions leave none of them out, as none leave a run out that vanished from its case."""
    known = () if selection.baseline is None else selection.baseline.runs
    asked = (each.case for each in known if each.backend in selection.backends)
    there = frozenset(names)
    return tuple(dict.fromkeys(case for case in asked if case not in there))


def seconds_of(text: str, option: str) -> float:
    """A finite number of seconds above 0. Raises SelectionError at anything else."""
    return _positive(text, option, "seconds")


def megabytes_of(text: str, option: str) -> float:
    """A finite number of megabytes above 0. Raises SelectionError at anything else."""
    return _positive(text, option, "megabytes")


def times_of(text: str, option: str) -> float:
    """A finite factor above 0. Raises SelectionError at anything else."""
    return _positive(text, option, "times")


def _positive(text: str, option: str, unit: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise SelectionError(f"got {option} {text!r}, should be a number of {unit} above 0")
    return number


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    near = nearest(word, known)
    return f" (did you mean {near!r}?)" if near is not None else ""
