"""What a GPU backend does beside what every backend must (tests/backends/test_protocol.py, which runs them too)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_qparity.backends.engine_options import EngineOptions
from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.kernels import Kernels, NotTold
from pytest_qparity.backends.memory_probe import measure_memory
from pytest_qparity.backends.probing import Probing
from pytest_qparity.backends.protocol import BindsFeeds, Session, SessionOptions
from pytest_qparity.backends.registry import backend_table, load_backend
from pytest_qparity.backends.timed_calls import Clock
from pytest_qparity.backends.timing import Question
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.backends.quantized import cnn
from tests.backends.stand_ins import Feed, shapes_of
from tests.models import inputs_for_mlp, mlp, save

pytestmark = pytest.mark.gpu
BACKENDS = ["ort-cuda", "ort-tensorrt", "trt"]
BUILDERS = ["ort-tensorrt", "trt"]  # backends that keep what they build

backends = pytest.mark.parametrize("name", BACKENDS)


def opened(name: str, path: Path, **options: object) -> Session:
    backend = load_backend(backend_table()[name])
    assert backend.unavailable() is None
    return backend.load(path, options_for(path, **options))


def options_for(path: Path, **options: object) -> SessionOptions:
    return SessionOptions(**{"shapes": shapes_of(path, most=64), **options})  # type: ignore[arg-type]


@backends
def test_every_node_runs_on_the_gpu(name: str, tmp_path: Path) -> None:
    facts = opened(name, save(mlp(), tmp_path / "mlp.onnx")).facts()

    assert facts.proven
    assert facts.strayed == 0
    assert str(facts.settings["tf32"]).startswith("off")


@backends
def test_a_bound_feed_gives_what_a_run_gives(name: str, tmp_path: Path) -> None:
    session = opened(name, save(mlp(), tmp_path / "mlp.onnx"))
    feed = {"input": inputs_for_mlp(5)}
    assert isinstance(session, BindsFeeds)

    bound = session.bound(feed)
    bound.run()

    np.testing.assert_array_equal(bound.outputs()["logits"], session.run(feed)["logits"])


@pytest.mark.parametrize("name", ["ort-cuda", "trt"])
def test_tf32_is_another_computation(name: str, tmp_path: Path) -> None:
    """On a GPU that has it (compute 8.0): a product of 4,096 columns in 10 bits of mantissa is not that of 23."""
    path, feed = save(mlp(hidden=4096), tmp_path / "wide.onnx"), {"input": inputs_for_mlp(64)}
    exact, coarse = (opened(name, path, tf32=tf32).run(feed)["logits"] for tf32 in (False, True))

    assert not np.array_equal(exact, coarse)


def test_integers_on_the_cuda_provider_are_told_as_floats(tmp_path: Path) -> None:
    session = opened("ort-cuda", save(cnn(np.int8), tmp_path / "int8.onnx"))

    kernels = session.kernels()  # type: ignore[attr-defined]

    assert isinstance(kernels, Kernels)
    assert kernels.quantized == 0
    assert kernels.fell_back == 3
    assert any("no integer kernels" in remark for remark in kernels.remarks)


def test_the_tensorrt_provider_does_not_tell_its_kernels(tmp_path: Path) -> None:
    session = opened("ort-tensorrt", save(cnn(np.int8), tmp_path / "int8.onnx"))

    assert isinstance(session.kernels(), NotTold)  # type: ignore[attr-defined]


@backends
def test_memory_of_the_gpu_is_measured(name: str, tmp_path: Path) -> None:
    small, large = (save(mlp(hidden=size), tmp_path / f"{size}.onnx") for size in (32, 3_000_000))
    feed = Feed({"input": inputs_for_mlp(1)}, 1)

    spec = backend_table()[name]
    took = [measure_memory(Probing(spec, path, feed, options_for(path), Limits())) for path in (small, large)]

    peaks = [each.device_peak_mb for each in took]
    assert None not in peaks
    assert peaks[1] - peaks[0] > 200  # type: ignore[operator]  # 252 MB of weights


def engines_in(folder: Path) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for kind in ("engine", "plan") for file in folder.rglob(f"*.{kind}")}


@pytest.mark.parametrize("name", BUILDERS)
def test_engines_that_were_built_are_found_by_the_next_session(name: str, tmp_path: Path) -> None:
    path, folder = save(mlp(), tmp_path / "mlp.onnx"), tmp_path / "engines"
    feed = {"input": inputs_for_mlp(2)}
    first = opened(name, path, cache=folder).run(feed)
    built = engines_in(folder)

    second = opened(name, path, cache=folder).run(feed)

    assert built
    assert engines_in(folder) == built
    np.testing.assert_array_equal(first["logits"], second["logits"])


@backends
def test_sessions_are_timed_in_turn(name: str, tmp_path: Path) -> None:
    worker = WorkerProcess(Limits())
    try:
        host = EngineHost(worker, backend_table()[name])
        path = save(mlp(hidden=4096), tmp_path / "mlp.onnx")
        variant, counterpart = (host.load(path, options_for(path)) for _ in range(2))
        times = variant.time_in_turn(counterpart, {"input": inputs_for_mlp(64)}, Question(0.5))
    finally:
        worker.close()

    assert times.sound
    assert times.of_variant.clock is (Clock.DEVICE if name == "trt" else Clock.HOST)
    assert times.of_variant.end_to_end_ms is not None
    assert 0 < np.median(times.variant_ms) <= np.median(times.of_variant.end_to_end_ms)


def test_runs_that_are_replayed_give_what_they_gave(tmp_path: Path) -> None:
    path = save(mlp(), tmp_path / "mlp.onnx")
    plain, replaying = (opened("trt", path, engine=EngineOptions(cuda_graphs=asked)) for asked in (False, True))

    for rows, seed in ((5, 0), (5, 1), (5, 2), (3, 3), (3, 4), (5, 5)):
        feed = {"input": inputs_for_mlp(rows, seed=seed)}
        np.testing.assert_array_equal(replaying.run(feed)["logits"], plain.run(feed)["logits"])
    assert str(replaying.facts().settings["cuda_graphs"]).startswith("recorded")


def test_an_engine_that_was_built_elsewhere_runs(tmp_path: Path) -> None:
    path, folder = save(mlp(), tmp_path / "mlp.onnx"), tmp_path / "engines"
    feed = {"input": inputs_for_mlp(5)}
    expected = opened("trt", path, cache=folder).run(feed)["logits"]
    (plan,) = folder.glob("*.plan")

    given = opened("trt", plan)

    np.testing.assert_array_equal(given.run(feed)["logits"], expected)
    assert given.inputs() == {"input": np.dtype(np.float32)}  # type: ignore[attr-defined]
    assert given.kernels().types  # type: ignore[attr-defined]


def test_an_engine_is_built_as_the_case_says(tmp_path: Path) -> None:
    asked = EngineOptions(workspace_mb=64, optimization_level=0, strict_nans=False)

    facts = opened("trt", save(mlp(), tmp_path / "mlp.onnx"), engine=asked).facts()

    assert (facts.settings["workspace_mb"], facts.settings["builder_optimization_level"]) == (64, 0)
    assert int(facts.settings["build_ms"]) > 0
