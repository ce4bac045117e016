"""Stand-alone scripts that show a deviation with nothing but onnx, numpy and the engine: to paste into a bug report."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.checks.conformance.models import ir_version_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.backends.registry import BackendSpec
    from pytest_qparity.checks.conformance.example import Array, Example, Node
    from pytest_qparity.checks.conformance.kernel import Kernel
    from pytest_qparity.checks.conformance.trial import Trial

__all__ = ["reproducer"]

_LONGEST = 8  # equal values in a row are written out
_NOT_FILLED_IN = '''\
def run(model, inputs, optimizer):
    """Outputs by name, of an onnx.ModelProto with inputs by name; optimizer is "off", "basic", "extended" or "all"."""
    print("{backend} is not run yet: load it in run(), and return its outputs by name")
    raise SystemExit(2)
'''
_IMPORTS = """\
import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper
"""
_COMPARED = """\
deviates = False
for declared in model.graph.output:
    name, dtype = declared.name, helper.tensor_dtype_to_np_dtype(declared.type.tensor_type.elem_type)
    output = np.asarray(got[name])
    if output.shape != lowest[name].shape or output.dtype != dtype:
        deviates = True
        print(name, "is", output.dtype, output.shape, "should be", dtype, lowest[name].shape)
        continue
    values = output.astype(np.float64)
    inside = (values >= lowest[name]) & (values <= highest[name])
    inside |= np.isnan(values) & np.isnan(lowest[name])
    if name in {signed}:  # whose zeros have signs
        inside &= (values != 0) | (np.signbit(values) == np.signbit(lowest[name]))
    inside |= left_open.get(name, False)
    deviates |= not inside.all()
    for index in np.argwhere(~inside)[:8].tolist():
        at = tuple(index)
        print(name, index, "is", values[at], "should be from", lowest[name][at], "to", highest[name][at])
raise SystemExit(int(deviates))
"""


def reproducer(kernel: Kernel, trial: Trial, backend: BackendSpec, sentence: str) -> str:
    """The script's text. Its exit status is 1 where the deviation shows, 0 where it does not; 2 where nobody has said
    how the backend is run (`BackendSpec.script`)."""
    example = trial.example
    signed = [name for name, expected in example.expected.items() if expected.signed]
    parts = [
        f'"""{kernel.id}: {_one_line(sentence)}"""',
        "",
        _IMPORTS,
        *_arrays(example),
        *_model(example, kernel.opset),
        "",
        "",
        backend.script.rstrip() or _NOT_FILLED_IN.format(backend=backend.name).rstrip(),
        "",
        "",
        f"got = run(model, inputs, {trial.optimizer.value!r})",
        _COMPARED.format(signed=signed).rstrip(),
    ]
    return "\n".join(parts) + "\n"


def _arrays(example: Example) -> list[str]:
    """What the kernel is given, and what it may give."""
    expected = example.expected
    return [
        _table("inputs", example.inputs),
        _table("constants", example.constants),
        "# Every value from lowest to highest conforms; NaN stands for NaN.",
        _table("lowest", {name: each.lowest for name, each in expected.items()}),
        _table("highest", {name: each.highest for name, each in expected.items()}),
        "# Where the specification says nothing, anything conforms.",
        _table("left_open", {name: each.free for name, each in expected.items() if each.free is not None}),
    ]


def _model(example: Example, opset: int) -> list[str]:
    value_infos = "helper.make_tensor_value_info({name}, helper.np_dtype_to_tensor_dtype({dtype}), {shape})"
    outputs = [
        value_infos.format(name=repr(name), dtype=_dtype(expected.dtype), shape=expected.lowest.shape)
        for name, expected in example.expected.items()
    ]
    domains = sorted({node.domain for node in example.nodes} | {""})
    imports = [f"helper.make_opsetid({domain!r}, {1 if domain else opset})" for domain in domains]
    return [
        "nodes = [",
        *(f"    {_node(node)}," for node in example.nodes),
        "]",
        "graph = helper.make_graph(",
        "    nodes,",
        '    "reproducer",',
        "    [",
        "        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)",
        "        for name, array in inputs.items()",
        "    ],",
        f"    [{', '.join(outputs)}],",
        "    [numpy_helper.from_array(array, name) for name, array in constants.items()],",
        ")",
        f"imports = [{', '.join(imports)}]",
        f"model = helper.make_model(graph, opset_imports=imports, ir_version={ir_version_of(opset)})",
    ]


def _table(name: str, arrays: Mapping[str, Array]) -> str:
    rows = [f"    {key!r}: {_array(array)}," for key, array in arrays.items()]
    return "\n".join([f"{name} = {{", *rows, "}"])


def _array(array: Array) -> str:
    if array.dtype.isbuiltin != 1 and "float" in array.dtype.name and array.dtype.itemsize == 1:
        codes = f"np.array({array.view(np.uint8).ravel().tolist()}, np.uint8)"
        return f"{codes}.view({_dtype(array.dtype)}).reshape({array.shape})"
    values = array.astype(np.float64) if array.dtype.isbuiltin != 1 else array
    if array.size > _LONGEST and np.unique(values).size == 1:
        return f"np.full({array.shape}, {_numbers(values.ravel()[:1])[1:-1]}, {_dtype(array.dtype)})"
    return f"np.array({_numbers(values)}, {_dtype(array.dtype)}).reshape({array.shape})"


def _numbers(values: Array) -> str:
    """As Python writes them; runs of one value in a row as a product."""
    parts: list[str] = []
    for value, run in groupby(values.ravel().tolist(), key=repr):
        count = len(list(run))
        parts.append(f"*[{value}] * {count}" if count > _LONGEST else ", ".join([value] * count))
    text = f"[{', '.join(parts)}]"
    return re.sub(r"\b(nan|inf)\b", r'float("\1")', text)


def _dtype(dtype: np.dtype[Any]) -> str:
    return f"np.dtype(np.{dtype.name})" if dtype.isbuiltin == 1 else f"np.dtype(ml_dtypes.{dtype.name})"


def _node(node: Node) -> str:
    attributes = "".join(f", {key}={value!r}" for key, value in node.attributes.items())
    domain = f", domain={node.domain!r}" if node.domain else ""
    return f"helper.make_node({node.operator!r}, {list(node.inputs)}, {list(node.outputs)}{domain}{attributes})"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', "'")
