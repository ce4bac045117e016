"""What a session ran on, as it stands in the ledger."""

from __future__ import annotations

import datetime
import json
import os
import platform

import numpy
import pytest

from pytest_qparity import environment as module
from pytest_qparity import processor
from pytest_qparity.environment import environment

X86 = """processor\t: 0
model name\t: Some CPU @ 2.00GHz
flags\t\t: fpu avx2 avx512_vnni avx512f rdpid

processor\t: 1
model name\t: Another CPU
flags\t\t: fpu amx_int8
"""


@pytest.fixture
def cpuinfo(tmp_path, monkeypatch):
    """Writes what the system tells of its processors."""
    path = tmp_path / "cpuinfo"
    monkeypatch.setattr(processor, "_CPUINFO", path)
    processor.this_processor.cache_clear()
    yield path
    processor.this_processor.cache_clear()


def test_the_environment_is_plain_json():
    found = environment()

    assert json.loads(json.dumps(found)) == found


def test_libraries_that_are_installed_stand_with_their_versions_and_no_others():
    libraries = environment()["libraries"]

    assert libraries["numpy"] == numpy.__version__
    assert libraries["pytest"] == pytest.__version__
    assert None not in libraries.values()
    assert set(libraries) <= set(module.LIBRARIES)


def test_a_library_that_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr(module, "LIBRARIES", ("numpy", "a-library-that-is-not-installed"))

    assert list(environment()["libraries"]) == ["numpy"]


def test_the_machine_and_python_are_named():
    found = environment()

    assert found["python"] == platform.python_version()
    assert found["system"] == f"{platform.system()} {platform.machine()}"
    assert found["cores"] == os.cpu_count()


def test_the_time_has_its_zone():
    assert datetime.datetime.fromisoformat(environment()["time"]).utcoffset() == datetime.timedelta(0)


def test_the_first_processor_and_what_decides_its_integer_kernels_are_named(cpuinfo):
    cpuinfo.write_text(X86, encoding="utf-8")

    found = environment()

    assert found["processor"] == "Some CPU @ 2.00GHz"
    assert found["cpu_features"] == ["avx2", "avx512f", "avx512_vnni"]


def test_a_processor_with_bytes_that_are_no_text_is_named_all_the_same(cpuinfo):
    cpuinfo.write_bytes(b"model name\t: CPU \xae\nflags\t: avx2\n")

    assert environment()["processor"] == "CPU \N{REPLACEMENT CHARACTER}"
    assert environment()["cpu_features"] == ["avx2"]


def test_a_system_that_does_not_tell_of_its_features_claims_none(cpuinfo):
    found = environment()

    assert not cpuinfo.exists()
    assert found["processor"] == (platform.processor() or platform.machine())
    assert "cpu_features" not in found


@pytest.mark.parametrize(
    "name",
    [
        "CUBLAS_WORKSPACE_CONFIG",
        "DNNL_MAX_CPU_ISA",
        "GLIBC_TUNABLES",
        "GOMP_CPU_AFFINITY",
        "HWLOC_XMLFILE",
        "KMP_AFFINITY",
        "LD_PRELOAD",
        "MALLOC_ARENA_MAX",
        "MKL_CBWR",
        "NVIDIA_TF32_OVERRIDE",
        "OMP_NUM_THREADS",
        "ONEDNN_DEFAULT_FPMATH_MODE",
        "OPENBLAS_CORETYPE",
        "TBB_MALLOC_USE_HUGE_PAGES",
    ],
)
def test_variables_that_engines_and_their_libraries_read_are_settings(monkeypatch, name):
    monkeypatch.setenv(name, "another")

    assert module.engine_settings()[name] == "another"


def test_another_build_of_one_version_is_another_installation(tmp_path, monkeypatch):
    record = tmp_path / "engine_of_somebody-1.0.dist-info" / "RECORD"
    record.parent.mkdir()
    monkeypatch.setattr(module.sys, "path", [str(tmp_path)])
    states = [
        "engine/kernels.so,sha256=AAAA,10\n",
        "engine/kernels.so,sha256=BBBB,10\n",
        "../../bin/engine,sha256=CCCC,9\nengine/kernels.so,sha256=BBBB,10\nengine/__pycache__/a.cpython-311.pyc,,\n",
        "engine/kernels.so,sha256=BBBB,10\nengine_of_somebody-1.0.dist-info/INSTALLER,sha256=DDDD,4\n",
    ]
    told = []
    for state in states:
        record.write_text(state, encoding="utf-8")
        told.append(module.installed()["engine_of_somebody-1.0.dist-info"])

    assert told[0] != told[1] == told[2] == told[3]
