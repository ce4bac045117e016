"""Makers from outside."""

from __future__ import annotations

import contextlib
import dataclasses
import sys

import onnx
import pytest

from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.digest import json_digest
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.precision.command import command_recipe
from pytest_qparity.precision.recipes import CommandRecipe
from pytest_qparity.precision.variants import Workshop, variant_for, variant_key
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.models import mlp
from tests.precision.graphs import request_for, samples_for

COPY = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])"
COUNT = """
import shutil, sys, numpy
with numpy.load(sys.argv[3]) as data:
    assert {name: array.shape for name, array in data.items()} == {"file": (8, 1, 16)}, dict(data)
shutil.copy(sys.argv[1], sys.argv[2])
"""
PYTHON = (sys.executable, "-c")


@pytest.fixture
def cache(tmp_path):
    return VariantCache(tmp_path / "cache")


def variant_by(tmp_path, cache, *command, model=None, **spec):
    request = request_for(model or mlp(), tmp_path, "int8-outside", command=command, **spec)
    request = dataclasses.replace(request, where="cases/x.toml:3")
    return variant_for(request, lambda: samples_for(request.model, 8), Workshop(InProcess(Limits()), cache))


def failure_of(tmp_path, cache, *command, **spec):
    with pytest.raises(CannotJudge) as stop:
        variant_by(tmp_path, cache, *command, **spec)
    assert stop.value.failure.code is Code.VARIANT_RECIPE
    assert stop.value.failure.sentence.startswith("cases/x.toml:3: int8-outside: got ")
    assert not list(cache.folder.glob("*.onnx"))
    return stop.value.failure


def test_what_a_command_writes_is_the_variant(tmp_path, cache):
    variant = variant_by(tmp_path, cache, *PYTHON, COPY, "{model}", "{output}")

    assert variant.path.read_bytes() == (tmp_path / "float.onnx").read_bytes()
    assert not variant.given
    assert variant.recipe["notes"] == [f"made by {sys.executable}"]
    assert variant.recipe["command"] == [*PYTHON, COPY, "{model}", "{output}"]
    assert variant.recipe["calibration_data"] is None


APART = """
import onnx, sys
onnx.save(onnx.load(sys.argv[1]), sys.argv[2], save_as_external_data=True, location="weights.bin", size_threshold=0)
"""


def test_weights_that_a_command_puts_beside_its_file_are_taken_along(tmp_path, cache):
    variant = variant_by(tmp_path, cache, *PYTHON, APART, "{model}", "{output}")

    assert variant.external == ()
    onnx.checker.check_model(variant.path)
    assert all(tensor.raw_data for tensor in onnx.load(variant.path, load_external_data=False).graph.initializer)


def test_calibration_data_come_as_arrays_by_input_and_are_gone_afterwards(tmp_path, cache):
    model = mlp()
    model.graph.input[0].name = model.graph.node[0].input[0] = "file"  # a word of numpy.savez itself

    variant = variant_by(tmp_path, cache, *PYTHON, COUNT, "{model}", "{output}", "{calibration}", model=model)

    assert variant.recipe["calibration_data"] is not None
    assert not list(cache.folder.rglob("*.npz"))


def test_a_command_is_not_read_by_a_shell(tmp_path, cache):
    variant_by(tmp_path, cache, *PYTHON, f"{COPY}; assert sys.argv[3:] == ['; touch x', '$HOME']",
               "{model}", "{output}", "; touch x", "$HOME")  # fmt: skip

    assert not (tmp_path / "x").exists()


def test_a_command_that_fails_is_told_with_its_last_words(tmp_path, cache):
    failure = failure_of(tmp_path, cache, *PYTHON, "import sys; sys.exit('no such luck')", "{output}")

    assert f"got exit status 1 from {sys.executable} (no such luck), should be 0" in failure.sentence


def test_a_command_that_is_no_program_is_told(tmp_path, cache):
    assert "from the command no-such-maker" in failure_of(tmp_path, cache, "no-such-maker", "{output}").sentence


def test_a_command_that_writes_nothing_is_told(tmp_path, cache):
    assert "got no file from" in failure_of(tmp_path, cache, *PYTHON, "pass", "{output}").sentence


def test_a_command_must_be_told_where_to_write(tmp_path, cache):
    assert "got a command without {output}" in failure_of(tmp_path, cache, *PYTHON, COPY, "{model}").sentence


def test_its_version_is_recorded_and_another_version_makes_the_variant_anew(tmp_path, cache):
    command = (*PYTHON, COPY, "{model}", "{output}")
    first, again, second = (
        variant_by(tmp_path, cache, *command, command_version=(*PYTHON, f"print('maker {version}')"))
        for version in ("1.0", "1.0", "2.0")
    )

    assert first.recipe["stated_version"] == "maker 1.0"
    assert first.recipe["notes"] == [f"made by {sys.executable}, which says: maker 1.0"]
    assert first.path == again.path != second.path


def test_a_version_that_cannot_be_asked_for_is_told(tmp_path, cache):
    failure = failure_of(
        tmp_path, cache, *PYTHON, COPY, "{model}", "{output}", command_version=(*PYTHON, "raise SystemExit(3)")
    )

    assert "got exit status 3" in failure.sentence


def test_the_command_and_its_version_are_in_the_key():
    recipes = [
        CommandRecipe(("a", "{output}"), "1", "/"),
        CommandRecipe(("a", "{output}"), "2", "/"),
        CommandRecipe(("b",), "1", "/"),
    ]

    assert len({json_digest(variant_key("0", recipe, None)) for recipe in recipes}) == 3


