"""The border to an engine, on its side: what it raises becomes one failure, what it gives is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import TYPE_CHECKING

from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.message import said_by

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from pytest_qparity.backends.kernels import Kernels, NotTold
    from pytest_qparity.backends.protocol import Backend, Session, SessionFacts, SessionOptions, Unavailable

_PLAIN = (str, int, float, bool)


# With its code: without, it would also waive what a machine that has the backend measures and misses.
_WAIVER = '[[waivers]] run = "{name}-*", codes = ["QP-BACKEND-001"], reason = "…", expires = …'


def absent(name: str, unavailable: Unavailable) -> CannotJudge:
    """What a run says of its backend that is not here."""
    remedy = unavailable.remedy
    if unavailable.waivable:
        remedy = f"{remedy}; or waive it in the case file: {_WAIVER.format(name=name)}"
    sentence = f'Backend "{name}" does not work here: {unavailable.reason}.'
    return CannotJudge(Failure(Code.BACKEND_UNAVAILABLE, sentence, remedy))


def require_available(backend: Backend, name: str) -> Backend:
    """The backend itself where it works on this machine. Raises CannotJudge with its reason and remedy where it does
    not."""
    unavailable = unavailable_of(backend, name)
    if unavailable is not None:
        raise absent(name, unavailable)
    return backend


def unavailable_of(backend: Backend, name: str) -> Unavailable | None:
    """Why it does not work on this machine. Raises CannotJudge where it cannot even tell."""
    try:
        return backend.unavailable()
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


def load_session(backend: Backend, name: str, model: Path, options: SessionOptions) -> Session:
    """Load a variant. What the engine raises becomes one CannotJudge with its first telling line."""
    try:
        session = backend.load(model, options)
    except CannotJudge:
        raise
    except Exception as error:
        raise _not_loaded(name, said_by(error), model) from error
    if session is None:
        raise _not_loaded(name, "None", model)
    return session


def _not_loaded(name: str, got: str, model: Path) -> CannotJudge:
    return CannotJudge(
        Failure(
            Code.BACKEND_LOAD,
            f'Backend "{name}" got {got} from loading {model.name}, should be a session.',
            f"see whether {model.name} is a whole ONNX file (onnx.checker.check_model) "
            f'and whether "{name}" implements its operators and types',
        )
    )


def require_float32(name: str, options: SessionOptions) -> None:
    """For an engine that has no TF32: what it cannot do it refuses."""
    if options.tf32:
        raise CannotJudge(
            Failure(
                Code.BACKEND_LOAD,
                f'Backend "{name}" got tf32 as what products may be computed in, should be float32: it has no other.',
                "list tf32 among the backend's emulated precisions, or judge it on ort-cuda or trt",
            )
        )


def run_once(session: Session, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """One run. What the engine raises, or gives that is no tensor, becomes one CannotJudge.

    The arrays may be the engine's own buffers: copy them before it runs again.
    """
    try:
        outputs = session.run(feed)
    except CannotJudge:
        raise
    except Exception as error:
        raise engine_failure(error) from error
    return require_outputs(outputs)


def require_outputs(outputs: object) -> dict[str, np.ndarray]:
    """What a run gave, looked at. Raises CannotJudge where that is no dict of tensors."""
    import numpy as np

    if not isinstance(outputs, dict) or not outputs:
        raise refused(f"{type(outputs).__name__} without outputs from a run, should be a dict of at least one array")
    for name, value in outputs.items():
        if not isinstance(value, np.ndarray):
            raise refused(f'a {type(value).__name__} as output "{name}", should be a tensor (a NumPy array)')
        if value.dtype.hasobject or value.dtype.kind in "SU":
            raise refused(f'strings or objects ({value.dtype}) as output "{name}", should be numbers')
    return outputs


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
    """What a session states of itself, looked at: a backend may be anyone's."""
    try:
        facts = session.facts()
    except Exception as error:
        raise _facts_failure(said_by(error)) from error
    return require_facts(facts)


def require_facts(facts: object) -> SessionFacts:
    """Raises CannotJudge where a session states nothing, or counts of nodes that are no counts."""
    from pytest_qparity.backends.protocol import SessionFacts

    if not isinstance(facts, SessionFacts):
        raise _facts_failure(f"a {type(facts).__name__}")
    if not isinstance(facts.expected_placement, str) or not isinstance(facts.placement, Mapping):
        raise _facts_failure(f"placement {facts.placement!r} of {facts.expected_placement!r}")
    for place, count in facts.placement.items():
        if not isinstance(place, str) or type(count) is not int or count < 0:
            raise _facts_failure(f"{count!r} nodes on {place!r}")
    stated = {"engine": facts.engine, "version": facts.version, "device": facts.device}
    if not isinstance(facts.settings, Mapping):
        raise _facts_failure(f"settings {facts.settings!r}")
    for name, value in {**stated, **facts.settings}.items():
        if not isinstance(name, str) or not isinstance(value, _PLAIN):
            raise _facts_failure(f"a {type(value).__name__} as {name!r}")
    return facts


def kernels_of(session: Session) -> Kernels | NotTold:
    """What a session tells of its kernels. An engine that fails to tell, or has no way to, is no failure by itself."""
    from pytest_qparity.backends.kernels import NotTold
    from pytest_qparity.backends.protocol import TellsKernels

    if not isinstance(session, TellsKernels):
        return NotTold("the backend's sessions have no kernels()")
    try:
        return require_kernels(session.kernels())
    except Exception as error:  # noqa: BLE001  the border to an engine, whose words stand in the evidence
        return NotTold(f"the engine got {said_by(error)} from telling its kernels")


def require_kernels(told: object) -> Kernels | NotTold:
    """Raises ValueError where that is neither, or holds counts that are no counts."""
    from pytest_qparity.backends.kernels import KernelCount, Kernels, NotTold

    if isinstance(told, NotTold):
        return told
    if not isinstance(told, Kernels) or not isinstance(told.counts, Mapping):
        raise ValueError(f"got a {type(told).__name__} from kernels(), should be Kernels or NotTold")
    for kind, count in told.counts.items():
        numbers = astuple(count) if isinstance(count, KernelCount) else (None,)
        if not isinstance(kind, str) or any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError(f"got {count!r} as the kernels of {kind!r}, should be whole counts")
        if count.weights_only > count.quantized:
            raise ValueError(
                f"got {count!r} as the kernels of {kind!r}, should have no more weights_only than quantized"
            )
    if type(told.hidden) is not int or told.hidden < 0:
        raise ValueError(f"got {told.hidden!r} hidden parts, should be a whole count")
    if not all(isinstance(text, str) for text in (*told.float_nodes, *told.remarks)):
        raise ValueError("got names or remarks that are no text")
    return told


def _facts_failure(got: str) -> CannotJudge:
    return CannotJudge(
        Failure(
            Code.BACKEND_FACTS,
            f"The session's facts are {got}, should be SessionFacts of plain values, with whole counts of nodes by "
            "place.",
            "correct the backend's facts()",
        )
    )


def refused(got: str) -> CannotJudge:
    """Outputs that cannot be put together."""
    return CannotJudge(
        Failure(
            Code.BACKEND_OUTPUTS,
            f"got {got}",
            "outputs must be tensors of one type and shape for every sample: pad them, or take the ragged output out",
        )
    )
