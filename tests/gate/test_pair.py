"""A float model and its candidate without a case file: what is read of them, what is refused, what is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.case.loading import load_case
from pytest_qparity.gate.pair import Pair, PairError, PairPlace, Prepared, prepare
from pytest_qparity.gate.pair_files import read_pair
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.models import checked, mlp, save


def quantized_mlp(scale: float = 0.02, zero_point: int = 128, name: str = "input") -> onnx.ModelProto:
    """input (N, 16) → Q/DQ uint8 → Gemm with int8 weights → logits (N, 4)."""
    random = np.random.default_rng(0)
    constants = {
        "s": np.array(scale, np.float32),
        "z": np.array(zero_point, np.uint8),
        "w": random.integers(-127, 128, (16, 4)).astype(np.int8),
        "ws": np.array(0.01, np.float32),
        "wz": np.array(0, np.int8),
    }
    nodes = [
        helper.make_node("QuantizeLinear", [name, "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["x"]),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["weight"]),
        helper.make_node("Gemm", ["x", "weight"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "quantized",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 16])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(array, key) for key, array in constants.items()],
    )
    return checked(graph, 17)


def embedding(rows: int = 11) -> onnx.ModelProto:
    """ids (N, S) int64 → Cast → Gather of (rows, 4) → y."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["ids"], ["narrow"], to=TensorProto.INT32),
            helper.make_node("Gather", ["table", "narrow"], ["y"]),
        ],
        "embedding",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["N", "S"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", "S", 4])],
        [numpy_helper.from_array(np.zeros((rows, 4), np.float32), "table")],
    )
    return checked(graph, 17)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return save(mlp(), tmp_path / "m.onnx"), save(quantized_mlp(), tmp_path / "m_int8.onnx")


def prepared(root: Path, pair: Pair) -> tuple[PairPlace, Prepared]:
    place = PairPlace(pair, root)
    return place, prepare(place, InProcess(Limits()))


def test_a_case_is_written_that_loads_and_says_what_was_drawn(files: tuple[Path, Path], tmp_path: Path) -> None:
    place, done = prepared(tmp_path, Pair(*files, samples=3))

    case = load_case(place.case_file, (tmp_path, *place.roots))

    assert done.precision == "int8"
    assert list(case.spec.precisions) == ["fp32", "int8"]
    assert case.spec.data.drawn
    assert "they show parity, not accuracy" in done.told[0]
    assert '"input" float32 [1, 16] (N = 1 chosen here): normal in -2.56…2.54' in done.told[1]
    assert np.load(place.inputs)["input"].shape == (3, 1, 16)
    assert all(f"# {told}" in place.case_file.read_text() for told in done.told)


def test_given_data_with_labels_ask_for_accuracy(files: tuple[Path, Path], tmp_path: Path) -> None:
    data = tmp_path / "data.npz"
    np.savez(data, input=np.zeros((5, 16), np.float32), labels=np.zeros(5, np.int64))

    place, done = prepared(tmp_path, Pair(*files, data=data))

    spec = load_case(place.case_file, (tmp_path, *place.roots)).spec
    assert spec.accuracy is not None
    assert not spec.data.drawn
    assert not any("drawn" in told.lower() for told in done.told)


def test_a_speed_up_is_a_budget_on_each_backend(files: tuple[Path, Path], tmp_path: Path) -> None:
    place, _ = prepared(tmp_path, Pair(*files, speedup=1.5, backends=("ort", "ort-cuda")))

    budgets = load_case(place.case_file, (tmp_path, *place.roots)).spec.budgets
    assert {name: each["int8"].speedup_over for name, each in budgets.items()} == {
        "ort": {"fp32": 1.5},
        "ort-cuda": {"fp32": 1.5},
    }


def test_weights_that_were_changed_on_purpose_are_said_to_be(files: tuple[Path, Path], tmp_path: Path) -> None:
    place, _ = prepared(tmp_path, Pair(*files, changes_weights=True))

    assert load_case(place.case_file, (tmp_path, *place.roots)).spec.precisions["int8"].weights == "changed"


def test_files_elsewhere_and_with_strange_names_are_found(tmp_path: Path) -> None:
    elsewhere = tmp_path / 'a "b" \\ é'
    pair = Pair(save(mlp(), elsewhere / "m.onnx"), save(quantized_mlp(), elsewhere / "çandidate 8.onnx"))

    place, _ = prepared(tmp_path / "root", pair)

    assert load_case(place.case_file, (tmp_path / "root", *place.roots))


def test_pairs_of_other_files_or_sizes_have_cases_of_their_own(files: tuple[Path, Path], tmp_path: Path) -> None:
    model, candidate = files
    pairs = [
        Pair(*files),
        Pair(candidate, model),
        Pair(*files, samples=2),
        Pair(*files, sizes={"N": 2}),
        Pair(*files, speedup=2),
        Pair(*files, changes_weights=True),
    ]

    assert len({PairPlace(pair, tmp_path).case_file for pair in pairs}) == len(pairs)


def test_hints_are_the_candidates_range_and_the_rows_that_ids_index(tmp_path: Path) -> None:
    float_file, quantized = (
        save(embedding(), tmp_path / "e.onnx"),
        save(quantized_mlp(0.5, 0, "ids"), tmp_path / "q.onnx"),
    )

    found, _ = read_pair({}, {"model": str(float_file), "candidate": str(quantized)}, {})

    assert found["model_precision"] is None
    assert found["candidate_precision"] == "int8"
    assert found["hints"] == {"ids": {"span": (0.0, 127.5), "rows": 11, "convolved": False}}


@pytest.mark.parametrize(
    ("model", "candidate", "says"),
    [
        ("m.onnx", "nothing.onnx", "no file"),
        ("m.onnx", "folder", "the folder"),
        ("m.onnx", "m.onnx", "twice"),
        ("m_int8.onnx", "m.onnx", "should be the float model first"),
        ("m_int8.onnx", "other_int8.onnx", "int8 already"),
    ],
)
def test_what_is_no_pair_is_usage(
    files: tuple[Path, Path], tmp_path: Path, model: str, candidate: str, says: str
) -> None:
    (tmp_path / "folder").mkdir()
    save(quantized_mlp(0.1), tmp_path / "other_int8.onnx")

    with pytest.raises(PairError, match=says):
        prepared(tmp_path, Pair(tmp_path / model, tmp_path / candidate))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", Code.MODEL_UNREADABLE),
        (b"no model", Code.MODEL_UNREADABLE),
        (mlp(seed=1).SerializeToString(), Code.PREFLIGHT_NOT_QUANTIZED),
        (quantized_mlp(name="pixels").SerializeToString(), Code.VARIANT_INTERFACE),
    ],
    ids=["empty", "no model", "float", "other inputs"],
)
def test_a_candidate_that_is_none_cannot_be_judged(
    files: tuple[Path, Path], tmp_path: Path, content: bytes, code: Code
) -> None:
    candidate = tmp_path / "candidate.onnx"
    candidate.write_bytes(content)

    with pytest.raises(CannotJudge) as refused:
        prepared(tmp_path, Pair(files[0], candidate))

    assert refused.value.failure.code is code
    assert not (tmp_path / ".qparity").exists()


def test_who_says_what_a_candidate_is_has_preflight_judge_it(tmp_path: Path) -> None:
    pair = Pair(save(mlp(), tmp_path / "m.onnx"), save(mlp(seed=1), tmp_path / "c.onnx"), precision="int8")

    assert prepared(tmp_path, pair)[1].precision == "int8"
