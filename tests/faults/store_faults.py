"""Faults of what is stored: goldens and variants that are cut, swapped, newer or half written; disks and clocks."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.bench import ROOT, Bench
from tests.faults.fault import Area, Fault
from tests.models import mlp

Spoil = Callable[[Path], object]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
CORRUPT, NEWER = "QP-GOLDEN-003", "QP-GOLDEN-006"


def _fault(area: Area, name: str, what: str, verdict: str, inject: Callable[[Bench], str]) -> Fault:
    return Fault(f"{area.value}-{name}", area, what, verdict, inject)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def _pointer(path: Path) -> None:
    path.write_bytes(POINTER)


def _linked(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def _piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _edited(old: str, new: str) -> Spoil:
    return lambda path: path.write_text(path.read_text().replace(old, new, 1))


def _array(spoil: Spoil) -> Callable[[Bench], str]:
    """The verdict where the golden's array was spoilt."""

    def inject(bench: Bench) -> str:
        spoil(next(bench.golden.glob("*.npy")))
        return bench.outcome()

    return inject


def _manifest(spoil: Spoil) -> Callable[[Bench], str]:
    def inject(bench: Bench) -> str:
        spoil(bench.golden / "manifest.json")
        return bench.outcome()

    return inject


def _variant(spoil: Spoil) -> Callable[[Bench], str]:
    """The verdict where a cached variant was spoilt: it is made anew, and judged as it should be."""

    def inject(bench: Bench) -> str:
        for path in (bench.cache / "variants").glob("*.onnx"):
            spoil(path)
        return bench.outcome()

    return inject


def _record(spoil: Spoil) -> Callable[[Bench], str]:
    def inject(bench: Bench) -> str:
        for path in (bench.cache / "variants").glob("*.json"):
            spoil(path)
        return bench.outcome()

    return inject


def _extra_files(bench: Bench) -> str:
    (bench.golden / "001_old.0123456789ab.npy").write_bytes(b"of an older golden")
    (bench.golden / ".nfs000000000001").write_bytes(b"of a file that is open elsewhere")
    return bench.outcome()


def _newer_accepted(bench: Bench) -> str:
    """An older version is told to accept: it must not replace what it does not understand."""
    _edited('"format": 1', '"format": 2')(bench.golden / "manifest.json")
    before = {path.name: path.read_bytes() for path in bench.golden.iterdir()}
    ended = bench.command("accept", "--changed")
    after = {path.name: path.read_bytes() for path in bench.golden.iterdir()}
    return f"status {ended.returncode}, {'left alone' if before == after else 'changed'}"


def _another_golden(bench: Bench) -> None:
    """Another float model, so that an accept has something to write."""
    bench.float_model.write_bytes(mlp(seed=3).SerializeToString())


def _accepts_at_once(count: int) -> Callable[[Bench], str]:
    def inject(bench: Bench) -> str:
        _another_golden(bench)
        accepts = [_accept(bench) for _ in range(count)]
        statuses = {accept.wait(100) for accept in accepts}
        return f"statuses {statuses}, {bench.outcome(precision='fp32')}"

    return inject


def _accept(bench: Bench) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_qparity.cli", "accept", "--missing", "--changed"],
        cwd=bench.root,
        env=bench.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    bench.processes.append(process)
    return process


def _accepts_killed(bench: Bench) -> str:
    """Killed at one moment after another, around the time when it writes: never anything between old and new."""
    _another_golden(bench)
    states = set()
    draw = random.Random(1)
    for _ in range(6):
        accept = _accept(bench)
        end = time.monotonic() + draw.uniform(0.3, 1.2)
        while time.monotonic() < end and accept.poll() is None:
            os.sched_yield()
        accept.kill()
        accept.wait()
        states.add(bench.outcome(precision="fp32"))
    whole = states <= {"QP-GOLDEN-002", "pass"}
    return "the old golden or the new one" if whole else f"got {states}"


def _accept_in_ci(bench: Bench) -> str:
    ended = bench.command("accept", "--changed", environment={"CI": "1"})
    return f"status {ended.returncode}, {bench.outcome()}"


def _without_variants(bench: Bench) -> None:
    for path in (bench.cache / "variants").iterdir():
        path.unlink()


def _maker_killed(bench: Bench) -> str:
    """A session is killed while it makes a variant; the next one makes it, and takes away what was left."""
    _without_variants(bench)
    session = bench.start("--backend=ort", "--precision=int8", "-k", "parity")
    folder = bench.cache / "variants"
    end = time.monotonic() + 60
    while not list(folder.glob("*.tmp")) and session.poll() is None and time.monotonic() < end:
        os.sched_yield()
    session.send_signal(signal.SIGKILL)
    session.wait()
    return bench.outcome()


