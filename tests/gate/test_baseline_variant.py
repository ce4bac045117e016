"""Runs in turn with the variant that the baseline was saved of, on ONNX Runtime: files in, verdicts out."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity import gate, load_case
from pytest_qparity.backends.registry import BackendSpec, backend_table
from pytest_qparity.baseline.figures import Figures, SpeedUp, figures_of
from pytest_qparity.baseline.file import Baseline
from pytest_qparity.environment import environment
from pytest_qparity.gate.canaries import Canaries
from pytest_qparity.ledger.events import plain
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.precision.remote import RemoteCache
from pytest_qparity.precision.variant_folder import VariantFolder
from pytest_qparity.verdict import Code, Outcome, Verdict
from tests.models import checked, save

SECONDS = 0.1
WIDTH, SAMPLES = 96, 16
CASE = """
model = "models/float.onnx"
[data]
test  = "data/test.npz"
batch = 16
[precisions.fp32]
[precisions.int8]
file = "models/shipped.onnx"
[parity.int8]
sqnr_db = 1
[regression]
latency_percent = 1e6
memory_percent = 1e6
size_percent = 1e6
"""


def layers(count: int, *, name: str = "layers", first: str = "input") -> onnx.ModelProto:
    """`count` products of a square matrix, each as long as the others, with weights of int8."""
    random = np.random.default_rng(0)
    nodes, weights = [], []
    for index in range(count):
        levels = random.integers(-100, 100, (WIDTH, WIDTH)).astype(np.int8)
        weights += [
            numpy_helper.from_array(levels, f"w{index}"),
            numpy_helper.from_array(np.float32(0.001), f"s{index}"),
        ]
        source = first if index == 0 else f"h{index - 1}"
        nodes.append(helper.make_node("DequantizeLinear", [f"w{index}", f"s{index}"], [f"d{index}"]))
        nodes.append(helper.make_node("MatMul", [source, f"d{index}"], [f"p{index}"]))
        nodes.append(helper.make_node("Tanh", [f"p{index}"], [f"h{index}" if index < count - 1 else "output"]))
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(first, TensorProto.FLOAT, ["n", WIDTH])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", WIDTH])],
        weights,
    )
    return checked(graph, 17)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Its shipped variant has 20 layers."""
    cases = tmp_path / "cases"
    save(layers(20, name="float"), cases / "models" / "float.onnx")
    save(layers(20), cases / "models" / "shipped.onnx")
    (cases / "data").mkdir()
    samples = np.random.default_rng(1).standard_normal((SAMPLES, WIDTH)).astype(np.float32)
    np.savez(cases / "data" / "test.npz", input=samples)
    (cases / "case.toml").write_text(CASE)
    return tmp_path


@contextlib.contextmanager
def running(project: Path, **settings: Any) -> Any:
    chosen: dict[str, Any] = {"canaries": Canaries(project, ()), "latency_seconds": SECONDS, **settings}
    of_all = dataclasses.replace(gate.default_settings(project), **chosen)
    case_file = project / "cases" / "case.toml"
    material = gate.CaseMaterial(load_case(case_file), of_all, str(case_file))
    with contextlib.closing(material), contextlib.closing(gate.RunMaterial(material, "ort", "int8")) as run:
        yield run


def measured(run: gate.RunMaterial, verdict: Verdict) -> Figures:
    identity = {"case": "case", "run": run.id, "backend": "ort", "precision": "int8"}
    return figures_of(identity, {"latency": plain(verdict.evidence)}, plain(run.provenance()), environment())


def baseline_of(project: Path, model: onnx.ModelProto, place: Path) -> Figures:
    """Figures of a session in which `model` shipped, which now lies at `place`."""
    shipped = project / "cases" / "models" / "shipped.onnx"
    today = shipped.read_bytes()
    save(model, shipped)
    with running(project) as run:
        figures = measured(run, gate.judge(run, "latency"))
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(shipped, place)
    shipped.write_bytes(today)
    return figures


