"""OpenVINO on the CPU, in float32 where the file says float32."""

from __future__ import annotations

import importlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.border import require_float32
from pytest_qparity.backends.cpu import cpu_device
from pytest_qparity.backends.feeding import require_declared
from pytest_qparity.backends.protocol import Optimizer, SessionFacts, SessionOptions, Unavailable
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.message import said_by

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from pytest_qparity.backends.kernels import ComputeNode, Kernels

DEVICE = "CPU"
_INSTALL = 'pip install "pytest-qparity[openvino]"'
_NOT_EXECUTED = {"Const", "Input", "Output"}
# Layers of the CPU plugin's runtime model, by the kind that a user knows from the float model. A Gemm becomes a
# FullyConnected as a MatMul does.
_KINDS = {
    "Convolution": "Conv",
    "BinaryConvolution": "Conv",
    "DeformableConvolution": "Conv",
    "Deconvolution": "ConvTranspose",
    "FullyConnected": "MatMul",
    "MatMul": "MatMul",
    "LLMMLP": "MatMul",
    "QKVProjection": "MatMul",
    "RNNCell": "RNN",
    "RNNSeq": "RNN",
    "ScaledDotProductAttention": "Attention",
    "MHA": "Attention",
}
_BODIES = {"TensorIterator", "Loop", "If"}  # their nodes are not in the runtime model
_INTEGERS = {"i4", "u4", "i8", "u8"}
_NUMPY_TYPES = ("boolean", "f16", "f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64")


class OpenVinoCpu:
    def unavailable(self) -> Unavailable | None:
        try:
            openvino = importlib.import_module("openvino")
            core = openvino.Core()
        except (ImportError, AttributeError, RuntimeError) as error:
            return Unavailable(f"openvino cannot be imported ({said_by(error)})", _INSTALL)
        if DEVICE not in core.available_devices:
            return Unavailable(
                f"OpenVINO {openvino.__version__} finds the devices {core.available_devices}, should find {DEVICE}",
                f"pip install --force-reinstall openvino; {_INSTALL}",
            )
        core.get_property(DEVICE, "FULL_DEVICE_NAME")  # loads the device's plugin, which is the engine's memory
        return None

    def load(self, model: Path, options: SessionOptions) -> OpenVinoSession:
        require_float32("openvino", options)
        if options.optimizer is not Optimizer.ALL:
            raise _refused(
                f"optimizer = {options.optimizer.value}, should be all: OpenVINO has no switch that leaves a graph "
                "as it is",
                "ask for the default optimizer; backend ort has both",
            )
        import openvino
        from openvino.frontend import FrontEndManager

        # read_model tries a file that is not ONNX with every front end it has, and they write to stderr.
        if not FrontEndManager().load_by_framework("onnx").supported(str(model)):
            raise _refused(
                f"{model.name}, should be a whole ONNX file (OpenVINO's ONNX reader does not know it as one)",
                "export the model again, or fetch the file again (a Git LFS pointer, half a download)",
            )
        core = openvino.Core()
        read = core.read_model(str(model))
        compiled = core.compile_model(
            read,
            DEVICE,
            {
                "INFERENCE_PRECISION_HINT": "f32",  # its own choice is bf16 wherever the CPU has it
                "INFERENCE_NUM_THREADS": options.threads,
                "PERFORMANCE_HINT": "LATENCY",
                "NUM_STREAMS": 1,
                "ENABLE_CPU_PINNING": False,  # two workers would be pinned to one core
            },
        )
        _require_as_asked(compiled, options)
        return OpenVinoSession(compiled, read, model)


