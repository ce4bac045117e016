from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import pytest
from onnx import TensorProto, helper

from pytest_qparity.case.model import LARGEST_FILE, TensorInfo, read_model_file
from pytest_qparity.digest import file_digest
from pytest_qparity.verdict import CannotJudge, Code
from tests.case.model_files import WORKER, refusal
from tests.case.workers import Unemployed
from tests.models import mlp, save, small_cnn

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_model_is_read_with_what_it_states(tmp_path: Path) -> None:
    model = read_model_file(save(small_cnn(opset=18), tmp_path / "m.onnx"), WORKER)

    assert model.inputs == (TensorInfo("input", "float32", ("N", 1, 8, 8)),)
    assert model.outputs == (TensorInfo("logits", "float32", ("N", 4)),)
    assert model.opset == 18
    assert model.digest == file_digest(tmp_path / "m.onnx")


def test_initializers_that_are_listed_as_inputs_are_no_inputs(tmp_path: Path) -> None:
    model = mlp()
    model.graph.input.append(helper.make_tensor_value_info("w1", TensorProto.FLOAT, [16, 32]))

    assert [each.name for each in read_model_file(save(model, tmp_path / "m.onnx"), WORKER).inputs] == ["input"]


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

    assert read_model_file(save(model, tmp_path / "m.onnx"), WORKER).inputs[0].dtype == dtype


def test_a_shape_tells_fixed_named_and_open_axes_and_no_rank_apart(tmp_path: Path) -> None:
    model = mlp()
    del model.graph.input[:]
    for name, shape in (("a", [1, "N", None]), ("b", []), ("c", None), ("d", [-1])):
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    shapes = [each.shape for each in read_model_file(save(model, tmp_path / "m.onnx"), WORKER).inputs]

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
        (b"", "m.onnx: got an empty file, should be an ONNX file."),
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


@pytest.mark.usefixtures("_no_waiting")
@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_plain_file_is_refused_and_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "m.onnx"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")

    with pytest.raises(CannotJudge) as caught:
        read_model_file(path, Unemployed())  # one that reads would never come to the device's end

    assert (caught.value.failure.code, caught.value.failure.sentence) == (
        Code.MODEL_UNREADABLE,
        "m.onnx: got no plain file, should be an ONNX file that can be read.",
    )


def test_a_model_with_a_null_character_in_its_name_is_refused(tmp_path: Path) -> None:
    code, sentence = refusal(tmp_path / "m\0.onnx")

    assert code is Code.MODEL_UNREADABLE
    assert "embedded null" in sentence
    assert sentence.endswith("should be an ONNX file that can be read.")


def test_a_model_may_be_a_link_to_a_plain_file(tmp_path: Path) -> None:
    store = save(mlp(), tmp_path / "store" / "blob")
    (tmp_path / "m.onnx").symlink_to(store)

    assert read_model_file(tmp_path / "m.onnx", WORKER).digest == file_digest(store)


def test_a_file_larger_than_protobuf_takes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = save(mlp(), tmp_path / "m.onnx")
    os.truncate(path, LARGEST_FILE + 1)  # sparse: it takes no room

    with pytest.raises(CannotJudge) as caught:
        read_model_file(path, Unemployed())

    failure = caught.value.failure
    assert failure.code is Code.MODEL_UNREADABLE
    assert failure.sentence == "m.onnx: got 2.1 GB, should be at most 2.1 GB."
    assert failure.remedy == "save its weights as external data"


def test_a_file_as_large_as_protobuf_takes_reaches_the_worker(tmp_path: Path) -> None:
    path = save(mlp(), tmp_path / "m.onnx")
    os.truncate(path, LARGEST_FILE)

    with pytest.raises(AssertionError, match="should not have called"):
        read_model_file(path, Unemployed())
