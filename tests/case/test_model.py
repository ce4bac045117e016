from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.case.model import TensorInfo, read_model_file, resolve_model
from pytest_qparity.case.schema import BuiltModel
from pytest_qparity.digest import file_digest
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import mlp, save, small_cnn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def refusal(path: Path) -> tuple[Code, str]:
    with pytest.raises(CannotJudge) as caught:
        read_model_file(path)
    assert caught.value.failure.remedy
    return caught.value.failure.code, caught.value.failure.sentence


def with_external_data(folder: Path, location: str = "weights.bin") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "m.onnx"
    onnx.save(mlp(), path, save_as_external_data=True, location=location, size_threshold=0)
    return path


def relocated(path: Path, location: str) -> Path:
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(model.SerializeToString())
    return path


def test_a_model_is_read_with_what_it_states(tmp_path: Path) -> None:
    model = read_model_file(save(small_cnn(opset=18), tmp_path / "m.onnx"))

    assert model.inputs == (TensorInfo("input", "float32", ("N", 1, 8, 8)),)
    assert model.outputs == (TensorInfo("logits", "float32", ("N", 4)),)
    assert model.opset == 18
    assert model.digest == file_digest(tmp_path / "m.onnx")


def test_initializers_that_are_listed_as_inputs_are_no_inputs(tmp_path: Path) -> None:
    model = mlp()
    model.graph.input.append(helper.make_tensor_value_info("w1", TensorProto.FLOAT, [16, 32]))

    assert [each.name for each in read_model_file(save(model, tmp_path / "m.onnx")).inputs] == ["input"]


@pytest.mark.parametrize(
    ("element", "dtype"),
    [
        (TensorProto.FLOAT16, "float16"),
        (TensorProto.BFLOAT16, "bfloat16"),
        (TensorProto.FLOAT8E4M3FN, "float8_e4m3fn"),
        (TensorProto.INT4, "int4"),
        (TensorProto.INT64, "int64"),
        (TensorProto.BOOL, "bool"),
        (TensorProto.STRING, "str"),
    ],
)
def test_types_have_the_names_of_numpy_and_ml_dtypes(tmp_path: Path, element: int, dtype: str) -> None:
    model = mlp()
    model.graph.input[0].type.tensor_type.elem_type = element

    assert read_model_file(save(model, tmp_path / "m.onnx")).inputs[0].dtype == dtype


def test_a_shape_tells_fixed_named_and_open_axes_and_no_rank_apart(tmp_path: Path) -> None:
    model = mlp()
    del model.graph.input[:]
    for name, shape in (("a", [1, "N", None]), ("b", []), ("c", None), ("d", [-1])):
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    shapes = [each.shape for each in read_model_file(save(model, tmp_path / "m.onnx")).inputs]

    assert shapes == [(1, "N", None), (), None, (None,)]


def no_opset(model: onnx.ModelProto) -> None:
    del model.opset_import[:]


def other_domain(model: onnx.ModelProto) -> None:
    model.opset_import[0].domain = "com.example"


def no_outputs(model: onnx.ModelProto) -> None:
    del model.graph.output[:]


def sequence_output(model: onnx.ModelProto) -> None:
    tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, [1])
    model.graph.output[0].type.CopyFrom(helper.make_sequence_type_proto(tensor))


def no_type(model: onnx.ModelProto) -> None:
    model.graph.input[0].ClearField("type")


def unknown_type(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = 99


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (no_opset, "m.onnx: got no opset of the domain ai.onnx, should be an ONNX model."),
        (other_domain, "m.onnx: got no opset of the domain ai.onnx, should be an ONNX model."),
        (no_outputs, "m.onnx: got a graph without outputs, should be an ONNX model."),
        (sequence_output, 'm.onnx: got "logits" of type sequence, should be a tensor.'),
        (no_type, 'm.onnx: got "input" of type none, should be a tensor.'),
        (unknown_type, 'm.onnx: got "input" with element type 99, should be a type that ONNX has.'),
    ],
)
def test_a_model_that_cannot_be_fed_or_compared_is_refused(
    tmp_path: Path, change: Callable[[onnx.ModelProto], None], sentence: str
) -> None:
    model = mlp()
    change(model)

    assert refusal(save(model, tmp_path / "m.onnx")) == (Code.MODEL_UNREADABLE, sentence)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "m.onnx: got an empty file, should be an ONNX model."),
        (b"\xff" * 40, "m.onnx: got 40 bytes that are no protobuf message, should be an ONNX model."),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
            "m.onnx: got a Git LFS pointer, should be the model itself.",
        ),
    ],
    ids=["empty", "bytes", "git-lfs"],
)
def test_a_file_that_is_no_model_is_named_for_what_it_is(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "m.onnx").write_bytes(content)

    assert refusal(tmp_path / "m.onnx") == (Code.MODEL_UNREADABLE, sentence)


