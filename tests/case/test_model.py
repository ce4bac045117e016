from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.case.model import LARGEST_FILE, TensorInfo, read_model_file, resolve_model
from pytest_qparity.case.schema import BuiltModel
from pytest_qparity.digest import file_digest
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.case.workers import Unemployed, misled
from tests.models import mlp, save, small_cnn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


WORKER = InProcess(Limits())


def refusal(path: Path) -> tuple[Code, str]:
    with pytest.raises(CannotJudge) as caught:
        read_model_file(path, WORKER)
    assert caught.value.failure.remedy
    return caught.value.failure.code, caught.value.failure.sentence


@pytest.fixture
def _no_waiting() -> Iterator[None]:
    """Fails whoever opens a pipe that nobody writes to, where the test would never end."""

    def fail(*_: object) -> None:
        raise AssertionError("should not have waited")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, 20)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def with_external_data(folder: Path, location: str = "weights.bin") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "m.onnx"
    onnx.save(mlp(), path, save_as_external_data=True, location=location, size_threshold=0)
    return path


def restated(path: Path, **stated: str) -> Path:
    """The model with these entries in the external data of each of its tensors."""
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        kept = {entry.key: entry.value for entry in tensor.external_data} | stated
        del tensor.external_data[:]
        for key, value in kept.items():
            tensor.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    return path


def relocated(path: Path, location: str) -> Path:
    return restated(path, location=location)


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


def test_a_digest_stands_for_the_model_and_the_bytes_of_its_external_data(tmp_path: Path) -> None:
    path = with_external_data(tmp_path)
    before = read_model_file(path, WORKER).digest
    weights = bytearray((tmp_path / "weights.bin").read_bytes())
    weights[7] ^= 1
    (tmp_path / "weights.bin").write_bytes(weights)

    assert before != file_digest(path)
    assert read_model_file(path, WORKER).digest != before
    assert len(before) == 64


def test_external_data_in_a_subfolder_is_found(tmp_path: Path) -> None:
    path = relocated(with_external_data(tmp_path), "parts/weights.bin")
    (tmp_path / "parts").mkdir()
    (tmp_path / "weights.bin").rename(tmp_path / "parts" / "weights.bin")

    assert read_model_file(path, WORKER).inputs[0].name == "input"


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


