from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_qparity.golden import read_golden, remove_golden, store, write_golden
from pytest_qparity.verdict import CannotJudge, Code
from tests.golden.disk import stopped_at
from tests.golden.goldens import ACCEPT, files_of, golden, key, same

OLD, NEW = golden(seed=0), golden(seed=1)
MOST_OPERATIONS = 30
TWO_WRITERS = """
import sys
from pathlib import Path
from pathlib import Path
from pytest_qparity.golden import write_golden
from tests.golden.goldens import golden
for _ in range(40):
    write_golden(Path(sys.argv[1]), golden(seed=int(sys.argv[2])))
"""
SMALL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from pytest_qparity.golden import Golden, write_golden
from pytest_qparity.verdict import CannotJudge
from tests.golden.goldens import key
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
small, large = np.ones(10, np.float32), np.ones(100_000, np.float32)
try:
    write_golden(Path(sys.argv[1]), Golden(key(), {"small": small, "large": large}, 10, {}))
except CannotJudge as stop:
    print(stop.failure.code.code, stop)
"""


def found(folder):
    """Which golden stands in `folder`: old, new or missing; the sentence where it is anything else."""
    try:
        read = read_golden(folder, key(), ACCEPT)
    except CannotJudge as stop:
        return "missing" if stop.failure.code is Code.GOLDEN_MISSING else str(stop)
    assert same(read, OLD) or same(read, NEW)
    return "old" if same(read, OLD) else "new"


def failure_of_writing(folder, circumstances):
    try:
        with circumstances:
            write_golden(folder, NEW)
    except CannotJudge as stop:
        return stop.failure
    return None


def at_every_kill(tmp_path, command, *, before):
    """What is found after `command` was killed at its first, second, … operation on the disk, until it is no more."""
    folders = [tmp_path / str(point) / "digits" for point in range(MOST_OPERATIONS)]
    if before is not None:
        write_golden(tmp_path / "before", before)
        for folder in folders:
            shutil.copytree(tmp_path / "before", folder)
    program = [sys.executable, "-m", "tests.golden.killed_writer", command, *map(str, folders)]
    printed = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    statuses = [int(line) for line in printed.split()]
    killed = statuses.count(-9)
    assert statuses == [-9] * killed + [0] * (MOST_OPERATIONS - killed)
    return folders[: killed + 1], [found(folder) for folder in folders[: killed + 1]]


def test_a_writer_killed_at_any_moment_leaves_the_old_golden_or_the_new_one(tmp_path):
    folders, states = at_every_kill(tmp_path, "write", before=OLD)

    assert states == sorted(states, reverse=True)
    assert set(states) == {"old", "new"}
    assert len(states) > 12
    assert any(len(files_of(folder)) > 3 for folder in folders), "the kill came at none of the moments that matter"


def test_a_first_writer_killed_at_any_moment_leaves_no_golden_or_a_whole_one(tmp_path):
    _, states = at_every_kill(tmp_path, "write", before=None)

    assert states == sorted(states)
    assert set(states) == {"missing", "new"}


def test_a_writer_of_what_is_there_already_leaves_it_at_every_kill(tmp_path):
    _, states = at_every_kill(tmp_path, "write", before=NEW)

    assert set(states) == {"new"}


def test_a_killed_removal_leaves_the_golden_or_none(tmp_path):
    _, states = at_every_kill(tmp_path, "remove", before=OLD)

    assert states == sorted(states, reverse=True)
    assert set(states) == {"old", "missing"}


def test_what_a_killed_writer_left_behind_goes_with_the_next_write(tmp_path):
    folders, _ = at_every_kill(tmp_path, "write", before=OLD)

    for folder in folders:
        write_golden(folder, OLD)
        assert found(folder) == "old"
        assert len(files_of(folder)) == 3
        remove_golden(folder)
        assert not folder.exists()


@pytest.mark.parametrize("before", [OLD, None], ids=["over an old golden", "where none was"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES], ids=errno.errorcode.get)
def test_a_disk_that_refuses_at_any_moment_is_one_clear_error_and_nothing_half_written(tmp_path, before, number):
    def refuse():
        refusals.append(number)
        raise OSError(number, os.strerror(number))

    for point in range(MOST_OPERATIONS):
        refusals = []
        folder = tmp_path / str(point) / "digits"
        if before is not None:
            write_golden(folder, before)
        failure = failure_of_writing(folder, stopped_at(point, refuse))
        if failure is None:
            assert found(folder) == "new"  # what could not be swept away harms nobody
        else:
            assert failure.sentence == f"got {os.strerror(number)}, should be a golden in {folder}"
            assert found(folder) in ({"missing", "new"} if before is None else {"old", "new"})
            assert len(files_of(folder)) == (0 if found(folder) == "missing" else 3)
            assert failure.code is Code.GOLDEN_WRITE
        if not refusals:
            break
    assert 12 < point < MOST_OPERATIONS


def test_a_disk_that_is_really_full_leaves_nothing(tmp_path):
    folder = tmp_path / "golden" / "digits"

    printed = subprocess.run(
        [sys.executable, "-c", SMALL_DISK, str(folder)], capture_output=True, text=True, check=True
    ).stdout

    assert printed == f"QP-GOLDEN-005 got File too large, should be a golden in {folder}\n"
    assert not folder.exists()


def test_a_folder_that_is_read_only_is_one_clear_error(tmp_path):
    write_golden(tmp_path / "digits", OLD)
    (tmp_path / "digits").chmod(0o555)
    if os.access(tmp_path / "digits", os.W_OK):
        pytest.skip("root writes into read-only folders")

    with pytest.raises(CannotJudge, match="got Permission denied, should be a golden in"):
        write_golden(tmp_path / "digits", NEW)

    (tmp_path / "digits").chmod(0o755)
    assert found(tmp_path / "digits") == "old"


def test_a_file_in_the_way_is_one_clear_error(tmp_path):
    (tmp_path / "golden").write_text("x")

    with pytest.raises(CannotJudge) as stop:
        write_golden(tmp_path / "golden" / "digits", NEW)

    assert stop.value.failure.code is Code.GOLDEN_WRITE


def test_a_writer_that_has_to_wait_too_long_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "LOCK_SECONDS", 0.0)
    write_golden(tmp_path / "digits", OLD)

    with store._locked(tmp_path / "digits"), pytest.raises(CannotJudge) as stop:
        write_golden(tmp_path / "digits", NEW)

    assert stop.value.failure.code is Code.GOLDEN_WRITE
    assert "no other writer" in stop.value.failure.remedy
    assert found(tmp_path / "digits") == "old"


def test_two_writers_at_a_time_end_with_one_whole_golden_and_readers_see_only_whole_ones(tmp_path):
    folder = tmp_path / "golden" / "digits"
    write_golden(folder, OLD)
    writers = [
        subprocess.Popen([sys.executable, "-c", TWO_WRITERS, str(folder), seed], stderr=subprocess.PIPE, text=True)
        for seed in "01"
    ]

    seen = set()
    while any(writer.poll() is None for writer in writers):
        seen.add(found(folder))

    assert [writer.communicate()[1] for writer in writers] == ["", ""]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen <= {"old", "new"}
    assert len(files_of(folder)) == 3


def test_a_reader_between_two_goldens_reads_the_new_one(tmp_path, monkeypatch):
    folder = tmp_path / "digits"
    write_golden(folder, OLD)
    real, writes = store.read_content, []

    def read_content(path):
        if path.suffix == ".npy" and not writes:
            writes.append(path)
            write_golden(folder, NEW)
        return real(path)

    monkeypatch.setattr(store, "read_content", read_content)

    assert same(read_golden(folder, key(), ACCEPT), NEW)


def test_a_golden_removed_while_it_is_read_is_missing(tmp_path, monkeypatch):
    folder = tmp_path / "digits"
    write_golden(folder, OLD)
    real = store.read_content

    def read_content(path):
        if path.suffix == ".npy":
            shutil.rmtree(folder)
        return real(path)

    monkeypatch.setattr(store, "read_content", read_content)

    assert found(folder) == "missing"


def test_an_array_in_use_outlives_its_replacement(tmp_path):
    large = store.Golden(key(), {"x": store.np.arange(2**19, dtype="<f4")}, 1, {})
    write_golden(tmp_path / "digits", large)

    read = read_golden(tmp_path / "digits", key(), ACCEPT)
    write_golden(tmp_path / "digits", NEW)
    remove_golden(tmp_path / "digits")

    assert same(read, large)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_that_flushes_no_folders_keeps_a_golden_all_the_same(tmp_path, monkeypatch, number):
    flush = os.fsync

    def refuse_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)

    write_golden(tmp_path / "case", golden())

    assert same(read_golden(tmp_path / "case", key(), ACCEPT), golden())


def test_a_folder_that_cannot_be_flushed_for_another_reason_is_an_error(tmp_path, monkeypatch):
    flush = os.fsync

    def fail_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fail_folders)

    with pytest.raises(CannotJudge) as caught:
        write_golden(tmp_path / "case", golden())
    assert caught.value.failure.code is Code.GOLDEN_WRITE


def test_a_rename_whose_answer_was_lost_has_been_done(tmp_path, monkeypatch):
    """NFS: the client asks again, and what was renamed is no longer there."""
    replace = os.replace

    def renamed_and_denied(source, target, **more):
        replace(source, target, **more)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    monkeypatch.setattr(os, "replace", renamed_and_denied)

    write_golden(tmp_path / "case", golden())

    assert same(read_golden(tmp_path / "case", key(), ACCEPT), golden())


def test_a_handle_that_went_stale_is_opened_again(tmp_path, monkeypatch):
    write_golden(tmp_path / "case", golden())
    opened, stale = os.open, [2]

    def open_stale(path, *more, **named):
        if str(path).endswith(".npy") and stale[0]:
            stale[0] -= 1
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return opened(path, *more, **named)

    monkeypatch.setattr(os, "open", open_stale)

    assert same(read_golden(tmp_path / "case", key(), ACCEPT), golden())


def of_a_newer_version(folder):
    """The golden in `folder`, as a version would leave it whose format is 2; what is in the folder."""
    write_golden(folder, golden())
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("work", ["read", "write", "remove"])
def test_a_golden_of_a_newer_version_is_named_and_left_alone(tmp_path, work):
    before = of_a_newer_version(tmp_path / "case")
    works = {
        "read": lambda: read_golden(tmp_path / "case", key(), ACCEPT),
        "write": lambda: write_golden(tmp_path / "case", golden(1)),
        "remove": lambda: remove_golden(tmp_path / "case"),
    }

    with pytest.raises(CannotJudge, match="a newer pytest-qparity wrote it") as caught:
        works[work]()

    assert caught.value.failure.code is Code.GOLDEN_NEWER
    assert {path.name: path.read_bytes() for path in (tmp_path / "case").iterdir()} == before


LARGE = """
import sys
from pathlib import Path
from pathlib import Path
import numpy as np
from pytest_qparity.golden import Golden, GoldenKey, read_golden, write_golden
from pytest_qparity.checks.comparison import Closeness, compare

