"""The canaries that this package brings: one small model, a sound int8 variant of it, and ten that are broken.

Each is broken in a way that another guard of the gate must see; the case file names the codes. Symmetric int8 with
explicit Q/DQ in opset 21 and operators that every engine has, so that each engine runs them and none refuses them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto, NodeProto, ValueInfoProto

    Weights: TypeAlias = Mapping[str, np.ndarray]

NAME = "canary"
OWN = f"pytest_qparity/{NAME}.toml"  # as the ledger names them where they stand in for a project's
SAMPLES, FEATURES, HIDDEN, CLASSES = 24, 8, 16, 4
SEED = 20261201
LEAD = 4.0  # the best score is this far above the second: noise of at most 1.3 in a score changes no class
MARK = 9.0  # the last sample's first feature, which no other sample reaches: what is wrong there alone is found too
OPSET, IR_VERSION = 21, 10
# Weights take 7 bits: on x86 without VNNI pairs of 8-bit products are summed in 16 bits, and saturate.
INPUT_STEPS, WEIGHT_STEPS = 127, 63

CASE_FILE = """\
# Canaries: int8 is sound and must pass; every other file is broken, and must fail by the codes in caught_by.

model = "models/float.onnx"
task = "image-classification"

[data]
test = "data/test.npz"
population = false # a census: no sample stands for another
batch = 8

[accuracy]
metric = "agreement"

[precisions.int8]
file = "models/int8.onnx"
[precisions.int8-flipped] # signs of the weights of `scores`
file = "models/flipped.onnx"
caught_by = ["QP-PAR-002", "QP-PAR-003", "QP-ACC-001"]
[precisions.int8-scale] # a scale of `values` twice as large, which no cosine sees
file = "models/scale.onnx"
caught_by = ["QP-PAR-002"]
[precisions.int8-relu] # the Relu is gone
file = "models/relu.onnx"
caught_by = ["QP-PAR-002", "QP-PAR-003"]
[precisions.int8-swapped] # `scores` and `values` have one another's contents
file = "models/swapped.onnx"
caught_by = ["QP-PAR-002", "QP-PAR-003"]
[precisions.int8-reordered] # `values` stands before `scores`
file = "models/reordered.onnx"
caught_by = ["QP-PAR-001"]
[precisions.int8-nan] # NaN in the last of 24 samples
file = "models/nan.onnx"
caught_by = ["QP-PAR-006"]
[precisions.int8-half] # `values` is float16
file = "models/half.onnx"
caught_by = ["QP-PAR-004"]
[precisions.int8-shape] # `values` is [N, 2, 2]
file = "models/shape.onnx"
caught_by = ["QP-PAR-005"]
[precisions.int8-float] # the float model, which calls itself int8
file = "models/float.onnx"
caught_by = ["QP-PRE-001", "QP-PRE-003", "QP-PAR-009"]
[precisions.int8-nan-scale] # a scale of `values` is NaN
file = "models/nan_scale.onnx"
caught_by = ["QP-PRE-005"]
"""


def write_canaries(folder: Path) -> tuple[Path, ...]:
    """Write case file, models and data into `folder`; what was written. Raises FileExistsError before it writes, where
    one of the files is there already."""
    import io

    import numpy as np

    data = io.BytesIO()
    np.savez(data, input=_samples())
    contents = {
        f"{NAME}.toml": CASE_FILE.encode(),
        "data/test.npz": data.getvalue(),
        **{f"models/{name}.onnx": model.SerializeToString(deterministic=True) for name, model in _models().items()},
    }
    paths = {folder / name: content for name, content in contents.items()}
    for path in paths:
        if path.exists():
            raise FileExistsError(path)
    for path, content in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tuple(paths)


def written(held: object, arguments: Mapping[str, Any], arrays: object) -> tuple[Any, Mapping[str, np.ndarray]]:
    """`write_canaries`, as a worker is called to do it; the float model's outputs over the test samples."""
    paths = write_canaries(Path(arguments["folder"]))
    return [str(path) for path in paths], _outputs()


