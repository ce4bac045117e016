"""Operators, domains and versions that nobody has, or that are no longer."""

from __future__ import annotations

from functools import partial

from onnx import ModelProto, helper

from tests.faults.hostile.building import array, graph, ints, model, model_of, node, sane
from tests.faults.hostile.entry import of_model

_entry = partial(of_model, "versions")


def _opset(version: int) -> ModelProto:
    made = sane()
    made.opset_import[0].version = version
    return made


def _imports(*imports: tuple[str, int]) -> ModelProto:
    made = model_of(graph([node("Relu", "x", "y")]))
    del made.opset_import[:]
    made.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in imports)
    return made


def _ir(version: int) -> ModelProto:
    made = sane()
    made.ir_version = version
    return made


def _without_ir() -> ModelProto:
    made = sane()
    made.ClearField("ir_version")
    return made


def _of(operator: str, domain: str, opset: int = 21) -> ModelProto:
    return model([node(operator, "x", "y", domain=domain)], opset=opset)


def _domain_version(domain: str, version: int, operator: str = "Gelu") -> ModelProto:
    made = _of(operator, domain)
    next(each for each in made.opset_import if each.domain == domain).version = version
    return made


def _without_import_of(domain: str, operator: str) -> ModelProto:
    made = _of(operator, domain)
    del made.opset_import[1:]
    return made


def _compiled(path: str) -> ModelProto:
    """A node that hands the whole model to an engine's precompiled blob."""
    return model(
        [
            node(
                "EPContext",
                "x",
                "y",
                domain="com.microsoft",
                embed_mode=0,
                ep_cache_context=path,
                main_context=1,
                source="OpenVINO",
            )
        ]
    )


def _upsample() -> ModelProto:
    return model([node("Upsample", "x scales", "y")], array("scales", [1.0, 2.0]), opset=21)


def _consumed() -> ModelProto:
    return model([node("Relu", "x", "y", consumed_inputs=[7])], opset=1)


def _axes_as_input_in_11() -> ModelProto:
    return model([node("Squeeze", "x axes", "y")], ints("axes", 0), opset=11)


ENTRIES = (
    _entry("opset-0", "The opset is 0.", lambda: _opset(0)),
    _entry("opset-99", "The opset is 99.", lambda: _opset(99)),
    _entry("opset-negative", "The opset is −1.", lambda: _opset(-1)),
    _entry("opset-2-to-40", "The opset is 2⁴⁰ + 21: 21 in 32 bits.", lambda: _opset((1 << 40) + 21)),
    _entry("opset-1", "QuantizeLinear in opset 1.", lambda: _opset(1)),
    _entry("opset-absent", "No opset is stated.", _imports),
    _entry("opset-twice", "Opsets 13 and 21 are both stated.", lambda: _imports(("", 13), ("", 21))),
    _entry(
        "opset-twice-by-alias", 'Opset 13 for "" and 21 for "ai.onnx".', lambda: _imports(("", 13), ("ai.onnx", 21))
    ),
    _entry("opset-of-other-domain", "Only ai.onnx.ml is stated.", lambda: _imports(("ai.onnx.ml", 4))),
    _entry("opset-unknown-domain", "A domain is stated that no node uses.", lambda: _imports(("", 21), ("nowhere", 7))),
    _entry("ir-absent", "No IR version is stated.", _without_ir),
    _entry("ir-0", "The IR version is 0.", lambda: _ir(0)),
    _entry("ir-1", "The IR version is 1, which has no opsets.", lambda: _ir(1)),
    _entry("ir-99", "The IR version is 99.", lambda: _ir(99)),
    _entry("ir-negative", "The IR version is −1.", lambda: _ir(-1)),
    _entry("ir-3-and-initializers", "The IR version is 3, where every initializer is an input.", lambda: _ir(3)),
    _entry("operator-unknown", "An operator that nobody has.", lambda: _of("Frobnicate", "")),
    _entry("operator-unknown-domain", "A domain that nobody has.", lambda: _of("Relu", "nowhere.example")),
    _entry("operator-case", "relu for Relu.", lambda: _of("relu", "")),
    _entry(
        "operator-microsoft-unknown",
        "An operator that com.microsoft does not have.",
        lambda: _of("Frobnicate", "com.microsoft"),
    ),
    _entry("operator-microsoft-version-0", "com.microsoft in version 0.", lambda: _domain_version("com.microsoft", 0)),
    _entry(
        "operator-microsoft-version-99", "com.microsoft in version 99.", lambda: _domain_version("com.microsoft", 99)
    ),
    _entry(
        "operator-without-import",
        "com.microsoft without an opset.",
        lambda: _without_import_of("com.microsoft", "Gelu"),
    ),
    _entry(
        "operator-training", "An operator of the training domain.", lambda: _of("Gradient", "ai.onnx.preview.training")
    ),
    _entry(
        "operator-internal",
        "An operator of ONNX Runtime's internal NHWC domain.",
        lambda: _of("Conv", "com.ms.internal.nhwc"),
    ),
    _entry("operator-aten", "ATen, which calls any function of PyTorch.", lambda: _of("ATen", "org.pytorch.aten")),
    _entry(
        "operator-openvino", "An operator of OpenVINO's domain.", lambda: _of("FakeQuantize", "org.openvinotoolkit")
    ),
    _entry("operator-removed", "Upsample in opset 21.", _upsample),
    _entry("operator-too-new", "Gelu in opset 13.", lambda: _of("Gelu", "", 13)),
    _entry("operator-old-attribute", "Relu of opset 1 with consumed_inputs.", _consumed),
    _entry("operator-newer-form", "Squeeze with axes as an input in opset 11.", _axes_as_input_in_11),
    _entry(
        "operator-compiled-outside", "A precompiled blob in the parent folder.", lambda: _compiled("../outside.bin")
    ),
    _entry("operator-compiled-absolute", "A precompiled blob at an absolute path.", lambda: _compiled("/etc/passwd")),
)