def test_another_script_is_another_variant(tmp_path, cache):
    script = tmp_path / "maker.py"
    words = (sys.executable, "maker.py", "{model}", "{output}")
    script.write_text(COPY)
    first = variant_by(tmp_path, cache, *words)
    script.write_text(f"{COPY}\nopen(sys.argv[2], 'ab').close()")
    second = variant_by(tmp_path, cache, *words)

    assert first.path != second.path


def test_a_script_of_one_folder_is_none_of_another(tmp_path, cache):
    words = (*PYTHON, "import maker", "{output}")
    recipes = [command_recipe(PrecisionSpec(command=words), tmp_path / name, "int8", None) for name in ("a", "b")]

    assert json_digest(variant_key("0", recipes[0], None)) != json_digest(variant_key("0", recipes[1], None))


def test_a_maker_of_another_environment_does_not_find_the_packages_of_this_one(tmp_path, cache, monkeypatch):
    """Its worker finds modules where pytest does; a Python of the maker's own would take our NumPy for its own."""
    monkeypatch.setenv("PYTHONPATH", "/as/the/user/set/it")
    telling = "import os, sys; sys.exit(os.environ['PYTHONPATH'])"
    request = request_for(mlp(), tmp_path, "int8-outside", command=(*PYTHON, telling, "{output}"))

    with contextlib.closing(WorkerProcess(Limits())) as worker, pytest.raises(CannotJudge) as stop:
        variant_for(request, lambda: pytest.fail("calibrated"), Workshop(worker, cache))

    assert f"from {sys.executable} (/as/the/user/set/it)" in stop.value.failure.sentence


MAKERS = """
import shutil
import numpy
from .beside import copied

def copy(model, output):
    copied(model, output)

def calibrated(model, output, calibration):
    with numpy.load(calibration) as data:
        assert data["input"].shape == (8, 1, 16) or data["input"].shape == (8, 16), data["input"].shape
    copied(model, output)

def fails(model, output):
    raise ValueError("no such luck")

def forgets(model, output): ...

def other(source, target): ...

assigned = copy
"""


@pytest.fixture
def makers(tmp_path):
    (tmp_path / "makers.py").write_text(MAKERS)
    (tmp_path / "beside.py").write_text("from shutil import copy as copied\n")
    return tmp_path


def made_by(folder, cache, maker):
    request = dataclasses.replace(request_for(mlp(), folder, "int8-outside", maker=maker), where="cases/x.toml:3")
    return variant_for(request, lambda: samples_for(request.model, 8), Workshop(InProcess(Limits()), cache))


def test_what_a_maker_function_writes_is_the_variant_until_the_code_beside_it_changes(makers, cache):
    variant = made_by(makers, cache, "makers:copy")
    again = made_by(makers, cache, "makers:copy")
    (makers / "beside.py").write_text("from shutil import copyfile as copied\n")
    anew = made_by(makers, cache, "makers:copy")

    assert variant.path.read_bytes() == (makers / "float.onnx").read_bytes()
    assert variant.recipe["notes"] == ["made by makers:copy"]
    assert variant.recipe["calibration_data"] is None
    assert variant.path == again.path != anew.path


def test_what_a_maker_imports_from_elsewhere_makes_another_variant(makers, cache, monkeypatch):
    """A cache that did not see it would let a plain session pass with what the code made before."""
    shared = makers / "libs" / "shared_of_makers"
    shared.mkdir(parents=True)
    (shared / "rules.py").write_text("FACTOR = 1\n")
    late = "    import shutil\n    from shared_of_makers.rules import FACTOR\n    shutil.copy(model, output)\n"
    (makers / "makers.py").write_text(f"def copy(model, output):\n{late}")
    (makers / "script.py").write_text(f"from shared_of_makers.rules import FACTOR\n{COPY}")
    monkeypatch.syspath_prepend(shared.parent)
    monkeypatch.setenv("PYTHONPATH", str(shared.parent))
    script = (sys.executable, "script.py", "{model}", "{output}")
    module = (sys.executable, "-m", "script", "{model}", "{output}")

    def recipes():
        specs = [PrecisionSpec(command=words) for words in (script, module)] + [PrecisionSpec(maker="makers:copy")]
        return [command_recipe(spec, makers, "int8", None).files for spec in specs]

    made, before = made_by(makers, cache, "makers:copy"), recipes()
    (shared / "rules.py").write_text("FACTOR = 2\n")
    anew, after = made_by(makers, cache, "makers:copy"), recipes()

    assert made.path != anew.path
    assert all(each != other for each, other in zip(before, after, strict=True))


def test_a_maker_function_that_takes_calibration_gets_it(makers, cache):
    assert made_by(makers, cache, "makers:calibrated").recipe["calibration_data"] is not None


@pytest.mark.parametrize(
    ("maker", "got"),
    [
        ("makers:fails", "got exit status 1 from makers:fails ("),
        ("makers:forgets", "got no file from makers:forgets"),
        ("makers:other", "got the parameters (source, target), should be a function (model, output)"),
        ("makers:assigned", "got no def assigned at the top of makers.py"),
    ],
)
def test_a_maker_function_that_cannot_is_told(makers, cache, maker, got):
    with pytest.raises(CannotJudge) as stop:
        made_by(makers, cache, maker)

    assert stop.value.failure.code is Code.VARIANT_RECIPE
    assert got in stop.value.failure.sentence
