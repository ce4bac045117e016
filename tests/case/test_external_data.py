"""External data of a model: where they may lie, and what of them is looked at."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from pytest_qparity.case.model import read_model_file
from pytest_qparity.digest import file_digest
from pytest_qparity.verdict import CannotJudge, Code
from tests.case.model_files import WORKER, refusal, relocated, restated, with_external_data
from tests.models import mlp


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