def _makers_at_once(bench: Bench) -> str:
    _without_variants(bench)
    sessions = [bench.start("--backend=ort", "--precision=int8", "-k", "parity") for _ in range(2)]
    for session in sessions:
        session.communicate(timeout=100)
    made = len(list((bench.cache / "variants").glob("*.onnx")))
    return f"statuses {[session.returncode for session in sessions]}, {made} variant"


# A superuser may write anywhere but to what is mounted read-only, in a mount namespace of its own if it may have one.
READ_ONLY = """
import ctypes, os, sys
place, libc = os.fsencode(sys.argv[1]), ctypes.CDLL(None)
private, bind, read_only = 0x44000, 0x1000, 0x1021  # MS_PRIVATE | MS_REC, MS_BIND, MS_BIND | MS_REMOUNT | MS_RDONLY
if os.getuid() != 0:
    os.chmod(place, 0o555)
elif (
    libc.unshare(0x20000)  # CLONE_NEWNS
    or libc.mount(b"none", b"/", None, private, None)
    or libc.mount(place, place, None, bind, None)
    or libc.mount(place, place, None, read_only, None)
):
    sys.exit(77)
sys.argv[0:] = ["qparity"]
{work}
"""
ACCEPT = "from pytest_qparity.cli import main; sys.exit(main(['accept', '--missing', '--changed']))"
JUDGE = "import pytest; sys.exit(pytest.main(['--backend=ort', '--precision=int8', '-k', 'parity', '-q']))"


def _read_only(
    folder: Callable[[Bench], Path], work: str, *, prepare: Callable[[Bench], None]
) -> Callable[[Bench], str]:
    """What `work` comes to where `folder` cannot be written to."""

    def inject(bench: Bench) -> str:
        prepare(bench)
        place = folder(bench)
        ended = subprocess.run(
            [sys.executable, "-c", READ_ONLY.format(work=work), str(place)],
            cwd=bench.root,
            env=bench.environment(),
            capture_output=True,
            text=True,
            timeout=100,
        )
        place.chmod(0o755)
        if ended.returncode == 77:
            pytest.skip("this superuser may mount nothing, and may write anywhere")
        codes = [line.split()[0] for line in (ended.stdout + ended.stderr).splitlines() if line.startswith("QP-")]
        return f"status {ended.returncode}, {codes[0] if codes else ended.stderr[-200:]}"

    return inject


# Files of at most a few bytes; what a maker itself writes is written by a worker, and its own failure.
FULL_DISK = """
import resource
from pytest_qparity.golden import Golden, GoldenKey, write_golden
from pytest_qparity.verdict import CannotJudge
import numpy as np, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_golden(Path(sys.argv[1]), Golden(GoldenKey("a", "b", "c"), {"y": np.ones(10_000)}, 1, {}))
except CannotJudge as reason:
    print(reason.failure.code.code)
"""
FULL_CACHE = """
import resource
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.verdict import CannotJudge
import sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    VariantCache(Path(sys.argv[1])).get_or_make({"a": 1}, lambda target: target.write_bytes(bytes(50)) and [])
except CannotJudge as reason:
    print(reason.failure.code.code)
"""


def _program(program: str, folder: Callable[[Bench], Path]) -> Callable[[Bench], str]:
    """What a program prints that is given a folder, and whether the folder holds afterwards what it held."""

    def inject(bench: Bench) -> str:
        place = folder(bench)
        before = _files(place)
        ended = subprocess.run(
            [sys.executable, "-c", program, str(place)],
            capture_output=True,
            text=True,
            env=bench.environment(),
            timeout=60,
        )
        after = _files(place)
        return f"{ended.stdout.strip() or ended.stderr[-200:]}, {'as before' if before == after else 'changed'}"

    return inject


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".json", ".npy")}


def _dated(seconds: float) -> Callable[[Bench], str]:
    """Every file of the project is of another time."""

    def inject(bench: Bench) -> str:
        for path in bench.root.rglob("*"):
            os.utime(path, (seconds, seconds))
        return bench.outcome()

    return inject


JUMPING = """
import time
_time, _count = time.time, iter(range(10**9))
time.time = lambda: _time() + (-1) ** next(_count) * {seconds}
"""


def _jumping(seconds: float) -> Callable[[Bench], str]:
    """The system's clock jumps back and forth at each look, in pytest and in its workers."""

    def inject(bench: Bench) -> str:
        folder = bench.root / "clock"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(JUMPING.format(seconds=seconds))
        path = os.pathsep.join([str(folder), str(ROOT)])
        session = bench.session("--backend=ort", "--precision=int8", environment={"PYTHONPATH": path})
        return f"status {session.status}"

    return inject


