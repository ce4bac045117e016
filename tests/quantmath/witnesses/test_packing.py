"""Packing against ONNX's own serialization of 4-bit and 2-bit tensors."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.quantmath import integers, packing

TYPES = [integers.INT2, integers.UINT2, integers.INT4, integers.UINT4]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7, 8, 257])
@pytest.mark.parametrize("type_", TYPES, ids=lambda type_: type_.name)
def test_onnx_packs_the_same_bytes(type_, size):
    codes = np.random.default_rng(size).integers(type_.lowest, type_.highest, size, endpoint=True).astype(type_.dtype)

    assert packing.pack(codes).tobytes() == numpy_helper.from_array(codes).raw_data


@pytest.mark.parametrize("type_", TYPES, ids=lambda type_: type_.name)
def test_onnx_reads_the_same_codes(type_):
    packed = np.arange(256, dtype=np.uint8)
    shape = (32, 8 * 8 // type_.bits)
    tensor = TensorProto(
        data_type=TensorProto.DataType.Value(type_.name.upper()), dims=shape, raw_data=packed.tobytes()
    )

    codes = packing.unpack(packed, type_, shape)

    assert codes.dtype == helper.tensor_dtype_to_np_dtype(tensor.data_type)
    assert np.array_equal(codes.astype(np.int64), numpy_helper.to_array(tensor).astype(np.int64))
