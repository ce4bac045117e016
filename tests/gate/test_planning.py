"""Planning: which runs a case has, and what is wrong with a case that names what nobody knows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pytest_qparity.backends.registry import BackendSpec
from pytest_qparity.baseline.file import Baseline
from pytest_qparity.case.loading import CaseError, load_case
from pytest_qparity.case.names import known_list
from pytest_qparity.checks.metrics import Metric
from pytest_qparity.gate import Settings, default_settings, plan
from pytest_qparity.precision.table import PRECISIONS
from pytest_qparity.verdict import Code
from tests.baseline.test_file import figures

HEAD = """\
model = "model.onnx"
task = "image-classification"

[data]
test = "test.npz"
calibration = "test.npz"

"""
THREE = """\
[precisions.fp32]
[precisions.int8]
[precisions.int8-mixed]
"""


@pytest.fixture
def settings(tmp_path):
    return default_settings(tmp_path)


@pytest.fixture
def case(tmp_path):
    """Makes a case of the text below its [data]; planning opens none of its files."""

    def make(text):
        (tmp_path / "model.onnx").write_bytes(b"no model")
        (tmp_path / "given.onnx").write_bytes(b"no model either")
        np.savez(tmp_path / "test.npz", input=np.zeros((1, 1)))
        path = tmp_path / "mlp.toml"
        path.write_text(HEAD + text, encoding="utf-8")
        return load_case(path)

    return make


def ids(runs):
    return [run.id for run in runs]


def problems(case, settings, backends=("ort",)):
    with pytest.raises(CaseError) as caught:
        plan(case, settings, backends)
    assert caught.value.path == case.path
    return [(problem.code, problem.line, problem.sentence, problem.remedy) for problem in caught.value.problems]


def line_in(case, start):
    """The line of the case file that begins with `start`."""
    return 1 + [line.startswith(start) for line in case.path.read_text().splitlines()].index(True)


@pytest.mark.parametrize("precisions", [None, ["fp32"], ["int8"]])
def test_a_run_of_the_baseline_that_the_case_has_no_more_is_missed_whichever_precisions_are_asked_for(
    case, settings, precisions
):
    known = Baseline(tuple(figures("mlp", precision) for precision in ("fp32", "int8", "int8-old")))

    runs = plan(case(THREE), dataclasses.replace(settings, baseline=known), ["ort"], precisions)

    assert ids(run for run in runs if run.vanished) == ["ort-int8-old"]
    assert ids(run for run in runs if not run.vanished) == [
        f"ort-{name}" for name in precisions or ("fp32", "int8", "int8-mixed")
    ]


def test_a_vanished_run_of_a_backend_that_was_not_asked_for_is_not_missed(case, settings):
    known = Baseline((figures("mlp", "int8-old"),))

    runs = plan(case(THREE), dataclasses.replace(settings, baseline=known), ["openvino"])

    assert not [run for run in runs if run.vanished]


def test_every_backend_meets_every_precision_in_the_order_asked_for(case, settings):
    runs = plan(case(THREE), settings, ["openvino", "ort"])

    assert ids(runs) == [
        "openvino-fp32",
        "openvino-int8",
        "openvino-int8-mixed",
        "ort-fp32",
        "ort-int8",
        "ort-int8-mixed",
    ]


@pytest.mark.parametrize(
    ("precisions", "planned"),
    [
        pytest.param(["int8"], ["ort-int8"], id="one"),
        pytest.param(["int8-mixed", "fp32"], ["ort-fp32", "ort-int8-mixed"], id="two, in the case's order"),
        pytest.param(["fp16"], [], id="one that the case has not"),
        pytest.param(None, ["ort-fp32", "ort-int8", "ort-int8-mixed"], id="not asked: all"),
    ],
)
def test_only_the_precisions_asked_for_are_planned(case, settings, precisions, planned):
    assert ids(plan(case(THREE), settings, ["ort"], precisions)) == planned


def test_a_backend_that_nobody_knows_is_the_caller_s_mistake(case, settings):
    known = "openvino, ort, ort-cuda, ort-tensorrt, reference, trt"

    with pytest.raises(ValueError, match=f"got backend 'nope', should be one or more of: {known}$"):
        plan(case(THREE), settings, ["ort", "nope"])


@pytest.mark.parametrize(
    ("backends", "precisions", "sentence"),
    [
        pytest.param([], None, "got no backend, should be one or more of: ", id="no backend"),
        pytest.param(
            ["ort"], [], "got no precision, should be one or more, or None for all of the case", id="no precision"
        ),
    ],
)
def test_a_plan_of_nothing_is_the_caller_s_mistake(case, settings, backends, precisions, sentence):
    with pytest.raises(ValueError, match=sentence):
        plan(case(THREE), settings, backends, precisions)


def test_without_an_accuracy_table_a_run_has_no_accuracy_check(case, settings):
    (run,) = plan(case("[precisions.int8]\n"), settings, ["ort"])

    assert run.checks == ("preflight", "parity", "latency", "memory")


def test_with_an_accuracy_table_a_run_has_all_five_checks(case, settings):
    (run,) = plan(case("[precisions.int8]\n[accuracy]\n"), settings, ["ort"])

    assert run.checks == ("preflight", "parity", "accuracy", "latency", "memory")


def test_drawn_samples_have_no_accuracy(case, settings):
    drawn = case("drawn = true\n[precisions.int8]\n[accuracy]\nmetric = 'top1'\n")

    ((code, line, sentence, _),) = problems(drawn, settings)

    assert code is Code.CASE_VALUE
    assert line == line_in(drawn, "drawn")
    assert sentence.startswith("Got drawn = true beside [accuracy]")


def test_a_precision_that_no_recipe_makes_may_be_given(case, settings):
    runs = plan(case('[precisions.int4]\nfile = "given.onnx"\n'), settings, ["ort"])

    assert ids(runs) == ["ort-int4"]


def test_a_name_of_the_case_s_own_may_say_its_base(case, settings):
    runs = plan(case('[precisions.smoothed]\nbase = "int8"\n'), settings, ["ort"])

    assert ids(runs) == ["ort-smoothed"]


@pytest.mark.parametrize(
    ("text", "at", "word", "near"),
    [
        pytest.param("[precisions.imt8]\n", "[precisions.imt8]", "imt8", 'write "int8"', id="its name"),
        pytest.param(
            '[precisions.smoothed]\nbase = "int9"\n', "base =", "int9", 'write "int8"', id="its declared base"
        ),
        pytest.param(
            '[precisions.int8]\nbase = "int8-mixed"\n',
            "base =",
            "int8-mixed",
            "name a precision that is there",
            id="a declared base that is a variant",
        ),
        pytest.param(
            "[precisions.qqqq]\n", "[precisions.qqqq]", "qqqq", "name a precision that is there", id="nothing near"
        ),
    ],
)
def test_a_precision_that_nobody_knows_is_refused_with_its_line(case, settings, text, at, word, near):
    made = case(text)

    assert problems(made, settings) == [
        (
            Code.CASE_DEAD_PATTERN,
            line_in(made, at),
            f'Got precision "{word}", should be one of: {known_list(PRECISIONS)}.',
            near,
        )
    ]


@pytest.mark.parametrize("name", PRECISIONS)
def test_every_precision_is_made_where_no_file_is_given(case, settings, name):
    assert len(plan(case(f"[precisions.{name}]\n"), settings, ["ort"])) == 1


@pytest.mark.parametrize(
    ("text", "at", "got", "should", "remedy"),
    [
        (
            "[precisions.int8]\nblock = 32\n",
            "block",
            'block beside recipe = "static"',
            "none: it would have no effect",
            "remove block",
        ),
        (
            '[precisions.int8-mixed]\nweight = "int16"\n',
            "weight",
            '"int16"',
            '"int8" or "uint8" for int8',
            "correct weight, or name another base",
        ),
        (
            '[precisions.int4]\nrecipe = "dynamic"\n',
            "recipe",
            '"dynamic"',
            '"weight-only" for int4',
            "remove recipe, or name another base",
        ),
    ],
)
def test_what_contradicts_a_recipe_is_refused_with_its_line(case, settings, text, at, got, should, remedy):
    made = case(text)
    name = text.partition("]")[0].removeprefix("[precisions.")

    assert problems(made, settings) == [
        (Code.CASE_VALUE, line_in(made, at), f'Got {got} for precision "{name}", should be {should}.', remedy)
    ]


def test_a_run_that_is_emulated_has_its_mark_and_no_costs(case, settings):
    (run,) = plan(case("[precisions.nvfp4]\n"), settings, ["ort"])

    assert (run.id, run.emulated) == ("ort-nvfp4~", True)
    assert not {"latency", "memory"} & set(run.checks)


def test_costs_of_an_emulated_run_are_planned_where_a_budget_asks_for_them(case, settings):
    (run,) = plan(case("[precisions.nvfp4]\n[budgets.ort.nvfp4]\nmemory_mb = 64\n"), settings, ["ort"])

    assert {"latency", "memory"} <= set(run.checks)


@pytest.mark.parametrize(("precision", "dead", "near"), [("nvfp4", "", "~"), ("int8", "~", "")])
def test_a_waiver_names_a_run_as_it_is_emulated_or_not(case, settings, precision, dead, near):
    waived = f'[precisions.{precision}]\n[[waivers]]\nrun = "ort-{precision}%s"\nreason = "x"\nexpires = 2999-01-01\n'

    assert ids(plan(case(waived % near), settings, ["ort"])) == [f"ort-{precision}{near}"]
    [(code, _, _, remedy)] = problems(case(waived % dead), settings)
    assert (code, remedy) == (Code.CASE_DEAD_PATTERN, f'write "ort-{precision}{near}"')


def test_budgets_for_a_backend_that_nobody_knows_are_refused(case, settings):
    made = case("[precisions.int8]\n[budgets.openvno.int8]\nmemory_mb = 64\n")

    assert problems(made, settings) == [
        (
            Code.CASE_DEAD_PATTERN,
            line_in(made, "[budgets.openvno.int8]"),
            'Got backend "openvno", should be one of: openvino, ort, ort-cuda, ort-tensorrt, reference, trt.',
            'write "openvino"',
        )
    ]


BUDGET = "[precisions.int8]\n[budgets.ort.int8]\nspeedup_over = {%s = 2.0}\n"
BESIDE = "should be a precision of this case (fp32, int8), or one of a backend (openvino, ort, ort-cuda, "


@pytest.mark.parametrize(
    ("text", "at", "sentence", "remedy"),
    [
        pytest.param(
            BUDGET % "orr-fp32", "speedup_over", 'Got counterpart "orr-fp32", ', 'write "ort-fp32"', id="budget"
        ),
        pytest.param(
            "[precisions.int8]\n[latency]\nover = ['nowhere']\n",
            "over =",
            'Got counterpart "nowhere", ',
            "remove it",
            id="no run",
        ),
    ],
)
def test_a_counterpart_that_is_no_run_is_refused(case, settings, text, at, sentence, remedy):
    made = case(text)

    [(code, line, told, tried)] = problems(made, settings)

    assert (code, line) == (Code.CASE_DEAD_PATTERN, line_in(made, at))
    assert told.startswith(sentence + BESIDE)
    assert tried == remedy


def test_a_counterpart_on_the_own_backend_is_named_by_its_precision(case, settings):
    made = case(BUDGET % "ort-fp32")

    [(_, _, sentence, remedy)] = problems(made, settings)

    assert sentence == 'Got "ort-fp32" as counterpart of a run of ort, should be the precision alone.'
    assert remedy == 'write "fp32"'


def test_counterparts_of_other_backends_are_planned(case, settings):
    text = BUDGET % '"openvino-int8" = 1.0, "ort-cuda-fp32"'

    assert ids(plan(case(text + "[latency]\nover = ['fp32', 'reference-fp32']\n"), settings, ["ort"])) == ["ort-int8"]


def test_a_metric_that_nobody_knows_is_refused(case, settings):
    made = case('[precisions.int8]\n[accuracy]\nmetric = "topk"\n')

    assert problems(made, settings) == [
        (
            Code.CASE_DEAD_PATTERN,
            line_in(made, "metric ="),
            f'Got metric "topk", should be one of: {", ".join(sorted(settings.metrics))}.',
            'write "top_k"',
        )
    ]


def test_backends_and_metrics_that_a_plugin_adds_are_known(case, settings):
    added = Settings(
        roots=settings.roots,
        golden_root=settings.golden_root,
        cache=settings.cache,
        backends={"mine": BackendSpec("mine", "my_package:Engine")},
        metrics={"top-five": Metric("top-five", "my_package:top_five")},
    )
    made = case('[precisions.int8]\n[accuracy]\nmetric = "top-five"\n[budgets.mine.int8]\nmemory_mb = 64\n')

    assert ids(plan(made, added, ["mine"])) == ["mine-int8"]


@pytest.mark.parametrize(
    ("metric", "sentence", "remedy"),
    [
        (
            '{name = "top1", k = 5}',
            'Got k for metric "top1", should be one of: output.',
            "remove k; recall_at_k, top_k would take it",
        ),
        (
            '{name = "f1", direction = "lower"}',
            'Got direction for metric "f1", should be one of: average, output, positive.',
            "remove direction",
        ),
    ],
    ids=["a parameter", "a direction"],
)
def test_keys_that_a_metric_does_not_take_are_refused(case, settings, metric, sentence, remedy):
    made = case(f"[precisions.int8]\n[accuracy]\nmetric = {metric}\n")

    assert problems(made, settings) == [(Code.CASE_VALUE, line_in(made, "metric ="), sentence, remedy)]


def test_a_metric_with_parameters_that_it_takes_is_planned(case, settings):
    made = case('[precisions.int8]\n[accuracy]\nmetric = {name = "top_k", k = 3, output = "logits"}\n')

    assert ids(plan(made, settings, ["ort"])) == ["ort-int8"]


WAIVER = """\
[precisions.int8]

