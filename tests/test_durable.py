from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_qparity.durable import put_whole, replacing, require_room, write_bytes

KILLED = """
import itertools, os, signal, sys, tempfile
from pathlib import Path
from pytest_qparity import durable

numbers = itertools.count()

def counted(home, name):
    real = getattr(home, name)
    def operation(*arguments, **options):
        if next(numbers) == int(sys.argv[2]):
            if name == "write_bytes":
                real(arguments[0], arguments[1][:2])
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    setattr(home, name, operation)

for home, name in ((tempfile, "mkstemp"), (Path, "write_bytes"), (os, "fsync"), (os, "replace")):
    counted(home, name)
durable.write_bytes(Path(sys.argv[1]), b"new content")
"""


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_content_is_written_and_the_folder_made(tmp_path):
    write_bytes(tmp_path / "a" / "b" / "x.bin", b"content")

    assert (tmp_path / "a" / "b" / "x.bin").read_bytes() == b"content"
    assert names_in(tmp_path / "a" / "b") == ["x.bin"]


def test_the_file_can_be_read_by_others(tmp_path):
    write_bytes(tmp_path / "x", b"content")

    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o644


def test_the_target_is_untouched_until_the_end(tmp_path):
    write_bytes(tmp_path / "x", b"old")

    with replacing(tmp_path / "x") as temporary:
        temporary.write_bytes(b"new")
        assert (tmp_path / "x").read_bytes() == b"old"
        assert temporary.parent == tmp_path

    assert (tmp_path / "x").read_bytes() == b"new"


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()], ids=repr)
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    write_bytes(tmp_path / "x", b"old")

    def fail_half_way():
        with replacing(tmp_path / "x") as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        fail_half_way()

    assert (tmp_path / "x").read_bytes() == b"old"
    assert names_in(tmp_path) == ["x"]


@pytest.mark.parametrize("operation", ["fsync", "replace"])
def test_a_disk_that_refuses_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, operation):
    write_bytes(tmp_path / "x", b"old")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, operation, refuse)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(tmp_path / "x", b"new")

    assert (tmp_path / "x").read_bytes() == b"old"
    assert names_in(tmp_path) == ["x"]


def test_content_and_folder_are_flushed_content_before_it_takes_the_name(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def flushed(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else f"{os.fstat(descriptor).st_size} bytes")
        fsync(descriptor)

    def renamed(source, target):
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", renamed)

    write_bytes(tmp_path / "x", b"content")

    assert done == ["7 bytes", "rename", "folder"]


def test_a_link_is_replaced_not_written_through(tmp_path):
    write_bytes(tmp_path / "elsewhere", b"mine")
    (tmp_path / "x").symlink_to(tmp_path / "elsewhere")

    write_bytes(tmp_path / "x", b"new")

    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
    assert not (tmp_path / "x").is_symlink()


@pytest.mark.parametrize("before", [b"old", None], ids=["over an old file", "where none was"])
def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path, before):
    states = []
    for point in range(10):
        target = tmp_path / str(point) / "x"
        target.parent.mkdir()
        if before is not None:
            target.write_bytes(before)
        program = [sys.executable, "-c", KILLED, str(target), str(point)]
        status = subprocess.run(program).returncode
        states.append(target.read_bytes() if target.exists() else None)
        if status == 0:
            break
        assert status == -signal.SIGKILL

    assert states == [before] * 4 + [b"new content"] * 2


def test_there_is_room_where_nothing_is_or_a_regular_file(tmp_path):
    (tmp_path / "file").touch()

    require_room(tmp_path / "file")
    require_room(tmp_path / "none")


def test_there_is_no_room_where_anything_else_is(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "device").symlink_to("/dev/null")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    for name in ("link", "dangling", "device", "folder", "pipe"):
        with pytest.raises(OSError, match=name):
            require_room(tmp_path / name)


def test_on_storage_that_is_a_folder_a_file_is_whole_or_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fsspec itself writes in place: a node would read what is there so far."""
    system = pytest.importorskip("fsspec").filesystem("file")
    file, place = tmp_path / "variant", tmp_path / "storage" / "blob"
    file.write_bytes(b"first")
    put_whole(system, file, str(place))

    def interrupted(_source: Path, target: Path) -> None:
        target.write_bytes(b"sec")
        raise OSError("killed")

    monkeypatch.setattr("shutil.copyfile", interrupted)
    file.write_bytes(b"second")
    with pytest.raises(OSError, match="killed"):
        put_whole(system, file, str(place))

    assert place.read_bytes() == b"first"
    assert list(place.parent.iterdir()) == [place]
