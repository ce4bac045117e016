from __future__ import annotations

import pytest

from pytest_qparity.precision.calibration.formats import tensorrt_cache
from pytest_qparity.precision.calibration.method import Method
from pytest_qparity.verdict import CannotJudge
from tests.precision.calibration.samples import NAMES, mirrored, of_channels, of_tensors, one_sided

# As TensorRT writes a network with an input of 0 … 255 and one of about ±1.
CACHE = "TRT-7103-EntropyCalibration2\ndata_0: 4000889d\ninput: 3c010a14\nprob: 3c083ffd\n"


def test_a_line_is_a_scale_of_127_steps():
    found = tensorrt_cache.read(CACHE, "calib.cache")

    largest = {name: each.whole.high for name, each in found.tensors.items()}
    assert largest == pytest.approx({"data_0": 255.058, "input": 1.00024, "prob": 1.05614}, rel=1e-5)
    assert all(each.whole.low == -each.whole.high for each in found.tensors.values())
    assert found.made_by == "TensorRT calibration cache TRT-7103-EntropyCalibration2"


def test_the_scale_is_exact():
    found = tensorrt_cache.read(CACHE, "calib.cache").tensors["input"].whole

    assert found.high / 127 == float.fromhex("0x1.021428p-7")  # the bits 3c010a14


def test_a_cache_comes_back_byte_for_byte():
    assert tensorrt_cache.render(tensorrt_cache.read(CACHE, "calib.cache"), "7103") == CACHE


def test_ranges_come_back_with_names_of_any_kind():
    found = tensorrt_cache.read(tensorrt_cache.render(mirrored()), "calib.cache")

    assert found.tensors == mirrored().tensors
    assert tuple(found.tensors) == NAMES


@pytest.mark.parametrize(
    ("method", "header"),
    [("minmax", "TRT-8601-MinMaxCalibration"), ("entropy", "TRT-8601-EntropyCalibration2")],
)
def test_the_header_names_the_algorithm(method, header):
    text = tensorrt_cache.render(of_tensors({"x": (-1.0, 1.0)}, Method(method)))

    assert text.splitlines()[0] == header
    assert tensorrt_cache.read(text, "calib.cache").made_by.endswith(header)


def test_leading_zeros_that_some_exporters_leave_out_are_put_back():
    found = tensorrt_cache.read("TRT-8601-EntropyCalibration2\nx: 0\ny: 800000\n", "calib.cache")

    assert found.tensors["x"].whole.high == 0.0
    assert found.tensors["y"].whole.high == 2.0**-126 * 127


def test_the_larger_side_is_kept():
    found = tensorrt_cache.read(tensorrt_cache.render(one_sided()), "calib.cache")

    assert found.tensors["x"].whole.high == pytest.approx(5.0, rel=1e-7)
    assert found.tensors["/relu"].whole.low == pytest.approx(-6.25, rel=1e-7)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("x: 7fc00000\n", r"line 2, x: got scale nan, should be finite"),
        ("x: 7f800000\n", r"line 2, x: got scale inf"),
        ("x: bf800000\n", r"line 2, x: got scale -1"),
        ("x: 1.5\n", r"line 2: got 'x: 1.5', should be `tensor: 3c010a14`"),
        ("x: 3f800000\nx: 3f800000\n", r'line 3: got "x" again'),
        ("", "got no tensor, should be one or more"),
    ],
)
def test_a_wrong_line_is_named(lines, said):
    with pytest.raises(CannotJudge, match=said):
        tensorrt_cache.read(f"TRT-8601-EntropyCalibration2\n{lines}", "calib.cache")


def test_what_a_cache_cannot_hold_is_not_written():
    with pytest.raises(CannotJudge, match="2 ranges of channels, should be one range"):
        tensorrt_cache.render(of_channels())
    with pytest.raises(CannotJudge, match="should be within float32"):
        tensorrt_cache.render(of_tensors({"x": (-1.0, 1e300)}))
