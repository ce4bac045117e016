from __future__ import annotations

import pickle
import subprocess
import sys
import tomllib
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_qparity.case.budget_spec import Budget
from pytest_qparity.case.fields import NEVER_WAIVED
from pytest_qparity.case.loading import LARGEST_CASE_FILE, Case, CaseError, load_case
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.case.schema import KNOWN_METRICS, BuiltModel, LimitsSpec, ParityLimits, UrlModel
from pytest_qparity.verdict import Code

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 'model = "m.onnx"\ndata.test = "t.npz"\n'
MINIMAL = HEAD + "[precisions.int8]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the cases of this file name."""
    for name in ("m.onnx", "qat.onnx", "t.npz", "c.npz"):
        (tmp_path / name).touch()
    (tmp_path / "parts").mkdir()
    (tmp_path / "samples.py").write_text("def make(): ...\nraise SystemExit('imported')\n")
    return tmp_path


def load(folder: Path, text: str | bytes) -> Case:
    path = folder / "case.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_case(path)


def error_of(folder: Path, text: str | bytes) -> CaseError:
    with pytest.raises(CaseError) as caught:
        load(folder, text)
    return caught.value


def test_a_case_file_becomes_a_case_with_every_key(folder: Path) -> None:
    case = load(
        folder,
        """\
        model = "m.onnx"
        task = "image-classification"
        [data]
        test = "t.npz"
        calibration = "samples:make"
        population = false
        batch = 8
        [precisions.fp16]
        [precisions.int8]
        keep_float = ["*/attention/*", "op:Softmax", "[[]x]"]
        [precisions.int8-qat]
        file = "qat.onnx"
        base = "int8"
        [parity.int8]
        sqnr_db = 20
        max_mismatched = 0.01
        [accuracy]
        margin = 0.5
        [budgets.ort.int8]
        speedup_over = {fp32 = 2, fp16 = 1.5}
        memory_mb = 64
        [limits]
        run_s = 5
        memory_mb = 4096
        [[waivers]]
        run = "trt-*"
        reason = "no GPU on this runner"
        expires = 2027-03-01
        checks = ["latency"]
        codes = ["QP-BACKEND-001"]
        """,
    )

    assert (case.name, case.folder) == ("case", folder)
    assert case.spec.model == "m.onnx"
    assert case.spec.data.batch == 8
    assert not case.spec.data.population
    assert list(case.spec.precisions) == ["fp16", "int8", "int8-qat"]
    assert case.spec.precisions["int8"].keep_float == ("*/attention/*", "op:Softmax", "[[]x]")
    assert case.spec.precisions["int8-qat"] == PrecisionSpec(file="qat.onnx", base="int8")
    assert case.spec.parity == {"int8": ParityLimits(sqnr_db=20.0, max_mismatched=0.01)}
    assert case.spec.accuracy is not None
    assert (case.spec.accuracy.metric, case.spec.accuracy.margin) == ("top1", 0.5)
    assert case.spec.budgets == {"ort": {"int8": Budget(speedup_over={"fp32": 2.0, "fp16": 1.5}, memory_mb=64)}}
    assert case.spec.limits == LimitsSpec(run_s=5.0, memory_mb=4096.0)
    assert case.spec.waivers[0].expires == date(2027, 3, 1)
    assert case.spec.waivers[0].checks == ("latency",)
    assert case.spec.waivers[0].codes == ("QP-BACKEND-001",)


def test_a_case_needs_a_model_data_and_one_precision_and_defaults_the_rest(folder: Path) -> None:
    spec = load(folder, MINIMAL).spec

    assert (spec.task, spec.data.batch, spec.data.population, spec.data.calibration) == ("other", 1, True, None)
    assert (spec.parity, spec.accuracy, spec.budgets, spec.limits, spec.waivers) == ({}, None, {}, None, ())
    assert spec.precisions == {"int8": PrecisionSpec(file=None, base=None, calibration=None, keep_float=())}


