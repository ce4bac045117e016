"""What is made of the engine inspector's JSON: NVIDIA's own samples, and the forms that its documentation describes.

The forms of 10 and 11 are written down here after the documentation (engine-tools.html of 10.16.1, the page
tensorrt-10x-to-11x-IEngineInspector.html of 11.3.0, onnx-tensorrt's importerUtils.cpp); no engine gave them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from pytest_qparity.backends.kernels import KernelCount, Kernels, NotTold
from pytest_qparity.backends.trt.inspecting import Layer, Operands, kernels_of_engine, layers_in

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> str:
    return (SAMPLES / name).read_text("utf-8")


def told(*layers: dict[str, Any]) -> str:
    return json.dumps({"Layers": list(layers), "Bindings": ["x", "y"]})


def layer(name: str, kind: str = "gemm", takes: str = "Int8", **fields: Any) -> dict[str, Any]:
    tensor = {"Name": "t", "Dimensions": [1, 8], "Format/Datatype": takes}
    return {"Name": name, "LayerType": kind, "Inputs": [tensor], "Outputs": [tensor], **fields}


def products(folder: Path, names: dict[str, bool]) -> Path:
    """A file with MatMul nodes in a chain, some of which take what a DequantizeLinear gives."""
    weight = numpy_helper.from_array(np.eye(4, dtype=np.float32), "w")
    scale = numpy_helper.from_array(np.float32(0.5).reshape(()), "s")
    quantized = numpy_helper.from_array(np.eye(4, dtype=np.int8), "q")
    nodes, value = [], "x"
    for index, (name, in_file) in enumerate(names.items()):
        if in_file:
            nodes.append(helper.make_node("DequantizeLinear", ["q", "s"], [f"d{index}"]))
        nodes.append(helper.make_node("MatMul", [value, f"d{index}" if in_file else "w"], [f"v{index}"], name=name))
        value = f"v{index}"
    shape = [TensorProto.FLOAT, [1, 4]]
    ports = [helper.make_tensor_value_info("x", *shape)], [helper.make_tensor_value_info(value, *shape)]
    graph = helper.make_graph(nodes, "products", *ports, [weight, scale, quantized])
    path = folder / "products.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
    return path


class TestNvidiasSamples:
    def test_an_int8_engine(self) -> None:
        kernels = kernels_of_engine(sample("resnet18-qat.A100.json"), None)

        assert isinstance(kernels, Kernels)
        assert kernels.counts == {"Conv": KernelCount(quantized=4)}  # one of them is the Gemm, run as a convolution
        assert (
            "11 layers in TensorRT's engine: 4 CaskConvolution, 2 NoOp, 4 Reformat, 1 TiledPooling" in kernels.remarks
        )
        assert "4 reformat layers, 1 of them put in by TensorRT" in kernels.remarks

    def test_types_are_read_out_of_the_descriptions_of_formats(self) -> None:
        layers = {layer.name: layer for layer in layers_in(sample("resnet18-qat.A100.json"))}

        assert layers["QuantizeLinear_2"].inputs == ("fp32",)
        assert layers["conv1.weight + QuantizeLinear_7 + Conv_9"].inputs == ("int8",)
        assert layers["Reformatting CopyNode for Output Tensor 0 to MaxPool_12"].inputs == ("fp32",)

    def test_an_fp16_engine_has_no_quantized_layer(self) -> None:
        kernels = kernels_of_engine(sample("resnet18-fp16.A100.json"), None)

        assert isinstance(kernels, Kernels)
        assert kernels.counts == {"Conv": KernelCount(left_float=2)}
        assert any("fp16" in remark for remark in kernels.remarks)

    def test_nodes_are_found_by_the_names_of_fused_layers(self, tmp_path: Path) -> None:
        path = products(tmp_path, {"Conv_9": True, "Conv_22": True, "Gemm_257": True, "Conv_999": True})

        kernels = kernels_of_engine(sample("resnet18-qat.A100.json"), path)

        assert isinstance(kernels, Kernels)
        assert kernels.counts == {"MatMul": KernelCount(quantized=3)}
        assert kernels.hidden == 1


class TestNodesOfTheFile:
    @pytest.mark.parametrize("between", ["", "\x1e", "\x1f", " "])
    def test_metadata_names_them(self, tmp_path: Path, between: str) -> None:
        path = products(tmp_path, {"/a/MatMul": True, "b[0]": True, "c": True})
        metadata = between.join(["[ONNX Layer: /a/MatMul]", "[ONNX Layer: c | Local Function: block]"])

        kernels = kernels_of_engine(told(layer("__myl_Fc_0", Metadata=metadata)), path)

        assert isinstance(kernels, Kernels)
        assert (kernels.counts, kernels.hidden) == ({"MatMul": KernelCount(quantized=2)}, 1)

    def test_a_node_without_a_name_is_called_after_its_output(self, tmp_path: Path) -> None:
        path = products(tmp_path, {"": True})

        kernels = kernels_of_engine(told(layer("l", Metadata="[ONNX Layer: node_of_v0]")), path)

        assert isinstance(kernels, Kernels)
        assert kernels.counts == {"MatMul": KernelCount(quantized=1)}

    def test_a_node_that_the_file_quantizes_and_the_engine_does_not_fell_back(self, tmp_path: Path) -> None:
        path = products(tmp_path, {"quantized": True, "float": False})
        metadata = "[ONNX Layer: quantized][ONNX Layer: float]"

        kernels = kernels_of_engine(told(layer("l", takes="Half", Metadata=metadata)), path)

        assert isinstance(kernels, Kernels)
        assert kernels.counts == {"MatMul": KernelCount(fell_back=1, left_float=1)}
        assert kernels.float_nodes == ("quantized", "float")

    def test_a_reformat_that_quotes_a_node_does_not_run_it(self, tmp_path: Path) -> None:
        path = products(tmp_path, {"a": True})
        metadata = {"Metadata": "[ONNX Layer: a]"}

        kernels = kernels_of_engine(told(layer("r", "Reformat", "Int8", **metadata)), path)

        assert isinstance(kernels, Kernels)
        assert (kernels.counts, kernels.hidden) == ({}, 1)

    def test_of_several_layers_that_of_the_product_counts(self, tmp_path: Path) -> None:
        path, metadata = products(tmp_path, {"a": True}), {"Metadata": "[ONNX Layer: a]"}

        kernels = kernels_of_engine(
            told(layer("g", "gemm", "Int8", **metadata), layer("k", "kgen", "Half", **metadata)), path
        )

        assert isinstance(kernels, Kernels)
        assert kernels.counts == {"MatMul": KernelCount(quantized=1)}

    def test_types_that_are_not_told_are_hidden_and_no_float(self, tmp_path: Path) -> None:
        path = products(tmp_path, {"a": True})
        open_shapes = layer("l", takes="N/A due to dynamic shapes", Metadata="[ONNX Layer: a]")

        kernels = kernels_of_engine(told(open_shapes), path)

        assert isinstance(kernels, Kernels)
        assert (kernels.counts, kernels.hidden) == ({}, 1)


@pytest.mark.parametrize(
    ("fields", "operands"),
    [
        ({"inputs": ("int8",)}, Operands.QUANTIZED),
        ({"inputs": ("fp8", "fp8")}, Operands.QUANTIZED),
        ({"inputs": ("fp16", "int4")}, Operands.QUANTIZED_WEIGHTS),
        ({"inputs": ("fp16", "fp16")}, Operands.FLOAT),
        ({"inputs": ()}, Operands.NOT_TOLD),
        ({"inputs": (None,)}, Operands.NOT_TOLD),
        ({"inputs": ("int8",), "weights": "int8"}, Operands.QUANTIZED),
        ({"inputs": ("fp16",), "weights": "int8"}, Operands.QUANTIZED_WEIGHTS),
        ({"inputs": ("int8",), "weights": "fp32", "tactic": "sm80_xmma_f32f32_tf32f32"}, Operands.FLOAT),
        ({"inputs": (None,), "weights": "int8", "tactic": "sm80_xmma_fprop_i8f32_i8i32_f32"}, Operands.QUANTIZED),
        ({"inputs": (None,), "tactic": "sm80_xmma_gemm_i8i8_i8i32_f32_tn"}, Operands.QUANTIZED),
        ({"inputs": (None,), "tactic": "sm90_xmma_gemm_e4m3f16_e4m3f32_f32"}, Operands.QUANTIZED),
        ({"inputs": (None,), "tactic": "sm80_xmma_gemm_f16f16_f16f16_f16_tn"}, Operands.FLOAT),
        ({"inputs": ("fp16", "int4"), "tactic": "sm80_gemm_f16f16_f16"}, Operands.QUANTIZED_WEIGHTS),
    ],
)
def test_in_which_types_a_layer_multiplies(fields: dict[str, Any], operands: Operands) -> None:
    assert Layer("l", "gemm", (), **fields).operands is operands


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        ({"Format/Datatype": "Row major linear FP16 format"}, "fp16"),
        ({"Format/Datatype": "Channel major INT8 format where channel % 16 == 0"}, "int8"),
        ({"Format/Datatype": "Row major linear BFloat16 format"}, "bf16"),
        ({"Format/Datatype": "FP4E2M1"}, "fp4"),
        ({"Format": "Row major linear FP32 format (kLINEAR)", "DataType": "Float"}, "fp32"),
        ({"Format": "Row major linear", "Datatype": "FP8"}, "fp8"),
        ({"Format/Datatype": "N/A due to dynamic shapes"}, None),
        ({}, None),
    ],
)
def test_the_type_of_a_tensor_in_the_forms_of_ten_and_eleven(tensor: dict[str, str], kind: str | None) -> None:
    (read,) = layers_in(json.dumps({"Layers": [{"Name": "l", "Inputs": [{"Name": "t", **tensor}]}], "I/O Tensors": []}))

    assert read.inputs == (kind,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Expecting value"),
        ("[]", 'got no "Layers"'),
        ('{"Layers": []}', 'got no "Layers"'),
        ('{"Layers": ["a", "b"]}', "names of layers alone"),
        ('{"Layers": [{"LayerType": "gemm"}]}', "a layer without a name"),
    ],
)
def test_what_tells_no_layers_is_no_news(text: str, said: str) -> None:
    kernels = kernels_of_engine(text, None)

    assert isinstance(kernels, NotTold)
    assert said in kernels.reason