def held(project: Path, before: Figures, folder: Path | None = None, **settings: Any) -> tuple[Verdict, Verdict]:
    """Verdicts of latency, and of regression by latency alone."""
    known = None if folder is None else VariantFolder(folder)
    with running(project, baseline=Baseline((before,)), baseline_variants=known, **settings) as run:
        latency = gate.judge(run, "latency")
        from pytest_qparity.checks.regression.direct import beside_baseline_of
        from pytest_qparity.checks.regression.judging import judge_regression
        from pytest_qparity.gate.regression import limits_of

        direct = beside_baseline_of(plain(latency.evidence))
        limits = limits_of(run.material.case.spec.regression)
        return latency, judge_regression(before, measured(run, latency), limits, direct)


def codes(verdict: Verdict) -> list[Code]:
    return [failure.code for failure in verdict.failures]


def test_a_variant_with_a_quarter_more_work_than_the_baseline_s_fails(project: Path) -> None:
    """Whatever fp32 of both days says: its speed-ups are taken to be as they were, and known badly."""
    releases = project / "releases"
    before = baseline_of(project, layers(16), releases / "v1" / "model.onnx")
    assert before.latency is not None
    wide = SpeedUp(low=0.5, estimate=1.0, high=2.0)
    before = before.model_copy(update={"latency": before.latency.model_copy(update={"speed_up": wide})})

    latency, regression = held(project, before, releases)

    over = latency.evidence["speed_up_over"]["baseline"]
    assert over["decision"] == "slower"
    assert 0.7 < over["estimate"] < 0.9
    assert latency.evidence["baseline_variant"] == {"sha256": before.about.variant, "found": "releases"}
    assert Code.REGRESSION_LATENCY in codes(regression)
    assert "In turn with the baseline's variant" in regression.failures[-1].sentence


def test_other_bytes_of_the_same_work_never_fail_and_stand_for_a_speed_up_that_could_not_be_told(project: Path) -> None:
    before = baseline_of(project, layers(20, name="renamed"), project / "releases" / "model.onnx")
    assert before.latency is not None
    wide = SpeedUp(low=0.5, estimate=1.0, high=2.0)
    before = before.model_copy(update={"latency": before.latency.model_copy(update={"speed_up": wide})})

    latency, regression = held(project, before, project / "releases")

    assert regression.outcome in {Outcome.PASS, Outcome.CANNOT_JUDGE}
    beside = regression.evidence["latency"]["beside_baseline"]
    is_decided = beside.get("low", 0.0) >= beside["least_ratio"]
    assert (regression.outcome is Outcome.PASS) is is_decided
    assert latency.outcome is Outcome.PASS


def test_of_the_same_bytes_nothing_is_timed(project: Path) -> None:
    before = baseline_of(project, layers(20), project / "releases" / "model.onnx")

    latency, _ = held(project, before, project / "releases")

    assert "baseline_variant" not in latency.evidence
    assert list(latency.evidence["speed_up_over"]) == ["fp32"]


def test_it_is_found_in_the_cache_and_in_the_shared_one_by_its_content(project: Path) -> None:
    kept = project / "kept.onnx"
    before = baseline_of(project, layers(16), kept)
    shared = RemoteCache((project / "shared").as_uri())
    shared.store("some", {"of": "a recipe"}, [kept], [])

    by_content, _ = held(project, before, remote_cache=shared)
    cache = VariantCache(project / ".qparity" / "cache" / "variants")
    cache.get_or_make({"of": "a recipe"}, lambda path: (str(shutil.copy(kept, path)),))
    cached, _ = held(project, before)

    assert by_content.evidence["baseline_variant"]["found"] == "the shared cache of variants"
    assert cached.evidence["baseline_variant"]["found"] == "the cache of variants"
    assert "baseline" in by_content.evidence["speed_up_over"]


