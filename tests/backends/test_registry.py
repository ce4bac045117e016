from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_qparity.backends.registry import BUILTIN, BackendSpec, backend_table, load_backend
from pytest_qparity.verdict import CannotJudge, Code

if TYPE_CHECKING:
    from pathlib import Path


def test_the_built_in_backends_are_those_of_the_design() -> None:
    assert {spec.name for spec in BUILTIN} == {"ort", "ort-cuda", "ort-tensorrt", "trt", "openvino", "reference"}


@pytest.mark.parametrize("spec", BUILTIN, ids=lambda spec: spec.name)
def test_a_built_in_backend_is_constructed_without_its_engine(spec: BackendSpec) -> None:
    module, _, name = spec.target.partition(":")
    program = f"""
import sys, importlib
importlib.import_module({module!r}).{name}()
print([engine for engine in ("onnxruntime", "openvino", "onnx", "tensorrt") if engine in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"


def test_reading_the_table_imports_nothing_heavy() -> None:
    program = """
import sys
import pytest_qparity.backends.registry, pytest_qparity.backends.protocol
heavy = {"numpy", "onnx", "onnxruntime", "openvino", "scipy", "pydantic", "pytest"}
print(sorted(heavy & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["", "Ort", "my engine", "-ort", "ort-", "a--b", "my_engine"])
def test_a_name_that_cannot_stand_in_a_run_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="backend name"):
        BackendSpec(name, "module:Class")


@pytest.mark.parametrize("target", ["", "module", "module:", ":Class", "module.Class", "a b:Class", "module:a.b"])
def test_a_target_that_names_no_class_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match=r"package\.module:Class"):
        BackendSpec("mine", target)


def test_a_placement_nobody_knows_is_refused() -> None:
    placement: Any = "tpu"
    with pytest.raises(ValueError, match="any, ort, openvino or trt"):
        BackendSpec("mine", "module:Class", placement)


def test_a_contributed_backend_joins_the_table_and_may_take_a_built_in_name() -> None:
    mine, other_ort = BackendSpec("mine", "module:Class"), BackendSpec("ort", "module:Ort")

    table = backend_table([mine, other_ort])

    assert table["mine"] is mine
    assert table["ort"] is other_ort
    assert table.keys() == {spec.name for spec in BUILTIN} | {"mine"}


def test_two_plugins_cannot_share_a_name() -> None:
    with pytest.raises(ValueError, match=r'two backends named "mine" \(module:One and module:Two\)'):
        backend_table([BackendSpec("mine", "module:One"), BackendSpec("mine", "module:Two")])


def test_the_same_backend_twice_is_one() -> None:
    assert backend_table([BackendSpec("mine", "module:One"), BackendSpec("mine", "module:One")])["mine"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param("raise RuntimeError('no licence')", 'RuntimeError: "no licence"', id="the module raises"),
        pytest.param("", "has no attribute 'Engine'", id="no such class"),
        pytest.param("class Engine:\n    def __init__(self, device): ...", "device", id="it wants arguments"),
    ],
)
def test_a_backend_that_cannot_be_imported_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    (tmp_path / "strange_engine.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "strange_engine", raising=False)

    with pytest.raises(CannotJudge) as caught:
        load_backend(BackendSpec("strange", "strange_engine:Engine"))

    assert caught.value.failure.code is Code.BACKEND_UNAVAILABLE
    assert said in caught.value.failure.sentence
    assert "strange_engine" in caught.value.failure.sentence


def test_a_module_that_does_not_exist_is_one_sentence() -> None:
    with pytest.raises(CannotJudge, match="no_such_module_anywhere"):
        load_backend(BackendSpec("strange", "no_such_module_anywhere:Engine"))