@pytest.mark.parametrize(
    ("model", "spec"),
    [
        ('{build = "samples:make"}', BuiltModel(build="samples:make")),
        (
            f'{{url = "https://a.example/m", sha256 = "{"0" * 64}"}}',
            UrlModel(url="https://a.example/m", sha256="0" * 64),
        ),
    ],
)
def test_a_model_can_be_fetched_or_built(folder: Path, model: str, spec: object) -> None:
    assert load(folder, f'model = {model}\ndata.test = "parts"\n[precisions.int8]\n').spec.model == spec


def test_a_metric_of_another_kind_is_left_to_the_gate(folder: Path) -> None:
    spec = load(folder, MINIMAL + '[accuracy]\nmetric = "mean-average-precision"\n').spec

    assert spec.accuracy is not None
    assert spec.accuracy.metric == "mean-average-precision"


def test_paths_of_a_case_file_that_is_a_link_are_relative_to_the_link(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "original.toml").write_text(MINIMAL)
    (folder / "linked.toml").symlink_to("elsewhere/original.toml")

    case = load_case(folder / "linked.toml")

    assert (case.name, case.folder) == ("linked", folder)


@pytest.mark.parametrize("name", ["int8-x", '"mine"'])
def test_limits_of_a_base_hold_for_what_has_it(folder: Path, name: str) -> None:
    """As a run looks them up: under its own name, then under its base's."""
    base = '\nbase = "int8"' if name == '"mine"' else ""
    text = MINIMAL.replace("[precisions.int8]", f"[precisions.{name}]{base}")

    assert load(folder, text + "\n[parity.int8]\nsqnr_db = 20\n").spec.parity["int8"].sqnr_db == 20
    with pytest.raises(CaseError, match="should be for a precision of this case"):
        load(folder, text + "\n[parity.int4]\nsqnr_db = 20\n")


def test_a_case_says_at_which_line_a_key_stands_and_none_once_its_file_is_gone(folder: Path) -> None:
    case = load(folder, MINIMAL + "\n[parity.int8]\nsqnr_db = 20\n")

    assert case.line_of("parity", "int8", "sqnr_db") == 6
    assert case.line_of("parity", "int8", "cosine") == 5
    case.path.unlink()
    assert case.line_of("parity") is None


TASKS = "audio, image-classification, object-detection, other, text-classification"
NAME = 'a name of letters, digits, "_", "." and "-" that starts with a letter or digit'
PRECISION_KEYS = ", ".join(sorted(PrecisionSpec.model_fields))
GLOB = 'a glob in which each "[" has its "]" (bad glob)'
CLOSE = 'close it; a "[" that stands for itself is "[[]"'
WAIVER = '[[waivers]]\nrun = "x"\nreason = "y"\nexpires = 2027-03-01\n'
MODEL_KINDS = 'a path, {url = "…", sha256 = "…"} or {build = "module:function"}'
MISSING_MODEL = (
    "Got no model in the case file, should be there. "
    'The float model: a path, {url, sha256} or {build = "module:function"}.'
)


def one(code: str, line: int | None, sentence: str, remedy: str) -> str:
    return f"{code}  case.toml{f':{line}' if line else ''}\n{sentence}\nTry: {remedy}"


def value(line: int, sentence: str, remedy: str) -> str:
    return one("QP-CASE-003", line, sentence, remedy)


def unknown(line: int, sentence: str, remedy: str) -> str:
    return one("QP-CASE-002", line, sentence, remedy)


def missing(line: int, sentence: str, remedy: str) -> str:
    return one("QP-CASE-004", line, sentence, remedy)


def dead(line: int, sentence: str, remedy: str) -> str:
    return one("QP-CASE-005", line, sentence, remedy)