[[waivers]]
run = "{run}"
reason = "no GPU on this runner"
expires = 2099-03-01
"""


@pytest.mark.parametrize("run", ["trt-int8", "trt-*", "*-int8", "*", "ort-int[48]"])
def test_a_waiver_for_a_possible_run_is_no_problem_though_that_run_is_not_planned(case, settings, run):
    assert ids(plan(case(WAIVER.format(run=run)), settings, ["ort"])) == ["ort-int8"]


@pytest.mark.parametrize(
    ("run", "remedy"),
    [
        pytest.param("ort-int4", 'write "ort-int8"', id="another precision"),
        pytest.param("zzzzz-*", "name a backend and a precision of this case, or delete the waiver", id="a pattern"),
        pytest.param("ORT-int8", 'write "ort-int8"', id="upper case"),
        pytest.param("int8", 'write "trt-int8"', id="a precision alone"),
    ],
)
def test_a_waiver_that_matches_no_run_is_refused(case, settings, run, remedy):
    made = case(WAIVER.format(run=run))

    assert problems(made, settings) == [
        (
            Code.CASE_DEAD_PATTERN,
            line_in(made, "run ="),
            f'Got a waiver for run "{run}", should match a run such as "ort-int8".',
            remedy,
        )
    ]


WAIVED_CHECKS = WAIVER.format(run="ort-int8") + 'checks = ["latency", "accuracy"]\n'


def test_a_waiver_for_a_check_that_the_case_does_not_have_is_refused(case, settings):
    made = case(WAIVED_CHECKS)

    assert problems(made, settings) == [
        (
            Code.CASE_DEAD_PATTERN,
            line_in(made, "checks ="),
            (
                'Got a waiver for check "accuracy", should be one of this case: latency, memory, parity, preflight, '
                "regression."
            ),
            'take "accuracy" out of the waiver, or add the table [accuracy]',
        )
    ]


def test_a_waiver_for_a_check_that_the_case_has_is_no_problem(case, settings):
    assert ids(plan(case(WAIVED_CHECKS + "\n[accuracy]\n"), settings, ["ort"])) == ["ort-int8"]


def test_everything_that_is_wrong_is_told_at_once(case, settings):
    made = case(
        "[precisions.imt8]\n[precisions.int4]\noperators = ['MatMul']\n"
        '[accuracy]\nmetric = "top-five"\n'
        "[budgets.openvno.int4]\nmemory_mb = 64\n"
        '[[waivers]]\nrun = "zz"\nreason = "no GPU"\nexpires = 2099-03-01\n'
    )

    assert [code for code, *_ in problems(made, settings)] == [
        Code.CASE_DEAD_PATTERN,
        Code.CASE_VALUE,
        Code.CASE_DEAD_PATTERN,
        Code.CASE_DEAD_PATTERN,
        Code.CASE_DEAD_PATTERN,
    ]
