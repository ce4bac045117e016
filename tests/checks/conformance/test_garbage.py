"""What is on record of an engine is no pass for anything: what is waived of random outputs."""

from __future__ import annotations

import pytest

from pytest_qparity.checks.conformance import Known, KnownDeviations, kernels_by_id
from tests.checks.conformance.garbage import all_waived, waived

EXAMPLES = 4
# Each stands in docs/conformance.md. Memory that is not set or another's may hold anything; the others are few.
WAIVED = {
    "ort": {"qgemm-u8s8-per_tensor-float_output_of_nothing-opset21", "matmul_bnb4-nf4-block32-not_transposed-opset21"},
    "openvino": {
        "conv_integer-u8s8-strided_pointwise-opset13",
        "qdq_conv-u8s8-strided_pointwise-opset21",
        "qdq_conv_relu-u8s8-padding_windows-opset21",
        "qdq_lstm-s8-opset21",
        "qlinear_matmul-u8s8-per_tensor-fp16_scales-opset21",
        "qlinear_matmul-u8u8-per_axis-fp16_scales-opset21",
    },
    "reference": {"conv_integer-u8s8-per_channel-opset13", "matmul_integer-u8s8-per_row-opset13"},
}
# Of elements: any finite value. onnx.reference wraps whatever of QuantizeLinear is beyond the range.
LARGEST_SHARE = {"ort": 0.02, "openvino": 0.05, "reference": 0.08}


@pytest.mark.parametrize("backend", ["ort", "openvino", "reference"])
def test_random_outputs_are_waived_of_few_kernels_and_few_elements(backend: str) -> None:
    found = all_waived(backend, EXAMPLES)

    assert {kernel for kernel, each in found.items() if each.garbage} == WAIVED[backend]
    anything = sum(each.anything for each in found.values())
    assert 0 < anything < LARGEST_SHARE[backend] * sum(each.elements for each in found.values())


def test_an_entry_that_says_neither_where_nor_how_far_is_seen() -> None:
    entry = {"kernels": ["*"], "versions": ">=1", "observed": "something", "expected": "anything"}
    kernel = kernels_by_id()["quantize_linear-fp32_int8-per_tensor-opset13"]

    everything = waived(kernel, KnownDeviations(Known.model_validate({"deviation": [entry]}), "1.0", "x"), EXAMPLES)
    one_off = Known.model_validate({"deviation": [entry | {"at_most_lsb": 1.0}]})
    little = waived(kernel, KnownDeviations(one_off, "1.0", "x"), EXAMPLES)

    assert everything.garbage
    assert everything.anything == everything.elements > 0
    assert not little.garbage
    assert little.anything == 0
