"""A whole quantized model gives, emulated, what ONNX Runtime's own Q/DQ kernels give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from pytest_qparity.precision.emulation import lowered
from tests.models import save, small_cnn
from tests.precision.emulation.models import Array, on_onnxruntime

PICTURES = np.random.default_rng(7).standard_normal((8, 1, 8, 8)).astype(np.float32)


@pytest.mark.parametrize("activation", ["QUInt8", "QInt8"])
def test_an_int8_model_is_bit_for_bit_what_onnxruntime_computes_unoptimized(tmp_path: Path, activation: str) -> None:
    quantization = pytest.importorskip("onnxruntime.quantization")

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self._pictures: Iterator[Array] = iter(PICTURES[:, None])

        def get_next(self) -> dict[str, Array] | None:
            picture = next(self._pictures, None)
            return None if picture is None else {"input": picture}

    source, target = save(small_cnn(), tmp_path / "float.onnx"), tmp_path / "int8.onnx"
    types = {"activation_type": quantization.QuantType[activation], "weight_type": quantization.QuantType.QInt8}
    quantization.quantize_static(source, target, Reader(), per_channel=True, **types)
    original = onnx.load(target)

    made, counts = lowered(original, {TensorProto.INT8, TensorProto.UINT8, TensorProto.INT32})

    quantizers = [node for node in original.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert sum(counts.values()) == len(quantizers)
    native, emulated = (on_onnxruntime(each, optimized=False)({"input": PICTURES})[0] for each in (original, made))
    assert np.array_equal(native, emulated)
