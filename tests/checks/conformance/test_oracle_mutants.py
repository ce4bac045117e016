"""What the oracle of com.microsoft's operators might have got wrong: ONNX Runtime, which conforms, shows each."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pytest_qparity.checks.conformance import Laboratory, kernels_by_id
from pytest_qparity.checks.conformance.sampling import draw_examples
from tests.checks.conformance.conftest import MakeLaboratory
from tests.quantmath.mutant import PACKAGE, mutated

OPERATORS = "pytest_qparity.checks.conformance.operators"
EXAMPLES = 30


@dataclass(frozen=True, slots=True)
class OracleMutant:
    """`old` stands once in the source of `target` in `package`; with `new`, `kernel` deviates."""

    what: str
    target: str
    old: str
    new: str
    kernel: str
    package: str = OPERATORS


NBITS = "matmul_nbits-uint4-block32-level"
MASKED = "qattention-u8s8"
LSTM = "dynamic_quantize_lstm-s8-per_axis-bidirectional-opset21"
PRODUCT = ("nbits:_product", "return activations", "return (activations * Real.exact(1.01))")
PADDING = ("convolution:padding", "auto_pad is AutoPad.SAME_UPPER", "auto_pad is AutoPad.SAME_LOWER")
RUN = "dynamic:_Direction.run"

MUTANTS = (
    OracleMutant(
        "a query that does not see itself",
        "attention:_hidden",
        "place > place",
        "place >= place",
        f"{MASKED}-unidirectional-opset21",
    ),
    OracleMutant(
        "a raw mask the other way round", "attention:_hidden", "mask == 0", "mask != 0", f"{MASKED}-mask_raw-opset21"
    ),
    OracleMutant(
        "ends that are inside", "attention:_hidden", "place < mask", "place <= mask", f"{MASKED}-mask_ends-opset21"
    ),
    OracleMutant(
        "starts that are outside",
        "attention:_hidden",
        "place >= starts",
        "place > starts",
        f"{MASKED}-mask_spans-opset21",
    ),
    OracleMutant(
        "past behind present",
        "attention:_behind",
        "(Real.exact(past), real)",
        "(real, Real.exact(past))",
        f"{MASKED}-past-opset21",
    ),
    OracleMutant(
        "v, k, q for q, k, v",
        "products:head_of",
        "part * hidden : (part + 1) * hidden",
        "(2 - part) * hidden : (3 - part) * hidden",
        f"{MASKED}-per_axis-opset21",
    ),
    *(
        OracleMutant("weights 1 % larger", *PRODUCT, kernel)
        for kernel in (
            f"{NBITS}0-asymmetric-bias-opset21",
            f"{NBITS}0-asymmetric-fp16-opset21",
            f"{NBITS}0-float_zeros-fp32-opset21",
            f"{NBITS}2-asymmetric-opset21",
            "matmul_nbits-uint2-block32-level0-asymmetric-opset21",
            "matmul_nbits-uint8-block32-level0-symmetric-opset21",
        )
    ),
    OracleMutant("gates i, f, o, c", RUN, "i, o, f, c = ", "i, f, o, c = ", LSTM),
    OracleMutant("no second tanh", RUN, "cell.tanh()", "cell", LSTM),
    OracleMutant("products 5 % larger", RUN, "gates = gates + ", "gates = gates * Real.exact(1.05) + ", LSTM),
    OracleMutant(
        "a float32 rounded twice",
        "qgemm:_scaled",
        ") * scales",
        ") * scales * (1 + 1e-6)",
        "qgemm-u8u8-per_axis-float_output-opset21",
    ),
    OracleMutant(
        "nibbles swapped",
        "bnb4:pack_bnb4",
        "pairs[:, 0] << 4 | pairs[:, 1]",
        "pairs[:, 1] << 4 | pairs[:, 0]",
        "matmul_bnb4-nf4-block16-opset21",
        PACKAGE,
    ),
    OracleMutant(
        "blocks interleaved",
        "bnb4:dequantize_bnb4",
        "np.repeat(largest, block)",
        "np.tile(largest, block)",
        "matmul_bnb4-fp4-block64-opset21",
        PACKAGE,
    ),
    OracleMutant(
        "nibbles of a gathered table swapped",
        "packing:_shifts",
        "np.arange(0, 8, type_.bits)",
        "np.arange(8 - type_.bits, -1, -type_.bits)",
        "gather_block_quantized-uint8_of_uint4_fp32-opset21",
        PACKAGE,
    ),
    *(
        OracleMutant("odd padding at the other end", *PADDING, kernel, PACKAGE)
        for kernel in (
            "conv_integer-u8s8-auto_pad-opset13",
            "qlinear_conv-u8s8-auto_pad-opset13",
            "qlinear_average_pool-s8-auto_pad-opset21",
        )
    ),
)


def deviates(kernel_id: str, laboratory: Laboratory) -> bool:
    kernel = kernels_by_id()[kernel_id]
    examples = draw_examples(kernel, EXAMPLES, 0)
    trials = laboratory.bench.try_all(examples, kernel.opset, laboratory.optimizers[-1])
    return any((difference.beyond > 0).any() for trial in trials for difference in trial.differences())


def test_every_mutant_of_the_oracle_is_shown_by_an_engine_that_conforms(laboratory: MakeLaboratory) -> None:
    pytest.importorskip("onnxruntime")
    ort = laboratory("ort")
    given = {}
    for mutant in MUTANTS:
        with mutated(mutant.target, mutant.old, mutant.new, mutant.package):
            given[mutant] = deviates(mutant.kernel, ort)

    assert [f"{mutant.kernel}: {mutant.what}" for mutant, found in given.items() if not found] == []
    assert [kernel for kernel in {mutant.kernel for mutant in MUTANTS} if deviates(kernel, ort)] == []