GOLDEN_FAULTS = tuple(
    _fault(Area.GOLDEN, *row)
    for row in (
        ("missing", "the golden is not there", "QP-GOLDEN-001", _manifest(Path.unlink)),
        ("array-missing", "its array is not there", CORRUPT, _array(Path.unlink)),
        ("array-cut", "its array is cut", CORRUPT, _array(_cut)),
        ("array-flipped", "a bit of its array is flipped", CORRUPT, _array(_flipped)),
        ("array-empty", "its array is empty", CORRUPT, _array(lambda path: path.write_bytes(b""))),
        ("array-lfs", "its array is a Git LFS pointer", CORRUPT, _array(_pointer)),
        ("array-link", "its array is a symbolic link", CORRUPT, _array(_linked)),
        ("array-fifo", "its array is a pipe that nobody writes to", CORRUPT, _array(_piped)),
        ("manifest-cut", "its manifest is cut", CORRUPT, _manifest(_cut)),
        (
            "manifest-edited",
            "a digest in its manifest was edited",
            CORRUPT,
            _manifest(_edited('"sha256": "', '"sha256": "0')),
        ),
        ("manifest-lfs", "its manifest is a Git LFS pointer", CORRUPT, _manifest(_pointer)),
        (
            "manifest-merged",
            "its manifest holds a conflict of git",
            CORRUPT,
            _manifest(lambda path: path.write_text(f"<<<<<<< HEAD\n{path.read_text()}")),
        ),
        (
            "manifest-giant",
            "its manifest is 100 MB of spaces",
            CORRUPT,
            _manifest(lambda path: os.truncate(path, 10**8)),
        ),
        ("newer", "a newer version wrote it", NEWER, _manifest(_edited('"format": 1', '"format": 2'))),
        (
            "newer-accepted",
            "a newer version wrote it, and this one is told to accept",
            "status 1, left alone",
            _newer_accepted,
        ),
        ("more-files", "files of an older golden and of NFS lie beside it", "pass", _extra_files),
        ("two-accepts", "two processes accept at once", "statuses {0}, pass", _accepts_at_once(2)),
        ("four-accepts", "four processes accept at once", "statuses {0}, pass", _accepts_at_once(4)),
        ("killed", "accept is killed at one moment after another", "the old golden or the new one", _accepts_killed),
        ("in-ci", "accept where CI is set", "status 2, pass", _accept_in_ci),
    )
)

CACHE_FAULTS = tuple(
    _fault(Area.CACHE, *row)
    for row in (
        ("cut", "cached variants are cut", "pass", _variant(_cut)),
        ("flipped", "a bit of a cached variant is flipped", "pass", _variant(_flipped)),
        ("lfs", "cached variants are Git LFS pointers", "pass", _variant(_pointer)),
        ("gone", "cached variants are gone, their records are there", "pass", _variant(Path.unlink)),
        ("record-cut", "the records of cached variants are cut", "pass", _record(_cut)),
        (
            "record-other",
            "the records are those of other variants",
            "pass",
            _record(_edited('"key":{', '"key":{"a":1,')),
        ),
        ("record-binary", "the records are no text", "pass", _record(lambda path: path.write_bytes(bytes(range(256))))),
        ("maker-killed", "pytest is killed while it makes a variant", "pass", _maker_killed),
        ("makers", "two sessions make one variant at once", "statuses [0, 0], 1 variant", _makers_at_once),
    )
)

DISK_FAULTS = tuple(
    _fault(Area.DISK, *row)
    for row in (
        (
            "full-golden",
            "no room is left for a golden",
            "QP-GOLDEN-005, as before",
            _program(FULL_DISK, lambda bench: bench.golden),
        ),
        (
            "full-cache",
            "no room is left for a variant",
            "QP-VARIANT-001, as before",
            _program(FULL_CACHE, lambda bench: bench.cache / "variants"),
        ),
        (
            "read-only-golden",
            "the golden's folder cannot be written to",
            "status 1, QP-GOLDEN-005",
            _read_only(lambda bench: bench.root / "golden", ACCEPT, prepare=_another_golden),
        ),
        (
            "read-only-cache",
            "the cache cannot be written to",
            "status 1, QP-VARIANT-001",
            _read_only(lambda bench: bench.cache, JUDGE, prepare=_without_variants),
        ),
    )
)

CLOCK_FAULTS = tuple(
    _fault(Area.CLOCK, *row)
    for row in (
        ("future", "every file is of next year", "pass", _dated(time.time() + 4e7)),
        ("past", "every file is of 1970", "pass", _dated(1.0)),
        ("jumps-hours", "the clock jumps by hours at each look", "status 0", _jumping(10_000)),
        ("jumps-years", "the clock jumps by years at each look", "status 0", _jumping(1e8)),
    )
)

STORE_FAULTS = (*GOLDEN_FAULTS, *CACHE_FAULTS, *DISK_FAULTS, *CLOCK_FAULTS)
