"""Plans and timings that are kept, on recording fakes of both releases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity.backends.engine_options import EngineOptions
from pytest_qparity.backends.shapes import InputShapes
from pytest_qparity.digest import bytes_digest
from pytest_qparity.verdict import CannotJudge
from tests.contract.machine import PLAN, Machine, driver_of, model_file

Load = Callable[..., Any]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def builds(gpu: Machine) -> int:
    return len(gpu.recorder.of("Builder.build_serialized_network"))


def test_a_plan_is_built_once_and_is_the_same_bytes(gpu: Machine, load: Load, cache: Path) -> None:
    first, second = (load(cache=cache).facts().settings for _ in range(2))

    assert builds(gpu) == 1
    assert first["plan"] == second["plan"] == bytes_digest(PLAN)
    assert (first["plan_from"], second["plan_from"]) == ("built", "cache")


def test_how_long_the_build_took_stands_beside_the_plan_and_comes_with_it(
    gpu: Machine, load: Load, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytest_qparity.backends.trt import loading, progress

    now_s = iter(range(0, 1000, 2))
    monkeypatch.setattr(loading, "time", progress.time)
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(now_s)))

    def build(builder: Any, network: Any, config: Any) -> Any:
        for name in ("Parsing", "Timing", "Timing"):
            config.progress_monitor.phase_start(name, None, 1)
            config.progress_monitor.phase_finish(name)
        return gpu.trt_made("IHostMemory")

    gpu.answers["Builder.build_serialized_network"] = build

    built, cached = (load(cache=cache).facts().settings for _ in range(2))

    assert (built["plan_from"], cached["plan_from"]) == ("built", "cache")
    assert built["build_phases"] == cached["build_phases"] == "Timing 8.0 s, Parsing 4.0 s"
    assert built["build_ms"] == cached["build_ms"] > 12_000


def test_without_a_cache_nothing_is_kept(gpu: Machine, load: Load) -> None:
    load()
    load()

    assert builds(gpu) == 2


@pytest.mark.parametrize(
    "options",
    [
        {"tf32": True},
        {"shapes": {"x": InputShapes((1, 3), (2, 3), (2, 3))}},
        {"engine": EngineOptions(workspace_mb=512)},
        {"engine": EngineOptions(optimization_level=5)},
        {"engine": EngineOptions(strict_nans=False)},
    ],
)
def test_other_settings_are_another_plan(gpu: Machine, load: Load, cache: Path, options: dict[str, Any]) -> None:
    load(cache=cache)
    load(cache=cache, **options)

    assert builds(gpu) == 2


def test_another_file_is_another_plan(gpu: Machine, load: Load, cache: Path, tmp_path: Path) -> None:
    from onnx import load_model, save

    load(cache=cache)
    other = tmp_path / "double.onnx"
    model = load_model(other)
    model.graph.initializer[0].float_data[:] = [3.0]
    save(model, other)

    load(other, cache=cache)

    assert builds(gpu) == 2


def test_other_external_data_are_another_plan(gpu: Machine, load: Load, cache: Path, tmp_path: Path) -> None:
    import numpy as np
    from onnx import load_model, numpy_helper, save

    path = model_file(tmp_path)
    model = load_model(path)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.float32(2.0).reshape(()), "two"))
    save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    load(path, cache=cache)
    (tmp_path / "weights.bin").write_bytes(np.float32(3.0).tobytes())

    load(path, cache=cache)

    assert builds(gpu) == 2


def test_another_release_is_another_plan(
    gpu: Machine, load: Load, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(cache=cache)
    monkeypatch.setattr(gpu.trt, "__version__", f"{gpu.release}.99")

    load(cache=cache)

    assert builds(gpu) == 2


def test_another_gpu_is_another_plan(gpu: Machine, load: Load, cache: Path) -> None:
    load(cache=cache)
    gpu.driver = driver_of("NVIDIA Other GPU")

    load(cache=cache)

    assert builds(gpu) == 2


@pytest.mark.parametrize("ending", ["plan", "json"])
def test_a_file_that_is_not_as_it_was_written_is_made_anew(gpu: Machine, load: Load, cache: Path, ending: str) -> None:
    load(cache=cache)
    (kept,) = cache.glob(f"*.{ending}")
    kept.write_bytes(kept.read_bytes()[:-3])

    assert load(cache=cache).facts().settings["plan_from"] == "built"
    assert load(cache=cache).facts().settings["plan_from"] == "cache"


def test_a_build_that_fails_leaves_no_plan(gpu: Machine, load: Load, cache: Path) -> None:
    gpu.answers["Builder.build_serialized_network"] = None

    with pytest.raises(CannotJudge):
        load(cache=cache)

    assert not [path for path in cache.iterdir() if path.suffix in (".plan", ".json", ".tmp")]


def test_a_folder_that_cannot_be_written_is_told(gpu: Machine, load: Load, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CannotJudge) as caught:
        load(cache=tmp_path / "file" / "cache")

    assert "should be a folder to write in" in caught.value.failure.sentence


class TestTimings:
    @pytest.fixture(autouse=True)
    def serialized(self, gpu: Machine) -> None:
        gpu.answers["ITimingCache.serialize"] = lambda _: gpu.trt_made("IHostMemory")
        gpu.answers["IHostMemory.__buffer__"] = b"timings or a plan"

    def test_timings_of_one_build_are_given_to_the_next(self, gpu: Machine, load: Load, cache: Path) -> None:
        load(cache=cache)
        load(cache=cache, tf32=True)

        given = [call["serialized_timing_cache"] for call in gpu.recorder.of("IBuilderConfig.create_timing_cache")]
        assert given[0] == b""
        assert given[2] == b"timings or a plan"

    def test_timings_that_tensorrt_does_not_take_are_left(self, gpu: Machine, load: Load, cache: Path) -> None:
        load(cache=cache)
        gpu.recorder.calls.clear()
        gpu.answers["IBuilderConfig.set_timing_cache"] = lambda config, cache, ignore_mismatch: (
            len(gpu.recorder.of("IBuilderConfig.set_timing_cache")) > 1
        )

        load(cache=cache, tf32=True)

        given = [call["serialized_timing_cache"] for call in gpu.recorder.of("IBuilderConfig.create_timing_cache")]
        assert given[:2] == [b"timings or a plan", b""]

    def test_timings_that_make_no_cache_are_left(self, gpu: Machine, load: Load, cache: Path) -> None:
        load(cache=cache)
        gpu.recorder.calls.clear()
        gpu.answers["IBuilderConfig.create_timing_cache"] = lambda config, serialized_timing_cache: (
            None if serialized_timing_cache else gpu.trt_made("ITimingCache")
        )

        settings = load(cache=cache, tf32=True).facts().settings

        assert settings["plan_from"] == "built"
        assert len(gpu.recorder.of("IBuilderConfig.set_timing_cache")) == 1
        assert not gpu.recorder.of("ITimingCache.combine")

    @pytest.mark.parametrize("call", ["create_timing_cache", "get_timing_cache"])
    def test_a_release_without_timings_builds_without(self, gpu: Machine, load: Load, cache: Path, call: str) -> None:
        gpu.answers[f"IBuilderConfig.{call}"] = None

        assert load(cache=cache).facts().settings["plan_from"] == "built"

    def test_timings_of_other_devices_and_releases_are_never_asked_for(
        self, gpu: Machine, load: Load, cache: Path
    ) -> None:
        load(cache=cache)

        for name in ("IBuilderConfig.set_timing_cache", "ITimingCache.combine"):
            assert [call["ignore_mismatch"] for call in gpu.recorder.of(name)] == [False]

    def test_what_another_process_timed_meanwhile_is_kept_too(self, gpu: Machine, load: Load, cache: Path) -> None:
        load(cache=cache)

        assert len(gpu.recorder.of("ITimingCache.combine")) == 1

    def test_timings_that_cannot_be_kept_cost_time_alone(self, gpu: Machine, load: Load, cache: Path) -> None:
        load(cache=cache)
        (kept,) = cache.glob("*.timings")
        kept.unlink()
        kept.mkdir()

        assert load(cache=cache, tf32=True).facts().settings["plan_from"] == "built"
