"""The bytes of a golden's file, read once: plain files only, large ones mapped."""

from __future__ import annotations

import errno
import mmap
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LARGE_BYTES = 2**20
ATTEMPTS = 3  # where NFS says ESTALE: the file was replaced elsewhere, and opening it again finds the new one
LFS_POINTER = b"version https://git-lfs.github.com/spec/"


class LfsPointerError(ValueError):
    """A file that Git LFS has not yet replaced by what it stands for."""


def read_content(path: Path) -> bytes | mmap.mmap:
    """All bytes of a plain file, from one opening of it; OSError, or ValueError where it is something else.

    A mapped file must be replaced by renaming, as `durable` and git do, never written in place.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return _read_once(path)
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
    return _read_once(path)


def _read_once(path: Path) -> bytes | mmap.mmap:
    try:
        # O_NONBLOCK: opening a pipe must not wait for its other end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        if path.is_symlink():
            raise ValueError("got a symbolic link, should be a plain file") from None
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("got a folder or device, should be a plain file")
        if status.st_size >= LARGE_BYTES:
            return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            content = stream.read()
    finally:
        os.close(descriptor)
    if content.startswith(LFS_POINTER):
        raise LfsPointerError("got a Git LFS pointer, should be the file it stands for")
    return content
