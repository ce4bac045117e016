"""What a case file names, and is not there."""

from __future__ import annotations

from tests.case.case_files import MINIMAL
from tests.case.problems.saying import dead, missing, one

REFERENCES: dict[str, tuple[str, str]] = {
    "missing-model": (
        MINIMAL.replace("m.onnx", "n.onnx"),
        missing(1, 'model: got "n.onnx", which does not exist, should be a file.', 'write "m.onnx"'),
    ),
    "missing-model-nothing-near": (
        MINIMAL.replace("m.onnx", "zzzzzzzz"),
        missing(
            1,
            'model: got "zzzzzzzz", which does not exist, should be a file.',
            "make it, or correct the path: it is relative to the case file",
        ),
    ),
    "missing-model-is-a-url": (
        MINIMAL.replace("m.onnx", "https://a/m"),
        missing(
            1,
            'model: got "https://a/m", which does not exist, should be a file.',
            'write model = {url = "https://a/m", sha256 = "…"}',
        ),
    ),
    "missing-model-is-a-function": (
        MINIMAL.replace("m.onnx", "samples:make"),
        missing(
            1,
            'model: got "samples:make", which does not exist, should be a file.',
            'write model = {build = "samples:make"}',
        ),
    ),
    "model-is-a-folder": (
        MINIMAL.replace("m.onnx", "parts"),
        missing(1, 'model: got "parts", a folder, should be a file.', "name the file in that folder"),
    ),
    "missing-data": (
        MINIMAL.replace("t.npz", "part"),
        missing(
            2,
            'test in [data]: got "part", which does not exist, should be a file, a folder or module:function.',
            'write "parts"',
        ),
    ),
    "missing-folder": (
        MINIMAL.replace("t.npz", "zzz/t.npz"),
        missing(
            2,
            'test in [data]: got "zzz/t.npz", which does not exist, should be a file, a folder or module:function.',
            'make it, or correct the path: it is relative to the case file, and "zzz" is not a folder there',
        ),
    ),
    "null-character": (
        MINIMAL.replace("t.npz", "\\u0000/x"),
        missing(
            2,
            'test in [data]: got "\\u0000/x", which does not exist, should be a file, a folder or module:function.',
            'make it, or correct the path: it is relative to the case file, and "\\u0000" is not a folder there',
        ),
    ),
    "missing-given-file": (
        MINIMAL + 'file = "qta.onnx"\n',
        missing(
            4,
            'file in [precisions.int8]: got "qta.onnx", which does not exist, should be a file.',
            'write "qat.onnx"',
        ),
    ),
    "unknown-function": (
        MINIMAL.replace("t.npz", "samples:mak"),
        one(
            "QP-CASE-006",
            2,
            'test in [data]: got "samples:mak", should name a function of samples.py, which has: make.',
            'write "samples:make"',
        ),
    ),
    "unknown-builder": (
        MINIMAL.replace('"m.onnx"', '{build = "sample:make"}'),
        one(
            "QP-CASE-006",
            1,
            'build in [model]: got "sample:make", should name a module beside the case file or an installed one: '
            'there is neither sample.py nor an installed "sample".',
            'write "samples" for "sample"',
        ),
    ),
    "parity-of-no-precision": (
        MINIMAL + "[parity.int88]\n",
        dead(4, "Got [parity.int88], should be for a precision of this case: int8.", "write [parity.int8]"),
    ),
    "budget-of-no-precision": (
        MINIMAL + "[budgets.ort.fp16]\nmemory_mb = 1\n",
        dead(
            4,
            "Got [budgets.ort.fp16], should be for a precision of this case: int8.",
            "add the table [precisions.fp16]",
        ),
    ),
    "speedup-over-no-precision": (
        MINIMAL + "[budgets.ort.int8]\nspeedup_over = {fp3 = 1}\n",
        dead(
            5,
            'speedup_over in [budgets.ort.int8]: got "fp3", should be another precision: fp32; or a run of another '
            "backend, such as ort-fp32.",
            'write "fp32"',
        ),
    ),
    "speedup-over-itself": (
        MINIMAL + "[budgets.ort.int8]\nspeedup_over = {int8 = 1}\n",
        dead(
            5,
            'speedup_over in [budgets.ort.int8]: got "int8", should be another precision: fp32; or a run of another '
            "backend, such as ort-fp32.",
            "remove it",
        ),
    ),
}
