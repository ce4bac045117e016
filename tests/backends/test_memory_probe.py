from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np
import pytest

from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.memory_probe import MemoryMeasurement, measure_memory
from pytest_qparity.backends.probing import Probing
from pytest_qparity.backends.protocol import Optimizer, SessionOptions
from pytest_qparity.backends.registry import BackendSpec, backend_table
from pytest_qparity.backends.start_probe import measure_start
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.backends.powercap import zone_of
from tests.backends.stand_ins import Feed
from tests.models import inputs_for_mlp, mlp, save

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH = 300_000  # 300,000 · (16 + 1 + 4) float32 weights: 25.2 MB
PROBE = "sys.modules['pytest_qparity.backends.resident']"
FEED = Feed({"input": inputs_for_mlp(1)}, 1)

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells what processes share")

STRANGER = """
import os, signal, subprocess, sys, time
import numpy as np
from pytest_qparity.backends.protocol import SessionFacts

class Engine:
    def unavailable(self):
        {imported}
        return None

    def load(self, model, options):
        {loaded}
        return self

    def run(self, feed):
        {ran}
        return dict(feed)

    def close(self): ...
"""


def megabytes(count: int) -> str:
    """Python for touched memory: zeros would stay unmapped."""
    return f"np.ones({count} * 10**6, np.uint8)"


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., BackendSpec]:
    """A third party's backend in a module of its own, found on sys.path alone."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def written(
        imported: str = "pass", loaded: str = "self.held = np.ones(5 * 10**6)", ran: str = "pass"
    ) -> BackendSpec:
        (folder / "stranger.py").write_text(STRANGER.format(imported=imported, loaded=loaded, ran=ran))
        return BackendSpec("stranger", "stranger:Engine")

    return written


def measured(spec: BackendSpec, model: Path = Path("model.onnx")) -> MemoryMeasurement:
    return measure_memory(Probing(spec, model, FEED, SessionOptions(), Limits()))


def unmeasured(spec: BackendSpec, model: Path = Path("model.onnx"), limits: Limits | None = None) -> Failure:
    with pytest.raises(CannotJudge) as caught:
        measure_memory(Probing(spec, model, FEED, SessionOptions(), limits or Limits()))
    assert caught.value.failure.code is Code.MEMORY_UNMEASURED
    return caught.value.failure


@pytest.mark.parametrize("engine", ["ort", "openvino", "reference"])
def test_a_larger_model_takes_more_and_the_engine_is_not_counted(tmp_path: Path, engine: str) -> None:
    small = save(mlp(), tmp_path / "small.onnx")
    large = save(mlp(hidden=WIDTH), tmp_path / "large.onnx")
    weights_mb = large.stat().st_size / 1e6

    took_small, took_large = measured(backend_table()[engine], small), measured(backend_table()[engine], large)

    assert took_large.peak_mb - took_small.peak_mb >= weights_mb
    assert took_small.peak_mb < took_small.idle_mb  # importing NumPy and an engine alone is more than 40 MB
    assert took_small.peak_mb < 50


def test_the_engines_import_is_not_counted_and_loading_and_running_are(stranger: Callable[..., BackendSpec]) -> None:
    spec = stranger(
        imported=f"Engine.library = {megabytes(80)}",
        loaded=f"self.weights = {megabytes(30)}",
        ran=f"self.scratch = {megabytes(20)}",
    )

    took = measured(spec)

    assert 49 <= took.peak_mb <= 80
    assert took.idle_mb > 80


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak cannot be reset on this system")
def test_a_peak_of_the_engines_import_does_not_hide_the_model(stranger: Callable[..., BackendSpec]) -> None:
    took = measured(stranger(imported=f"len({megabytes(200)})", loaded=f"self.weights = {megabytes(30)}"))

    assert took.method == "VmHWM"
    assert 29 <= took.peak_mb <= 45


def test_a_kernel_that_cannot_reset_the_peak_still_gives_a_figure(stranger: Callable[..., BackendSpec]) -> None:
    without_reset = f"import pathlib; {PROBE}._CLEAR = pathlib.Path('/nowhere/at/all')"

    took = measured(stranger(imported=without_reset, loaded=f"self.weights = {megabytes(60)}"))

    assert took.method in ("VmHWM since start", "sampled")  # the latter where imports freed much again
    assert took.idle_mb > 20
    assert 59 <= took.peak_mb <= 80


def test_samples_find_what_an_earlier_peak_hides_from_the_kernel(stranger: Callable[..., BackendSpec]) -> None:
    imported = f"import pathlib; {PROBE}._CLEAR = pathlib.Path('/nowhere/at/all'); len({megabytes(200)})"

    took = measured(stranger(imported=imported, loaded=f"self.weights = {megabytes(60)}"))

    assert took.method == "sampled"
    assert 59 <= took.peak_mb == took.sampled_peak_mb <= 80


def test_without_proc_the_figure_is_that_of_getrusage(stranger: Callable[..., BackendSpec]) -> None:
    """Linux hands it down from this process, which is large; a figure above that is there all the same."""
    without_proc = f"import pathlib; m = {PROBE}; m._CLEAR = m._STATUS = pathlib.Path('/nowhere/at/all')"
    here_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6

    took = measured(stranger(imported=without_proc, loaded=f"self.weights = {megabytes(int(here_mb) + 60)}"))

    assert took.method == "ru_maxrss"
    assert took.peak_mb >= 40


def test_what_is_freed_again_while_running_is_in_the_peak(stranger: Callable[..., BackendSpec]) -> None:
    assert measured(stranger(ran=f"len({megabytes(60)})")).peak_mb >= 100 - 1


@ON_LINUX
def test_a_helper_process_counts(stranger: Callable[..., BackendSpec]) -> None:
    program = "x = b'x' * (60 * 10**6); print('ready', flush=True); input()"
    helper = f"[sys.executable, '-c', {program!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE"

    took = measured(stranger(loaded=f"self.helper = subprocess.Popen({helper}); self.helper.stdout.readline()"))

    assert took.method == "sampled, with child processes"
    assert 60 <= took.peak_mb == took.sampled_peak_mb <= 85


@ON_LINUX
@pytest.mark.parametrize(
    ("of_its_own", "least_mb", "most_mb"),
    [
        pytest.param("b''", 60, 75, id="what it has of its parent counts once"),
        pytest.param("b'x' * (40 * 10**6)", 100, 115, id="and what is its own besides"),
    ],
)
def test_a_fork_counts_with_what_is_its_own(
    stranger: Callable[..., BackendSpec], of_its_own: str, least_mb: float, most_mb: float
) -> None:
    in_child = f"(setattr(self, 'own', {of_its_own}), os.write(told[1], b'.'), signal.pause())"
    forked = f"self.held = {megabytes(60)}; told = os.pipe(); os.fork() or {in_child}; os.read(told[0], 1)"

    assert least_mb <= measured(stranger(loaded=forked)).peak_mb <= most_mb


def test_what_is_allocated_in_a_later_run_is_in_the_peak(stranger: Callable[..., BackendSpec]) -> None:
    late = f"self.runs = getattr(self, 'runs', 0) + 1; {megabytes(60)} if self.runs == 4 else None"

    took = measured(stranger(ran=late))

    assert took.peak_mb >= 100 - 1
    assert (took.runs, took.grown_mb) == (10, None)


@ON_LINUX
def test_memory_that_grows_with_each_run_is_told(stranger: Callable[..., BackendSpec]) -> None:
    leak = f"self.kept = [*getattr(self, 'kept', []), {megabytes(2)}]"

    took = measured(stranger(ran=leak))

    assert took.runs == 10
    assert took.grown_mb == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    "ran",
    [
        pytest.param(f"self.scratch = {megabytes(2)}", id="taken anew each time"),
        pytest.param(f"held = [{megabytes(2)}]; held.append(held)", id="garbage that waits to be collected"),
        pytest.param(
            f"self.kept = [*getattr(self, 'kept', []), {megabytes(2)}][:6]", id="a cache that is full after six runs"
        ),
    ],
)
def test_memory_that_is_used_again_does_not_grow(stranger: Callable[..., BackendSpec], ran: str) -> None:
    assert measured(stranger(ran=ran)).grown_mb is None


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="glibc alone has mallopt")
def test_what_is_freed_is_given_back_whatever_was_freed_before(stranger: Callable[..., BackendSpec]) -> None:
    """By default glibc's heap keeps a block of 20 MB below one that stays, once one as large was freed before."""
    holes = "a = bytearray(20 * 10**6); self.kept = bytearray(10**6); del a; b = np.ones(15 * 10**6, np.uint8)"
    holes += "; self.more = bytearray(10**6); del b; self.last = np.ones(22 * 10**6, np.uint8)"

    took = measured(stranger(imported=f"len({megabytes(30)})", loaded=holes))

    assert took.allocator == "glibc, blocks from 128 KiB mapped"
    assert 22 <= took.peak_mb <= 27


