"""Ranges of a float model's tensors from calibration data, in one pass. Works in the worker process."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from pytest_qparity.case.names import nearest
from pytest_qparity.precision.calibration.halves import Halves
from pytest_qparity.precision.calibration.ranges import Ranges, TensorRange, histogram_digest, no_such_tensor
from pytest_qparity.precision.calibration.tapping import tapped, tensors_inside
from pytest_qparity.precision.large import fits_one_message, save_whole
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from onnx import ModelProto

    from pytest_qparity.precision.calibration.method import Method

__all__ = ["Observer", "engine_for", "not_finite", "observe"]

_FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)")
_PROVIDER = "CPUExecutionProvider"
_SILENT = 4  # what ONNX Runtime would print as an error it also raises


def observe(
    model: ModelProto | Path, tensors: Sequence[str], feeds: Iterable[Mapping[str, np.ndarray]], method: Method
) -> Ranges:
    """The ranges of `tensors` over `feeds`, each gone through once and dropped: memory is that of the largest feed.

    One sample a feed is counted; `Observer.take` counts others. Raises as `Observer` does.
    """
    observer = Observer(model, tensors, method)
    for feed in feeds:
        observer.take(feed)
    return observer.ranges()


class Observer:
    """Calibration data on their way through a float model, feed by feed.

    The model runs with the optimizer off and one thread, as the reference does: every tensor of the file exists under
    its name, and ranges are those of the values that the golden comes from.
    """

    def __init__(self, model: ModelProto | Path, tensors: Sequence[str], method: Method) -> None:
        """`model`: with its weights inside, or a path, beside which external data lie. It is left as it was.

        `tensors`: float tensors: inputs, initializers, outputs of nodes, of the main graph or of a body of If, Loop or
        Scan. Raises CannotJudge where one is not there or no float.
        """
        self.method = method
        self.samples = 0
        names = tuple(dict.fromkeys(tensors))
        self._session, inputs, self._taps = engine_for(model, names)
        self._inputs = tuple(name for name in names if name in inputs)
        self._outputs = tuple(name for name in names if name not in inputs)
        self._tensors = {name: Halves(method) for name in names}

    def take(self, feed: Mapping[str, np.ndarray], samples: int = 1) -> None:
        """Run one feed, which holds `samples`, and take in what its tensors are. Raises CannotJudge for NaN or Inf."""
        self.samples += samples
        for name in self._inputs:
            self._add(name, feed[name])
        if not self._outputs:
            return
        arrays = self._session.run([self._taps.get(name, name) for name in self._outputs], dict(feed))
        for name in reversed(self._outputs):
            values = arrays.pop()  # each is dropped as soon as it is taken in
            if values.size or name not in self._taps:
                self._add(name, values)

    def ranges(self, model_digest: str | None = None, data_digest: str | None = None) -> Ranges:
        """What was found so far; the digests are those that `stale` compares with later.

        A tensor of a body that the data never reached has none.
        """
        if not self.samples:
            sentence = "The calibration data: got 0 samples, should be 1 or more."
            raise CannotJudge(Failure(Code.DATA_EMPTY, sentence, "add some"))
        found = {}
        for name, halves in self._tensors.items():
            if halves.empty and name in self._taps:
                continue
            whole = halves.whole()
            if halves.empty:
                sentence = f'"{name}": got no values from {self.samples} samples, should be one or more.'
                raise no_such_tensor(sentence, "quantize no tensor without elements")
            found[name] = TensorRange.of_tensor(whole.range(), histogram_digest(whole))
        return Ranges(
            tensors=found,
            method=self.method,
            made_by=f"pytest-qparity {__version__}",
            samples=self.samples,
            model=model_digest,
            data=data_digest,
        )

    def halves(self) -> dict[str, Halves]:
        """Both halves of the feeds, every second one in the other: what tells whether they are enough (`evidence`)."""
        return {name: halves for name, halves in self._tensors.items() if not (halves.empty and name in self._taps)}

    def _add(self, name: str, values: np.ndarray) -> None:
        try:
            self._tensors[name].add(values)
        except ValueError:
            raise not_finite(name, values, self.samples) from None


def not_finite(name: str, values: np.ndarray, sample: int) -> CannotJudge:
    """Of a tensor that has NaN or Inf."""
    bad = int(np.count_nonzero(~np.isfinite(values)))
    sentence = (
        f'"{name}": got {bad:,} NaN or Inf among {values.size:,} values of calibration sample {sample}, '
        "should be finite: no range holds them."
    )
    remedy = "find the node that makes them (or the sample that does), or keep it float"
    return CannotJudge(Failure(Code.CALIBRATION_NOT_FINITE, sentence, remedy))


def engine_for(model: ModelProto | Path, names: Sequence[str]) -> tuple[Any, frozenset[str], Mapping[str, str]]:
    """An engine that gives `names` as outputs, the names of its inputs, and those of the outputs that stand for tensors
    of bodies."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.log_severity_level = _SILENT
    if isinstance(model, Path):
        # The changed graph is given as bytes; its weights stay in the files beside the model's.
        settings.add_session_config_entry("session.model_external_initializers_file_folder_path", str(model.parent))
        model = onnx.load(model, load_external_data=False)
    inputs = frozenset(value.name for value in model.graph.input)
    inside = tensors_inside(model.graph) - _outside(model)
    _require_known(model, names, inside)
    with tapped(model, inside.intersection(names)) as taps:
        outputs = [taps.get(name, name) for name in names if name not in inputs]
        with _with_outputs(model, outputs), _as_engines_take_it(model) as source:
            engine = onnxruntime.InferenceSession(source, settings, providers=[_PROVIDER])
    types = {value.name: value.type for value in (*engine.get_inputs(), *engine.get_outputs())}
    for name in names:
        type_ = types.get(taps.get(name, name))
        if type_ not in _FLOATS:
            sentence = f'"{name}": got {type_ or "no value"} to calibrate, should be {", ".join(_FLOATS)}.'
            raise no_such_tensor(sentence, "quantize float tensors alone")
    return engine, inputs, taps


def _outside(model: ModelProto) -> set[str]:
    """Names of the tensors of the main graph."""
    graph = model.graph
    known = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    known.update(output for node in graph.node for output in node.output if output)
    return known


def _require_known(model: ModelProto, names: Sequence[str], inside: set[str]) -> None:
    known = _outside(model) | inside
    for name in names:
        if name not in known:
            near = nearest(name, known)
            remedy = f'name "{near}"' if near else "name a tensor that the model makes or is given"
            sentence = f'"{name}": got no tensor of this name to calibrate, should be one of the model.'
            raise no_such_tensor(sentence, remedy)


@contextmanager
def _with_outputs(model: ModelProto, names: Sequence[str]) -> Iterator[None]:
    """The model with `names` as outputs too, without a copy of its weights."""
    before = len(model.graph.output)
    there = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in there)
    try:
        yield
    finally:
        del model.graph.output[before:]


@contextmanager
def _as_engines_take_it(model: ModelProto) -> Iterator[bytes | str]:
    """The model's bytes, or the path of a copy that holds its weights in a file of their own, for the time being."""
    if fits_one_message(model):
        yield model.SerializeToString()
        return
    with tempfile.TemporaryDirectory(prefix="calibration-") as folder:
        path = Path(folder) / "model.onnx"
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        save_whole(copy, path)
        del copy
        yield str(path)
