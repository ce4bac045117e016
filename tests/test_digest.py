from __future__ import annotations

import hashlib

import hypothesis.extra.numpy as hnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings

from pytest_qparity.digest import (
    array_digest,
    arrays_digest,
    bytes_digest,
    canonical_json,
    file_digest,
    json_digest,
)


def test_a_file_and_its_bytes_have_one_digest(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")

    assert file_digest(tmp_path / "x") == bytes_digest(b"abc") == bytes_digest(memoryview(b"abc"))
    assert file_digest(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()


@settings(deadline=None)
@given(hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, min_side=0, max_side=4)))
def test_one_array_has_one_digest_however_it_is_stored(array):
    stored = [
        array.copy("F"),
        np.repeat(array[np.newaxis], 3, axis=0)[1],
        array.astype(array.dtype.newbyteorder(">")),
        array.astype(array.dtype.newbyteorder("<")),
    ]

    assert {array_digest(other) for other in stored} == {array_digest(array)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(np.zeros(4), np.array([0, 0, 0, 1.0]), id="another element"),
        pytest.param(np.zeros(4), np.array([0, 0, 0, -0.0]), id="another zero"),
        pytest.param(np.zeros((2, 3)), np.zeros((3, 2)), id="another shape"),
        pytest.param(np.zeros((0, 3)), np.zeros((0, 2)), id="another empty shape"),
        pytest.param(np.zeros(()), np.zeros(1), id="a scalar"),
        pytest.param(np.zeros(4, np.int32), np.zeros(4, np.float32), id="another type of the same size"),
        pytest.param(np.zeros(4, ml_dtypes.bfloat16), np.zeros(4, "V2"), id="bfloat16"),
        pytest.param(np.zeros(4, ml_dtypes.int4), np.zeros(4, ml_dtypes.uint4), id="int4"),
        pytest.param(np.zeros(4, ml_dtypes.float8_e4m3fn), np.zeros(4, ml_dtypes.float8_e4m3fnuz), id="float8"),
        pytest.param(np.array(["ab"]), np.array(["ac"]), id="another text"),
    ],
)
def test_other_arrays_have_other_digests(one, other):
    assert array_digest(one) != array_digest(other)


def test_objects_have_no_digest():
    with pytest.raises(TypeError):
        array_digest(np.array([{}]))


def test_names_count_and_their_order_does_not():
    one, other = np.zeros(2), np.ones(2)

    assert arrays_digest({"a": one, "b": other}) == arrays_digest({"b": other, "a": one})
    assert arrays_digest({"a": one, "b": other}) != arrays_digest({"a": other, "b": one})
    assert arrays_digest({"a": one}) != arrays_digest({"b": one})


def test_json_is_canonical():
    assert canonical_json({"b": [1, 2.5], "a": {"é": None}}) == '{"a":{"é":null},"b":[1,2.5]}'
    assert json_digest({"a": 1, "b": 2}) == json_digest({"b": 2, "a": 1}) != json_digest({"a": 1, "b": 2.0})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_json_has_no_digest(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_digest({"a": value})
