"""Two files named on the command line, a float model and its candidate, as the one case of a session."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_qparity.options import PAIR_OPTIONS
from pytest_qparity.stash import PAIR, PAIR_REFUSED, SELECTION

if TYPE_CHECKING:
    from pytest_qparity.gate.pair import PairPlace


def place_of(config: pytest.Config, backends: tuple[str, ...]) -> PairPlace | None:
    """Where the pair that the options name has its case; None where there are none. Raises SelectionError where they
    name no whole pair."""
    if all(config.getoption(option) is None for option in PAIR_OPTIONS):
        return None
    from pytest_qparity.gate.pair import SAMPLES, Pair, PairPlace
    from pytest_qparity.selection import SelectionError, count_of, times_of

    model, candidate, data = (config.getoption(f"qparity_{name}") for name in ("model", "candidate", "data"))
    if not model or not candidate:
        given, missing = ("--qparity-model", "--qparity-candidate")[:: 1 if model else -1]
        raise SelectionError(f"got no {missing}, should be beside {given if model or candidate else 'the others'}")
    start = config.invocation_params.dir
    samples, speedup = config.getoption("qparity_samples"), config.getoption("qparity_speedup")
    precisions: list[str] = (config.getoption("precision") or "").replace(",", " ").split()
    meant = [name for name in precisions if name != "fp32"] or precisions
    if len(meant) > 1:
        raise SelectionError(f"got precisions {', '.join(meant)} for one candidate, should be one")
    pair = Pair(
        start / model,
        start / candidate,
        start / data if data else None,
        meant[0] if meant else None,
        SAMPLES if samples is None else count_of(samples, "--qparity-samples", lowest=1),
        _sizes(config.getoption("qparity_sizes") or ""),
        None if speedup is None else times_of(speedup, "--qparity-speedup"),
        backends,
        _weights(config.getoption("qparity_weights")) == "changed",
    )
    return PairPlace(pair, config.rootpath)


def _weights(text: str | None) -> str:
    from pytest_qparity.selection import SelectionError

    if text not in (None, "rounded", "changed"):
        raise SelectionError(f"got --qparity-weights {text!r}, should be rounded or changed")
    return text or "rounded"


def _sizes(text: str) -> dict[str, int]:
    from pytest_qparity.selection import SelectionError, count_of

    sizes = {}
    for stated in filter(None, (each.strip() for each in text.split(","))):
        name, separator, size = stated.rpartition("=")
        if not separator or not name:
            raise SelectionError(f"got --qparity-sizes {stated!r}, should be NAME=N")
        sizes[name] = count_of(size, f"--qparity-sizes {name}", lowest=1)
    return sizes


def pair_up(config: pytest.Config) -> None:
    """Have the case written of the pair that was asked for, and nothing else collected. Raises UsageError where it
    cannot be."""
    place = config.stash[SELECTION].pair
    if place is None:
        return
    _collect_alone(config, place.case_file)
    if hasattr(config, "workerinput"):
        return  # the process that controls the session has written it
    from pytest_qparity.gate.pair import PairError, prepare
    from pytest_qparity.verdict import CannotJudge
    from pytest_qparity.worker.process import WorkerProcess

    try:
        with contextlib.closing(WorkerProcess(config.stash[SELECTION].limits)) as worker:
            config.stash[PAIR] = prepare(place, worker)
    except (PairError, CannotJudge, OSError) as reason:
        config.stash[PAIR_REFUSED] = reason
        raise pytest.UsageError(_text(reason)) from None


def _text(reason: Exception) -> str:
    from pytest_qparity.report.text import printable, printable_lines
    from pytest_qparity.verdict import CannotJudge

    if isinstance(reason, CannotJudge):
        failure = reason.failure
        return printable_lines(f"{failure.code.code}\n{failure.sentence}\nTry:    {failure.remedy}")
    if isinstance(reason, OSError):
        return printable(f"got {reason.strerror or reason} ({reason.filename}), should be room to write")
    return printable(str(reason))


def _collect_alone(config: pytest.Config, case_file: Path) -> None:
    """A node id of the pair, as the command that repeats a check names it, stays."""
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = [str(case_file)]
        return
    start = config.invocation_params.dir
    others = [each for each in config.args if (start / each.partition("::")[0]).resolve() != case_file.resolve()]
    if others:
        raise pytest.UsageError(
            f"got {others[0]} beside --qparity-model, should be one of the two: a pair is judged alone"
        )
