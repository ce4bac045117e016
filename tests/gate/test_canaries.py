"""Canaries: a gate that was sabotaged is found out before it judges anything."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_qparity import BackendSpec, gate, load_case
from pytest_qparity.backends import outputs
from pytest_qparity.backends.hosted import EngineHost, HostedSession
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.checks import accuracy, comparison, parity, preflight
from pytest_qparity.gate.canaries import Canaries
from pytest_qparity.golden import store
from pytest_qparity.verdict import Code, Failure, Outcome, Verdict, failed, passed
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.protocol import Isolation, Worker
from pytest_qparity.worker.started import StartedWorkers
from tests.e2e.projects import CASE, accept_golden, write_canary_files, write_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a case, canaries, and both goldens."""
    folder = tmp_path_factory.mktemp("project")
    accept_golden(write_project(folder))
    write_canary_files(folder)
    return folder


@pytest.fixture
def root(project: Path, tmp_path: Path) -> Path:
    """A copy of the project, to be spoiled."""
    return shutil.copytree(project, tmp_path, dirs_exist_ok=True)


def settings_in(root: Path) -> gate.Settings:
    """Those of a new session; without worker processes, which take ten times as long to start as canaries to judge."""
    return dataclasses.replace(gate.default_settings(root, latency_seconds=0.01), isolation=Isolation.NONE)


def judged(
    root: Path, check: str = "parity", *, backend: str = "ort", settings: gate.Settings | None = None
) -> Verdict:
    """The verdict of a check of the case's fp32 run, by new settings where none are given."""
    case = load_case(root / "cases" / "mlp.toml")
    with (
        contextlib.closing(gate.CaseMaterial(case, settings or settings_in(root), "cases/mlp.toml")) as material,
        contextlib.closing(gate.RunMaterial(material, backend, "fp32")) as run,
    ):
        return gate.judge(run, check)


