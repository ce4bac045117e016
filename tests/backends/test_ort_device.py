"""Sessions on a device, here with the CPU as the device: binding is the same code of ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest

from pytest_qparity.backends import ort_cuda, ort_tensorrt
from pytest_qparity.backends.cpu import cpu_device
from pytest_qparity.backends.kernels import NotTold
from pytest_qparity.backends.ort import PROVIDER, _engine
from pytest_qparity.backends.ort_cuda import AS_FLOAT
from pytest_qparity.backends.ort_device import OnnxRuntimeDeviceSession, require_provider, starting
from pytest_qparity.backends.ort_session import Place, opened, session_settings
from pytest_qparity.backends.protocol import BindsFeeds, Optimizer, SessionOptions
from pytest_qparity.backends.shapes import InputShapes
from pytest_qparity.backends.timed_calls import Clock
from pytest_qparity.backends.timing import Question, alone
from pytest_qparity.backends.watched import Watched
from pytest_qparity.verdict import CannotJudge, Code
from tests.backends.quantized import cnn
from tests.models import inputs_for_mlp, mlp, save

CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"


def on_cpu(path: Path, optimizer: Optimizer = Optimizer.ALL, **options: Any) -> OnnxRuntimeDeviceSession:
    session = opened(Place(PROVIDER, cpu_device(), _engine), path, SessionOptions(optimizer=optimizer))
    return OnnxRuntimeDeviceSession(session, "cpu", **options)


def test_a_bound_feed_gives_what_a_run_gives(tmp_path: Path) -> None:
    session = on_cpu(save(mlp(), tmp_path / "mlp.onnx"))
    feed = {"input": inputs_for_mlp(5)}

    bound = session.bound(feed)
    bound.run()
    bound.run()

    assert isinstance(session, BindsFeeds)
    outputs, expected = bound.outputs(), session.run(feed)
    assert list(outputs) == list(expected)
    np.testing.assert_array_equal(outputs["logits"], expected["logits"])


def test_timing_runs_the_bound_feed_and_looks_at_what_it_gave(tmp_path: Path) -> None:
    session = on_cpu(save(mlp(), tmp_path / "mlp.onnx"))
    feed = {"input": inputs_for_mlp(5)}
    watched = Watched(session, feed, session.run(feed))

    assert watched.computes_elsewhere
    assert watched.run() is None
    times = alone(watched, Question(0.01))
    assert len(times.ms) >= 20
    assert times.clock is Clock.HOST  # ONNX Runtime tells no time of the device


class Idle:
    """A bound feed that gives what it is told, and computes nothing."""

    def __init__(self, outputs: dict[str, np.ndarray]) -> None:
        self._outputs = outputs

    def run(self) -> None: ...

    def outputs(self) -> dict[str, np.ndarray]:
        return self._outputs


def test_a_device_that_computes_something_else_while_timed_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = on_cpu(save(mlp(), tmp_path / "mlp.onnx"))
    feed = {"input": inputs_for_mlp(5)}
    expected = session.run(feed)
    idle = Idle({"logits": np.zeros_like(expected["logits"])})
    monkeypatch.setattr(OnnxRuntimeDeviceSession, "bound", lambda *_: idle)

    with pytest.raises(CannotJudge) as caught:
        alone(Watched(session, feed, expected), Question(0.01))

    assert caught.value.failure.code is Code.LATENCY_OUTPUTS


@pytest.mark.parametrize("got", [[CUDA], [CUDA, PROVIDER]])
def test_the_cpu_stands_behind_the_provider_that_was_asked_for(got: list[str]) -> None:
    require_provider(got, CUDA)


@pytest.mark.parametrize("got", [[], [PROVIDER], [PROVIDER, CUDA], [CUDA, "OtherExecutionProvider", PROVIDER]])
def test_another_provider_in_its_place_is_refused(got: list[str]) -> None:
    with pytest.raises(CannotJudge, match=CUDA) as caught:
        require_provider(got, CUDA)

    assert caught.value.failure.code is Code.BACKEND_LOAD


class Refusing:
    """onnxruntime.InferenceSession on a machine with CUDA: it refuses a graph of which it would run a part on the CPU,
    unless that is allowed."""

    asked: list[Any]

    def __init__(self, path: str, settings: Any, **others: Any) -> None:
        type(self).asked.append(others)
        refused = settings.has_fallback_refused
        if refused:
            raise RuntimeError("This session contains graph nodes that are assigned to the default CPU EP, but")

    def get_providers(self) -> list[str]:
        return [CUDA, PROVIDER]

    def get_provider_graph_assignment_info(self) -> list[Any]:
        nodes = [SimpleNamespace(op_type="Shape", name="/Shape"), SimpleNamespace(op_type="Gather", name="/Gather_1")]
        conv = SimpleNamespace(op_type="Conv", name="/conv")
        return [
            SimpleNamespace(ep_name=PROVIDER, get_nodes=lambda: nodes),
            SimpleNamespace(ep_name=CUDA, get_nodes=lambda: [conv]),
        ]


class OnCpu(onnxruntime.InferenceSession):  # type: ignore[misc]
    """The real session, which runs on the CPU whatever is asked for, and says that it runs on `says`."""

    says: list[str]
    asked: Any = None
    may_fall_back = True

    def __init__(self, path: str, settings: Any, **others: Any) -> None:
        type(self).asked = others
        settings = session_settings(SessionOptions())  # without the refusal of the CPU
        settings.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        super().__init__(path, settings, providers=[PROVIDER])

    def get_providers(self) -> list[str]:
        return self.says

    def disable_fallback(self) -> None:
        type(self).may_fall_back = False


@pytest.fixture
def on_the_cpu_instead(monkeypatch: pytest.MonkeyPatch) -> type[OnCpu]:
    kind = type("OnCpuInstead", (OnCpu,), {"says": [CUDA, PROVIDER]})
    monkeypatch.setattr(onnxruntime, "InferenceSession", kind)
    return kind


def test_a_session_that_went_to_the_cpu_in_silence_is_refused(on_the_cpu_instead: type[OnCpu], tmp_path: Path) -> None:
    on_the_cpu_instead.says = [PROVIDER]

    with pytest.raises(CannotJudge, match=CUDA):
        starting(CUDA, {})(save(mlp(), tmp_path / "mlp.onnx"), session_settings(SessionOptions()))


def test_a_run_that_fails_is_not_tried_again_on_the_cpu(on_the_cpu_instead: type[OnCpu], tmp_path: Path) -> None:
    starting(CUDA, {})(save(mlp(), tmp_path / "mlp.onnx"), session_settings(SessionOptions()))

    assert not on_the_cpu_instead.may_fall_back


@pytest.mark.parametrize(("tf32", "expected"), [(False, "0"), (True, "1")])
def test_tf32_is_off_unless_it_is_asked_for(
    on_the_cpu_instead: type[OnCpu],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tf32: bool,
    expected: str,
) -> None:
    monkeypatch.setattr(ort_cuda, "gpu_device", lambda: "a GPU")
    monkeypatch.delenv(ort_cuda.OVERRIDE, raising=False)

    session = ort_cuda.OnnxRuntimeCuda().load(save(mlp(), tmp_path / "mlp.onnx"), SessionOptions(tf32=tf32))

    assert on_the_cpu_instead.asked["providers"] == [(CUDA, {"device_id": "0", "use_tf32": expected})]
    assert session.facts().settings["tf32"] == ("on" if tf32 else "off")
    assert session.facts().expected_placement == CUDA
    assert session.facts().strayed == 3  # all of them, as the record of the assignment has it


def test_the_tensorrt_provider_is_given_what_the_file_and_the_case_say(
    on_the_cpu_instead: type[OnCpu], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ort_tensorrt, "gpu_device", lambda: "a GPU")
    monkeypatch.setattr(ort_tensorrt, "_tensorrt_version", lambda: "10.16.1")
    monkeypatch.setenv(ort_cuda.OVERRIDE, "0")
    on_the_cpu_instead.says = [TENSORRT, PROVIDER]
    shapes = {"x": InputShapes((1, 4, 8, 8), (1, 4, 8, 8), (1, 4, 8, 8))}
    path = save(cnn(), tmp_path / "int8.onnx")

    session = ort_tensorrt.OnnxRuntimeTensorrt().load(path, SessionOptions(shapes=shapes, cache=tmp_path / "engines"))

    [(provider, options)] = on_the_cpu_instead.asked["providers"]
    [folder] = (path for path in (tmp_path / "engines" / "ort-tensorrt").iterdir() if path.is_dir())
    assert provider == TENSORRT
    assert options == {
        "device_id": "0",
        "trt_fp16_enable": "0",
        "trt_bf16_enable": "0",
        "trt_int8_enable": "1",
        "trt_profile_min_shapes": "x:1x4x8x8",
        "trt_profile_opt_shapes": "x:1x4x8x8",
        "trt_profile_max_shapes": "x:1x4x8x8",
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
    }
    settings = session.facts().settings
    assert settings["tf32"] == "off (NVIDIA_TF32_OVERRIDE=0)"
    assert (settings["tensorrt"], settings["builder_flags"]) == ("10.16.1", "trt_int8_enable")
    assert settings["engine_cache"] == folder.name
    assert isinstance(session.kernels(), NotTold)


def test_an_engine_that_is_built_in_the_first_run_is_recorded_too(
    on_the_cpu_instead: type[OnCpu], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ort_tensorrt, "gpu_device", lambda: "a GPU")
    monkeypatch.setattr(ort_tensorrt, "_tensorrt_version", lambda: "10.16.1")
    on_the_cpu_instead.says = [TENSORRT, PROVIDER]
    path = save(mlp(), tmp_path / "mlp.onnx")
    session = ort_tensorrt.OnnxRuntimeTensorrt().load(path, SessionOptions(cache=tmp_path / "engines"))
    folder = Path(on_the_cpu_instead.asked["providers"][0][1]["trt_engine_cache_path"])

    def building(engine: OnCpu, *arguments: Any) -> Any:
        (folder / "a.engine").write_bytes(b"built")
        return onnxruntime.capi.onnxruntime_inference_collection.Session.run(engine, *arguments)

    monkeypatch.setattr(on_the_cpu_instead, "run", building)
    session.run({"input": inputs_for_mlp(1)})
    ort_tensorrt.OnnxRuntimeTensorrt().load(path, SessionOptions(cache=tmp_path / "engines"))

    assert (folder / "a.engine").read_bytes() == b"built"


def test_without_a_folder_nothing_is_kept(
    on_the_cpu_instead: type[OnCpu], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ort_tensorrt, "gpu_device", lambda: "a GPU")
    monkeypatch.setattr(ort_tensorrt, "_tensorrt_version", lambda: "10.16.1")
    on_the_cpu_instead.says = [TENSORRT, PROVIDER]

    session = ort_tensorrt.OnnxRuntimeTensorrt().load(save(mlp(), tmp_path / "mlp.onnx"), SessionOptions())

    assert not any("cache" in name for name in on_the_cpu_instead.asked["providers"][0][1])
    assert session.facts().settings["engine_cache"] == "none"


def test_nodes_that_would_fall_back_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Settings(onnxruntime.SessionOptions):  # type: ignore[misc]
        has_fallback_refused = False

        def add_session_config_entry(self, name: str, value: str) -> None:
            self.has_fallback_refused |= (name, value) == ("session.disable_cpu_ep_fallback", "1")
            super().add_session_config_entry(name, value)

    Refusing.asked = []
    monkeypatch.setattr(onnxruntime, "InferenceSession", Refusing)
    monkeypatch.setattr(onnxruntime, "SessionOptions", Settings)

    with pytest.raises(CannotJudge) as caught:
        starting(CUDA, {"use_tf32": "0"})(tmp_path / "m.onnx", Settings())

    assert caught.value.failure.sentence == (
        "got 2 of 3 nodes on the CPU (Shape '/Shape', Gather '/Gather_1'), should be all on CUDAExecutionProvider"
    )
    assert Refusing.asked == 2 * [{"providers": [(CUDA, {"use_tf32": "0"})], "enable_fallback": 0}]


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_this_package_does_not_have_is_no_session_on_the_cpu(tmp_path: Path) -> None:
    """With ONNX Runtime itself: a provider that it does not know or cannot start."""
    path = save(mlp(), tmp_path / "mlp.onnx")

    with pytest.raises(Exception, match=r"got a session with providers|NotThereExecutionProvider"):
        starting("NotThereExecutionProvider", {})(path, onnxruntime.SessionOptions())


def test_quantized_nodes_that_run_as_floats_are_told_as_such(tmp_path: Path) -> None:
    """What is left of Q/DQ pairs where no kernel takes them: here by an optimizer that does not fuse them."""
    session = on_cpu(save(cnn(), tmp_path / "int8.onnx"), Optimizer.BASIC, remark=AS_FLOAT)

    kernels = session.kernels()

    assert not isinstance(kernels, NotTold)
    assert kernels.quantized == 0
    assert kernels.fell_back > 0
    assert kernels.text("int8").startswith("0/")
    assert kernels.remarks == (AS_FLOAT,)


def test_of_floats_nothing_is_remarked(tmp_path: Path) -> None:
    kernels = on_cpu(save(mlp(), tmp_path / "mlp.onnx"), remark=AS_FLOAT).kernels()

    assert not isinstance(kernels, NotTold)
    assert kernels.remarks == ()


def test_a_provider_that_builds_engines_says_that_it_does_not_tell(tmp_path: Path) -> None:
    untold = NotTold("engines")

    assert on_cpu(save(mlp(), tmp_path / "mlp.onnx"), kernels_told=untold).kernels() is untold


def test_only_the_first_run_may_build(tmp_path: Path) -> None:
    entered = []

    class Entered:
        def __enter__(self) -> None:
            entered.append(True)

        def __exit__(self, *_: object) -> None: ...

    session = on_cpu(save(mlp(), tmp_path / "mlp.onnx"), first_run=Entered)

    session.run({"input": inputs_for_mlp(1)})
    session.run({"input": inputs_for_mlp(1)})

    assert entered == [True]
