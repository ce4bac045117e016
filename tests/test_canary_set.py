"""The canaries that `qparity canaries` writes are those that this repository is judged behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from pytest_qparity.canary_set import CASE_FILE, write_canaries

COMMITTED = Path(__file__).parents[1] / "cases" / "canaries"


def contents(folder: Path) -> dict[str, object]:
    """What each file says: other versions of NumPy and onnx may write the same in other bytes."""
    readers = {
        ".toml": Path.read_text,
        ".onnx": onnx.load,
        ".npz": lambda path: {name: array.tolist() for name, array in np.load(path).items()},
    }
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): readers[path.suffix](path) for path in files}


def test_they_are_the_committed_files(tmp_path: Path) -> None:
    write_canaries(tmp_path)

    assert contents(tmp_path) == contents(COMMITTED)


def test_they_are_small_and_the_case_file_is_first(tmp_path: Path) -> None:
    written = write_canaries(tmp_path)

    assert written[0].read_text() == CASE_FILE
    assert sum(path.stat().st_size for path in written) < 20_000


def test_every_model_is_one_that_onnx_accepts(tmp_path: Path) -> None:
    for path in write_canaries(tmp_path):
        if path.suffix == ".onnx":
            onnx.checker.check_model(path, full_check=True)


@pytest.mark.parametrize("name", ["canary.toml", "models/nan_scale.onnx"])
def test_nothing_is_written_over_what_is_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / name).write_text("mine")

    with pytest.raises(FileExistsError):
        write_canaries(tmp_path)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / name]