@pytest.mark.parametrize(
    "location",
    ["../outside.bin", "parts/../../outside.bin", "parts/../weights.bin", "/etc/hostname", "", "wei\0ghts.bin"],
    ids=["above", "above by a folder", "up and down again", "absolute", "nothing", "a name that ends within"],
)
def test_external_data_outside_the_models_folder_is_not_touched(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    path = relocated(with_external_data(folder), location)
    (tmp_path / "outside.bin").write_bytes(bytes(10_000))
    (folder / "parts").mkdir()

    assert refusal(path) == (
        Code.MODEL_EXTERNAL_DATA,
        f'm.onnx: got "{location}" as external data of "w1", should be a file in the model\'s folder.',
    )


def test_an_absolute_path_of_external_data_is_refused_wherever_it_leads(tmp_path: Path) -> None:
    path = with_external_data(tmp_path)
    location = str(tmp_path / "weights.bin")

    assert f'got "{location}"' in refusal(relocated(path, location))[1]


LINKED = (
    'm.onnx: got a {kind} link "{location}" as external data of "w1", '
    "should be a file of its own in the model's folder."
)


@pytest.mark.parametrize("leads", ["../outside.bin", "real.bin"])
def test_external_data_behind_a_symbolic_link_are_refused_wherever_it_leads(tmp_path: Path, leads: str) -> None:
    folder = tmp_path / "model"
    path = with_external_data(folder)
    (folder / "weights.bin").rename(folder / leads)
    (folder / "weights.bin").symlink_to(leads)

    assert refusal(path) == (Code.MODEL_EXTERNAL_DATA, LINKED.format(kind="symbolic", location="weights.bin"))


def test_external_data_in_a_linked_subfolder_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    path = relocated(with_external_data(folder), "parts/deep/weights.bin")
    (tmp_path / "outside" / "deep").mkdir(parents=True)
    (folder / "weights.bin").rename(tmp_path / "outside" / "deep" / "weights.bin")
    (folder / "parts").symlink_to("../outside")

    assert refusal(path) == (
        Code.MODEL_EXTERNAL_DATA,
        LINKED.format(kind="symbolic", location="parts/deep/weights.bin"),
    )


def test_external_data_with_a_second_name_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    path = with_external_data(folder)
    os.link(folder / "weights.bin", tmp_path / "outside.bin")

    assert refusal(path) == (Code.MODEL_EXTERNAL_DATA, LINKED.format(kind="hard", location="weights.bin"))


def test_a_models_own_folder_may_be_a_link(tmp_path: Path) -> None:
    with_external_data(tmp_path / "model")
    (tmp_path / "linked").symlink_to("model")

    assert read_model_file(tmp_path / "linked" / "m.onnx", WORKER).external == ("weights.bin",)


def test_the_remedy_for_a_link_gives_a_model_that_can_be_read(tmp_path: Path) -> None:
    """Whoever pastes the command is done; for a hard link there is nowhere else to copy from."""
    for make in (os.symlink, os.link):
        folder = tmp_path / make.__name__
        path = relocated(with_external_data(folder), "parts/weights.bin")
        (folder / "parts").mkdir()
        (folder / "weights.bin").rename(tmp_path / f"{make.__name__}.bin")
        make(tmp_path / f"{make.__name__}.bin", folder / "parts" / "weights.bin")
        with pytest.raises(CannotJudge) as caught:
            read_model_file(path, WORKER)

        command = caught.value.failure.remedy.partition("(")[2].removesuffix(")")
        subprocess.run(command, shell=True, check=True, cwd=folder)

        assert read_model_file(path, WORKER).external == ("parts/weights.bin",), make.__name__


def test_a_remedy_runs_nothing_that_a_model_names(tmp_path: Path) -> None:
    name = "$(touch pwned)"
    path = relocated(with_external_data(tmp_path), name)
    (tmp_path / "weights.bin").rename(tmp_path / "real.bin")
    (tmp_path / name).symlink_to("real.bin")
    with pytest.raises(CannotJudge) as caught:
        read_model_file(path, WORKER)

    command = caught.value.failure.remedy.partition("(")[2].removesuffix(")")
    subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True)

    assert not (tmp_path / "pwned").exists()


@pytest.mark.usefixtures("_no_waiting")
@pytest.mark.parametrize("kind", ["folder", "pipe", "the model's folder"])
def test_external_data_in_what_is_no_plain_file_are_refused_and_not_waited_for(tmp_path: Path, kind: str) -> None:
    location = "." if kind == "the model's folder" else "weights.bin"
    path = relocated(with_external_data(tmp_path), location)
    (tmp_path / "weights.bin").unlink()
    if kind == "folder":
        (tmp_path / "weights.bin").mkdir()
    elif kind == "pipe":
        os.mkfifo(tmp_path / "weights.bin")

    assert refusal(path) == (
        Code.MODEL_EXTERNAL_DATA,
        f'm.onnx: got no plain file at "{location}", should hold the data of "w1".',
    )


@pytest.mark.parametrize("location", ["weights.bin/more", "w" * 300], ids=["below a file", "too long a name"])
def test_external_data_that_cannot_be_there_are_missing(tmp_path: Path, location: str) -> None:
    path = relocated(with_external_data(tmp_path), location)

    assert refusal(path) == (
        Code.MODEL_EXTERNAL_DATA,
        f'm.onnx: got no file "{location}", should hold the data of "w1".',
    )


