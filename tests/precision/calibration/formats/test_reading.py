from __future__ import annotations

import pytest

from pytest_qparity.precision.calibration.formats import (
    aimet,
    dynamic_range,
    onnxruntime_table,
    ranges_json,
    reading,
    tensorrt_cache,
)
from pytest_qparity.precision.calibration.formats.reading import read_ranges
from pytest_qparity.verdict import CannotJudge, Code
from tests.precision.calibration.samples import of_tensors

RANGES = of_tensors({"/first": (-1.0, 1.0), "y:0": (-0.5, 0.5)})
WRITERS = {
    "a test": ranges_json.render,
    "ranges.txt": dynamic_range.render,
    "TensorRT calibration cache TRT-8601-EntropyCalibration2": tensorrt_cache.render,
    "ONNX Runtime calibration table MinMax": onnxruntime_table.render_json,
    "ONNX Runtime calibration.cache": onnxruntime_table.render_text,
    "ONNX Runtime calibration.flatbuffers": onnxruntime_table.render_flatbuffers,
    "AIMET encodings 1.0.0": aimet.render,
}


@pytest.mark.parametrize("name", ["ranges.json", "calib.cache", "x.flatbuffers", "x"])
@pytest.mark.parametrize("made_by", WRITERS)
def test_the_content_tells_the_format_whatever_the_name(tmp_path, made_by, name):
    content = WRITERS[made_by](RANGES)
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)

    found = read_ranges(path)

    assert found.made_by == made_by
    assert list(found.tensors) == list(RANGES.tensors)
    for tensor, expected in RANGES.tensors.items():
        assert found.tensors[tensor].whole.high == pytest.approx(expected.whole.high, rel=1e-6)


@pytest.mark.parametrize("made_by", [name for name in WRITERS if not name.endswith("flatbuffers")])
def test_files_of_windows_editors_are_read(tmp_path, made_by):
    path = tmp_path / "ranges"
    path.write_bytes(b"\xef\xbb\xbf" + WRITERS[made_by](RANGES).replace("\n", "\r\n").encode())

    assert list(read_ranges(path).tensors) == list(RANGES.tensors)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "got an empty file, should be ranges.json, ranges.txt"),
        (b" \n\n", "got an empty file"),
        (b"hello\n", "line 1: got 'hello'"),
        (b"{}", r"got a JSON object with the keys \(none\)"),
        (b'{"quantization": {}, "producer": 1}', "got a JSON object with the keys producer, quantization"),
        (b"[1, 2]", "got JSON of list, should be an object"),
        (b'{"a": ', "line 1: got JSONDecodeError"),
        (b"\x89PNG\r\n\0\0", "got bytes that are no such table"),
        (b"\xff\xfe\x00", "got bytes that are no such table"),
        (b"[" * 100_000, "got .*, should be JSON"),
    ],
)
def test_what_was_found_is_said(tmp_path, content, said):
    path = tmp_path / "ranges.json"
    path.write_bytes(content)

    with pytest.raises(CannotJudge, match=said) as stopped:
        read_ranges(path)
    assert stopped.value.failure.code is Code.CALIBRATION_RANGES


def test_a_missing_file_and_a_huge_one_are_refused(tmp_path, monkeypatch):
    with pytest.raises(CannotJudge, match="absent: got No such file"):
        read_ranges(tmp_path / "absent")
    monkeypatch.setattr(reading, "LARGEST_BYTES", 10)
    path = tmp_path / "huge"
    path.write_bytes(b"x: 1.0\n" * 2)
    with pytest.raises(CannotJudge, match="huge: got more than 0 MiB"):
        read_ranges(path)