PROBLEMS: dict[str, tuple[str, str]] = {
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
    # texts
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
    # what the file names
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
            'speedup_over in [budgets.ort.int8]: got "fp3", should be another precision: fp32.',
            'write "fp32"',
        ),
    ),
    "speedup-over-itself": (
        MINIMAL + "[budgets.ort.int8]\nspeedup_over = {int8 = 1}\n",
        dead(5, 'speedup_over in [budgets.ort.int8]: got "int8", should be another precision: fp32.', "remove it"),
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


@pytest.mark.parametrize(
    "code", ["QP-CASE-005", "QP-DATA-004", "QP-CAL-001", "QP-GOLDEN-002", "QP-GOLDEN-999", "QP-CANARY-001"]
)
def test_what_is_wrong_with_case_data_or_golden_cannot_be_waived(folder: Path, code: str) -> None:
    error = error_of(folder, MINIMAL + WAIVER + f'codes = ["QP-PAR-002", "{code}"]\n')

    assert str(error) == value(
        8,
        f'item 2 of codes in [[waivers]] 1: got "{code}", '
        "should be a code that may be waived: where case, data, calibration, golden or canary is wrong, nothing was "
        "judged.",
        "remove it, and mend what the code is about",
    ).replace("case.toml", str(folder / "case.toml"))


@pytest.mark.parametrize(
    ("code", "should"),
    [
        ("QP-BACKEND-002", "a code of preflight, parity, accuracy or invariance: any other says nothing of the file"),
        ("QP-LAT-001", "a code of preflight, parity, accuracy or invariance: any other says nothing of the file"),
        ("QP-PAR-099", "a failure code (docs/failures.md)"),
        ("parity", "a failure code such as QP-BACKEND-001"),
    ],
)
def test_a_canary_is_caught_by_what_is_said_of_its_file(folder: Path, code: str, should: str) -> None:
    error = error_of(folder, MINIMAL + f'caught_by = ["QP-PAR-002", "{code}"]\n')

    assert f'item 2 of caught_by in [precisions.int8]: got "{code}", should be {should}.' in str(error)


@pytest.mark.parametrize("code", [code.code for code in Code if not code.code.startswith(NEVER_WAIVED)])
def test_every_other_code_can_be_waived(folder: Path, code: str) -> None:
    case = load(folder, MINIMAL + WAIVER + f'codes = ["{code}"]\n')

    assert case.spec.waivers[0].codes == (code,)


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_is_said_in_full_with_its_line_and_its_remedy(folder: Path, name: str) -> None:
    text, expected = PROBLEMS[name]

    error = error_of(folder, text)

    assert str(error) == expected.replace("case.toml", str(folder / "case.toml"))


def test_all_problems_of_a_file_are_said_at_once_in_the_order_of_their_lines(folder: Path) -> None:
    error = error_of(folder, 'task = "x"\n[data]\ntest = "zzz"\nbatch = 0\n[parity.int8]\nsqnr_dbb = 1\n[accuracy]\n')

    assert [(problem.code.code, problem.line) for problem in error.problems] == [
        ("QP-CASE-003", None),
        ("QP-CASE-003", None),
        ("QP-CASE-003", 1),
        ("QP-CASE-004", 3),
        ("QP-CASE-003", 4),
        ("QP-CASE-005", 5),
        ("QP-CASE-002", 6),
        ("QP-CASE-003", 7),
    ]


def test_an_error_is_shown_with_the_path_that_is_asked_for_and_survives_pickling(folder: Path) -> None:
    error = pickle.loads(pickle.dumps(error_of(folder, HEAD + "[precisions]\n")))

    assert error.text(folder.joinpath("case.toml").relative_to(folder.parent)).startswith(
        f"QP-CASE-003  {folder.name}/case.toml:3\n"
    )
    assert error.problems[0].code is Code.CASE_VALUE


def test_text_that_is_not_utf8_is_named_with_its_line(folder: Path) -> None:
    error = error_of(folder, b'model = "m.onnx"\n# caf\xe9\n')

    assert (error.problems[0].code, error.problems[0].line) == (Code.CASE_SYNTAX, 2)
    assert error.problems[0].sentence == "Got the byte 0xe9, should be text in UTF-8."


def test_a_case_file_that_cannot_be_read_is_named(folder: Path) -> None:
    for path, reason in ((folder / "none.toml", "No such file or directory"), (folder / "parts", "Is a directory")):
        with pytest.raises(CaseError) as caught:
            load_case(path)

        assert str(caught.value) == (
            f'QP-CASE-004  {path}\nGot "{reason}", should be a case file that can be read.\n'
            "Try: check the path and its permissions"
        )


def test_a_case_file_above_one_mib_is_refused_before_it_is_parsed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = MINIMAL.encode() + b"#" * (LARGEST_CASE_FILE - len(MINIMAL))
    assert load(folder, full).name == "case"

    monkeypatch.setattr(tomllib, "loads", lambda _: pytest.fail("parsed"))
    error = error_of(folder, full + b"\xff")

    assert str(error) == one(
        "QP-CASE-001",
        None,
        "Got more than 1,048,576 bytes (1 MiB), should be a case file of at most that.",
        "keep models and data in files of their own, and name these here",
    ).replace("case.toml", str(folder / "case.toml"))


def test_only_line_feeds_count_as_lines_in_a_syntax_error(folder: Path) -> None:
    error = error_of(folder, 'model = "m.onnx"\r\n# a\u2028b\r\nx y\r\n')

    assert error.problems[0].line == 3
    assert error.problems[0].sentence.startswith('Got "x y", should be TOML')


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none().map(lambda _: "5")
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([10**400, float("nan"), float("inf"), -1.5, "", "[", "x", "int8", "samples:", date(2027, 3, 1)]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["int8", "url", "build", "ort", "run", "", "a b"]), inner, max_size=2)
    ),
    max_leaves=3,
)
KEYS = {
    "": ["model", "task", "data", "precisions", "parity", "accuracy", "invariance", "budgets", "limits", "waivers"],
    "data": ["test", "calibration", "population", "batch"],
    "precisions.int8": ["file", "base", "calibration", "keep_float"],
    "parity.int8": ["sqnr_db", "cosine", "max_mismatched", "atol", "rtol"],
    "accuracy": ["metric", "margin"],
    "invariance": ["repeat", "order", "batch", "shape", "samples", "error_share", "fp32_sqnr_db"],
    "invariance.padding": ["mask", "value", "axis", "pad", "by"],
    "budgets.ort.int8": ["speedup_over", "memory_mb", "size_mb"],
    "limits": ["load_s", "first_run_s", "run_s", "calibration_s", "memory_mb"],
    "[waivers]": ["run", "reason", "expires", "checks", "codes"],
}