class OpenVinoSession:
    def __init__(self, compiled: Any, read: Any, model: Path) -> None:
        """`compiled` from `read`: ports of both stand in the order of the ONNX file. Compiling merges a Cast into its
        input and lends the port the name of the Cast's output as well, so that names are those of `read`."""
        self._compiled = compiled
        self._model = model
        self._request = compiled.create_infer_request()
        self._inputs = {port.get_any_name(): _declared(port) for port in read.inputs}
        self._names = [port.get_any_name() for port in read.outputs]
        self._types = [_output_type(port) for port in compiled.outputs]

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        request = self._open(self._request)
        require_declared(feed, self._inputs)
        arrays = request.infer(dict(feed), share_inputs=False, share_outputs=False).to_tuple()
        return {name: array.view(dtype) for name, array, dtype in zip(self._names, arrays, self._types, strict=True)}

    def facts(self) -> SessionFacts:
        import openvino

        compiled = self._open(self._compiled)
        executed = [
            info["runtimePrecision"].astype(str)
            for info in (node.get_rt_info() for node in compiled.get_runtime_model().get_ordered_ops())
            if info["layerType"].astype(str) not in _NOT_EXECUTED
        ]
        types = Counter(executed)
        return SessionFacts(
            engine="openvino",
            version=openvino.__version__,
            device=cpu_device(),
            settings={
                "threads": compiled.get_property("INFERENCE_NUM_THREADS"),
                "streams": compiled.get_property("NUM_STREAMS"),
                "performance_hint": compiled.get_property("PERFORMANCE_HINT"),
                "inference_precision": compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name(),
                "dynamic_quantization_group_size": compiled.get_property("DYNAMIC_QUANTIZATION_GROUP_SIZE"),
                "pinned": int(compiled.get_property("ENABLE_CPU_PINNING")),
                "optimizer": "all",
                "executed_types": ", ".join(f"{name} {count}" for name, count in sorted(types.items())),
            },
            placement={_execution_devices(compiled): len(executed)},
            expected_placement=DEVICE,
        )

    def kernels(self) -> Kernels:
        from pytest_qparity.backends.kernels import counted
        from pytest_qparity.backends.onnx_kernels import quantized_names, read_graph

        layers = self._open(self._compiled).get_runtime_model().get_ordered_ops()
        in_file = quantized_names(read_graph(self._model))
        kinds = [layer.get_rt_info()["layerType"].astype(str) for layer in layers]
        executed = [
            _compute_node(layer, _KINDS[kind], in_file)
            for layer, kind in zip(layers, kinds, strict=True)
            if kind in _KINDS
        ]
        return counted(executed, hidden=sum(kind in _BODIES for kind in kinds))

    def close(self) -> None:
        self._request = self._compiled = None

    def _open(self, held: Any) -> Any:
        if held is None:
            raise ValueError("got a closed session, should be an open one")
        return held


def _compute_node(layer: Any, kind: str, in_file: frozenset[str]) -> ComputeNode:
    """A layer runs on integers where it takes them. Its runtimePrecision does not tell: a convolution that OpenVINO
    2026.4 runs as floats on int8 weights says i8. A FullyConnected computes on packed weights itself."""
    from pytest_qparity.backends.kernels import ComputeNode

    types = [port.get_element_type().get_type_name() for port in layer.inputs()[:2]]
    on_integers = len(types) == 2 and all(name in _INTEGERS for name in types)
    is_packed = layer.get_rt_info()["layerType"].astype(str) == "FullyConnected" and types[1:] and types[1] in _INTEGERS
    names = layer.get_rt_info()["originalLayersNames"].astype(str).split(",")
    return ComputeNode(
        kind,
        layer.get_friendly_name(),
        quantized=bool(on_integers or is_packed),
        weights_only=not on_integers,
        in_file=any(name.partition("/")[0] in in_file or name in in_file for name in names),
    )


def _require_as_asked(compiled: Any, options: SessionOptions) -> None:
    """Read back what OpenVINO made of hints: it may take them or not."""
    got = {
        "device": _execution_devices(compiled),
        "inference precision": compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name(),
        "streams": compiled.get_property("NUM_STREAMS"),
        "threads": compiled.get_property("INFERENCE_NUM_THREADS"),
    }
    asked = {"device": DEVICE, "inference precision": "f32", "streams": 1, "threads": options.threads}
    if got != asked:
        raise _refused(
            f"a session with {_listed(got)}, should be {_listed(asked)}",
            "ask for no more threads than there are cores; unset what configures OpenVINO from outside",
        )


def _execution_devices(compiled: Any) -> str:
    return ", ".join(compiled.get_property("EXECUTION_DEVICES"))


def _declared(port: Any) -> tuple[np.dtype, list[int | None] | None]:
    name = port.get_element_type().get_type_name()
    if name not in _NUMPY_TYPES:
        raise _refused(
            f'input "{port.get_any_name()}" of type {name}, should be one of {", ".join(_NUMPY_TYPES)}',
            "keep the file's inputs float32 and cast inside the graph",
        )
    shape = port.get_partial_shape()
    sizes = None if shape.rank.is_dynamic else [None if size.is_dynamic else size.get_length() for size in shape]
    dtype: np.dtype = port.get_element_type().to_dtype()
    return dtype, sizes


def _output_type(port: Any) -> np.dtype:
    """OpenVINO hands bfloat16 out as the same bits labelled float16: 3.0 would read 2.125."""
    import ml_dtypes
    import numpy as np

    element = port.get_element_type()
    name = element.get_type_name()
    if name == "bf16":
        bfloat16: np.dtype = np.dtype(ml_dtypes.bfloat16)
        return bfloat16
    if name not in _NUMPY_TYPES:
        raise _refused(
            f'output "{port.get_any_name()}" of type {name}, should be bf16 or one of {", ".join(_NUMPY_TYPES)}',
            "keep the file's outputs float32 and cast inside the graph",
        )
    dtype: np.dtype = element.to_dtype()
    return dtype


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _refused(got: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.BACKEND_LOAD, f'Backend "openvino" got {got}.', remedy))
