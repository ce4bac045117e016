"""What is compared: each tool's environment and adapter. An environment is shared where the packages are the same."""

from __future__ import annotations

from dataclasses import dataclass

OWN = "project"  # the environment that this script runs in


@dataclass(frozen=True, slots=True)
class Tool:
    """`asked`: how it was used, for the page. `arguments`: the adapter's, behind faults, target and selection."""

    name: str
    environment: str
    adapter: str
    asked: str
    arguments: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()  # whose versions the page names


ENVIRONMENTS = {
    "ort": ("onnxruntime", "onnx", "sympy", "pytest", "polygraphy"),
    "pytest-torch": ("pytest-torch", "torch", "onnxruntime", "onnx"),
    "quant-regress": ("quant-regress", "onnxruntime", "onnx"),
    "nncf": ("nncf", "openvino", "onnx", "onnxruntime"),
}
TOOLS = (
    Tool(
        "pytest-qparity",
        OWN,
        "ours",
        "`qparity accept --missing`, then `pytest`: all checks; `[accuracy]` with a margin of 0.5 points "
        "(2 of a population), `[invariance]`, `min_quantized = 0.9`, budgets where the fault is about one",
    ),
    Tool(
        "Polygraphy, tolerances",
        "ort",
        "polygraphy_run",
        "`polygraphy run` of the float model with `--save-outputs`, of the variant with `--load-outputs --validate`; "
        "`--atol` by output is twice what the sound file differs by",
        ("simple",),
    ),
    Tool(
        "Polygraphy, SNR",
        "ort",
        "polygraphy_run",
        "the same with `--compare snr cosine_similarity`, 20 dB and 0.995: the limits that pytest-qparity has for int8",
        ("snr",),
    ),
    Tool(
        "qdq_loss_debug",
        "ort",
        "loss_debug",
        "`onnxruntime.quantization.qdq_loss_debug`: it judges nothing; a reader is assumed who sees an output 6 dB "
        "under the sound file's, any tensor under 20 dB, a NaN, a tensor that is gone",
    ),
    Tool(
        "allclose",
        "ort",
        "handwritten",
        "a hand-written pytest file: `assert_allclose` by output with the same `atol`, and top-1 at most 0.5 points "
        "lower; stored outputs where there are some",
    ),
    Tool(
        "onnx backend test",
        "ort",
        "backend_test",
        "`onnx.backend.test.runner` with `onnxruntime.backend` over `test_data_set_*`; the larger of the two `atol`",
    ),
    Tool(
        "pytest-torch",
        "pytest-torch",
        "torch_tests",
        "sessions wrapped as modules; `check_inference_contract`, `assert_matches_reference` with the same `atol`, "
        "`assert_models_agree` (0.97 top-1, cosine 0.995), `paired_difference` at most 0.5 points",
    ),
    Tool(
        "quant-regress",
        "quant-regress",
        "quant_regress_gate",
        "`QuantHarness` with sessions that answer; `max_drop_points=0.5`, `min_accuracy=0.5`",
    ),
    Tool(
        "ONNX Runtime quantizer",
        "ort",
        "ort_quantizer",
        "`quant_pre_process`, `quantize_static`: does it say that something is wrong with what it is given?",
    ),
    Tool(
        "NNCF",
        "nncf",
        "nncf_control",
        "`quantize_with_accuracy_control` on OpenVINO, `max_drop` of 0.5 points, over the test set",
    ),
)
