"""Values of a wrong type, for nothing is converted, and values out of their range."""

from __future__ import annotations

from tests.case.case_files import HEAD, MINIMAL, WAIVER
from tests.case.problems.saying import one, unknown, value

MODEL_KINDS = 'a path, {url = "…", sha256 = "…"} or {build = "module:function"}'

VALUES: dict[str, tuple[str, str]] = {
    # types: nothing is converted
    "text-for-a-whole-number": (
        HEAD + 'data.batch = "5"\n[precisions.int8]\n',
        value(3, 'batch in [data]: got "5", should be a whole number.', "for example batch = 8"),
    ),
    "truth-for-a-whole-number": (
        HEAD + "data.batch = true\n[precisions.int8]\n",
        value(3, "batch in [data]: got true, should be a whole number.", "for example batch = 8"),
    ),
    "fraction-for-a-whole-number": (
        HEAD + "data.batch = 1.0\n[precisions.int8]\n",
        value(3, "batch in [data]: got 1.0, should be a whole number.", "for example batch = 8"),
    ),
    "number-for-truth": (
        HEAD + "data.population = 0\n[precisions.int8]\n",
        value(3, "population in [data]: got 0, should be true or false.", "for example population = false"),
    ),
    "truth-for-a-number": (
        MINIMAL + "[parity.int8]\nsqnr_db = true\n",
        value(5, "sqnr_db in [parity.int8]: got true, should be a number.", "for example sqnr_db = 20.0"),
    ),
    "text-for-a-number": (
        MINIMAL + '[parity.int8]\nsqnr_db = "20"\n',
        value(5, 'sqnr_db in [parity.int8]: got "20", should be a number.', "for example sqnr_db = 20.0"),
    ),
    "number-for-text": (
        HEAD + "data.calibration = 3\n[precisions.int8]\n",
        value(
            3,
            "calibration in [data]: got 3, should be text in quotes.",
            'for example calibration = "data/digits_calibration.npz"',
        ),
    ),
    "text-for-a-list": (
        MINIMAL + 'keep_float = "x"\n',
        value(
            4,
            'keep_float in [precisions.int8]: got "x", should be a list in square brackets.',
            'for example keep_float = ["*/attention/*", "op:Softmax"]',
        ),
    ),
    "number-in-a-list-of-texts": (
        MINIMAL + 'keep_float = [\n"x",\n7]\n',
        value(
            6,
            "item 2 of keep_float in [precisions.int8]: got 7, should be text in quotes.",
            'for example keep_float = ["*/attention/*", "op:Softmax"]',
        ),
    ),
    "list-for-text": (
        MINIMAL + "base = []\n",
        value(
            4, "base in [precisions.int8]: got an empty list, should be text in quotes.", 'for example base = "int8"'
        ),
    ),
    "text-for-a-date": (
        MINIMAL + WAIVER.replace("2027-03-01", '"2027-03-01"'),
        value(
            7,
            'expires in [[waivers]] 1: got "2027-03-01", should be a date without quotes.',
            "for example expires = 2027-03-01",
        ),
    ),
    "time-for-a-date": (
        MINIMAL + WAIVER.replace("2027-03-01", "2027-03-01T10:00:00Z"),
        value(
            7,
            "expires in [[waivers]] 1: got 2027-03-01T10:00:00+00:00, should be a date without quotes.",
            "for example expires = 2027-03-01",
        ),
    ),
    "model-of-no-kind": (
        MINIMAL.replace('"m.onnx"', "5"),
        value(1, f"model: got 5, should be {MODEL_KINDS}.", 'for example model = "models/digits_resnet.onnx"'),
    ),
    # ranges
    "batch-zero": (
        HEAD + "data.batch = 0\n[precisions.int8]\n",
        value(3, "batch in [data]: got 0, should be at least 1.", "for example batch = 8"),
    ),
    "sqnr-negative": (
        MINIMAL + "[parity.int8]\nsqnr_db = -3\n",
        value(5, "sqnr_db in [parity.int8]: got -3, should be more than 0.", "for example sqnr_db = 20.0"),
    ),
    "sqnr-too-large": (
        MINIMAL + "[parity.int8]\nsqnr_db = 2000\n",
        value(5, "sqnr_db in [parity.int8]: got 2000, should be at most 200.", "for example sqnr_db = 20.0"),
    ),
    "sqnr-nan": (
        MINIMAL + "[parity.int8]\nsqnr_db = nan\n",
        value(5, "sqnr_db in [parity.int8]: got nan, should be a finite number.", "for example sqnr_db = 20.0"),
    ),
    "cosine-zero": (
        MINIMAL + "[parity.int8]\ncosine = 0\n",
        value(5, "cosine in [parity.int8]: got 0, should be more than 0.", "for example cosine = 0.995"),
    ),
    "cosine-over-one": (
        MINIMAL + "[parity.int8]\ncosine = 1.01\n",
        value(5, "cosine in [parity.int8]: got 1.01, should be at most 1.", "for example cosine = 0.995"),
    ),
    "all-mismatched": (
        MINIMAL + "[parity.int8]\nmax_mismatched = 1\n",
        value(5, "max_mismatched in [parity.int8]: got 1, should be less than 1.", "for example max_mismatched = 0.01"),
    ),
    "atol-negative": (
        MINIMAL + "[parity.int8]\natol = -1e-5\n",
        value(5, "atol in [parity.int8]: got -1e-05, should be at least 0.", "for example atol = 1e-05"),
    ),
    "rtol-infinite": (
        MINIMAL + "[parity.int8]\nrtol = inf\n",
        value(5, "rtol in [parity.int8]: got inf, should be a finite number.", "for example rtol = 0.001"),
    ),
    "margin-negative": (
        MINIMAL + '[accuracy]\nmetric = "top1"\nmargin = -0.1\n',
        value(6, "margin in [accuracy]: got -0.1, should be at least 0.", "for example margin = 0.5"),
    ),
    "margin-of-everything": (
        MINIMAL + '[accuracy]\nmetric = "top1"\nmargin = 100\n',
        value(6, "margin in [accuracy]: got 100, should be less than 100.", "for example margin = 0.5"),
    ),
    "speedup-zero": (
        MINIMAL + "[budgets.ort.int8]\nspeedup_over = {fp32 = 0}\n",
        value(
            5,
            "fp32 in [budgets.ort.int8.speedup_over]: got 0, should be more than 0.",
            "for example speedup_over = {fp32 = 2.0}",
        ),
    ),
    "speedup-over-nothing": (
        MINIMAL + "[budgets.ort.int8]\nspeedup_over = {}\n",
        value(
            5,
            "[budgets.ort.int8.speedup_over]: got an empty table, should be something that is not empty.",
            "for example speedup_over = {fp32 = 2.0}",
        ),
    ),
    "memory-infinite": (
        MINIMAL + "[budgets.ort.int8]\nmemory_mb = inf\n",
        value(5, "memory_mb in [budgets.ort.int8]: got inf, should be a finite number.", "for example memory_mb = 64"),
    ),
    "size-negative": (
        MINIMAL + "[budgets.ort.int8]\nsize_mb = -1\n",
        value(5, "size_mb in [budgets.ort.int8]: got -1, should be more than 0.", "for example size_mb = 12.5"),
    ),
    "empty-budget": (
        MINIMAL + "[budgets.ort.int8]\n",
        value(
            4,
            "[budgets.ort.int8]: got an empty table, "
            "should be a table with at least one of: activation_mb, engine_mb, first_run_ms, joule_per_sample, "
            "latency_ms, load_ms, memory_mb, p90_ms, p99_ms, ratio_to, samples_per_s, size_mb, speedup_over.",
            "for example memory_mb = 64",
        ),
    ),
    "hardware-alone": (
        MINIMAL + '[budgets.ort.int8]\nhardware = "xeon-2c-1f0a93d2"\n',
        value(
            4,
            "[budgets.ort.int8]: got a table, should be a table with at least one of: activation_mb, engine_mb, "
            "first_run_ms, joule_per_sample, latency_ms, load_ms, memory_mb, p90_ms, p99_ms, ratio_to, samples_per_s, "
            "size_mb, speedup_over.",
            "for example memory_mb = 64",
        ),
    ),
    "hardware-of-all": (
        MINIMAL + '[budgets.ort.int8]\nload_ms = 5\nhardware = "xeon"\nportable = true\n',
        value(
            4,
            "[budgets.ort.int8]: got a table, should be hardware, or portable = true, which is for all hardware: not "
            "both.",
            "take one of the two out",
        ),
    ),
    "hardware-of-memory": (
        MINIMAL + "[budgets.ort.int8]\nmemory_mb = 5\nportable = true\n",
        value(
            4,
            "[budgets.ort.int8]: got a table, should be beside a budget that depends on hardware: first_run_ms, "
            "joule_per_sample, latency_ms, load_ms, p90_ms, p99_ms, samples_per_s.",
            "take hardware or portable out: the rest holds",
        ),
    ),
    "ratio-of-nothing-known": (
        MINIMAL + "[budgets.ort.int8.ratio_to.fp32]\nmemry = 0.5\n",
        unknown(
            5,
            'Unknown key "memry" in [budgets.ort.int8.ratio_to.fp32], should be one of: activation, energy, engine, '
            "first_run, load, memory, size.",
            'write "memory"',
        ),
    ),
    "empty-backend": (
        MINIMAL + "[budgets.ort]\n",
        value(
            4,
            "[budgets.ort]: got an empty table, should be something that is not empty.",
            "for example [budgets.ort.int8]",
        ),
    ),
    "optimization-level-six": (
        MINIMAL + "[backends.trt]\noptimization_level = 6\n",
        value(
            5, "optimization_level in [backends.trt]: got 6, should be at most 5.", "for example optimization_level = 5"
        ),
    ),
    "engine-option-misspelt": (
        MINIMAL + "[backends.trt]\nworkspace = 512\n",
        unknown(
            5,
            'Unknown key "workspace" in [backends.trt], should be one of: '
            "cuda_graphs, optimization_level, strict_nans, workspace_mb.",
            'write "workspace_mb"',
        ),
    ),
    "empty-backends": (
        MINIMAL + "[backends.trt]\n",
        value(
            4,
            "[backends.trt]: got an empty table, should be a table with at least one of: "
            "cuda_graphs, optimization_level, strict_nans, workspace_mb.",
            "for example optimization_level = 5",
        ),
    ),
    "limit-zero": (
        MINIMAL + "[limits]\nrun_s = 0\n",
        value(5, "run_s in [limits]: got 0, should be more than 0.", "for example run_s = 60"),
    ),
    "limit-infinite": (
        MINIMAL + "[limits]\nload_s = inf\n",
        value(5, "load_s in [limits]: got inf, should be a finite number.", "for example load_s = 300"),
    ),
    "limit-text": (
        MINIMAL + '[limits]\nmemory_mb = "4096"\n',
        value(5, 'memory_mb in [limits]: got "4096", should be a number.', "for example memory_mb = 4096"),
    ),
    "limit-unknown": (
        MINIMAL + "[limits]\nload = 3\n",
        one(
            "QP-CASE-002",
            5,
            'Unknown key "load" in [limits], should be one of: calibration_s, first_run_s, load_s, memory_mb, run_s.',
            'write "load_s"',
        ),
    ),
    "empty-limits": (
        MINIMAL + "[limits]\n",
        value(
            4,
            "[limits]: got an empty table, "
            "should be a table with at least one of: calibration_s, first_run_s, load_s, memory_mb, run_s.",
            "for example run_s = 60",
        ),
    ),
    "digits-without-end": (
        HEAD + f"data.batch = {'-' + '9' * 400}\n[precisions.int8]\n",
        value(
            3,
            "batch in [data]: got a whole number of more than 60 digits, should be at least 1.",
            "for example batch = 8",
        ),
    ),
}
