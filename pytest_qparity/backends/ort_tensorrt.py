"""TensorRT 10 inside ONNX Runtime, by its TensorRT provider. Engines stay in a folder for the next session."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

from pytest_qparity.backends.border import require_float32
from pytest_qparity.backends.cuda_driver import gpu_device
from pytest_qparity.backends.engine_folder import EngineFolder
from pytest_qparity.backends.gpu import explained
from pytest_qparity.backends.kernels import NotTold
from pytest_qparity.backends.nvml import NvmlEnergy, NvmlMeter
from pytest_qparity.backends.ort_cuda import OVERRIDE
from pytest_qparity.backends.ort_device import OnnxRuntimeDeviceSession, starting
from pytest_qparity.backends.ort_libraries import missing_for, provider_file, tensorrt_major
from pytest_qparity.backends.ort_session import Place, opened
from pytest_qparity.digest import json_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from onnx import ModelProto, NodeProto

    from pytest_qparity.backends.device_memory import DeviceMeter
    from pytest_qparity.backends.energy import EnergyMeter
    from pytest_qparity.backends.engine_options import EngineOptions
    from pytest_qparity.backends.protocol import SessionOptions, Unavailable
    from pytest_qparity.backends.shapes import InputShapes

PROVIDER = "TensorrtExecutionProvider"
UNTOLD = NotTold(
    "ONNX Runtime's TensorRT provider builds engines and does not tell in which types their layers compute; "
    "backend trt does"
)


class OnnxRuntimeTensorrt:
    def unavailable(self) -> Unavailable | None:
        # The provider has no option for TF32, and its libraries read this once: it must stand before they are used.
        os.environ[OVERRIDE] = "0"
        return explained(missing_for(PROVIDER))

    def load(self, model: Path, options: SessionOptions) -> OnnxRuntimeDeviceSession:
        from pytest_qparity.backends.onnx_kernels import read_graph

        require_float32("ort-tensorrt", options)
        device, version = gpu_device(), _tensorrt_version()
        graph = read_graph(model)
        flags = builder_flags(graph)
        asked = engine_settings(options.engine)
        settings = {"device_id": "0", **flags, **asked, **_profile(options.shapes)}
        folder = None
        if options.cache is not None:
            folder = EngineFolder(options.cache / "ort-tensorrt" / _key(model, graph, device, version, settings))
            settings |= _cache_options(folder.path)
        stated: dict[str, str | int] = {
            "tf32": f"off ({OVERRIDE}={os.environ.get(OVERRIDE, 'unset')})",
            "tensorrt": version,
            "builder_flags": ", ".join(name for name, value in flags.items() if value == "1") or "none",
            "engine_cache": "none" if folder is None else folder.path.name,
            **_stated(options.engine),
        }
        place = Place(PROVIDER, device, starting(PROVIDER, settings), stated)
        if folder is None:
            return OnnxRuntimeDeviceSession(opened(place, model, options), "cuda", kernels_told=UNTOLD)
        with folder.held():
            session = opened(place, model, options)
        return OnnxRuntimeDeviceSession(session, "cuda", kernels_told=UNTOLD, first_run=folder.held)

    def device_meter(self) -> DeviceMeter:
        return NvmlMeter()

    def energy_meter(self) -> EnergyMeter:
        return NvmlEnergy()


def engine_settings(engine: EngineOptions) -> dict[str, str]:
    """What a case asks for, in the provider's names; its own defaults where it says nothing."""
    asked = {}
    if engine.workspace_mb is not None:
        asked["trt_max_workspace_size"] = str(engine.workspace_mb * 10**6)
    if engine.optimization_level is not None:
        asked["trt_builder_optimization_level"] = str(engine.optimization_level)
    return asked


def _stated(engine: EngineOptions) -> dict[str, str | int]:
    default = "the provider's default"
    return {
        "workspace_mb": default if engine.workspace_mb is None else engine.workspace_mb,
        "builder_optimization_level": default if engine.optimization_level is None else engine.optimization_level,
    }


def builder_flags(model: ModelProto) -> dict[str, str]:
    """The provider builds weakly typed networks: a type that the file holds must be allowed by its flag, or building
    fails ("int8 is not configured in the builder", microsoft/onnxruntime#13381). None is set that the file does not
    ask for; but where float16 is allowed, TensorRT may compute float32 nodes in it too."""
    from onnx import TensorProto

    types = set(_element_types(model))
    has_pairs = any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in _nodes(model))
    allowed = {
        "trt_fp16_enable": TensorProto.FLOAT16 in types,
        "trt_bf16_enable": TensorProto.BFLOAT16 in types,
        "trt_int8_enable": has_pairs and TensorProto.INT8 in types,
    }
    return {name: str(int(value)) for name, value in allowed.items()}


def _element_types(model: ModelProto) -> Iterator[int]:
    for tensor in model.graph.initializer:
        yield tensor.data_type
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        yield value.type.tensor_type.elem_type
    for node in _nodes(model):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t.data_type
            elif attribute.name in ("to", "output_dtype", "dtype"):
                yield attribute.i


def _nodes(model: ModelProto) -> Iterator[NodeProto]:
    from pytest_qparity.backends.onnx_kernels import nested_nodes

    for node, _ in nested_nodes(model):
        yield node


def _cache_options(folder: Path) -> dict[str, str]:
    return {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
    }


def _profile(shapes: Mapping[str, InputShapes]) -> dict[str, str]:
    """For a model of open shapes the range that the case feeds: one engine for all of them, built when it is loaded."""
    if not shapes:
        return {}
    sides = {"min": "least", "opt": "usual", "max": "greatest"}
    return {
        f"trt_profile_{name}_shapes": ",".join(
            f"{tensor}:{'x'.join(map(str, getattr(each, side)))}" for tensor, each in shapes.items()
        )
        for name, side in sides.items()
    }


def _key(model: Path, graph: ModelProto, device: str, version: str, settings: Mapping[str, str]) -> str:
    """The provider names engines by the structure of a graph, not by its weights, and asks that the folder be emptied
    when its own or TensorRT's version changes. So each of these has a folder, and so have the bytes of the file."""
    import onnxruntime

    from pytest_qparity.case.model import stored_bytes
    from pytest_qparity.case.tensors import external_places

    versions = {"tensorrt": version, "onnxruntime": onnxruntime.__version__}
    made_of = {"file": stored_bytes(model, external_places(graph)).digest, "device": device, **versions, **settings}
    return json_digest(made_of)[:32]


def _tensorrt_version() -> str:
    """Of the libnvinfer that the provider links, by its own word: major · 10,000 + minor · 100 + patch."""
    file = provider_file(PROVIDER)
    number = ctypes.CDLL(f"libnvinfer.so.{'10' if file is None else tensorrt_major(file)}").getInferLibVersion()
    return f"{number // 10_000}.{number // 100 % 100}.{number % 100}"