def test_loading_and_the_first_run_are_timed_apart(stranger: Callable[..., BackendSpec]) -> None:
    """By a clock of their own, that goes on as the engine says: nothing is waited for."""
    clock = "from pytest_qparity.backends import start_probe; Engine.now = 1.0; "
    clock += "start_probe.time = type('Clock', (), {'perf_counter': staticmethod(lambda: Engine.now)})"
    spec = stranger(imported=clock, loaded="Engine.now += 0.25", ran="Engine.now *= 2")

    took = measure_start(Probing(spec, Path("model.onnx"), FEED, SessionOptions(), Limits()))

    assert took.load_ms == pytest.approx(250)
    assert took.first_run_ms == pytest.approx(1250)


def test_an_engine_that_is_built_has_a_size(stranger: Callable[..., BackendSpec], tmp_path: Path) -> None:
    stranger()
    with (tmp_path / "elsewhere" / "stranger.py").open("a") as file:
        file.write("\nclass Built(Engine):\n    def engine_bytes(self):\n        return 2_500_000\n")

    assert measured(BackendSpec("stranger", "stranger:Built")).engine_mb == 2.5
    assert measured(stranger()).engine_mb is None


def test_energy_is_that_of_a_sample_and_by_whose_counter(stranger: Callable[..., BackendSpec], tmp_path: Path) -> None:
    zone = zone_of(tmp_path / "powercap")
    patched = f"from pytest_qparity.backends import energy; import pathlib; Engine.zone = pathlib.Path({str(zone)!r}); "
    patched += "energy.POWERCAP = Engine.zone.parent; energy.WINDOW_S = 0.0"
    takes = "file = self.zone / 'energy_uj'; file.write_text(str(int(file.read_text()) + 3_000_000))"

    spec = stranger(imported=patched, ran=takes)
    took = measure_start(Probing(spec, Path("model.onnx"), Feed(FEED.arrays, 4), SessionOptions(), Limits()))

    assert (took.joule_per_sample, took.energy_method, took.energy_untold) == (0.75, "RAPL, 1 package", "")


