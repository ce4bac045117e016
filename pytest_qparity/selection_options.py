"""What a session is asked to judge, read out of its options and their ini twins."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_qparity.backends.registry import BackendSpec
from pytest_qparity.contributions import answers, contributed_to, sections_of
from pytest_qparity.options import REPEATED
from pytest_qparity.pair_options import place_of
from pytest_qparity.selection import (
    Selection,
    SelectionError,
    backends_among,
    count_of,
    durations_in,
    isolation_of,
    known_backends,
    known_precisions,
    limits_of,
    megabytes_of,
    names_of,
    ray_of,
    roots_of,
    seconds_of,
    shard_named,
)
from pytest_qparity.stash import SINCE
from pytest_qparity.worker.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.baseline.file import Baseline
    from pytest_qparity.case.contributed import Contributed
    from pytest_qparity.precision.remote import RemoteCache
    from pytest_qparity.precision.variant_folder import VariantFolder
    from pytest_qparity.scale.resources import RayOptions
    from pytest_qparity.since import Since

__all__ = ["selection_of"]

# A session with one of these options is there to judge cases.
ASKING = ("backend", "precision", "qparity_cases", "qparity_report", "qparity_model")


def selection_of(config: pytest.Config) -> Selection:
    """What the options of a session ask for. Raises SelectionError for a value that is none of its option, and
    UsageError for a report that nobody writes."""
    _require_accepting_allowed(config)
    root = config.rootpath
    known = known_backends(answers(config, "pytest_qparity_backends", BackendSpec))
    contributed = contributed_to(config)
    backends = backends_among(names_of(_value(config, "backend", "qparity_backends"), "--backend"), known)
    pair = place_of(config, backends)
    roots = _roots(config)
    ledger = root / _value(config, "qparity_ledger")
    return Selection(
        backends=backends,
        precisions=_precisions(config, contributed),
        known_backends=known,
        contributed=contributed,
        sections=sections_of(config),
        case_globs=_globs(config, "qparity_cases"),
        canary_globs=tuple(glob for glob in _globs(config, "qparity_canaries") if glob),
        roots=roots if pair is None else (*roots, *pair.roots),
        golden_root=root / _value(config, "qparity_golden") if pair is None else pair.golden_root,
        cache=root / _value(config, "qparity_cache"),
        ledger=ledger,
        latency_seconds=seconds_of(_value(config, "qparity_latency_seconds"), "--qparity-latency-seconds"),
        largest_data_mb=megabytes_of(_value(config, "qparity_largest_data_mb"), "--qparity-largest-data-mb"),
        accept=config.getoption("qparity_accept") if pair is None else "changed",
        examples=count_of(_value(config, "qparity_examples"), "--qparity-examples", lowest=1),
        seed=count_of(_value(config, "qparity_seed"), "--qparity-seed", lowest=0),
        isolation=isolation_of(_value(config, "qparity_isolation")),
        limits=Limits().but(**limits_of(config.getini("qparity_limits"), "qparity_limits")),
        demanded_limits=limits_of((config.getoption("qparity_limits") or "").split(","), "--qparity-limits"),
        reports=_reports(config, ledger),
        on_github=_on_github(config),
        baseline=_baseline(root, _value(config, "qparity_baseline")),
        baseline_variants=_baseline_variants(config),
        pair=pair,
        since=_since(config, root, ledger),
        remote_cache=_remote_cache(_value(config, "qparity_remote_cache")),
        shard=None if config.getoption("qparity_shard") is None else shard_named(config.getoption("qparity_shard")),
        durations=durations_in(root, _value(config, "qparity_durations")),
        ray=_ray(config, known),
        asked_for=any(config.getoption(option) is not None for option in ASKING),
        repeat_options=_repeat_options(config),
    )


def _require_accepting_allowed(config: pytest.Config) -> None:
    if config.getoption("qparity_accept") is None:
        return
    from pytest_qparity.golden.accept import ci_refusal

    refusal = ci_refusal(os.environ)
    if refusal is not None:
        raise SelectionError(refusal)


def _precisions(config: pytest.Config, contributed: Contributed) -> tuple[str, ...] | None:
    """None: all that a case has."""
    precisions = config.getoption("precision")
    if precisions is None:
        precisions = config.getini("qparity_precisions") or None
    return None if precisions is None else known_precisions(names_of(precisions, "--precision"), contributed)


def _roots(config: pytest.Config) -> tuple[Path, ...]:
    more = config.getoption("qparity_roots")
    return roots_of(config.rootpath, config.getini("qparity_roots") if more is None else more.split(","))


def _ray(config: pytest.Config, known: Mapping[str, BackendSpec]) -> RayOptions | None:
    return ray_of(
        _value(config, "qparity_ray"),
        _value(config, "qparity_ray_storage"),
        _values(config, "qparity_ray_files"),
        _values(config, "qparity_ray_resources"),
        known,
    )


def _repeat_options(config: pytest.Config) -> tuple[str, ...]:
    return tuple(
        f"--{option.replace('_', '-')}={config.getoption(option)}"
        for option in REPEATED
        if config.getoption(option) is not None
    )


def _baseline(root: Path, name: str) -> Baseline | None:
    if not name:
        return None
    from pytest_qparity.baseline.file import BaselineError
    from pytest_qparity.report.baselines import baseline_at

    try:
        return baseline_at(root / name)
    except OSError as error:
        reason = f"got {error.strerror or error} for the baseline {name}, should be a file: qparity baseline save NAME"
        raise SelectionError(reason) from None
    except BaselineError as error:
        raise SelectionError(f"--qparity-baseline: {error}") from None


def _baseline_variants(config: pytest.Config) -> VariantFolder | None:
    """The ini value may stand for sessions with a baseline and for those without."""
    name = _value(config, "qparity_baseline_variants")
    if not name:
        return None
    from pytest_qparity.precision.variant_folder import VariantFolder

    folder = config.rootpath / name
    if not folder.is_dir():
        raise SelectionError(f"got {name!r} as --qparity-baseline-variants, should be a folder with ONNX files")
    if config.getoption("qparity_baseline_variants") and not _value(config, "qparity_baseline"):
        raise SelectionError("got --qparity-baseline-variants without --qparity-baseline, should be with it")
    return VariantFolder(folder)


def _remote_cache(url: str) -> RemoteCache | None:
    if not url:
        return None
    from pytest_qparity.precision.remote import RemoteCache, RemoteCacheError

    try:
        return RemoteCache(url)
    except RemoteCacheError as error:
        raise SelectionError(f"--qparity-remote-cache: {error}") from None


def _since(config: pytest.Config, root: Path, ledger: Path) -> Since | None:
    """A worker of pytest-xdist is told where its controller found it: the ledger has been begun anew by then."""
    told = getattr(config, "workerinput", {}).get(SINCE)
    asked = told or _value(config, "qparity_since")
    if not asked:
        return None
    from pytest_qparity.since import since_named

    return since_named(asked, root, ledger)


def _value(config: pytest.Config, option: str, ini: str | None = None) -> str:
    """An option's value, or its ini twin's."""
    value = config.getoption(option)
    return str(config.getini(ini or option) if value is None else value)


def _values(config: pytest.Config, option: str) -> list[str]:
    """A repeatable option's values, or those of its ini twin."""
    values: list[str] | None = config.getoption(option)
    return list(config.getini(option)) if values is None else values


def _globs(config: pytest.Config, option: str) -> tuple[str, ...]:
    """The option's one glob, or those of its ini twin."""
    glob = config.getoption(option)
    return tuple(config.getini(option) if glob is None else [glob])


def _reports(config: pytest.Config, ledger: Path) -> tuple[Path, ...]:
    """The option's files, or those of its ini twin."""
    names = _values(config, "qparity_report")
    if not names:
        return ()
    from pytest_qparity.report.faces import FaceError, reports_of

    try:
        return reports_of(config.rootpath, names, ledger)
    except FaceError as error:
        raise pytest.UsageError(f"{error}: --qparity-report") from None


def _on_github(config: pytest.Config) -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true" and bool(
        config.getoption("qparity_github") or config.getini("qparity_github")
    )