@pytest.mark.parametrize("part", [0.01, 0.3, 0.9, 0.999])
def test_a_model_cut_short_is_refused(tmp_path: Path, part: float) -> None:
    content = mlp().SerializeToString()
    (tmp_path / "m.onnx").write_bytes(content[: int(len(content) * part)])

    assert refusal(tmp_path / "m.onnx")[0] is Code.MODEL_UNREADABLE


def test_a_model_that_is_gone_or_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "m.onnx")[1] == (
        'm.onnx: got "No such file or directory", should be an ONNX file that can be read.'
    )
    assert refusal(tmp_path)[0] is Code.MODEL_UNREADABLE


def test_a_digest_stands_for_the_model_and_the_bytes_of_its_external_data(tmp_path: Path) -> None:
    path = with_external_data(tmp_path)
    before = read_model_file(path).digest
    weights = bytearray((tmp_path / "weights.bin").read_bytes())
    weights[7] ^= 1
    (tmp_path / "weights.bin").write_bytes(weights)

    assert before != file_digest(path)
    assert read_model_file(path).digest != before
    assert len(before) == 64


def test_external_data_in_a_subfolder_is_found(tmp_path: Path) -> None:
    path = relocated(with_external_data(tmp_path), "parts/weights.bin")
    (tmp_path / "parts").mkdir()
    (tmp_path / "weights.bin").rename(tmp_path / "parts" / "weights.bin")

    assert read_model_file(path).inputs[0].name == "input"


def test_missing_external_data_is_named(tmp_path: Path) -> None:
    path = with_external_data(tmp_path)
    (tmp_path / "weights.bin").unlink()

    assert refusal(path) == (
        Code.MODEL_EXTERNAL_DATA,
        'm.onnx: got no file "weights.bin", should hold the data of "w1".',
    )


def test_external_data_cut_short_is_named(tmp_path: Path) -> None:
    path = with_external_data(tmp_path)
    (tmp_path / "weights.bin").write_bytes(b"1234")

    assert refusal(path) == (
        Code.MODEL_EXTERNAL_DATA,
        'm.onnx: got 4 bytes in "weights.bin", should hold bytes 0 to 2,048 of "w1".',
    )


def test_external_data_that_git_lfs_has_not_fetched_is_named(tmp_path: Path) -> None:
    path = with_external_data(tmp_path)
    (tmp_path / "weights.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")

    assert refusal(path) == (
        Code.MODEL_EXTERNAL_DATA,
        'm.onnx: got a Git LFS pointer in "weights.bin", should be data.',
    )


@pytest.mark.parametrize("location", ["../outside.bin", "/etc/hostname", "", "link.bin", "parts/../../outside.bin"])
def test_external_data_outside_the_models_folder_is_not_touched(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    path = relocated(with_external_data(folder), location)
    (tmp_path / "outside.bin").write_bytes(bytes(10_000))
    (folder / "link.bin").symlink_to("../outside.bin")

    assert refusal(path) == (
        Code.MODEL_EXTERNAL_DATA,
        f'm.onnx: got "{location}" as external data of "w1", should be a file in the model\'s folder.',
    )


def test_an_absolute_path_of_external_data_is_refused_wherever_it_leads(tmp_path: Path) -> None:
    path = with_external_data(tmp_path)
    location = str(tmp_path / "weights.bin")

    assert f'got "{location}"' in refusal(relocated(path, location))[1]


@pytest.mark.parametrize("place", ["attribute", "subgraph", "function", "sparse"])
def test_external_data_is_found_wherever_a_tensor_can_be(tmp_path: Path, place: str) -> None:
    tensor = numpy_helper.from_array(np.zeros(2, np.float32), "hidden")
    onnx.external_data_helper.set_external_data(tensor, "none.bin")
    constant = helper.make_node("Constant", [], ["c"], value=tensor)
    model = mlp()
    if place == "attribute":
        model.graph.node.append(constant)
    elif place == "subgraph":
        branch = helper.make_graph([constant], "branch", [], [])
        model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch))
    elif place == "function":
        opsets = [helper.make_opsetid("", 17)]
        model.functions.append(helper.make_function("local", "F", [], ["c"], [constant], opsets))
    else:
        model.graph.sparse_initializer.add().values.CopyFrom(tensor)

    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())  # onnx.save would write the external data too

    assert refusal(path)[1] == ('m.onnx: got no file "none.bin", should hold the data of "hidden".')


def test_a_path_is_relative_to_the_case(tmp_path: Path) -> None:
    assert resolve_model("models/m.onnx", tmp_path, tmp_path / "cache") == tmp_path / "models" / "m.onnx"


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
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "builders.py").write_text(BUILDER.format(seed=0))
    return tmp_path


def build(name: str, folder: Path) -> Path:
    return resolve_model(BuiltModel(build=f"builders:{name}"), folder, folder / "cache")


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


def test_a_cache_holds_whole_models_and_locks_and_nothing_else(folder: Path) -> None:
    build("build", folder)

    assert {path.suffix for path in (folder / "cache" / "built").iterdir()} <= {".onnx", ".lock"}


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