def test_energy_that_nobody_counts_is_no_figure(stranger: Callable[..., BackendSpec]) -> None:
    patched = (
        "from pytest_qparity.backends import energy; import pathlib; energy.POWERCAP = pathlib.Path('/nowhere/at/all')"
    )

    took = measure_start(Probing(stranger(imported=patched), Path("model.onnx"), FEED, SessionOptions(), Limits()))

    assert took.joule_per_sample is None
    assert "/nowhere/at/all cannot be read" in took.energy_untold


NOBODY_COUNTS = "from pytest_qparity.backends import energy; import pathlib; "
NOBODY_COUNTS += "energy.POWERCAP = pathlib.Path('/nowhere/at/all')"
CLOCK = "from pytest_qparity.backends import serving; Engine.now = 1.0; "
CLOCK += "serving.time = type('Clock', (), {'perf_counter': staticmethod(lambda: Engine.now)})"


def test_the_first_session_of_a_worker_tells_how_it_started(stranger: Callable[..., BackendSpec]) -> None:
    """Where that is what a worker of its own would tell: not before it has run, nor of the second that was loaded, nor
    of feeds of another batch."""
    spec = stranger(imported=f"{NOBODY_COUNTS}; {CLOCK}", loaded="Engine.now += 0.25", ran="Engine.now += 0.5")
    with contextlib.closing(EngineHost(WorkerProcess(Limits()), spec)) as host:
        first, second = (host.load(Path("model.onnx"), SessionOptions()) for _ in range(2))
        before = first.start(FEED.arrays)
        for session in (first, second, first):
            session.run(FEED.arrays)

        told = first.start(FEED.arrays)

        assert told is not None
        assert (told.load_ms, told.first_run_ms, told.joule_per_sample) == (250.0, 500.0, None)
        assert "/nowhere/at/all" in told.energy_untold
        assert [before, second.start(FEED.arrays), first.start({"input": inputs_for_mlp(2)})] == [None, None, None]