def _outputs() -> Mapping[str, np.ndarray]:
    """scores and values = max(0, input · hidden_w) · weights, in float64, rounded to float32 once."""
    import numpy as np

    weights = {name: array.astype(np.float64) for name, array in _weights().items()}
    active = np.maximum(_samples().astype(np.float64) @ weights["hidden_w"], 0)
    return {name: (active @ weights[f"{name}_w"]).astype(np.float32) for name in ("scores", "values")}


def _models() -> dict[str, ModelProto]:
    weights = _weights()
    made = {"float": _float(weights), "int8": _quantized(weights)}
    for name, spoil in SPOILED.items():
        made[name] = _quantized(weights)
        spoil(made[name])
    return made


def _samples() -> np.ndarray:
    import numpy as np

    drawn = np.random.default_rng(SEED).standard_normal((20 * SAMPLES, FEATURES)).astype(np.float32)
    drawn[::2, 0] = MARK
    weights = _weights()
    scores = np.sort(np.maximum(drawn @ weights["hidden_w"], 0) @ weights["scores_w"])
    clear = scores[:, -1] - scores[:, -2] > LEAD
    marked = drawn[:, 0] == MARK
    return np.concatenate([drawn[clear & ~marked][: SAMPLES - 1], drawn[clear & marked][:1]])


def _weights() -> dict[str, np.ndarray]:
    import numpy as np

    random = np.random.default_rng(SEED + 1)
    shapes = {"hidden_w": (FEATURES, HIDDEN), "scores_w": (HIDDEN, CLASSES), "values_w": (HIDDEN, CLASSES)}
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def _float(weights: Weights) -> ModelProto:
    return _model([*_body(""), *_heads("")], weights)


