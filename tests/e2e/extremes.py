"""A project whose float model and variant give any outputs: both are read from the data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.e2e.projects import INI, accept_golden
from tests.models import checked, save

Array = np.ndarray
IS_NAN = np.float32(3e38)  # data with NaN are refused; the model makes one of this


def write_case(
    root: Path, name: str, metric: str, outputs: Mapping[str, tuple[Array, Array]], labels: Array | None, margin: str
) -> Path:
    """cases/<name>.toml, judged by `metric` (TOML), where the float model gives the first array of each output for the
    samples and the variant "int8" the second; gives the case file, whose golden is accepted."""
    folder = root / "cases"
    save(_model(outputs, 0), folder / f"{name}.onnx")
    save(_model(outputs, 1), folder / f"{name}_int8.onnx")
    data: dict[str, Array] = {} if labels is None else {"labels": labels}
    for output, (reference, variant) in outputs.items():
        if reference.dtype.kind == "U":
            data[f"in_{output}"] = np.stack([np.arange(len(reference)), len(reference) + np.arange(len(variant))], 1)
        else:
            both = np.stack([reference, variant], axis=1).astype(np.float32)
            data[f"in_{output}"] = np.where(np.isnan(both), IS_NAN, both)
    np.savez(folder / f"{name}.npz", **data)
    case_file = folder / f"{name}.toml"
    case_file.write_text(
        f'model = "{name}.onnx"\n[data]\ntest = "{name}.npz"\nbatch = 50\n'
        f'[precisions.int8]\nfile = "{name}_int8.onnx"\n[accuracy]\nmetric = {metric}\n{margin}\n',
        encoding="utf-8",
    )
    (root / "pytest.ini").write_text(INI, encoding="utf-8")
    accept_golden(case_file)
    return case_file


def _model(outputs: Mapping[str, tuple[Array, Array]], which: int) -> onnx.ModelProto:
    """Takes the arrays of one of both models out of the inputs."""
    nodes, inputs, results, constants = [], [], [], [_constant("which", which), _constant("nan", np.float32("nan"))]
    constants.append(_constant("is_nan", IS_NAN))
    for name, pair in outputs.items():
        is_text = pair[0].dtype.kind == "U"
        kind = TensorProto.INT64 if is_text else TensorProto.FLOAT
        shape = ["N", 2, *pair[0].shape[1:]]
        inputs.append(helper.make_tensor_value_info(f"in_{name}", kind, shape))
        results.append(
            helper.make_tensor_value_info(name, TensorProto.STRING if is_text else kind, ["N", *pair[0].shape[1:]])
        )
        if is_text:
            constants.append(numpy_helper.from_array(np.concatenate(pair).astype(object), f"texts_{name}"))
            nodes.append(helper.make_node("Gather", [f"in_{name}", "which"], [f"at_{name}"], axis=1))
            nodes.append(helper.make_node("Gather", [f"texts_{name}", f"at_{name}"], [name], axis=0))
        else:
            nodes.append(helper.make_node("Gather", [f"in_{name}", "which"], [f"of_{name}"], axis=1))
            nodes.append(helper.make_node("Equal", [f"of_{name}", "is_nan"], [f"nan_{name}"]))
            nodes.append(helper.make_node("Where", [f"nan_{name}", "nan", f"of_{name}"], [name]))
    return checked(helper.make_graph(nodes, "extremes", inputs, results, constants), 17)


def _constant(name: str, value: object) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value), name)
