"""Fingerprints of hardware: the same where times are, another where they are not."""

from __future__ import annotations

import os

import pytest

from pytest_qparity.environment import environment
from pytest_qparity.hardware import fingerprint, this_hardware, usable_cores

XEON = """processor : 0
cpu family : 6
model : 143
model name : Intel(R) Xeon(R) Processor @ 2.00GHz
stepping : 1
cpu MHz : 2600.000
flags : fpu avx2 avx512f avx512_vnni
"""


def test_a_fingerprint_can_be_read_and_written_into_a_case() -> None:
    found = fingerprint(XEON, 2)

    assert found.startswith("intel-xeon-2-00ghz-2c-")
    assert found == fingerprint(XEON, 2)
    assert this_hardware() == this_hardware() == environment()["hardware"]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param((XEON.replace("model : 143", "model : 207"), 2), id="another design of the same name"),
        pytest.param((XEON.replace(" avx512_vnni", ""), 2), id="other kernels"),
        pytest.param((XEON, 4), id="more cores"),
        pytest.param((XEON, 2, "NVIDIA H100 (compute 9.0)"), id="another device in it"),
        pytest.param(("", 2), id="nobody tells"),
    ],
)
def test_other_hardware_has_another_fingerprint(other: tuple[str, int]) -> None:
    assert fingerprint(*other) != fingerprint(XEON, 2)


def test_chips_with_as_many_cores_and_no_proc_are_no_one_hardware() -> None:
    chips = [
        f"machdep.cpu.brand_string: Apple M{number}\nhw.cpufamily: {family}\n"
        for number, family in ((1, 458787763), (2, 3660830781))
    ]
    found = [fingerprint(chip, 8) for chip in chips]

    assert [each.rpartition("-")[0] for each in found] == ["apple-m1-8c", "apple-m2-8c"]
    assert fingerprint(chips[0].replace("458787763", "1"), 8) != found[0]


def test_what_varies_on_one_machine_is_not_in_it() -> None:
    assert fingerprint(XEON.replace("2600.000", "1200.000"), 2) == fingerprint(XEON, 2)


@pytest.mark.parametrize(
    ("quota", "share"),
    [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 10**6), ("", 10**6), ("1 0", 10**6), ("x y", 10**6)],
)
def test_a_container_may_use_no_more_cores_than_its_share_of_time(tmp_path, quota: str, share: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

    assert usable_cores(tmp_path / "cpu.max") == min(available or 1, share)
    assert usable_cores(tmp_path / "nowhere") == available