def test_a_session_that_builds_or_whose_energy_is_counted_leaves_it_to_a_worker_of_its_own(
    stranger: Callable[..., BackendSpec], tmp_path: Path
) -> None:
    def told(spec: BackendSpec) -> object:
        with contextlib.closing(EngineHost(WorkerProcess(Limits()), spec)) as host:
            session = host.load(Path("model.onnx"), SessionOptions())
            session.run(FEED.arrays)
            return session.start(FEED.arrays)

    zone = zone_of(tmp_path / "powercap")
    counted = (
        f"from pytest_qparity.backends import energy; import pathlib; energy.POWERCAP = pathlib.Path({str(zone)!r})"
    )
    of_counted = told(stranger(imported=f"{counted}.parent"))
    of_another = told(stranger(imported=NOBODY_COUNTS))
    with (tmp_path / "elsewhere" / "stranger.py").open("a") as file:
        file.write("\nclass Built(Engine):\n    def engine_bytes(self):\n        return 2_500_000\n")

    assert of_counted is None
    assert of_another is not None
    assert told(BackendSpec("stranger", "stranger:Built")) is None


def test_an_engine_that_prints_is_measured(stranger: Callable[..., BackendSpec]) -> None:
    spec = stranger(
        imported="import atexit; atexit.register(print, '{\"peak_mb\": 1.0}')",
        loaded="self.held = np.ones(5 * 10**6); os.write(1, b'hello from C\\n'); subprocess.run(['echo', 'child'])",
        ran="print('x' * 10**6)",
    )

    assert measured(spec).peak_mb >= 39


def test_a_crash_is_named_by_its_signal(stranger: Callable[..., BackendSpec]) -> None:
    failure = unmeasured(stranger(loaded="os.kill(os.getpid(), signal.SIGSEGV)"))

    assert "SIGSEGV" in failure.sentence


def test_an_exit_without_an_answer_is_no_measurement(stranger: Callable[..., BackendSpec]) -> None:
    assert "status 0" in unmeasured(stranger(loaded="os._exit(0)")).sentence


def test_a_hang_is_killed_with_its_children(stranger: Callable[..., BackendSpec], tmp_path: Path) -> None:
    held_open = tmp_path / "held open"
    os.mkfifo(held_open)
    reader = os.open(held_open, os.O_RDONLY | os.O_NONBLOCK)
    spec = stranger(
        loaded=f"subprocess.Popen(['sh', '-c', 'echo; sleep 60'], stdout=open({str(held_open)!r}, 'w')); time.sleep(60)"
    )

    failure = unmeasured(spec, limits=Limits(load_s=1, first_run_s=1, run_s=1))

    assert "within 3 s" in failure.sentence
    assert os.read(reader, 10) == b"\n"
    ended, _, _ = select.select([reader], [], [], 30)  # at its end once the last process that holds it is gone
    assert ended
    os.close(reader)


