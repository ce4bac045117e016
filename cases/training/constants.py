"""Tidies what PyTorch's exporter writes."""

import onnx


def constants_as_initializers(graph: onnx.GraphProto) -> None:
    """Constant nodes become initializers, and Identity nodes of initializers go: TensorRT wants scales like that."""
    source = {}
    for node in [n for n in graph.node if n.op_type in ("Constant", "Identity")]:
        graph.node.remove(node)
        if node.op_type == "Identity":
            source[node.output[0]] = node.input[0]
            continue
        graph.initializer.append(node.attribute[0].t)
        graph.initializer[-1].name = node.output[0]
    for node in graph.node:
        for position, name in enumerate(node.input):
            node.input[position] = source.get(name, name)
