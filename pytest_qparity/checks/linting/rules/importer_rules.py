"""The rules of TensorRT's ONNX importer for QuantizeLinear and DequantizeLinear, as data."""

from __future__ import annotations

from pytest_qparity.checks.linting.finding import Rule, Weight

IMPORTER = "onnx-tensorrt 10.16 (6bde659), onnxOpImporters.cpp, QuantDequantLinearHelper"
API = "NvInfer.h of TensorRT 10.16 and 11.1, IQuantizeLayer and IDequantizeLayer"
BINDINGS = (
    "Python bindings of TensorRT 10.16.1 and 11.4.0, IQuantizeLayer: what ends in the scale or the zero point must be "
    "constant when the engine is built"
)
_SYMMETRIC = (
    "quantize symmetrically: qparity quantize MODEL --target trt -o FILE, or quantize_static with ActivationSymmetric"
)

ZERO_POINT = Rule(
    "TRT-Q-001",
    Weight.REFUSED,
    "a zero point that is not 0",
    f"{_SYMMETRIC}; --fix shifts those that shift exactly (128 of uint8 activations, and constants)",
    IMPORTER,
)
ZERO_POINT_COMPUTED = Rule(
    "TRT-Q-002",
    Weight.REFUSED,
    "a zero point that depends on an input",
    "make it an initializer of zeros, or make it of constants alone",
    BINDINGS,
)
SCALE = Rule(
    "TRT-Q-003",
    Weight.REFUSED,
    "a scale that is not above 0",
    "calibrate again with data that reach this tensor",
    IMPORTER,
)
SCALE_COMPUTED = Rule(
    "TRT-Q-004",
    Weight.REFUSED,
    "a scale that depends on an input",
    "make it an initializer, or make it of constants alone; scales of their own for each input are "
    "TRT_FP4DynamicQuantize's and TRT_MXFP8DynamicQuantize's alone",
    f"{BINDINGS}; TensorRT documentation, Explicit Quantization: scales are static but for dynamic quantization",
)
ACTIVATION_PER_AXIS = Rule(
    "TRT-Q-005",
    Weight.REFUSED,
    "an activation with more than one scale",
    "quantize activations per tensor; per channel is for weights alone",
    API,
)
SCALES = Rule(
    "TRT-Q-006",
    Weight.REFUSED,
    "another number of scales than the axis has elements",
    "give one scale for each index of the quantized axis, and name that axis",
    IMPORTER,
)
BLOCKS = Rule(
    "TRT-Q-007",
    Weight.REFUSED,
    "blocks that are not along one of the last two axes",
    "block one axis, the last or the one before, into whole blocks; in int4, fp8 or fp4",
    f"{API}; {IMPORTER}",
)
BLOCK_SIZE = Rule(
    "TRT-Q-008",
    Weight.REFUSED,
    "blocks of a size that has no kernel",
    "blocks of 16 for NVFP4, of 32 for MXFP8",
    "onnx-tensorrt 10.16 (6bde659), onnxOpImporters.cpp, TRT_FP4DynamicQuantize and TRT_MXFP8DynamicQuantize",
)
ODD = Rule(
    "TRT-Q-009",
    Weight.REFUSED,
    "an odd number of 4-bit elements",
    "pad the tensor, or leave it in 8 bits: two elements share a byte",
    IMPORTER,
)
ODD_LAST_AXIS = Rule(
    "TRT-Q-010",
    Weight.WARNED,
    "an odd last axis of 4-bit elements",
    "pad the last axis to an even size: earlier releases refuse it",
    "onnx-tensorrt 10.1 (96e7811) asks for an even last axis, 10.16 (6bde659) for an even number of elements",
)
TYPE = Rule(
    "TRT-Q-011",
    Weight.REFUSED,
    "a quantized type that TensorRT does not have",
    f"int8, fp8 (e4m3fn), int4 and fp4 are taken; {_SYMMETRIC}. --fix turns uint8 into int8 where that is exact",
    IMPORTER,
)
UINT8_READ_AS_INT8 = Rule(
    "TRT-Q-012",
    Weight.WARNED,
    "uint8 that is read as int8",
    "quantize to int8: codes above 127 are cut off, without an error",
    IMPORTER,
)
BIAS = Rule(
    "TRT-Q-013",
    Weight.REFUSED,
    "an int32 DequantizeLinear",
    "leave the bias in float (quantize_static: QuantizeBias=False); --fix folds it to the float it stands for",
    f"{API}: an int32 input is none of the quantized types",
)
NOT_FLOAT = Rule(
    "TRT-Q-014", Weight.REFUSED, "a QuantizeLinear of integers", "quantize floats: cast before it, or take it out", API
)
SCALE_TYPE = Rule(
    "TRT-Q-015",
    Weight.REFUSED,
    "a scale of a type that its data do not go with",
    "make scales float32, or of the fp16 or bf16 type that the data have; E8M0 scales are TRT_MXFP8DequantizeLinear's",
    f"{IMPORTER}; {API}: strongly typed networks",
)
OUTPUT_TYPE = Rule(
    "TRT-Q-016",
    Weight.REFUSED,
    "an output_dtype that is not the zero point's type",
    "take either out, or make them one",
    f"{IMPORTER}; 11.0 (5ab48c5) asks it of QuantizeLinear alone",
)
PARAMETERS = Rule(
    "TRT-Q-017",
    Weight.REFUSED,
    "more zero points than scales, or fewer",
    "give zero point and scale one shape",
    IMPORTER,
)
INT4_ACTIVATION = Rule(
    "TRT-Q-018",
    Weight.REFUSED,
    "an activation in int4",
    "int4 is for weights alone: leave the activation float, or quantize it to int8 or fp8",
    "TensorRT documentation, Working with Quantized Types: int4 is weight-only",
)
UNREAD_ZERO_POINT = Rule(
    "TRT-Q-019",
    Weight.WARNED,
    "a float8 zero point that is not read",
    "quantize symmetrically: TensorRT takes 0 for it, and other engines what it says",
    IMPORTER,
)
AXIS = Rule(
    "TRT-Q-020",
    Weight.REFUSED,
    "an axis that the data do not have",
    "leave scalars in float (quantize_static: op_types_to_quantize without Add, Mul and their like); --fix folds "
    "constants, and states axis 0 of others",
    f"{IMPORTER} and convertAxis: the axis of a tensor without axes is 1 where none is stated",
)

RULES = (
    ZERO_POINT,
    ZERO_POINT_COMPUTED,
    SCALE,
    SCALE_COMPUTED,
    ACTIVATION_PER_AXIS,
    SCALES,
    BLOCKS,
    BLOCK_SIZE,
    ODD,
    ODD_LAST_AXIS,
    TYPE,
    UINT8_READ_AS_INT8,
    BIAS,
    NOT_FLOAT,
    SCALE_TYPE,
    OUTPUT_TYPE,
    PARAMETERS,
    INT4_ACTIVATION,
    UNREAD_ZERO_POINT,
    AXIS,
)
