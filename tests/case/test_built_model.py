"""The model of a case: a path beside it, or what a function of its builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_qparity.case.model import resolve_model
from pytest_qparity.case.schema import BuiltModel
from pytest_qparity.verdict import CannotJudge, Code
from tests.case.model_files import WORKER
from tests.models import mlp


def test_a_path_is_relative_to_the_case(tmp_path: Path) -> None:
    assert resolve_model("models/m.onnx", tmp_path, tmp_path / "cache", WORKER) == tmp_path / "models" / "m.onnx"


BUILDER = """\
import itertools
from pathlib import Path

COUNT = Path(__file__).with_name("count")

def build():
    COUNT.write_text(COUNT.read_text() + "x" if COUNT.exists() else "x")
    from tests.models import mlp
    return mlp(seed={seed})

def as_bytes():
    return build().SerializeToString()

def as_path():
    import onnx
    onnx.save(build(), Path(__file__).with_name("made.onnx"))
    return "made.onnx"

def with_external_data():
    import onnx
    onnx.save(build(), Path(__file__).with_name("made.onnx"), save_as_external_data=True, size_threshold=0)
    return Path("made.onnx")

def nothing(): ...
def text(): return b"not a model"
def fails(): raise SystemExit("no torch here")
def as_path_of_nothing(): return "none.onnx"

def as_path_of_a_pipe():
    import os
    os.mkfifo(Path(__file__).with_name("pipe.onnx"))
    return "pipe.onnx"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "builders.py").write_text(BUILDER.format(seed=0))
    return tmp_path


def build(name: str, folder: Path) -> Path:
    return resolve_model(BuiltModel(build=f"builders:{name}"), folder, folder / "cache", WORKER)


@pytest.mark.parametrize("name", ["build", "as_bytes", "as_path"])
def test_a_model_is_built_as_a_message_bytes_or_path(folder: Path, name: str) -> None:
    path = build(name, folder)

    assert path.is_relative_to(folder / "cache")
    assert path.read_bytes() == mlp(seed=0).SerializeToString()


def test_a_model_is_built_once_and_again_when_its_source_has_changed(folder: Path) -> None:
    first = build("build", folder)
    again = build("build", folder)
    assert (again, (folder / "count").read_text()) == (first, "x")

    (folder / "builders.py").write_text(BUILDER.format(seed=1))
    other = build("build", folder)

    assert other != first
    assert other.read_bytes() == mlp(seed=1).SerializeToString()


def test_a_model_is_built_again_when_what_its_builder_imports_has_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = folder / "libs" / "weights_of_builders.py"
    shared.parent.mkdir()
    shared.write_text("SEED = 1\n")
    monkeypatch.syspath_prepend(shared.parent)
    late = "    from weights_of_builders import SEED\n    from tests.models import mlp\n    return mlp(seed=SEED)\n"
    (folder / "builders.py").write_text(f"def build():\n{late}")
    first = build("build", folder)
    shared.write_text("SEED = 2\n")

    assert build("build", folder) != first


def test_a_cache_holds_whole_models_and_locks_and_nothing_else(folder: Path) -> None:
    build("build", folder)

    assert {path.suffix for path in (folder / "cache" / "built").iterdir()} <= {".onnx", ".lock"}


@pytest.mark.usefixtures("_no_waiting")
@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        (
            "nothing",
            Code.MODEL_BUILD,
            'Got NoneType from "builders:nothing", should be an onnx.ModelProto, its bytes or a path.',
        ),
        (
            "text",
            Code.MODEL_UNREADABLE,
            "builders:text: got 11 bytes that are no protobuf message, should be an ONNX model.",
        ),
        (
            "as_path_of_nothing",
            Code.MODEL_UNREADABLE,
            'none.onnx: got "No such file or directory", should be an ONNX file that can be read.',
        ),
        (
            "as_path_of_a_pipe",
            Code.MODEL_UNREADABLE,
            "pipe.onnx: got no plain file, should be an ONNX file that can be read.",
        ),
        (
            "with_external_data",
            Code.MODEL_BUILD,
            'Got a model with external data from "builders:with_external_data", should be one that holds its weights.',
        ),
        (
            "fails",
            Code.MODEL_BUILD,
            'Got SystemExit: no torch here from "builders:fails" (builders.py, line 26), should give a value.',
        ),
    ],
)
def test_a_builder_that_gives_no_model_is_a_failure_and_leaves_no_model(
    folder: Path, name: str, code: Code, sentence: str
) -> None:
    with pytest.raises(CannotJudge) as caught:
        build(name, folder)

    assert (caught.value.failure.code, caught.value.failure.sentence) == (code, sentence)
    assert not list((folder / "cache").rglob("*.onnx"))