def _body(suffix: str) -> list[NodeProto]:
    """input → MatMul → Relu → active; `suffix` is what the names of the tensors read end in."""
    from onnx import helper

    return [
        helper.make_node("MatMul", [f"input{suffix}", f"hidden_w{suffix}"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["active"]),
    ]


def _heads(suffix: str) -> list[NodeProto]:
    """active → MatMul → scores, and beside it MatMul → values."""
    from onnx import helper

    return [
        helper.make_node("MatMul", [f"active{suffix}", f"scores_w{suffix}"], ["scores"]),
        helper.make_node("MatMul", [f"active{suffix}", f"values_w{suffix}"], ["values"]),
    ]


def _quantized(weights: Weights) -> ModelProto:
    """The float model with Q/DQ behind its input and its Relu and DQ behind its weights; one scale a tensor.

    scale = max |x| / steps over the test samples, to six digits: as far as float64 sums agree that another processor
    adds in another order, so that the file is the same everywhere.
    """
    import numpy as np

    samples = _samples()
    active = np.maximum(samples.astype(np.float64) @ weights["hidden_w"], 0)
    ranges = {"input": samples, "active": active, **weights}
    steps = {name: WEIGHT_STEPS if name in weights else INPUT_STEPS for name in ranges}
    scales = {name: np.float32(f"{np.abs(values).max() / steps[name]:.6g}") for name, values in ranges.items()}
    constants = {f"{name}_scale": np.asarray(scale) for name, scale in scales.items()}
    constants |= {f"{name}_q": np.rint(array / scales[name]).astype(np.int8) for name, array in weights.items()}
    constants["zero"] = np.asarray(np.int8(0))
    nodes = [
        *(_node("DequantizeLinear", f"{name}_q", name, f"{name}_dq") for name in weights),
        _node("QuantizeLinear", "input", "input", "input_q"),
        _node("DequantizeLinear", "input_q", "input", "input_dq"),
        *_body("_dq"),
        _node("QuantizeLinear", "active", "active", "active_q"),
        _node("DequantizeLinear", "active_q", "active", "active_dq"),
        *_heads("_dq"),
    ]
    return _model(nodes, constants)


def _node(operator: str, source: str, scaled: str, target: str) -> NodeProto:
    from onnx import helper

    return helper.make_node(operator, [source, f"{scaled}_scale", "zero"], [target])


def _model(nodes: Sequence[NodeProto], constants: Mapping[str, np.ndarray]) -> ModelProto:
    from onnx import TensorProto, helper, numpy_helper

    def tensor(name: str, size: int) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size])

    graph = helper.make_graph(
        nodes,
        NAME,
        [tensor("input", FEATURES)],
        [tensor("scores", CLASSES), tensor("values", CLASSES)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _set(model: ModelProto, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    from onnx import numpy_helper

    tensor = next(each for each in model.graph.initializer if each.name == name)
    before = numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array(change(before).astype(before.dtype), name))


def _flip(model: ModelProto) -> None:
    _set(model, "scores_w_q", lambda weights: -weights)


def _double_a_scale(model: ModelProto) -> None:
    _set(model, "values_w_scale", lambda scale: scale * 2)


def _spoil_a_scale(model: ModelProto) -> None:
    _set(model, "values_w_scale", lambda scale: scale * float("nan"))


def _drop_relu(model: ModelProto) -> None:
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    source, target = relu.input[0], relu.output[0]
    model.graph.node.remove(relu)
    for node in model.graph.node:
        node.input[:] = [source if name == target else name for name in node.input]


def _swap(model: ModelProto) -> None:
    other = {"scores": "values", "values": "scores"}
    for node in model.graph.node:
        node.output[:] = [other.get(name, name) for name in node.output]


def _reorder(model: ModelProto) -> None:
    scores, values = model.graph.output
    del model.graph.output[:]
    model.graph.output.extend([values, scores])


def _spoil_the_last_sample(model: ModelProto) -> None:
    """values = NaN where a sample's first feature reaches half of MARK."""
    import numpy as np
    from onnx import helper, numpy_helper

    constants = {"half_mark": np.array([MARK / 2], np.float32), "nan": np.array([np.nan], np.float32)}
    constants |= {"first": np.array([0]), "second": np.array([1]), "features": np.array([1])}
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in constants.items())
    _rename_values(model)
    model.graph.node.extend(
        [
            helper.make_node("Slice", ["input", "first", "second", "features"], ["feature"]),
            helper.make_node("Greater", ["feature", "half_mark"], ["is_marked"]),
            helper.make_node("Where", ["is_marked", "nan", "sound_values"], ["values"]),
        ]
    )


def _halve_the_type(model: ModelProto) -> None:
    from onnx import TensorProto, helper

    _rename_values(model)
    model.graph.node.append(helper.make_node("Cast", ["sound_values"], ["values"], to=TensorProto.FLOAT16))
    model.graph.output[1].type.tensor_type.elem_type = TensorProto.FLOAT16


def _fold_the_shape(model: ModelProto) -> None:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    _rename_values(model)
    model.graph.initializer.append(numpy_helper.from_array(np.array([-1, 2, 2]), "shape"))
    model.graph.node.append(helper.make_node("Reshape", ["sound_values", "shape"], ["values"]))
    model.graph.output[1].CopyFrom(helper.make_tensor_value_info("values", TensorProto.FLOAT, ["N", 2, 2]))


def _rename_values(model: ModelProto) -> None:
    """Make room for a node behind the one that gives `values`."""
    for node in model.graph.node:
        node.output[:] = ["sound_values" if name == "values" else name for name in node.output]


SPOILED: Mapping[str, Callable[[ModelProto], None]] = {
    "flipped": _flip,
    "scale": _double_a_scale,
    "relu": _drop_relu,
    "swapped": _swap,
    "reordered": _reorder,
    "nan": _spoil_the_last_sample,
    "half": _halve_the_type,
    "shape": _fold_the_shape,
    "nan_scale": _spoil_a_scale,
}
