"""Sources opened as a case opens them, from TOML's [data] table."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from pytest_qparity.case.data_loading import feeds_of, open_samples
from pytest_qparity.case.data_spec import DataSpec
from pytest_qparity.case.model import TensorInfo
from pytest_qparity.case.reach import Reach
from pytest_qparity.verdict import CannotJudge, Code, Failure

IMAGE = TensorInfo("x", "float32", ("N", 3, 4, 4))


def spec_of(toml: str) -> DataSpec:
    return DataSpec.model_validate(tomllib.loads(toml))


def opened(folder: Path, toml: str, inputs=(IMAGE,), largest_mb=100.0, roots=None):
    spec = spec_of(toml)
    return open_samples(spec.test, spec, Reach.of(folder, roots or [folder]), lambda: inputs, largest_mb)


def fed(folder: Path, toml: str, inputs=(IMAGE,), **more):
    spec = spec_of(toml)
    return feeds_of(opened(folder, toml, inputs, **more), inputs, spec.batch)


def all_of(feeds) -> dict[str, np.ndarray]:
    found: dict[str, list[np.ndarray]] = {}
    for feed in feeds:
        for name, array in feed.arrays.items():
            found.setdefault(name, []).append(array)
    return {name: np.concatenate(arrays) for name, arrays in found.items()}


def failure_of(function, *arguments, **keywords) -> Failure:
    with pytest.raises(CannotJudge) as caught:
        function(*arguments, **keywords)
    assert caught.value.failure.remedy
    return caught.value.failure


def said(function, *arguments, code=Code.DATA_UNREADABLE, **keywords) -> str:
    failure = failure_of(function, *arguments, **keywords)
    assert failure.code is code, failure
    return failure.sentence
