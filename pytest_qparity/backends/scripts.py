"""How a script without this package runs a model on each of the built-in engines: `BackendSpec.script`."""

from __future__ import annotations

__all__ = ["ONNX_REFERENCE", "ONNX_RUNTIME", "OPENVINO"]

ONNX_RUNTIME = """\
def run(model, inputs, optimizer):
    import onnxruntime

    levels = {"off": "DISABLE_ALL", "basic": "ENABLE_BASIC", "extended": "ENABLE_EXTENDED", "all": "ENABLE_ALL"}
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, f"ORT_{levels[optimizer]}")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    print("onnxruntime", onnxruntime.__version__)
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs)))
"""
OPENVINO = """\
def run(model, inputs, optimizer):
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    print("openvino", openvino.__version__)
    return dict(zip([output.name for output in model.graph.output], compiled(inputs).to_tuple()))
"""
ONNX_REFERENCE = """\
def run(model, inputs, optimizer):
    from onnx.reference import ReferenceEvaluator

    print("onnx", onnx.__version__)
    return dict(zip([output.name for output in model.graph.output], ReferenceEvaluator(model).run(None, inputs)))
"""
