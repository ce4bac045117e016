"""The shape of the file, unknown keys, and what is no TOML."""

from __future__ import annotations

from pytest_qparity.case.precision_spec import PrecisionSpec
from tests.case.case_files import HEAD, MINIMAL, WAIVER
from tests.case.problems.saying import one, unknown, value

NAME = 'a name of letters, digits, "_", "." and "-" that starts with a letter or digit'
PRECISION_KEYS = ", ".join(sorted(PrecisionSpec.model_fields))
MISSING_MODEL = (
    "Got no model in the case file, should be there. "
    'The float model: a path, {url, sha256} or {build = "module:function"}.'
)

STRUCTURE: dict[str, tuple[str, str]] = {
    # the shape of the file
    "no-model": (
        'data.test = "t.npz"\n[precisions.int8]\n',
        one("QP-CASE-003", None, MISSING_MODEL, 'add model = "models/digits_resnet.onnx"'),
    ),
    "no-data": (
        'model = "m.onnx"\n[precisions.int8]\n',
        one(
            "QP-CASE-003",
            None,
            "Got no data in the case file, should be there. The [data] table: where the samples come from.",
            "add [data]",
        ),
    ),
    "no-test-data": (
        'model = "m.onnx"\n[data]\nbatch = 1\n[precisions.int8]\n',
        value(
            2,
            "Got no test in [data], should be there. Test data: arrays (.npz, .npy), images, sounds, rows (.jsonl, "
            ".parquet), a folder of them, or `module:function`.",
            'add test = "data/digits_test.npz"',
        ),
    ),
    "no-precisions": (
        HEAD,
        one(
            "QP-CASE-003",
            None,
            "Got no precisions in the case file, should be there. "
            "The precisions under test, a table each, such as [precisions.int8].",
            "add [precisions.int8]",
        ),
    ),
    "the-baseline-as-precision": (
        HEAD + '[precisions.int8]\n[precisions.baseline]\nbase = "int8"\n',
        value(
            3,
            '[precisions]: got a table, should be names other than "baseline", which is the baseline\'s variant.',
            "call [precisions.baseline] otherwise, such as [precisions.int8-first]",
        ),
    ),
    "empty-precisions": (
        HEAD + "[precisions]\n",
        value(
            3,
            "[precisions]: got an empty table, should be something that is not empty.",
            "for example [precisions.int8]",
        ),
    ),
    "precision-is-no-table": (
        HEAD + "[precisions]\nint8 = true\n",
        value(4, "int8 in [precisions]: got true, should be a table.", "for example [precisions.int8]"),
    ),
    "precision-name": (
        HEAD + '[precisions."int 8"]\n',
        value(3, f'Got the key "int 8" in [precisions], should be {NAME}.', "rename it"),
    ),
    "waiver-is-no-table": (
        "waivers = [3]\n" + MINIMAL,
        value(1, "item 1 of waivers: got 3, should be a table.", "for example [[waivers]]"),
    ),
    "waivers-are-no-list": (
        MINIMAL + '[waivers]\nrun = "x"\n',
        value(4, "[waivers]: got a table, should be a list in square brackets.", "for example [[waivers]]"),
    ),
    # unknown keys
    "unknown-key-near": (
        MINIMAL + "[parity.int8]\n\nsqnr_dbb = 20\n",
        unknown(
            6,
            'Unknown key "sqnr_dbb" in [parity.int8], should be one of: atol, cosine, max_mismatched, rtol, sqnr_db.',
            'write "sqnr_db"',
        ),
    ),
    "unknown-key-far": (
        MINIMAL + "zzz = 20\n",
        unknown(4, f'Unknown key "zzz" in [precisions.int8], should be one of: {PRECISION_KEYS}.', "remove it"),
    ),
    "unknown-key-below-a-table": (
        MINIMAL + 'task = "audio"\n',
        unknown(
            4,
            f'Unknown key "task" in [precisions.int8], should be one of: {PRECISION_KEYS}.',
            'move "task" above the first table: below [precisions] it belongs to that table',
        ),
    ),
    "unknown-table": (
        MINIMAL + "[budget.ort.int8]\n",
        unknown(
            4,
            'Unknown key "budget" in the case file, should be one of: '
            "accuracy, backends, budgets, cpu, data, invariance, latency, limits, model, parity, precisions, "
            "regression, resources, state, "
            "task, waivers.",
            'write "budgets"',
        ),
    ),
    "unknown-key-stands-for-the-missing-one": (
        'modle = "m.onnx"\ndata.test = "t.npz"\n[precisions.int8]\n',
        unknown(
            1,
            'Unknown key "modle" in the case file, should be one of: '
            "accuracy, backends, budgets, cpu, data, invariance, latency, limits, model, parity, precisions, "
            "regression, resources, state, "
            "task, waivers.",
            'write "model"',
        ),
    ),
    "unknown-key-in-a-list-of-tables": (
        MINIMAL + WAIVER + WAIVER + "ran = 1\n",
        unknown(
            12,
            'Unknown key "ran" in [[waivers]] 2, should be one of: checks, codes, expires, reason, run.',
            'write "run"',
        ),
    ),
    "unknown-key-in-an-inline-model": (
        MINIMAL.replace('"m.onnx"', '{built = "samples:make"}'),
        unknown(1, 'Unknown key "built" in [model], should be one of: build.', 'write "build"'),
    ),
    "quoted-key": (
        MINIMAL + '"a\\nb.c" = 1\n',
        unknown(4, f'Unknown key "a\\nb.c" in [precisions.int8], should be one of: {PRECISION_KEYS}.', "remove it"),
    ),
    # not TOML
    "no-equals-sign": (
        HEAD + "sqnr_db 20\n",
        one(
            "QP-CASE-001",
            3,
            "Got \"sqnr_db 20\", should be TOML: expected '=' after a key in a key/value pair.",
            'correct line 3; look for a quote, a bracket or "="',
        ),
    ),
    "never-closed": (
        HEAD + "[precisions.int8]\nkeep_float = [",
        one(
            "QP-CASE-001",
            4,
            'Got "keep_float = [", should be TOML: invalid value.',
            'correct line 4; look for a quote, a bracket or "="',
        ),
    ),
    "twice": (
        HEAD + 'model = "m.onnx"\n',
        one(
            "QP-CASE-001",
            3,
            'Got "model = \\"m.onnx\\"", should be TOML: cannot overwrite a value.',
            'correct line 3; look for a quote, a bracket or "="',
        ),
    ),
    "nested-too-deep": (
        "a = " + "[" * 100_000,
        one("QP-CASE-001", 1, "Got brackets nested too deep, should be TOML.", "write it flat"),
    ),
}
