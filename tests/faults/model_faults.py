"""Faults of model files: given variants and float models that are cut, linked, lying or no models at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from pytest_qparity.worker.limits import Limits
from tests.faults.bench import HURRIED, PATIENT, Bench
from tests.faults.fault import Area, Fault
from tests.models import mlp

Spoil = Callable[[Path], None]


def _fault(name: str, what: str, verdict: str, inject: Callable[[Bench], str]) -> Fault:
    return Fault(f"model-{name}", Area.MODEL, what, verdict, inject)


def _variant(bench: Bench) -> Path:
    variants = sorted((bench.cache / "variants").glob("*.onnx"))
    return next(path for path in variants if b"QuantizeLinear" in path.read_bytes())


def _given(spoil: Spoil, check: str = "parity", limits: Limits = PATIENT) -> Callable[[Bench], str]:
    """The verdict of a case whose int8 is a given file that `spoil` has been at."""

    def inject(bench: Bench) -> str:
        shipped = bench.case_file.parent / "models" / "shipped.onnx"
        shipped.write_bytes(_variant(bench).read_bytes())
        spoil(shipped)
        with bench.case_file.open("a") as stream:
            stream.write('\n[precisions.int8-shipped]\nfile = "models/shipped.onnx"\n')
        return bench.outcome(check, precision="int8-shipped", limits=limits)

    return inject


def _float(spoil: Spoil) -> Callable[[Bench], str]:
    """The verdict of a case whose float model `spoil` has been at."""

    def inject(bench: Bench) -> str:
        spoil(bench.float_model)
        return bench.outcome("parity")

    return inject


def _replaced(content: bytes) -> Spoil:
    return lambda path: path.write_bytes(content)  # type: ignore[return-value]


def _cut(share: float) -> Spoil:
    return lambda path: path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])  # type: ignore[return-value]


def _rewritten(change: Callable[[onnx.ModelProto], None]) -> Spoil:
    def spoil(path: Path) -> None:
        model = onnx.load(path)
        change(model)
        path.write_bytes(model.SerializeToString())

    return spoil


def _a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _a_link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _a_sparse_giant(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.truncate(3 * 2**30)


def _cyclic(model: onnx.ModelProto) -> None:
    first, last = model.graph.node[0], model.graph.node[-1]
    first.input[0] = last.output[0]


def _unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[-1].op_type = "Frobnicate"


def _opset_99(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 99


def _scale_of(value: float) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        name = next(node.input[1] for node in model.graph.node if node.op_type == "QuantizeLinear")
        scale = next(tensor for tensor in model.graph.initializer if tensor.name == name)
        scale.CopyFrom(numpy_helper.from_array(np.array(value, np.float32), name))

    return change


def _another_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "pixels"
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name == "input":
                node.input[index] = "pixels"


def _recursive_function(model: onnx.ModelProto) -> None:
    body = helper.make_node("Again", ["x"], ["y"], domain="local")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    model.functions.append(helper.make_function("local", "Again", ["x"], ["y"], [body], opsets))
    model.opset_import.append(helper.make_opsetid("local", 1))
    last = model.graph.node[-1]
    model.graph.node.append(helper.make_node("Again", ["inner"], [last.output[0]], domain="local"))
    last.output[0] = "inner"


def _loop_without_end(model: onnx.ModelProto) -> None:
    """The model's output goes through a loop that counts to 2⁶² first."""
    last = model.graph.node[-1]
    name = last.output[0]
    last.output[0] = "inner"
    truth = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["on"]), helper.make_node("Relu", ["state"], ["next"])],
        "body",
        [
            truth("i", TensorProto.INT64, []),
            truth("going", TensorProto.BOOL, []),
            truth("state", TensorProto.FLOAT, None),
        ],
        [truth("on", TensorProto.BOOL, []), truth("next", TensorProto.FLOAT, None)],
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(2**62, np.int64), "count"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "true"))
    model.graph.node.append(helper.make_node("Loop", ["count", "true", "inner"], [name], body=body))


def _memory_bomb(model: onnx.ModelProto) -> None:
    """The model's output plus the sum over 10 GB that are made when it runs."""
    last = model.graph.node[-1]
    name = last.output[0]
    last.output[0] = "inner"
    model.graph.initializer.append(numpy_helper.from_array(np.array([50_000, 50_000], np.int64), "shape"))
    model.graph.node.extend(
        [
            helper.make_node("ReduceMean", ["inner"], ["one"], keepdims=0),
            helper.make_node("Expand", ["one", "shape"], ["giant"]),
            helper.make_node("Exp", ["giant"], ["more"]),
            helper.make_node("ReduceMean", ["more"], ["mean"], keepdims=0),
            helper.make_node("Add", ["inner", "mean"], [name]),
        ]
    )


def _external(link: Callable[[Path, Path], None], location: str = "weights.bin") -> Spoil:
    """The given file's weights as external data; `link(data, outside)` then puts them elsewhere."""

    def spoil(path: Path) -> None:
        model = onnx.load(path)
        external_data_helper.convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
        onnx.save(model, path)
        outside = path.parents[2] / "outside.bin"
        link(path.parent / "weights.bin", outside)
        if location != "weights.bin":
            content = onnx.load(path, load_external_data=False)
            for tensor in content.graph.initializer:
                for entry in tensor.external_data:
                    if entry.key == "location":
                        entry.value = location.format(outside=outside)
            path.write_bytes(content.SerializeToString())

    return spoil


