"""The border to an engine: open a session, run all feeds, put the outputs together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_qparity.backends.message import said_by
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from pytest_qparity.backends.protocol import Backend, Session, SessionFacts, SessionOptions
    from pytest_qparity.case.data import Feed, Feeds


def require_available(backend: Backend, name: str) -> Backend:
    """The backend itself where it works on this machine; CannotJudge with its reason and remedy where it does not."""
    try:
        unavailable = backend.unavailable()
    except CannotJudge:
        raise
    except Exception as error:
        raise CannotJudge(
            Failure(
                Code.BACKEND_UNAVAILABLE,
                f'Backend "{name}" got {said_by(error)} from looking for its engine, should find it.',
                "reinstall the engine, or take the backend out of --backend",
            )
        ) from error
    if unavailable is None:
        return backend
    raise CannotJudge(
        Failure(
            Code.BACKEND_UNAVAILABLE,
            f'Backend "{name}" does not work here: {unavailable.reason}.',
            unavailable.remedy,
        )
    )


def open_session(backend: Backend, name: str, model: Path, options: SessionOptions) -> Session:
    """Load a variant by a backend that works here."""
    return load_session(require_available(backend, name), name, model, options)


def load_session(backend: Backend, name: str, model: Path, options: SessionOptions) -> Session:
    """Load a variant. What the engine raises becomes one CannotJudge with its first telling line."""
    try:
        return backend.load(model, options)
    except CannotJudge:
        raise
    except Exception as error:
        raise CannotJudge(
            Failure(
                Code.BACKEND_LOAD,
                f'Backend "{name}" got {said_by(error)} from loading {model.name}, should be a session.',
                f"see whether {model.name} is a whole ONNX file (onnx.checker.check_model) "
                f'and whether "{name}" implements its operators and types',
            )
        ) from error


def gather_outputs(session: Session, feeds: Feeds) -> dict[str, np.ndarray]:
    """Outputs over all feeds, in the engine's order of names.

    `feeds.stacked`: each sample is fed as it is and its outputs get a new first axis. Otherwise an output whose first
    axis is the feed's count in every feed is joined along it, and any other (a scalar, a table of constants) is
    stacked, one row a feed. Arrays are copied after each run, since engines reuse their buffers.
    """
    import numpy as np

    parts: dict[str, list[np.ndarray]] = {}
    counts: list[int] = []
    for feed in feeds:
        outputs = run_once(session, feed)
        if counts and list(outputs) != list(parts):
            raise _refused(f"outputs {list(outputs)} of feed {len(counts)}, should be {list(parts)} as of feed 0")
        for name, array in outputs.items():
            parts.setdefault(name, []).append(array)
        counts.append(feed.count)
    if not counts:
        raise CannotJudge(
            Failure(Code.DATA_EMPTY, "got 0 feeds to run, should be at least 1", "see that the test data hold samples")
        )
    gathered = {}
    for name, arrays in parts.items():
        along_first_axis = not feeds.stacked and all(
            array.ndim > 0 and array.shape[0] == count for array, count in zip(arrays, counts, strict=True)
        )
        _require_alike(name, arrays, first_axis_free=along_first_axis)
        gathered[name] = np.concatenate(arrays) if along_first_axis else np.stack(arrays)
    return gathered


def run_once(session: Session, feed: Feed) -> dict[str, np.ndarray]:
    """One run, its outputs copied. What the engine raises, or gives that is no tensor, becomes one CannotJudge."""
    import numpy as np

    try:
        outputs = session.run(feed.arrays)
    except CannotJudge:
        raise
    except Exception as error:
        raise engine_failure(error) from error
    if not isinstance(outputs, dict) or not outputs:
        raise _refused(f"{type(outputs).__name__} without outputs from a run, should be a dict of at least one array")
    for name, value in outputs.items():
        if not isinstance(value, np.ndarray):
            raise _refused(f'a {type(value).__name__} as output "{name}", should be a tensor (a NumPy array)')
        if value.dtype.hasobject or value.dtype.kind in "SU":
            raise _refused(f'strings or objects ({value.dtype}) as output "{name}", should be numbers')
    return {name: np.array(value, order="C", copy=True) for name, value in outputs.items()}


def engine_failure(error: Exception) -> CannotJudge:
    """What a run raised, as one failure."""
    if isinstance(error, CannotJudge):
        return error
    return CannotJudge(
        Failure(
            Code.BACKEND_RUN,
            f"The engine got {said_by(error)} from a run, should be outputs.",
            "run this one sample by itself in the engine; a batch that the file does not take shows here too",
        )
    )


def facts_of(session: Session) -> SessionFacts:
    """What a session states of itself, looked at: a backend may be anyone's.

    Raises CannotJudge where it states nothing, or counts of nodes that are no counts.
    """
    from pytest_qparity.backends.protocol import SessionFacts

    try:
        facts = session.facts()
    except Exception as error:
        raise _facts_failure(said_by(error)) from error
    if not isinstance(facts, SessionFacts):
        raise _facts_failure(f"a {type(facts).__name__}")
    if not isinstance(facts.expected_placement, str) or not isinstance(facts.placement, Mapping):
        raise _facts_failure(f"placement {facts.placement!r} of {facts.expected_placement!r}")
    for place, count in facts.placement.items():
        if not isinstance(place, str) or type(count) is not int or count < 0:
            raise _facts_failure(f"{count!r} nodes on {place!r}")
    return facts


def _facts_failure(got: str) -> CannotJudge:
    return CannotJudge(
        Failure(
            Code.BACKEND_FACTS,
            f"The session's facts are {got}, should be SessionFacts with whole counts of nodes by place.",
            "correct the backend's facts()",
        )
    )


def _require_alike(name: str, arrays: list[np.ndarray], *, first_axis_free: bool) -> None:
    first = arrays[0]
    skipped = 1 if first_axis_free else 0
    for index, array in enumerate(arrays):
        if array.dtype != first.dtype:
            raise _refused(f'output "{name}" as {array.dtype} in feed {index}, should be {first.dtype} as in feed 0')
        if array.shape[skipped:] != first.shape[skipped:]:
            raise _refused(
                f'output "{name}" of shape {array.shape} in feed {index}, should be {first.shape} as in feed 0'
            )


def _refused(got: str) -> CannotJudge:
    return CannotJudge(
        Failure(
            Code.BACKEND_OUTPUTS,
            f"got {got}",
            "outputs must be tensors of one type and shape for every sample: pad them, or take the ragged output out",
        )
    )
