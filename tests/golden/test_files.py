from __future__ import annotations

import mmap
import os
import socket

import pytest

from pytest_qparity.golden.files import LARGE_BYTES, LfsPointerError, read_content


@pytest.mark.parametrize(("size", "kind"), [(0, bytes), (LARGE_BYTES - 1, bytes), (LARGE_BYTES, mmap.mmap)])
def test_large_files_are_mapped_and_small_ones_read(tmp_path, size, kind):
    content = os.urandom(size)
    (tmp_path / "x").write_bytes(content)

    read = read_content(tmp_path / "x")

    assert type(read) is kind
    assert read[:] == content


def test_no_descriptor_is_left_open(tmp_path):
    (tmp_path / "x").write_bytes(bytes(10))
    before = os.dup(0)
    os.close(before)

    read_content(tmp_path / "x")

    after = os.dup(0)
    os.close(after)
    assert after == before


def test_a_symbolic_link_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")

    for name in ("link", "dangling"):
        with pytest.raises(ValueError, match="got a symbolic link"):
            read_content(tmp_path / name)


def test_a_folder_or_a_pipe_is_refused_without_waiting_for_its_other_end(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    for name in ("folder", "pipe"):
        with pytest.raises(ValueError, match="got a folder or device"):
            read_content(tmp_path / name)


def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path may have 100 characters at most
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")

        with pytest.raises(OSError, match="No such device or address"):
            read_content(tmp_path / "socket")


def test_a_pointer_of_git_lfs_is_named(tmp_path):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    (tmp_path / "x").write_text(pointer)

    with pytest.raises(LfsPointerError, match="got a Git LFS pointer"):
        read_content(tmp_path / "x")


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_content(tmp_path / "x")