@pytest.mark.parametrize(
    ("offset", "length"),
    [
        ("-1", "1"),
        ("-4", "4"),
        ("4", "-2"),
        ("0", "-1"),
        ("0", "10001"),
        ("10001", "0"),
        ("10000", "1"),
        (str(2**63 - 1), str(2**63 - 1)),
        (str(2**64), "1"),
        ("9" * 4300, "9" * 4300),
        ("9" * 5000, "1"),
        ("here", "1"),
        ("0", "all"),
        ("0", ""),
        ("1.0", "1"),
        ("0x0", "1"),
    ],
    ids=lambda value: value if len(value) < 20 else f"{len(value)} digits",
)
def test_an_extent_that_does_not_lie_in_the_file_is_refused(tmp_path: Path, offset: str, length: str) -> None:
    path = restated(with_external_data(tmp_path), offset=offset, length=length)
    (tmp_path / "weights.bin").write_bytes(bytes(10_000))

    code, sentence = refusal(path)

    assert code is Code.MODEL_EXTERNAL_DATA
    assert sentence.startswith('m.onnx: got 10,000 bytes in "weights.bin", should hold ')
    assert len(sentence) < 300


@pytest.mark.parametrize(("offset", "length"), [("0", "10000"), ("10000", "0"), ("0", "0"), ("9999", "1")])
def test_an_extent_may_go_to_the_end_of_the_file(tmp_path: Path, offset: str, length: str) -> None:
    path = restated(with_external_data(tmp_path), offset=offset, length=length)
    (tmp_path / "weights.bin").write_bytes(bytes(10_000))

    assert read_model_file(path, WORKER).external == ("weights.bin",)


def test_every_tensors_extent_is_looked_at_also_in_a_file_that_is_known(tmp_path: Path) -> None:
    path = with_external_data(tmp_path)
    size = (tmp_path / "weights.bin").stat().st_size
    model = onnx.load(path, load_external_data=False)
    last = model.graph.initializer[-1]
    next(entry for entry in last.external_data if entry.key == "length").value = str(size)
    path.write_bytes(model.SerializeToString())

    assert f'of "{last.name}"' in refusal(path)[1]


@pytest.fixture(scope="module")
def process() -> Iterator[WorkerProcess]:
    worker = WorkerProcess(Limits(load_s=60, memory_mb=2000))
    yield worker
    worker.close()


def test_a_worker_process_reads_what_this_process_reads(tmp_path: Path, process: WorkerProcess) -> None:
    path = with_external_data(tmp_path)

    assert read_model_file(path, process) == read_model_file(path, WORKER)


def test_a_worker_process_reads_a_model_by_a_relative_path(
    tmp_path: Path, process: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_external_data(tmp_path)
    monkeypatch.chdir(tmp_path)

    assert read_model_file(Path("m.onnx"), process).external == ("weights.bin",)


@pytest.mark.parametrize("content", [b"\xff" * 40, b"\x0a" * 40], ids=["no message", "no model"])
def test_a_worker_process_says_what_is_no_model_in_the_same_words(
    tmp_path: Path, process: WorkerProcess, content: bytes
) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(CannotJudge) as caught:
        read_model_file(tmp_path / "m.onnx", process)

    assert (caught.value.failure.code, caught.value.failure.sentence) == refusal(tmp_path / "m.onnx")


@pytest.mark.parametrize("name", ["QQQQ", "input", "logits", "N", "w1"])
def test_a_name_that_is_no_utf8_is_the_same_failure_in_both_workers(
    tmp_path: Path, process: WorkerProcess, name: str
) -> None:
    """A location, an input, an output, a dimension and a tensor."""
    path = relocated(with_external_data(tmp_path), "QQQQ")
    path.write_bytes(path.read_bytes().replace(name.encode(), b"\xff" * len(name)))
    with pytest.raises(CannotJudge) as caught:
        read_model_file(path, process)

    assert (caught.value.failure.code, caught.value.failure.sentence) == refusal(path)
    assert refusal(path) == (
        Code.MODEL_UNREADABLE,
        "m.onnx: got a name that is no UTF-8, should be an ONNX model.",
    )


def test_a_worker_process_that_ends_while_it_reads_is_named_with_the_model(tmp_path: Path) -> None:
    path = save(mlp(), tmp_path / "m.onnx")

    with misled("tests.worker.calls:segfault") as worker, pytest.raises(CannotJudge) as caught:
        read_model_file(path, worker)

    assert caught.value.failure.code is Code.WORKER_CRASH
    assert caught.value.failure.sentence.startswith("Reading m.onnx was ended by SIGSEGV during its load")


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