def peak_kib():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

folder, work = Path(sys.argv[1]), sys.argv[2]
key = GoldenKey("a", "b", "c")
small = Golden(key, {"y": np.ones((2, 3), np.float32)}, 2, {})
write_golden(folder / "small", small)
array = np.ones((50_000_000,), np.float32)
compare(array[:1000], read_golden(folder / "small", key, "").outputs["y"].repeat(500)[:1000], Closeness(0, 0))
if work == "write":
    before = peak_kib()
    write_golden(folder / "large", Golden(key, {"y": array}, 1, {}))
else:
    before = peak_kib()
    read = read_golden(folder / "large", key, "").outputs["y"]
    compare(array, read, Closeness(0, 0))
print((peak_kib() - before) * 1024 / array.nbytes)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak cannot be read on this system")
def test_200_mb_take_no_more_than_that_to_write_to_read_and_to_compare(tmp_path):
    for work, most in (("write", 0.2), ("read", 1.2)):
        ended = subprocess.run([sys.executable, "-c", LARGE, str(tmp_path), work], capture_output=True, text=True)
        assert float(ended.stdout) <= most, (work, ended.stdout, ended.stderr)


def test_an_array_is_hashed_once_when_it_is_read(tmp_path, monkeypatch):
    write_golden(tmp_path / "case", golden())
    hashed = []
    digest = store.bytes_digest
    monkeypatch.setattr(store, "bytes_digest", lambda content: hashed.append(len(content)) or digest(content))

    read_golden(tmp_path / "case", key(), ACCEPT)

    assert len(hashed) == len(golden().outputs)
