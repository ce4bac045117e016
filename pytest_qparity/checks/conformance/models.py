"""ONNX files made of examples: many side by side in one graph, so that one session runs them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import onnx

    from pytest_qparity.checks.conformance.example import Array, Example

__all__ = ["MICROSOFT", "example_model", "feed_of", "ir_version_of", "named", "probe_model", "require_valid"]

MICROSOFT = "com.microsoft"
_IR_VERSIONS = {10: 5, 13: 7, 19: 9, 21: 10, 23: 11, 24: 12, 25: 13}


def example_model(examples: Sequence[Example], opset: int) -> onnx.ModelProto:
    """One graph that holds the examples; the names of example i begin with "e{i}_"."""
    from onnx import helper

    nodes: list[Any] = []
    inputs: list[Any] = []
    outputs: list[Any] = []
    constants: list[Any] = []
    domains = {""}
    for index, example in enumerate(examples):
        for number, node in enumerate(example.nodes):
            domains.add(node.domain)
            nodes.append(
                helper.make_node(
                    node.operator,
                    [named(index, name) for name in node.inputs],
                    [named(index, name) for name in node.outputs],
                    name=named(index, f"{node.operator}_{number}"),
                    domain=node.domain,
                    **node.attributes,
                )
            )
        inputs += [_value(named(index, name), array.dtype, array.shape) for name, array in example.inputs.items()]
        constants += [_constant(named(index, name), array) for name, array in example.constants.items()]
        outputs += [
            _value(named(index, name), expected.dtype, expected.lowest.shape)
            for name, expected in example.expected.items()
        ]
    graph = helper.make_graph(nodes, "conformance", inputs, outputs, constants)
    imports = [helper.make_opsetid(domain, 1 if domain else opset) for domain in sorted(domains)]
    return helper.make_model(
        graph, opset_imports=imports, ir_version=ir_version_of(opset), producer_name="pytest-qparity"
    )


def require_valid(examples: Sequence[Example], opset: int) -> None:
    """Raises onnx.checker.ValidationError where the examples make no valid model: then it is no engine's fault that it
    is refused. Operators of other domains have no schema to be held against."""
    import onnx

    onnx.checker.check_model(example_model(examples, opset))


def probe_model() -> bytes:
    """The simplest of models, y = −x of one float32: every engine takes it, and tells of itself."""
    from onnx import TensorProto, helper

    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "probe", value[:1], value[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=ir_version_of(13))
    return bytes(model.SerializeToString())


def ir_version_of(opset: int) -> int:
    """The lowest IR version that has an opset's types: a newer one is refused by engines that know the opset."""
    return _IR_VERSIONS[max(version for version in _IR_VERSIONS if version <= opset)]


def feed_of(examples: Sequence[Example]) -> dict[str, Array]:
    return {
        named(index, name): array for index, example in enumerate(examples) for name, array in example.inputs.items()
    }


def named(index: int, name: str) -> str:
    return f"e{index}_{name}" if name else ""


def _value(name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), shape)


def _constant(name: str, array: Array) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(array, name)
