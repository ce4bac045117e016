"""Case files of tests: their text, loaded or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_qparity.case.loading import Case, CaseError, load_case

HEAD = 'model = "m.onnx"\ndata.test = "t.npz"\n'
MINIMAL = HEAD + "[precisions.int8]\n"
WAIVER = '[[waivers]]\nrun = "x"\nreason = "y"\nexpires = 2027-03-01\n'


def load(folder: Path, text: str | bytes) -> Case:
    path = folder / "case.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_case(path)


def error_of(folder: Path, text: str | bytes) -> CaseError:
    with pytest.raises(CaseError) as caught:
        load(folder, text)
    return caught.value
