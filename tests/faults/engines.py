"""Engines that go wrong, each in one way. All the rest of them is ONNX Runtime's own session."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from pytest_qparity.backends.ort import OnnxRuntimeCpu
from pytest_qparity.backends.protocol import Session, SessionFacts, SessionOptions, Unavailable

Outputs = dict[str, np.ndarray]


def segfault() -> None:
    ctypes.string_at(0)


def hold_the_gil() -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")


def allocate_without_end() -> None:
    blocks = []
    while True:
        blocks.append(np.ones(2 * 10**6))


def descriptors() -> list[int]:
    """All that this process has open, whatever their numbers, but the standard ones."""
    return [int(path.name) for path in Path("/proc/self/fd").iterdir() if int(path.name) > 2]


def overflow_the_stack() -> None:
    """In native code, where Python's own limit does not count."""
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    array = (ctypes.c_int * 2)(2, 1)
    sort = ctypes.CDLL(None).qsort
    sys.setrecursionlimit(10**9)

    def again(*_: object) -> int:
        sort(array, 2, 4, compare(again))
        return 0

    sort(array, 2, 4, compare(again))


class Sound:
    """What the others go wrong from."""

    def __init__(self) -> None:
        self.engine = OnnxRuntimeCpu()

    def unavailable(self) -> Unavailable | None:
        return self.engine.unavailable()

    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        return self.opened(self.engine.load(model, options))

    def opened(self, session: Session) -> SoundSession:
        return SoundSession(session)


class SoundSession:
    def __init__(self, session: Session) -> None:
        self.session = session
        self.runs = 0

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        self.runs += 1
        return self.session.run(feed)

    def facts(self) -> SessionFacts:
        return self.session.facts()

    def close(self) -> None:
        self.session.close()


# Engines that go wrong before they run


class SegfaultsAtImport(Sound):
    def unavailable(self) -> Unavailable | None:
        segfault()


class ExitsAtImport(Sound):
    def unavailable(self) -> Unavailable | None:
        sys.exit(0)


class SpinsAtImport(Sound):
    def unavailable(self) -> Unavailable | None:
        hold_the_gil()


class RaisesAtImport(Sound):
    def unavailable(self) -> Unavailable | None:
        raise OSError("libengine.so.7: cannot open shared object file")


class SegfaultsInLoad(Sound):
    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        os.write(2, b"engine: node Conv_7 has no kernel\n")
        segfault()


class AbortsInLoad(Sound):
    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        os.abort()


class SpinsInLoad(Sound):
    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        hold_the_gil()


class AllocatesInLoad(Sound):
    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        allocate_without_end()


class LeavesInLoad(Sound):
    """`exit(0)` in native code: pytest itself would end here, with the status of a pass."""

    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        os._exit(0)


class GivesNoSession(Sound):
    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        return None


class RewritesTheModel(Sound):
    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        session = super().load(model, options)
        with model.open("ab") as stream:
            stream.write(b"\x72\x00")  # an empty metadata entry: another file, the same graph
        return session


class DeletesTheModel(Sound):
    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        session = super().load(model, options)
        model.unlink()
        return session


class LoadsTheFloatModel(Sound):
    """A silent fallback: whatever is asked for, the float model runs."""

    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        return super().load(Path(os.environ["QPARITY_FAULT_FLOAT_MODEL"]), options)


# Engines whose runs go wrong


class _Session(Sound):
    """An engine that only differs by its session."""

    kind: type[SoundSession]

    def opened(self, session: Session) -> SoundSession:
        return self.kind(session)


def engine_of(session: type[SoundSession]) -> type[_Session]:
    return type(session.__name__.removesuffix("Session"), (_Session,), {"kind": session})


class SegfaultsInFirstRunSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        segfault()


class SegfaultsInThirdRunSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if self.runs == 2:
            segfault()
        return super().run(feed)


class SegfaultsLaterSession(SoundSession):
    """By a thread of its own, between two calls."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        threading.Timer(0.05, segfault).start()
        time.sleep(0.03)
        return super().run(feed)


class DividesByZeroSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        os.kill(os.getpid(), signal.SIGFPE)


class OverflowsItsStackSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        overflow_the_stack()


class LeavesInRunSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        os._exit(0)


class ExitsInRunSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        sys.exit(0)


class InterruptsItselfSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        raise KeyboardInterrupt


class SegfaultsOnceSession(SoundSession):
    """In the first process that runs it; the next ones find the file that it leaves."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        marker = Path(os.environ["QPARITY_FAULT_MARKER"])
        if not marker.exists():
            marker.touch()
            segfault()
        return super().run(feed)


class SpinsInFirstRunSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        hold_the_gil()


class SpinsInThirdRunSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if self.runs == 2:
            hold_the_gil()
        return super().run(feed)


class SaysItRunsAndSpinsSession(SoundSession):
    """Leaves a file when it is about to spin, for whoever waits for that moment."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        Path(os.environ["QPARITY_FAULT_MARKER"]).touch()
        hold_the_gil()


class SleepsSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        time.sleep(600)


class StopsItselfSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        os.kill(os.getpid(), signal.SIGSTOP)


class IgnoresSignalsSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGIO, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        hold_the_gil()


class AllocatesInRunSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        allocate_without_end()


class AllocatesInChildrenSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        for _ in range(6):
            subprocess.Popen([sys.executable, "-c", "x = b'x' * (120 * 10**6); import time; time.sleep(600)"])
        time.sleep(600)


class ForksSession(SoundSession):
    """Leaves a child in its process group, which holds every descriptor open."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if os.fork() == 0:
            time.sleep(600)
        return super().run(feed)


class DetachesSession(SoundSession):
    """Leaves a grandchild in a session of its own."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        child = os.fork()
        if child == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(600)
            os._exit(0)
        os.waitpid(child, 0)
        return super().run(feed)


class ForksAndDiesSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if os.fork() == 0:
            time.sleep(600)
        segfault()


class AnswersTwiceSession(SoundSession):
    """A fork that returns goes on as if it were the worker: two processes answer one call."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        os.fork()
        return super().run(feed)


class KillsItsParentSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)


class DetachesAndKillsItsParentSession(DetachesSession):
    """Nobody is left who knows the grandchild as its own."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        super().run(feed)
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)


class StopsItsParentSession(DetachesSession):
    """A supervisor that sees neither time nor memory nor the end of its lifeline."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        super().run(feed)
        os.kill(os.getppid(), signal.SIGSTOP)
        time.sleep(600)


class KeepsForkingSession(SoundSession):
    """Leaves a chain of processes, each in a session of its own, that end before anyone has looked at them twice."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if self.runs == 0 and os.fork() == 0:
            end = time.monotonic() + 60
            while time.monotonic() < end:
                if os.fork() != 0:
                    os._exit(0)
                os.setsid()
            os._exit(0)
        return super().run(feed)


class ClosesDescriptorsSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        os.closerange(0, max(descriptors()) + 1)
        return super().run(feed)


class PrintsFramesSession(SoundSession):
    """What looks like an answer, on stdout and stderr, also past Python's own streams."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        forged = b'{"number":3,"value":null,"arrays":[]}'
        os.write(1, len(forged).to_bytes(4, "big") + forged)
        os.write(2, len(forged).to_bytes(4, "big") + forged)
        print(forged.decode())
        return super().run(feed)


class WritesIntoTheChannelSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        for descriptor in descriptors():
            try:
                os.write(descriptor, b"\xff\xff\xff\xff no frame at all")
            except OSError:
                continue
        return super().run(feed)


class ShrinksTheMemorySession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        outputs = super().run(feed)
        for descriptor in descriptors():
            try:
                os.ftruncate(descriptor, 1)
            except OSError:
                continue
        return outputs


class TalksMuchSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        for _ in range(32):
            os.write(2, b"W: falling back\n" * 65536)
        return super().run(feed)


class RaisesSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        raise RuntimeError("out of memory in Conv_3\nand a long log")


class RaisesMuchSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        raise RuntimeError("no " * 10**7)


class RaisesWhatCannotBeSaidSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        class UnspeakableError(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no words")

        raise UnspeakableError


# Engines whose outputs are wrong


class GivesNaNSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: np.full_like(array, np.nan) for name, array in super().run(feed).items()}


class GivesOneInfSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        outputs = super().run(feed)
        next(iter(outputs.values())).flat[0] = np.inf
        return outputs


class GivesZerosSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: np.zeros_like(array) for name, array in super().run(feed).items()}


class GivesStaleBuffersSession(SoundSession):
    """The outputs of the run before: right numbers, for another sample."""

    before: Outputs | None = None

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        now = super().run(feed)
        given, self.before = self.before or now, now
        return given


