"""Planted defects: each is caught with its relation named, and passes where that relation is not asked for."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pytest_qparity import BackendSpec, gate, load_case
from pytest_qparity.verdict import Code, Outcome, Verdict
from pytest_qparity.worker.protocol import Isolation
from tests.checks.invariance.models import (
    attention,
    centred_over_the_batch,
    nudged_by_the_batch,
    sentences,
    summed_over_the_batch,
    two_products,
    with_a_table,
)
from tests.checks.verdicts import codes
from tests.e2e.projects import CASE, write_project
from tests.models import inputs_for_mlp, save

ALL = "\n[invariance]\nrepeat = true\norder = true\nbatch = true\nshape = true\n"
PADDING = '\n[invariance]\npadding = { mask = "attention_mask", pad = { input_ids = 0 }, by = 20 }\n'
DYNAMIC = """
model = "float.onnx"
[data]
test = "test.npz"
batch = 8
[precisions.int8]
recipe = "dynamic"
"""
GIVEN = """
model = "float.onnx"
[data]
test = "test.npz"
[precisions.fp32]
[precisions.int8]
file = "int8.onnx"
"""


def judged(
    case_file: Path,
    *,
    precision: str = "int8",
    backend: str = "ort",
    engine: str = "",
    isolation: Isolation = Isolation.NONE,
) -> Verdict:
    settings = gate.default_settings(case_file.parent.parent, 0.01)
    backends = dict(settings.backends)
    if engine:
        backend = "stub"
        backends["stub"] = BackendSpec("stub", f"tests.checks.invariance.engines:{engine}")
    settings = dataclasses.replace(settings, backends=backends, canaries=gate.Canaries(), isolation=isolation)
    with (
        contextlib.closing(gate.CaseMaterial(load_case(case_file), settings, case_file.name)) as material,
        contextlib.closing(gate.RunMaterial(material, backend, precision)) as run,
    ):
        return gate.judge(run, "invariance")


def given(root: Path, float_model, int8_model, samples: dict[str, np.ndarray], table: str) -> Path:
    folder = root / "cases"
    save(float_model, folder / "float.onnx")
    save(int8_model, folder / "int8.onnx")
    np.savez(folder / "test.npz", **samples)
    case_file = folder / "net.toml"
    case_file.write_text(GIVEN + table, encoding="utf-8")
    return case_file


def dynamic(root: Path, table: str) -> Path:
    folder = root / "cases"
    save(two_products(), folder / "float.onnx")
    np.savez(folder / "test.npz", input=inputs_for_mlp(40))
    case_file = folder / "net.toml"
    case_file.write_text(DYNAMIC + table, encoding="utf-8")
    return case_file


@pytest.mark.parametrize("backend", ["ort", "openvino", "reference"])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_a_sound_variant_passes_in_every_way_of_running(tmp_path: Path, backend: str, precision: str) -> None:
    verdict = judged(write_project(tmp_path, CASE + ALL), backend=backend, precision=precision)

    assert verdict.outcome is Outcome.PASS
    assert set(verdict.evidence["relations"]) == {"repeat", "order", "batch", "shape"}
    assert all(found["logits"]["elements"] > 0 for found in verdict.evidence["relations"].values())


@pytest.mark.parametrize("backend", ["ort", "openvino", "reference"])
def test_ranges_that_are_those_of_the_batch_are_named(tmp_path: Path, backend: str) -> None:
    verdict = judged(dynamic(tmp_path, ALL), backend=backend)

    assert verdict.outcome is Outcome.ACCURACY_FAIL
    assert codes(verdict) == [Code.INVARIANCE_BATCH]
    assert "run in batches of 8" in verdict.failures[0].sentence
    assert "DynamicQuantizeLinear" in str(verdict.failures[0].likely)
    assert verdict.deciding.startswith("batch ")


def nudged(root: Path, samples: np.ndarray) -> Verdict:
    return judged(
        given(root, nudged_by_the_batch(0.0), nudged_by_the_batch(0.02), {"input": samples}, "[invariance]\n")
    )


def test_a_file_without_ranges_at_run_time_is_not_said_to_have_them(tmp_path: Path) -> None:
    verdict = nudged(tmp_path, np.random.default_rng(0).standard_normal((16, 4)).astype(np.float32))

    assert codes(verdict) == [Code.INVARIANCE_BATCH]
    assert "the file has no DynamicQuantizeLinear" in str(verdict.failures[0].likely)


def test_copies_of_one_sample_are_no_reason_to_pass(tmp_path: Path) -> None:
    verdict = nudged(tmp_path, np.ones((64, 4), np.float32))

    assert (verdict.outcome, codes(verdict)) == (Outcome.CANNOT_JUDGE, [Code.INVARIANCE_IMPOSSIBLE])
    assert "got 16 feeds that are copies of one, should be 2 or more that differ" in verdict.failures[0].sentence


def test_a_worker_of_its_own_gives_the_same_verdict(tmp_path: Path) -> None:
    case_file = dynamic(tmp_path, ALL)

    assert judged(case_file, isolation=Isolation.PROCESS) == judged(case_file)


def test_ranges_that_are_those_of_the_batch_are_not_seen_one_by_one(tmp_path: Path) -> None:
    assert judged(dynamic(tmp_path, "\n[invariance]\nbatch = false\n")).outcome is Outcome.PASS


def test_a_case_may_allow_what_the_batch_does(tmp_path: Path) -> None:
    verdict = judged(dynamic(tmp_path, "\n[invariance]\nerror_share = 4.0\n"))

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["limit"]["error_share"] == 4.0


@pytest.mark.parametrize("backend", ["ort", "openvino"])
def test_padding_that_leaks_through_a_quantized_mask_is_named(tmp_path: Path, backend: str) -> None:
    leaking = attention(quantized=True, mask_range=2.0)  # as calibrated where nothing is padded

    verdict = judged(given(tmp_path, attention(), leaking, sentences(16), PADDING), backend=backend)

    assert codes(verdict) == [Code.INVARIANCE_PADDING]
    assert "20 more positions of padding" in verdict.failures[0].sentence


def test_padding_that_leaks_is_not_seen_where_none_is_added(tmp_path: Path) -> None:
    leaking = attention(quantized=True, mask_range=2.0)

    verdict = judged(given(tmp_path, attention(), leaking, sentences(16), "\n[invariance]\n"))

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["left_out"] == {"padding": "the case states none"}


@pytest.mark.parametrize("backend", ["ort", "openvino", "reference"])
def test_padding_under_a_float_mask_passes(tmp_path: Path, backend: str) -> None:
    verdict = judged(given(tmp_path, attention(), attention(quantized=True), sentences(16), PADDING), backend=backend)

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["relations"]["padding"]["logits"]["elements"] == 16 * 6


def test_outputs_by_position_are_compared_where_there_was_no_padding(tmp_path: Path) -> None:
    floats, sound, leaking = (
        attention(by_position=True, **kind)
        for kind in ({}, {"quantized": True}, {"quantized": True, "mask_range": 2.0})
    )

    verdict = judged(given(tmp_path / "sound", floats, sound, sentences(16), PADDING))

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["relations"]["padding"]["logits"]["elements"] == 16 * 12 * 6
    leaked = judged(given(tmp_path / "leaking", floats, leaking, sentences(16), PADDING))
    assert codes(leaked) == [Code.INVARIANCE_PADDING]


@pytest.mark.parametrize(
    ("engine", "code"),
    [
        ("GivesThePreviousOutputs", Code.INVARIANCE_ORDER),
        ("RepeatsItsFirstOutputs", Code.INVARIANCE_ORDER),
        ("KeepsALargerFeed", Code.INVARIANCE_SHAPE),
        ("ComputesAtRandom", Code.INVARIANCE_REPEAT),
        ("KeepsARunningMean", Code.INVARIANCE_ORDER),
    ],
)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_engine_that_keeps_something_is_named(tmp_path: Path, engine: str, code: Code, precision: str) -> None:
    verdict = judged(write_project(tmp_path, CASE + ALL), engine=engine, precision=precision)

    assert verdict.outcome is Outcome.ACCURACY_FAIL
    assert code in codes(verdict)


def test_a_buffer_that_a_larger_feed_leaves_behind_shows_after_another_shape_alone(tmp_path: Path) -> None:
    case_file = write_project(tmp_path, CASE + ALL)
    without = write_project(tmp_path / "without", CASE + "\n[invariance]\nshape = false\n")

    assert codes(judged(case_file, engine="KeepsALargerFeed")) == [Code.INVARIANCE_SHAPE]
    assert judged(without, engine="KeepsALargerFeed").outcome is Outcome.PASS


def test_a_second_call_that_repeats_the_first_shows_though_other_checks_have_run_before(tmp_path: Path) -> None:
    case_file = write_project(tmp_path, CASE + ALL)
    settings = gate.default_settings(tmp_path, 0.01)
    stub = BackendSpec("stub", "tests.checks.invariance.engines:RepeatsItsFirstOutputs")
    settings = dataclasses.replace(settings, backends={"stub": stub}, canaries=gate.Canaries())
    with (
        contextlib.closing(gate.CaseMaterial(load_case(case_file), settings, "mlp")) as material,
        contextlib.closing(gate.RunMaterial(material, "stub", "int8")) as run,
    ):
        for feed in material.feeds:
            run.session.run(feed.arrays)
        verdict = gate.judge(run, "invariance")

    assert Code.INVARIANCE_ORDER in codes(verdict)


def test_a_verdict_that_stands_alone_has_its_provenance(tmp_path: Path) -> None:
    settings = dataclasses.replace(gate.default_settings(tmp_path), canaries=gate.Canaries(), isolation=Isolation.NONE)
    with (
        contextlib.closing(gate.CaseMaterial(load_case(dynamic(tmp_path, ALL)), settings, "net")) as material,
        contextlib.closing(gate.RunMaterial(material, "ort", "int8")) as run,
    ):
        gate.judge(run, "invariance")

        assert {"variant", "engine", "golden_key"} <= run.provenance().keys()


def test_a_float_model_that_depends_on_its_batch_says_nothing_of_the_variant(tmp_path: Path) -> None:
    model = centred_over_the_batch()
    samples = {"input": np.random.default_rng(0).standard_normal((16, 4)).astype(np.float32)}
    case_file = given(tmp_path, model, model, samples, "\n[invariance]\n")

    verdict = judged(case_file)

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    assert codes(verdict) == [Code.INVARIANCE_FLOAT]
    assert "FP32 itself moves" in verdict.failures[0].sentence
    assert codes(judged(case_file, precision="fp32")) == [Code.INVARIANCE_BATCH]


def test_outputs_that_are_not_by_sample_leave_the_batch_out_and_are_no_pass_where_it_is_asked_for(
    tmp_path: Path,
) -> None:
    model = summed_over_the_batch()
    samples = {"input": np.random.default_rng(0).standard_normal((16, 4)).astype(np.float32)}
    by_default = given(tmp_path / "a", model, model, samples, "\n[invariance]\n")
    asked_for = given(tmp_path / "b", model, model, samples, "\n[invariance]\nbatch = true\n")

    verdict = judged(by_default)

    assert verdict.outcome is Outcome.PASS
    assert "batch" in verdict.evidence["left_out"]
    assert codes(judged(asked_for)) == [Code.INVARIANCE_IMPOSSIBLE]


def test_an_output_that_counts_no_samples_is_left_out_of_batches_alone(tmp_path: Path) -> None:
    samples = {"input": np.random.default_rng(0).standard_normal((16, 4)).astype(np.float32)}
    case_file = given(tmp_path, with_a_table(), with_a_table(), samples, "\n[invariance]\n")

    relations = judged(case_file).evidence["relations"]

    assert {name: list(found) for name, found in relations.items()} == {
        "repeat": ["logits", "table"],
        "order": ["logits", "table"],
        "batch": ["logits"],
        "shape": ["logits", "table"],
    }


def test_rows_that_are_missing_in_a_batch_are_no_pass(tmp_path: Path) -> None:
    verdict = judged(write_project(tmp_path, CASE + "\n[invariance]\n"), engine="GivesOneRow")

    assert codes(verdict) == [Code.INVARIANCE_FLOAT]
    assert "has shape [1, 4], should have [8, 4]" in verdict.failures[0].sentence


def test_a_call_that_is_right_as_soon_as_it_is_repeated_is_no_chance(tmp_path: Path) -> None:
    verdict = judged(write_project(tmp_path, CASE + ALL), engine="RepeatsItsFirstOutputs")

    assert Code.INVARIANCE_REPEAT not in codes(verdict)


def test_a_relation_that_the_model_does_not_allow_cannot_be_asked_for(tmp_path: Path) -> None:
    fixed = attention(length=12)

    verdict = judged(given(tmp_path, fixed, fixed, sentences(16), PADDING))

    assert codes(verdict) == [Code.INVARIANCE_IMPOSSIBLE]
    assert '"attention_mask" has a fixed size of 12 on axis 1' in verdict.failures[0].sentence


def test_a_case_without_the_table_has_no_such_check(tmp_path: Path) -> None:
    settings = gate.default_settings(tmp_path)
    plain, asking = write_project(tmp_path, CASE), write_project(tmp_path, CASE + "\n[invariance]\n", name="asking")

    [run] = gate.plan(load_case(plain), settings, ["ort"], ["int8"])
    [asked] = gate.plan(load_case(asking), settings, ["ort"], ["int8"])

    assert "invariance" not in run.checks
    assert asked.checks == ("preflight", "parity", "accuracy", "invariance", "latency", "memory")