class Recording(StartedWorkers):
    """How many were started ahead, each time, and how many of them were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead_of: list[int] = []
        self.given = 0

    def ahead(self, start: Any, limits: Any) -> Any:
        limits = list(limits)
        self.ahead_of.append(len(limits))
        return super().ahead(start, limits)

    def taken(self, limits: Limits) -> Worker | None:
        worker = super().taken(limits)
        self.given += worker is not None
        return worker


def codes(verdict: Verdict) -> list[str]:
    return [failure.code.code for failure in verdict.failures]


class TestSet:
    """The canaries that this package brings."""

    @pytest.mark.parametrize("backend", ["ort", "openvino", "reference"])
    def test_each_is_caught_by_every_engine(self, root: Path, backend: str) -> None:
        settings = gate.default_settings(root)

        result = settings.canaries.on(backend, settings, gate.judge)

        assert (result.planned, result.caught, result.failure) == (10, 10, None)

    def test_a_case_is_judged_after_them(self, root: Path) -> None:
        settings = settings_in(root)

        assert judged(root, settings=settings).outcome is Outcome.PASS
        assert settings.canaries.record("ort") is not None

    def test_the_workers_of_a_first_check_start_together(self, root: Path) -> None:
        started = Recording()
        settings = dataclasses.replace(gate.default_settings(root), started=started)

        assert judged(root, "preflight", settings=settings).outcome is Outcome.PASS
        assert judged(root, "preflight", settings=settings).outcome is Outcome.PASS

        assert started.ahead_of == [3]  # of the run, of the canaries, and the reader of models of both
        assert started.given == 3

    def test_those_of_a_backend_that_does_not_work_here_start_together_once(self, root: Path) -> None:
        started = Recording()
        absent = BackendSpec("absent", "tests.gate.test_linting:Absent", placement="any")
        settings = gate.default_settings(root)
        settings = dataclasses.replace(settings, started=started, backends={**settings.backends, "absent": absent})

        for _ in range(2):
            verdict = judged(root, "parity", backend="absent", settings=settings)
            assert codes(verdict) == [Code.BACKEND_UNAVAILABLE.code]

        assert started.ahead_of == [3]

    @pytest.mark.parametrize(
        "name", ["flipped", "scale", "relu", "swapped", "reordered", "nan", "half", "shape", "nan_scale", "float"]
    )
    def test_a_sound_file_in_the_place_of_any_is_noticed(self, root: Path, name: str) -> None:
        models = root / "cases" / "canaries" / "models"
        canary_file = root / "cases" / "canaries" / "canary.toml"
        text = canary_file.read_text()
        canary_file.write_text(f'model = "models/reference.onnx"{text[text.index(chr(10) + "task") :]}')
        shutil.copy(models / "float.onnx", models / "reference.onnx")
        shutil.copy(models / "int8.onnx", models / f"{name}.onnx")

        verdict = judged(root)

        assert codes(verdict) == ["QP-CANARY-001"]
        assert f"int8-{name.replace('_', '-')} of cases/canaries/canary.toml passes on ort" in (
            verdict.failures[0].sentence
        )


def test_a_canary_file_that_leads_outside_is_refused_and_not_a_line_of_it_is_shown(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.toml"
    outside.write_text("root:secret:0:0\n")
    (root / "cases" / "canaries" / "more.toml").symlink_to(outside)

    [failure] = judged(root).failures

    assert failure.code is Code.CANARY_UNPROVEN
    assert "QP-CASE-008" in failure.sentence
    assert "secret:" not in failure.sentence


def test_data_of_a_canary_file_that_lead_outside_are_refused(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = root / "cases" / "canaries" / "data" / "test.npz"
    outside = Path(shutil.move(data, tmp_path_factory.mktemp("outside")))
    data.symlink_to(outside)

    [failure] = judged(root).failures

    assert failure.code is Code.CANARY_UNPROVEN
    assert "QP-CASE-008" in failure.sentence


Sabotage = Callable[[pytest.MonkeyPatch], None]
Outputs = Mapping[str, np.ndarray]


def _outputs(change: Callable[[Outputs], Outputs]) -> Sabotage:
    """What the parity check is given of a variant, changed."""

    def sabotage(patch: pytest.MonkeyPatch) -> None:
        original = parity.judge_parity
        patch.setattr(parity, "judge_parity", lambda outputs, *more: original(change(outputs), *more))

    return sabotage


def _with_golden(change: Callable[[Outputs, Outputs], Outputs]) -> Sabotage:
    def sabotage(patch: pytest.MonkeyPatch) -> None:
        original = parity.judge_parity
        patch.setattr(
            parity, "judge_parity", lambda outputs, golden, limit: original(change(outputs, golden), golden, limit)
        )

    return sabotage


def _whatever_their_layout(sabotage: Sabotage) -> Sabotage:
    """Outputs that are laid out as no golden are looked for before they are fetched, too."""

    def both(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(outputs, "_fits", lambda *_: True)
        sabotage(patch)

    return both


def _always(module: object, name: str, answer: object) -> Sabotage:
    return lambda patch: patch.setattr(module, name, lambda *_: answer)


def _swap_goldens(patch: pytest.MonkeyPatch) -> None:
    original = store.read_golden

    def swapped(*arguments: object) -> store.Golden:
        golden = original(*arguments)  # type: ignore[arg-type]
        arrays = list(golden.outputs.values())
        return dataclasses.replace(golden, outputs=dict(zip(golden.outputs, arrays[::-1], strict=True)))

    patch.setattr(store, "read_golden", swapped)


def _compare_the_first_output_alone(patch: pytest.MonkeyPatch) -> None:
    original = parity.judge_parity

    def first(outputs: Outputs) -> Outputs:
        return dict(list(outputs.items())[:1])

    patch.setattr(parity, "judge_parity", lambda outputs, golden, limit: original(first(outputs), first(golden), limit))


def _compare_the_first_sample_alone(patch: pytest.MonkeyPatch) -> None:
    original = comparison.compare
    patch.setattr(parity, "compare", lambda output, golden, closeness: original(output[:1], golden[:1], closeness))


def _limit(**changes: object) -> Sabotage:
    """The parity check with other limits than those asked for."""

    def sabotage(patch: pytest.MonkeyPatch) -> None:
        original = parity.judge_parity
        patch.setattr(
            parity,
            "judge_parity",
            lambda outputs, golden, limit: original(outputs, golden, dataclasses.replace(limit, **changes)),
        )

    return sabotage


def _measured(**changes: object) -> Sabotage:
    """The preflight check with something other than what was measured."""

    def sabotage(patch: pytest.MonkeyPatch) -> None:
        original = preflight.judge_preflight
        patch.setattr(preflight, "judge_preflight", lambda measured: original(dataclasses.replace(measured, **changes)))

    return sabotage


def _run_the_float_model(patch: pytest.MonkeyPatch) -> None:
    original = EngineHost.load

    def disguised(host: EngineHost, model: Path, options: SessionOptions) -> HostedSession:
        return original(host, model.with_name("float.onnx"), options)

    patch.setattr(EngineHost, "load", disguised)


GREEN = passed("fine", {"looked": "away"})
RED = failed("bad", {}, (Failure(Code.PARITY_SQNR, "SQNR is 1 dB, should be at least 20 dB.", "mend it"),))


SABOTAGES = [
    pytest.param(_always(parity, "judge_parity", GREEN), "QP-CANARY-001", id="parity passes always"),
    pytest.param(_always(parity, "judge_parity", RED), "QP-CANARY-002", id="parity fails always"),
    pytest.param(_always(preflight, "judge_preflight", GREEN), "QP-CANARY-002", id="preflight passes always"),
    pytest.param(_always(accuracy, "judge_accuracy", GREEN), "QP-CANARY-002", id="accuracy passes always"),
    pytest.param(_always(accuracy, "judge_accuracy", RED), "QP-CANARY-002", id="accuracy fails always"),
    pytest.param(_swap_goldens, "QP-CANARY-002", id="golden arrays swapped"),
    pytest.param(_with_golden(lambda _, golden: golden), "QP-CANARY-002", id="golden compared with itself"),
    pytest.param(
        _whatever_their_layout(_with_golden(lambda given, golden: {name: given[name] for name in golden})),
        "QP-CANARY-002",
        id="order ignored",
    ),
    pytest.param(
        _whatever_their_layout(_with_golden(lambda given, golden: dict(zip(golden, given.values(), strict=True)))),
        "QP-CANARY-002",
        id="names ignored",
    ),
    pytest.param(
        _whatever_their_layout(
            _with_golden(lambda given, _: {name: array.astype(np.float32) for name, array in given.items()})
        ),
        "QP-CANARY-001",
        id="types ignored",
    ),
    pytest.param(
        _whatever_their_layout(
            _outputs(lambda given: {name: array.reshape(len(array), -1) for name, array in given.items()})
        ),
        "QP-CANARY-001",
        id="shapes ignored",
    ),
    pytest.param(
        _with_golden(
            lambda outputs, golden: {
                name: np.where(np.isfinite(array), array, golden[name]) if array.shape == golden[name].shape else array
                for name, array in outputs.items()
            }
        ),
        "QP-CANARY-001",
        id="NaN passed over",
    ),
    pytest.param(
        _whatever_their_layout(_always(parity, "_structure_failures", ())),
        "QP-CANARY-001",
        id="structure not looked at",
    ),
    pytest.param(_always(parity, "_reaches", True), "QP-CANARY-002", id="every figure reaches its limit"),
    pytest.param(_always(parity, "_reaches", False), "QP-CANARY-002", id="no figure reaches its limit"),
    pytest.param(_compare_the_first_output_alone, "QP-CANARY-001", id="first output alone"),
    pytest.param(_compare_the_first_sample_alone, "QP-CANARY-001", id="first sample alone"),
    pytest.param(_limit(sqnr_db=None), "QP-CANARY-002", id="cosine alone"),
    pytest.param(_limit(cosine=None), "QP-CANARY-002", id="SQNR alone"),
    pytest.param(_limit(implausible_db=None), "QP-CANARY-002", id="nothing is too good to be true"),
    pytest.param(_measured(bad_scales=()), "QP-CANARY-002", id="scales not looked at"),
    pytest.param(_measured(holds_precision=True), "QP-CANARY-002", id="content not looked at"),
    pytest.param(_measured(equal_to_float=False), "QP-CANARY-002", id="float outputs not looked for"),
    pytest.param(_run_the_float_model, "QP-CANARY-002", id="the float model is run"),
]


@pytest.mark.parametrize(
    ("sabotage", "code"),
    SABOTAGES,
)
def test_a_gate_that_was_sabotaged_judges_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage, code: str
) -> None:
    with monkeypatch.context() as patch:
        sabotage(patch)
        verdict = judged(root)

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    assert codes(verdict) == [code], verdict.failures
    assert verdict.deciding == "canary"
    assert judged(root).outcome is Outcome.PASS


class TestWhen:
    def test_they_are_run_once_for_a_backend(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        opened: list[str] = []
        original = EngineHost.load

        def load(host: EngineHost, model: Path, options: SessionOptions) -> HostedSession:
            opened.append(f"{host.spec.name} {model.parent.parent.name}")
            return original(host, model, options)

        monkeypatch.setattr(EngineHost, "load", load)
        settings = settings_in(root)

        for check in ("parity", "preflight"):
            for backend in ("ort", "reference"):
                judged(root, check, backend=backend, settings=settings)

        # Each of the 11 files and its float counterpart.
        assert [opened.count(f"{backend} canaries") for backend in ("ort", "reference")] == [22, 22]

    def test_their_workers_are_closed(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[InProcess] = []
        closed: list[InProcess] = []
        make, close = InProcess.__init__, InProcess.close
        monkeypatch.setattr(InProcess, "__init__", lambda worker, *given: made.append(worker) or make(worker, *given))
        monkeypatch.setattr(InProcess, "close", lambda worker: closed.append(worker) or close(worker))

        judged(root)

        # Of the case and its run, of the canary file and all its runs.
        assert len(made) == 4
        assert {id(worker) for worker in made} == {id(worker) for worker in closed}

    def test_a_notebook_has_them_judged_too(self, root: Path) -> None:
        shutil.copy(*(root / "cases" / "canaries" / "models" / f"{name}.onnx" for name in ("int8", "flipped")))
        case, settings = load_case(root / "cases" / "mlp.toml"), settings_in(root)
        run = gate.plan(case, settings, ["ort"], ["fp32"])[0]

        found = dict(gate.judge_run(case, run, settings))

        assert list(found) == ["preflight", "parity", "accuracy", "latency", "memory"]
        assert {code for verdict in found.values() for code in codes(verdict)} == {"QP-CANARY-001"}

    def test_a_backend_that_does_not_work_here_has_its_own_failure(self, root: Path) -> None:
        settings = settings_in(root)

        assert codes(judged(root, backend="trt", settings=settings)) == ["QP-BACKEND-001"]
        assert settings.canaries.record("trt") is None

    def test_where_they_are_turned_off_none_is_judged(self, root: Path) -> None:
        settings = dataclasses.replace(settings_in(root), canaries=Canaries())

        assert judged(root, settings=settings).outcome is Outcome.PASS
        assert settings.canaries.record("ort") is None


class TestUnproven:
    """What keeps canaries from proving anything keeps every run from being judged."""

    def test_no_golden(self, root: Path) -> None:
        shutil.rmtree(root / "golden" / "canary")

        [failure] = judged(root).failures

        assert failure.code is Code.CANARY_UNPROVEN
        assert "QP-GOLDEN-001" in failure.sentence
        assert failure.remedy == "qparity accept cases/canaries/canary.toml --missing"

    def test_an_engine_that_refuses_them(self, root: Path) -> None:
        settings = settings_in(root)
        spec = BackendSpec("refusing", f"{__name__}:Refusing")
        settings = dataclasses.replace(settings, backends={**settings.backends, "refusing": spec})

        [failure] = judged(root, backend="refusing", settings=settings).failures

        assert failure.code is Code.CANARY_UNPROVEN
        assert (
            "int8 of the canary file cases/canaries/canary.toml fails by QP-BACKEND-002 on refusing" in failure.sentence
        )
        assert failure.remedy.startswith("see what qparity doctor says of refusing; where it runs no int8 of this kind")
        assert failure.likely is not None
        assert "your own models were not judged" in failure.likely

    def test_a_canary_file_that_is_no_toml(self, root: Path) -> None:
        (root / "cases" / "canaries" / "canary.toml").write_text("model = \n")

        [failure] = judged(root).failures

        assert failure.code is Code.CANARY_UNPROVEN
        assert failure.sentence.startswith("cases/canaries/canary.toml:1: Got ")
        assert "QP-CASE-001" in failure.sentence

    def test_a_canary_file_that_is_no_canary_file(self, root: Path) -> None:
        text = CASE.replace('"models', '"../models').replace('"data', '"../data')
        (root / "cases" / "canaries" / "more.toml").write_text(text)

        [failure] = judged(root).failures

        assert failure.code is Code.CANARY_UNPROVEN
        assert "should be a given one" in failure.sentence

    def test_an_error_of_the_gate_itself_is_not_taken_for_an_answer(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parity, "judge_parity", lambda *_: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            judged(root)


class Refusing:
    def unavailable(self) -> None:
        return None

    def load(self, model: Path, options: object) -> None:
        raise RuntimeError("no kernel")


def test_a_path_outside_of_the_root_is_shown_whole(tmp_path: Path) -> None:
    assert Canaries(tmp_path / "project").shown(tmp_path / "x.toml") == str(tmp_path / "x.toml")