class GivesViewsItOverwritesSession(SoundSession):
    """One buffer for all runs: whoever keeps a view of it finds the last run there."""

    buffers: Outputs | None = None

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        outputs = super().run(feed)
        if self.buffers is None:
            self.buffers = {name: array.copy() for name, array in outputs.items()}
        for name, array in outputs.items():
            self.buffers[name][...] = array
        return self.buffers


class OverwritesLaterSession(SoundSession):
    """A thread goes on writing into what was given."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        outputs = super().run(feed)
        threading.Timer(0.02, lambda: [array.fill(7) for array in outputs.values()]).start()
        return outputs


class WritesOverItsInputSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        outputs = super().run(feed)
        for array in feed.values():
            array.fill(0)
        return outputs


class LosesAnOutputSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        super().run(feed)
        return {}


class RenamesAnOutputSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {f"{name}_0": array for name, array in super().run(feed).items()}


class AddsAnOutputSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {**super().run(feed), "debug": np.ones((len(next(iter(feed.values()))), 1), np.float32)}


class GivesAnotherTypeSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: array.astype(np.float64) for name, array in super().run(feed).items()}


class GivesOneRowLessSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: array[1:] for name, array in super().run(feed).items()}


class GivesObjectsSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: array.astype(object) for name, array in super().run(feed).items()}


class GivesAListSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: array.tolist() for name, array in super().run(feed).items()}


class GivesFarTooMuchSession(SoundSession):
    """An output that is larger than the worker may be, and takes no memory: a view without strides."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: np.broadcast_to(np.float32(1), (10**12,)) for name in super().run(feed)}


class GivesMuchSession(SoundSession):
    """Each output a million times over, in memory: what a Tile in a model comes to."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: np.repeat(array, 50 * 10**6 // array.nbytes, axis=0) for name, array in super().run(feed).items()}


class WandersSession(SoundSession):
    """Another answer at each run."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        noise = np.random.default_rng()
        return {
            name: array + noise.standard_normal(array.shape).astype(array.dtype) * 10
            for name, array in super().run(feed).items()
        }


# Engines that state what is not so


class StatesAnotherPlaceSession(SoundSession):
    def facts(self) -> SessionFacts:
        return replace(super().facts(), placement={"CPUExecutionProvider": 0, "Elsewhere": 3})


class StatesNoPlaceSession(SoundSession):
    def facts(self) -> SessionFacts:
        return replace(super().facts(), placement={})


class StatesNothingSession(SoundSession):
    def facts(self) -> SessionFacts:
        return None


class StatesWhatIsNoJsonSession(SoundSession):
    def facts(self) -> SessionFacts:
        return replace(super().facts(), settings={"model": Path("x")})


class SegfaultsInFactsSession(SoundSession):
    def facts(self) -> SessionFacts:
        segfault()


# Engines that go wrong while they are timed or measured


class SegfaultsWhileTimedSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if self.runs == 12:
            segfault()
        return super().run(feed)


class SpinsWhileTimedSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if self.runs == 12:
            hold_the_gil()
        return super().run(feed)


class StopsComputingSession(SoundSession):
    """Nothing is as fast: zeros at once, from its ninth run on, which is one that is timed."""

    last: Outputs | None = None

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if self.runs < 8 or self.last is None:
            self.last = super().run(feed)
            return self.last
        return {name: np.zeros_like(array) for name, array in self.last.items()}


class RepeatsItselfSession(StopsComputingSession):
    """What it gave for the feed before, whatever it is fed. Nobody can tell while one feed is timed; parity can."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if self.last is None:
            self.last = super().run(feed)
        return self.last


class RaisesInCloseSession(SoundSession):
    def close(self) -> None:
        raise RuntimeError("double free")


class StopsComputingTheFloatModel(Sound):
    """The counterpart alone: a variant is slow beside it, and nobody asks why."""

    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        session = self.engine.load(model, options)
        is_float = b"QuantizeLinear" not in model.read_bytes()
        return StopsComputingSession(session) if is_float else SoundSession(session)


def _engines() -> dict[str, type[_Session]]:
    sessions = [each for each in globals().values() if isinstance(each, type) and issubclass(each, SoundSession)]
    return {each.__name__.removesuffix("Session"): engine_of(each) for each in sessions if each is not SoundSession}


globals().update(_engines())
