from __future__ import annotations

import json

import numpy as np
import pytest

from pytest_qparity.precision.calibration.formats import onnxruntime_table
from pytest_qparity.precision.calibration.formats.reading import read_ranges
from pytest_qparity.quantmath import Range
from pytest_qparity.verdict import CannotJudge
from tests.precision.calibration.samples import mirrored, of_channels, of_tensors, one_sided

WRITERS = (onnxruntime_table.render_text, onnxruntime_table.render_flatbuffers)


def stock_table(folder, ranges):
    """What ONNX Runtime's own function writes."""
    from onnxruntime.quantization import CalibrationMethod
    from onnxruntime.quantization.calibrate import TensorData, TensorsData
    from onnxruntime.quantization.quant_utils import write_calibration_table

    data = {
        name: TensorData(lowest=np.array([found.low], np.float32), highest=np.array([found.high], np.float32))
        for name, found in ranges.tensors.items()
    }
    write_calibration_table(TensorsData(CalibrationMethod.Entropy, data), str(folder))


@pytest.mark.parametrize("file", ["calibration.json", "calibration.flatbuffers", "calibration.cache"])
def test_tables_of_the_installed_version_are_read(tmp_path, file):
    ranges = of_tensors({"x": (-1.5, 1.5), "/conv/out": (-2.0, 2.0)})
    stock_table(tmp_path, ranges)

    found = read_ranges(tmp_path / file)

    assert found.tensors == ranges.tensors
    assert found.made_by.startswith("ONNX Runtime calibration")


def test_the_end_that_the_stock_writer_drops_gets_a_note(tmp_path):
    stock_table(tmp_path, one_sided())

    for file in ("calibration.flatbuffers", "calibration.cache"):
        found = read_ranges(tmp_path / file)
        assert found.tensors["x"].whole == Range(-1.0, 1.0)  # of [−5, 1]
        assert "the range is too small" in found.notes[0]
    whole = read_ranges(tmp_path / "calibration.json")
    assert whole.tensors["x"].whole == Range(-5.0, 1.0)
    assert not whole.notes


def test_the_stock_reader_reads_our_flatbuffers():
    from onnxruntime.quantization.CalTableFlatBuffers.TrtTable import TrtTable

    table = TrtTable.GetRootAs(onnxruntime_table.render_flatbuffers(one_sided()))

    found = [(table.Dict(i).Key().decode(), float(table.Dict(i).Value())) for i in range(table.DictLength())]
    assert found == [("x", 5.0), ("/relu", 6.25), ("zeros", 0.0)]


def test_the_stock_reader_reads_our_json(tmp_path):
    calibrate = pytest.importorskip("onnxruntime.quantization.calibrate")
    if not hasattr(calibrate, "load_tensors_data"):
        pytest.skip("ONNX Runtime before 1.32 reads no table")
    path = tmp_path / "calibration.json"
    path.write_text(onnxruntime_table.render_json(one_sided()), encoding="utf-8")

    found = calibrate.load_tensors_data(path)

    assert {name: (each.lowest.item(), each.highest.item()) for name, each in found.items()} == {
        "x": (-5.0, 1.0),
        "/relu": (0.0, 6.25),
        "zeros": (0.0, 0.0),
    }


@pytest.mark.parametrize("ranges", [mirrored(), one_sided(), of_channels()], ids=["mirrored", "one-sided", "channels"])
def test_json_comes_back(ranges):
    parsed = json.loads(onnxruntime_table.render_json(ranges))

    assert onnxruntime_table.is_table(parsed)
    assert onnxruntime_table.read_json(parsed, "calibration.json").tensors == ranges.tensors


def test_symmetric_ranges_come_back():
    text = onnxruntime_table.render_text(mirrored())
    content = onnxruntime_table.render_flatbuffers(mirrored())

    assert onnxruntime_table.read_text(text, "calibration.cache").tensors == mirrored().tensors
    assert onnxruntime_table.read_flatbuffers(content, "calibration.flatbuffers").tensors == mirrored().tensors


def test_pairs_of_older_versions_are_read_and_widened_to_zero():
    found = onnxruntime_table.read_json({"x": [-1.5, 2.0], "y": [0.5, 2.0]}, "calibration.json")

    assert found.tensors["x"].whole == Range(-1.5, 2.0)
    assert found.tensors["y"].whole == Range(0.0, 2.0)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ([2.0, 1.0], "lowest 2 above highest 1"),
        ([float("nan"), 1.0], "x, lowest: got nan, should be a finite number"),
        ({"CLS": "TensorData", "highest": 1.0}, "x, lowest: got None"),
        ({"CLS": "TensorData", "lowest": {"data": [0.0, 1.0]}, "highest": {"data": [1.0]}}, "got 2 and 1 ends"),
        ({"CLS": "TensorData", "lowest": "low", "highest": 1.0}, "x, lowest: got 'low'"),
    ],
)
def test_a_wrong_entry_is_named(entry, said):
    with pytest.raises(CannotJudge, match=said):
        onnxruntime_table.read_json({"x": entry}, "calibration.json")


@pytest.mark.parametrize("write", WRITERS)
def test_ranges_of_channels_are_not_written_as_one(write):
    with pytest.raises(CannotJudge, match="2 ranges of channels"):
        write(of_channels())


def test_bytes_that_are_no_table_are_named():
    content = onnxruntime_table.render_flatbuffers(mirrored())

    for wrong in (b"", b"\0" * 3, b"\0" * 64, b"\xff" * 64, content[:-20], content[20:], bytes(reversed(content))):
        with pytest.raises(CannotJudge, match=r"table\.flatbuffers: got "):
            onnxruntime_table.read_flatbuffers(wrong, "table.flatbuffers")


def test_a_value_that_is_no_number_is_named():
    with pytest.raises(CannotJudge, match="line 2: got 'much', should be a finite number"):
        onnxruntime_table.read_text("a 1.0\nb much\n", "calibration.cache")
    with pytest.raises(CannotJudge, match="line 2: got 'b', should be `tensor value`"):
        onnxruntime_table.read_text("a 1.0\nb\n", "calibration.cache")