def test_with_its_external_data_it_is_found_in_a_folder(project: Path) -> None:
    release = project / "releases" / "v1"
    release.mkdir(parents=True)
    onnx.save(layers(16), release / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    folder = VariantFolder(project / "releases")
    (release / "broken.onnx").write_bytes(b"no model")
    before = baseline_of(project, layers(17), project / "elsewhere.onnx")
    with running(project) as run:
        worker = run.material.worker
        from pytest_qparity.case.model import read_model_file

        digest = read_model_file(release / "model.onnx", worker).digest
        found = folder.holding(digest, worker)
    assert found is not None
    assert (found.path.name, found.external) == ("model.onnx", ("weights.bin",))
    about = before.about.model_copy(update={"variant": digest})

    latency, _ = held(project, before.model_copy(update={"about": about}), project / "releases")

    assert latency.evidence["baseline_variant"] == {"sha256": digest, "found": "releases"}


@pytest.mark.parametrize(
    ("old", "told"),
    [
        (layers(16, first="other"), "Its inputs are {'other': 'float32'}, should be the float model's"),
        (b"\x00no model at all", "it is not in the cache of variants, nor in the folder releases"),
        (None, "it is not in the cache of variants (--qparity-baseline-variants=FOLDER"),
    ],
    ids=["other inputs", "no model", "nowhere"],
)
def test_what_keeps_it_from_being_timed_is_told_and_no_failure(
    project: Path, old: onnx.ModelProto | bytes | None, told: str
) -> None:
    releases = project / "releases"
    before = baseline_of(project, layers(16), project / "away.onnx")
    if isinstance(old, bytes):
        releases.mkdir()
        (releases / "model.onnx").write_bytes(old)
    elif old is not None:
        path = save(old, releases / "model.onnx")
        before = before.model_copy(update={"about": replace_variant(before, path)})

    latency, regression = held(project, before, None if old is None else releases)

    assert latency.outcome is Outcome.PASS
    assert told in latency.evidence["baseline_variant"]["not_timed"]
    assert any(told in note and "was not timed beside this one" in note for note in latency.notes)
    assert any(told in note for note in regression.notes)
    assert "baseline" not in latency.evidence["speed_up_over"]


def replace_variant(before: Figures, path: Path) -> Any:
    from pytest_qparity.digest import file_digest

    return before.about.model_copy(update={"variant": file_digest(path)})


def test_an_old_variant_that_the_engine_refuses_leaves_the_run_s_sessions_alone(project: Path) -> None:
    """It has the inputs, and an operator that no engine has."""
    model = layers(16)
    model.graph.node[-1].domain = "nobody.knows"
    model.opset_import.append(helper.make_opsetid("nobody.knows", 1))
    before = baseline_of(project, layers(16), project / "away.onnx")
    path = save(model, project / "releases" / "model.onnx")
    before = before.model_copy(update={"about": replace_variant(before, path)})

    with running(project, baseline=Baseline((before,)), baseline_variants=VariantFolder(path.parent)) as run:
        latency = gate.judge(run, "latency")
        again = run.session.run(run.material.feed_shapes.costliest.feed.arrays)

    assert latency.outcome is Outcome.PASS
    assert "nobody.knows" in latency.evidence["baseline_variant"]["not_timed"]
    assert np.isfinite(again["output"]).all()


def test_an_old_variant_that_kills_its_worker_while_it_is_timed_leaves_the_run_s_sessions_alone(project: Path) -> None:
    before = baseline_of(project, layers(16), project / "releases" / "model.onnx")
    backends = {**backend_table(), "ort": BackendSpec("ort", "tests.gate.dying_engine:Dying")}
    known = {"baseline": Baseline((before,)), "baseline_variants": VariantFolder(project / "releases")}

    with running(project, backends=backends, **known) as run:
        latency = gate.judge(run, "latency")
        again = run.session.run(run.material.feed_shapes.costliest.feed.arrays)

    assert latency.outcome is Outcome.PASS
    assert "SIGABRT" in latency.evidence["baseline_variant"]["not_timed"]
    assert list(latency.evidence["speed_up_over"]) == ["fp32"]
    assert np.isfinite(again["output"]).all()


@pytest.mark.parametrize("changed", [{"hardware": "another machine"}, {"latency": None}])
def test_a_baseline_of_other_hardware_or_without_times_asks_for_nothing(
    project: Path, changed: Mapping[str, object]
) -> None:
    before = baseline_of(project, layers(16), project / "releases" / "model.onnx").model_copy(update=dict(changed))

    latency, _ = held(project, before, project / "releases")

    assert "baseline_variant" not in latency.evidence