def test_a_model_that_does_not_load_says_why(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no model")

    assert "broken.onnx" in unmeasured(backend_table()["ort"], path).sentence


def test_a_run_that_fails_says_why(stranger: Callable[..., BackendSpec]) -> None:
    assert 'ValueError: "too hot"' in unmeasured(stranger(ran="raise ValueError('too hot')")).sentence


def test_a_backend_that_does_not_work_here_says_why() -> None:
    assert "no_such_module_anywhere" in unmeasured(BackendSpec("mine", "no_such_module_anywhere:Engine")).sentence


def test_nothing_measured_is_not_zero_megabytes(stranger: Callable[..., BackendSpec]) -> None:
    flat = f"{PROBE}.highest_mb = {PROBE}.resident_mb = lambda: 50.0"

    assert "0.0 MB" in unmeasured(stranger(imported=flat)).sentence


def test_options_and_inputs_arrive_as_they_were(stranger: Callable[..., BackendSpec], tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    spec = stranger(
        loaded=f"open({str(seen)!r}, 'a').write(f'{{options.threads}} {{options.optimizer.name}} {{model.name}} ')"
        "; self.held = np.ones(5 * 10**6)",
        ran=f"open({str(seen)!r}, 'a').write(str([(n, a.dtype.name, a.tolist()) for n, a in feed.items()]))",
    )
    feed = Feed({"a/b:0": np.array([1.5], ml_dtypes.bfloat16), "": np.array([[True]]), "s": np.array(3)}, 1)

    measure_memory(Probing(spec, Path("my model.onnx"), feed, SessionOptions(3, Optimizer.OFF), Limits()))

    assert seen.read_text().startswith(
        "3 OFF my model.onnx [('a/b:0', 'bfloat16', [1.5]), ('', 'bool', [[True]]), ('s', 'int64', 3)]"
    )


METER = """
from pytest_qparity.backends.device_memory import DeviceReading

class Metered(Engine):
    held = 0

    def device_meter(self):
        return self

    def read(self):
        {read}
        return DeviceReading({own}, 500.0 + self.held, {processes})

    def load(self, model, options):
        self.held = 120.0
        return super().load(model, options)

    def run(self, feed):
        self.held = 300.0
        return super().run(feed)

    def close(self):
        self.held = 0
"""


@pytest.fixture
def metered(stranger: Callable[..., BackendSpec], tmp_path: Path) -> Callable[..., BackendSpec]:
    """The same, with memory of a device: 120 MB once it is loaded, 300 once it has run."""

    def written(own: str = "None", processes: int = 1, read: str = "pass") -> BackendSpec:
        stranger()
        with (tmp_path / "elsewhere" / "stranger.py").open("a") as file:
            file.write(METER.format(own=own, processes=processes, read=read))
        return BackendSpec("stranger", "stranger:Metered")

    return written


def test_memory_of_a_device_is_measured_beside_that_of_the_process(metered: Callable[..., BackendSpec]) -> None:
    took = measured(metered(own="self.held"))

    assert (took.device_peak_mb, took.device_method) == (300.0, "of this process")
    assert took.peak_mb > 0


def test_a_device_whose_driver_names_nobody_is_measured_as_a_whole(metered: Callable[..., BackendSpec]) -> None:
    took = measured(metered())

    assert took.device_peak_mb == 300.0
    assert "whole device" in took.device_method


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        pytest.param({"processes": 2}, "2 processes on the device", id="others on the device"),
        pytest.param({"read": "raise OSError('the GPU is lost')"}, "the GPU is lost", id="a meter that fails"),
    ],
)
def test_a_device_that_cannot_be_read_is_no_number(
    metered: Callable[..., BackendSpec], spoiled: dict[str, object], said: str
) -> None:
    assert said in unmeasured(metered(**spoiled)).sentence


def test_a_backend_on_the_cpu_has_no_figure_of_a_device(stranger: Callable[..., BackendSpec]) -> None:
    assert measured(stranger()).device_peak_mb is None


def test_nothing_is_left_behind(
    stranger: Callable[..., BackendSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    measured(stranger())
    unmeasured(stranger(loaded="os.abort()"))

    assert list(temporary.iterdir()) == []
