from __future__ import annotations

import subprocess
import sys
import tomllib
from datetime import date
from typing import TYPE_CHECKING

import pytest

from pytest_qparity.case.budget_spec import Budget
from pytest_qparity.case.loading import LARGEST_CASE_FILE, CaseError, load_case
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.case.schema import BuiltModel, LimitsSpec, ParityLimits, UrlModel
from pytest_qparity.verdict import Code
from tests.case.case_files import MINIMAL, error_of, load
from tests.case.problems.saying import one

if TYPE_CHECKING:
    from pathlib import Path


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


def test_loading_a_case_imports_neither_numpy_nor_onnx_nor_the_module_that_it_names(folder: Path) -> None:
    (folder / "case.toml").write_text(MINIMAL.replace("t.npz", "samples:make"))
    program = (
        "import sys; from pathlib import Path; from pytest_qparity.case.loading import load_case\n"
        f"load_case(Path({str(folder / 'case.toml')!r}))\n"
        "print(sorted({'numpy', 'onnx', 'scipy', 'pytest', 'pooch', 'filelock', 'samples'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=".")

    assert (done.stdout, done.stderr) == ("[]\n", "")