def toml(given_value: Any) -> str:
    if isinstance(given_value, dict):
        return "{" + ", ".join(f'"{key}" = {toml(each)}' for key, each in given_value.items()) + "}"
    if isinstance(given_value, list):
        return "[" + ", ".join(toml(each) for each in given_value) + "]"
    if isinstance(given_value, bool):
        return str(given_value).lower()
    return f'"{given_value}"' if isinstance(given_value, str) else str(given_value)


@given(st.sampled_from([(table, key) for table, keys in KEYS.items() for key in keys]), VALUES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_wrong_value_anywhere_is_said_in_words_of_pydantic(folder: Path, place: tuple[str, str], wrong: Any) -> None:
    table, key = place
    text = f"{key} = {toml(wrong)}\n" if not table else f"[{table}]\n{key} = {toml(wrong)}\n"
    tomllib.loads(text)

    try:
        load(folder, text if table else text + "[zzz]\n")
    except CaseError as error:
        for problem in error.problems:
            assert "a value that this key takes" not in problem.sentence
            assert "nput" not in problem.sentence
            assert "<" not in problem.sentence.replace("`<backend>-<precision>`", "")
            assert problem.remedy


def test_loading_a_case_imports_neither_numpy_nor_onnx_nor_the_module_that_it_names(folder: Path) -> None:
    (folder / "case.toml").write_text(MINIMAL.replace("t.npz", "samples:make"))
    program = (
        "import sys; from pathlib import Path; from pytest_qparity.case.loading import load_case\n"
        f"load_case(Path({str(folder / 'case.toml')!r}))\n"
        "print(sorted({'numpy', 'onnx', 'scipy', 'pytest', 'pooch', 'filelock', 'samples'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=".")

    assert (done.stdout, done.stderr) == ("[]\n", "")
