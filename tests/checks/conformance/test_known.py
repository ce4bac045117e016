from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_qparity.backends.protocol import Optimizer
from pytest_qparity.checks.conformance import (
    Answer,
    KnownDeviations,
    KnownError,
    Trial,
    kernels_by_id,
    read_known,
    shipped_known,
)
from pytest_qparity.checks.conformance.example import Example
from pytest_qparity.checks.conformance.known import KnownDeviation
from pytest_qparity.checks.conformance.trial import Difference

ROOT = Path(__file__).parents[3]
ENTRY = 'kernels = ["qdq_*"]\nversions = "~=1.2.0"\nobserved = "a"\nexpected = "b"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[deviation]\n", "should be TOML"),
        ('[[deviation]]\nkernels = ["a"]\n', "versions"),
        ("[[deviation]]\n" + ENTRY + 'wehre = ["tie"]\n', "wehre"),
        ("[[deviation]]\n" + ENTRY.replace("~=1.2.0", "newer"), "as pip writes it"),
        ("[[deviation]]\n" + ENTRY + "at_most_lsb = 0\n", "at_most_lsb"),
        ("[[deviation]]\n" + ENTRY + "at_most_lsb = inf\n", "finite number"),
        ("[[deviation]]\n" + ENTRY + 'answers = ["maybe"]\n', "answers"),
        ("[[deviation]]\n" + ENTRY + 'where = ["tei"]\n', "did you mean tie"),
        ("[[devation]]\n" + ENTRY, "devation"),
    ],
)
def test_a_record_that_says_what_nobody_reads_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "known.toml").write_text(text)

    with pytest.raises(KnownError, match=message) as caught:
        read_known(tmp_path / "known.toml")

    assert "known.toml" in str(caught.value)


def test_a_record_that_is_not_there_is_no_empty_record(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="should be a TOML file of known deviations"):
        read_known(tmp_path / "known.toml")


@pytest.mark.parametrize(
    ("version", "holds"),
    [
        ("1.2.0", True),
        ("1.2.7", True),
        ("1.3.0", False),
        ("1.2.3-22982-e213a147-releases/2026/4", True),
        ("main", False),
    ],
)
def test_an_entry_holds_for_the_versions_that_it_names(version: str, holds: bool) -> None:
    entry = KnownDeviation(kernels=("qdq_*",), versions="~=1.2.0", observed="a", expected="b")

    assert entry.is_of_version(version) is holds
    assert entry.is_of_kernel("qdq_add-u8-opset21")
    assert not entry.is_of_kernel("cast-fp32_int4-opset21")


def trial(answer: Answer, *beyond: float) -> tuple[Trial, Difference]:
    example = Example((), {}, {}, {})
    return Trial(example, Optimizer.ALL, answer, {}), Difference(np.array(beyond), {"tie": np.ones(len(beyond), bool)})


@pytest.mark.parametrize(
    ("stated", "covered"),
    [({}, [True, False]), ({"at_most_lsb": 2.0}, [False, False]), ({"where": ("tie",)}, [True, True])],
    ids=["neither where nor how far", "a distance", "a trait"],
)
def test_nan_is_accounted_for_where_an_entry_says_where_alone(stated: dict[str, Any], covered: list[bool]) -> None:
    entry = KnownDeviation(kernels=("*",), versions=">=1", observed="a", expected="b", **stated)

    assert entry.covers(*trial(Answer.RAN, 7.0, np.inf)).tolist() == covered


def test_another_shape_is_no_distance() -> None:
    entry = KnownDeviation(kernels=("*",), versions=">=1", observed="a", expected="b", where=("tie",))

    assert not entry.covers(*trial(Answer.MISSHAPEN, np.inf)).any()


def test_nothing_is_known_of_a_backend_that_is_not_built_in() -> None:
    known = shipped_known("my-engine")

    assert not known.deviation
    assert not known.unsupported


@pytest.mark.parametrize("backend", ["ort", "openvino", "reference"])
def test_what_ships_names_kernels_that_exist_and_scripts_that_are_there(backend: str) -> None:
    known = shipped_known(backend)

    assert known.deviation
    assert not KnownDeviations(known, "1.0", backend).dead_globs(kernels_by_id())
    for entry in known.deviation:
        if not entry.reproducer:
            continue  # it takes this package to show it
        script = ROOT / entry.reproducer
        assert script.is_file(), entry.reproducer
        assert "pytest_qparity" not in script.read_text()


def test_sporadic_are_those_alone_that_depend_on_what_memory_holds() -> None:
    """What is rare is looked for in more examples: it may not be left unseen."""
    entries = [entry for backend in ("ort", "openvino", "reference") for entry in shipped_known(backend).deviation]

    assert {Path(entry.reproducer).stem for entry in entries if entry.sporadic} == {
        "onnxruntime-k-zero",
        "onnxruntime-k-zero-qgemm",
        "openvino-lstm-signed",
        "openvino-padding-windows",
        "openvino-qlinear-conv-one-window",
    }
