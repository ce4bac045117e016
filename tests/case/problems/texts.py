"""Texts that are none of the words, globs, codes and addresses that a key takes."""

from __future__ import annotations

from pytest_qparity.case.schema import KNOWN_METRICS
from tests.case.case_files import MINIMAL, WAIVER
from tests.case.problems.saying import value

TASKS = "audio, image-classification, object-detection, other, text-classification"
GLOB = 'a glob in which each "[" has its "]" (bad glob)'
CLOSE = 'close it; a "[" that stands for itself is "[[]"'

TEXTS: dict[str, tuple[str, str]] = {
    "unknown-task-near": (
        'task = "image-classificatoin"\n' + MINIMAL,
        value(1, f'task: got "image-classificatoin", should be one of: {TASKS}.', 'write "image-classification"'),
    ),
    "unknown-task-far": (
        'task = "zzz"\n' + MINIMAL,
        value(1, f'task: got "zzz", should be one of: {TASKS}.', 'for example task = "image-classification"'),
    ),
    "unknown-calibration": (
        MINIMAL + 'calibration = "precentile"\n',
        value(
            4,
            'calibration in [precisions.int8]: got "precentile", should be one of: entropy, minmax, moving-average, '
            "mse, percentile.",
            'write "percentile"',
        ),
    ),
    "unknown-check": (
        MINIMAL + WAIVER + 'checks = ["parity", "latencies"]\n',
        value(
            8,
            'item 2 of checks in [[waivers]] 1: got "latencies", '
            "should be one of: accuracy, invariance, latency, memory, parity, preflight, regression.",
            'write "latency"',
        ),
    ),
    "waiver-code-is-no-code": (
        MINIMAL + WAIVER + 'codes = ["QP-BACKEND-001", "backend"]\n',
        value(
            8,
            'item 2 of codes in [[waivers]] 1: got "backend", should be a failure code such as QP-BACKEND-001.',
            'for example codes = ["QP-BACKEND-001"]',
        ),
    ),
    "waiver-code-is-unknown": (
        MINIMAL + WAIVER + 'codes = ["QP-BACKENDS-001"]\n',
        value(
            8,
            'item 1 of codes in [[waivers]] 1: got "QP-BACKENDS-001", should be a failure code (docs/failures.md).',
            'write "QP-BACKEND-001"',
        ),
    ),
    "waiver-codes-are-no-list": (
        MINIMAL + WAIVER + 'codes = "QP-BACKEND-001"\n',
        value(
            8,
            'codes in [[waivers]] 1: got "QP-BACKEND-001", should be a list in square brackets.',
            'for example codes = ["QP-BACKEND-001"]',
        ),
    ),
    "waiver-without-reason": (
        MINIMAL + WAIVER.replace('"y"', '" \\t"'),
        value(
            6,
            'reason in [[waivers]] 1: got " \\t", should be text that says something.',
            'for example reason = "no GPU on this runner"',
        ),
    ),
    "waiver-without-date": (
        MINIMAL + '[[waivers]]\nrun = "x"\nreason = "y"\n',
        value(
            4,
            "Got no expires in [[waivers]] 1, should be there. The last day on which it holds, a TOML date.",
            "add expires = 2027-03-01",
        ),
    ),
    "waiver-bad-glob": (
        MINIMAL + WAIVER.replace('"x"', '"trt-[int8"'),
        value(5, f'run in [[waivers]] 1: got "trt-[int8", should be {GLOB}.', CLOSE),
    ),
    "keep-float-bad-glob": (
        MINIMAL + 'keep_float = ["op:Conv[", "a"]\n',
        value(4, f'item 1 of keep_float in [precisions.int8]: got "op:Conv[", should be {GLOB}.', CLOSE),
    ),
    "keep-float-empty": (
        MINIMAL + 'keep_float = [""]\n',
        value(
            4,
            'item 1 of keep_float in [precisions.int8]: got "", should be something that is not empty.',
            'for example keep_float = ["*/attention/*", "op:Softmax"]',
        ),
    ),
    "given-and-made": (
        MINIMAL + 'file = "qat.onnx"\ncalibration = "minmax"\nkeep_float = []\n',
        value(
            3,
            "[precisions.int8]: got a table, should be a given file or a recipe, not both: "
            "beside file, calibration would have no effect.",
            "remove calibration, or remove file",
        ),
    ),
    "url-of-another-scheme": (
        MINIMAL.replace('"m.onnx"', f'{{url = "ftp://x", sha256 = "{"0" * 64}"}}'),
        value(
            1,
            'url in [model]: got "ftp://x", should be an http or https address.',
            'for example url = "https://example.org/model.onnx"',
        ),
    ),
    "digest-cut-short": (
        MINIMAL.replace('"m.onnx"', '{url = "https://x", sha256 = "ABC"}'),
        value(
            1,
            'sha256 in [model]: got "ABC", should be 64 lower-case hex digits.',
            f'for example sha256 = "{"0" * 59}…"',
        ),
    ),
    "url-without-digest": (
        MINIMAL.replace('"m.onnx"', '{url = "https://x"}'),
        value(
            1,
            "Got no sha256 in [model], should be there. "
            "SHA-256 of the file, 64 lower-case hex digits; checked before every use.",
            f'add sha256 = "{"0" * 59}…"',
        ),
    ),
    "metric-without-default": (
        MINIMAL + "[accuracy]\n",
        value(
            4,
            'Got no metric in [accuracy], should be there: the task "other" has no default. '
            f"Known metrics: {', '.join(KNOWN_METRICS)}.",
            'add metric = "top1"',
        ),
    ),
}