def _stays(data: Path, outside: Path) -> None: ...


def _moved_out(data: Path, outside: Path) -> None:
    data.rename(outside)


def _symbolic_link(data: Path, outside: Path) -> None:
    data.rename(outside)
    data.symlink_to(outside)


def _hard_link(data: Path, outside: Path) -> None:
    os.link(data, outside)


def _gone(data: Path, outside: Path) -> None:
    data.unlink()


def _short(data: Path, outside: Path) -> None:
    os.truncate(data, data.stat().st_size - 1)


def _pipe(data: Path, outside: Path) -> None:
    data.unlink()
    os.mkfifo(data)


def _pointer(data: Path, outside: Path) -> None:
    data.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n" + bytes(10_000))


def _changed_between_checks(bench: Bench) -> str:
    """The float model is another one than the golden was made of."""
    bench.float_model.write_bytes(mlp(seed=9).SerializeToString())
    return bench.outcome("parity")


READ, DATA, LOAD = "QP-MODEL-001", "QP-MODEL-004", "QP-BACKEND-002"

MODEL_FAULTS = (
    _fault("empty", "an empty file is given", READ, _given(_replaced(b""))),
    _fault("no-model", "a text file is given", READ, _given(_replaced(b"this is no model\n" * 100))),
    _fault(
        "lfs-pointer",
        "a Git LFS pointer is given",
        READ,
        _given(_replaced(b"version https://git-lfs.github.com/spec/v1\n")),
    ),
    _fault("cut-half", "half of a file is given", READ, _given(_cut(0.5))),
    _fault("float-cut", "half of the float model is there", READ, _float(_cut(0.5))),
    _fault("float-empty", "the float model is empty", READ, _float(_replaced(b""))),
    _fault("fifo", "the given file is a pipe that nobody writes to", READ, _given(_a_fifo)),
    _fault("link-to-itself", "the given file is a link to itself", "QP-CASE-004", _given(_a_link_to_itself)),
    _fault("giant", "the given file claims 3 GB", READ, _given(_a_sparse_giant)),
    _fault("float-changed", "the float model is not the one of the golden", "QP-GOLDEN-002", _changed_between_checks),
    _fault("cyclic", "the given graph has a cycle", LOAD, _given(_rewritten(_cyclic))),
    _fault(
        "unknown-operator", "the given graph has an operator nobody knows", LOAD, _given(_rewritten(_unknown_operator))
    ),
    _fault("opset-99", "the given file has an opset of the future", LOAD, _given(_rewritten(_opset_99))),
    _fault("recursive-function", "a local function calls itself", LOAD, _given(_rewritten(_recursive_function))),
    _fault(
        "loop-without-end",
        "the given graph counts to 2⁶² first",
        "QP-WORKER-002",
        _given(_rewritten(_loop_without_end), limits=HURRIED),
    ),
    _fault(
        "memory-bomb", "the given graph makes 10 GB when it runs", "QP-WORKER-003", _given(_rewritten(_memory_bomb))
    ),
    _fault("zero-scale", "a scale is zero", "QP-PRE-005", _given(_rewritten(_scale_of(0.0)), "preflight")),
    _fault("nan-scale", "a scale is NaN", "QP-PRE-005", _given(_rewritten(_scale_of(float("nan"))), "preflight")),
    _fault("wrong-scale", "a scale is a hundred times too large", "QP-PAR-002", _given(_rewritten(_scale_of(3.0)))),
    _fault(
        "another-input",
        "the given file calls its input otherwise",
        "QP-VARIANT-003",
        _given(_rewritten(_another_input)),
    ),
    _fault(
        "float-as-int8",
        "the float model is given as int8",
        "QP-PRE-001",
        _given(_replaced(mlp().SerializeToString()), "preflight"),
    ),
    _fault(
        "external-parent",
        "external data lie in a folder above (`..`)",
        DATA,
        _given(_external(_moved_out, "../../outside.bin")),
    ),
    _fault(
        "external-absolute",
        "external data are named by an absolute path",
        DATA,
        _given(_external(_moved_out, "{outside}")),
    ),
    _fault("external-symlink", "external data are a symbolic link to outside", DATA, _given(_external(_symbolic_link))),
    _fault("external-hard-link", "external data are a hard link to outside", DATA, _given(_external(_hard_link))),
    _fault("external-gone", "external data are not there", DATA, _given(_external(_gone))),
    _fault("external-short", "external data are a byte too short", DATA, _given(_external(_short))),
    _fault("external-fifo", "external data are a pipe that nobody writes to", DATA, _given(_external(_pipe))),
    _fault("external-lfs-pointer", "external data are a Git LFS pointer", DATA, _given(_external(_pointer))),
    _fault("external-sound", "external data beside the model, as they should be", "pass", _given(_external(_stays))),
)
