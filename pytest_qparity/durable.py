"""Files that are whole or absent: written beside, flushed to disk, renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, BinaryIO

# What file systems answer that flush no folders (NFS, SMB, FUSE): the rename stands, and nothing more can be had.
FOLDERS_NOT_FLUSHED = frozenset((errno.EBADF, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS))


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a path beside `target` to write to; on success it is flushed and becomes `target`, on error it is removed.

    A reader, or a kill −9 at any moment, sees the old file or the new one and nothing between.
    """
    with _beside(target) as temporary:
        yield temporary
        _take_place(temporary, target)


def write_bytes(target: Path, content: bytes) -> None:
    with replacing(target) as temporary:
        temporary.write_bytes(content)


def put_whole(system: Any, file: Path, place: str) -> None:
    """Put a file at a place of an fsspec file system. Object stores show all of it or none; of a folder a reader would
    see what is there so far, and a writer that is killed would leave that."""
    known_as = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
    if "file" in known_as:
        with replacing(Path(place)) as temporary:
            shutil.copyfile(file, temporary)
    else:
        system.makedirs(place.rpartition("/")[0], exist_ok=True)
        system.put_file(str(file), place)


def require_room(target: Path) -> None:
    """Raises OSError where a file of `target`'s name would take the place of what is no regular file: a folder, a
    device, a pipe, or a link, which may lead to one (/dev/stdout)."""
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if not stat.S_ISREG(mode):
        kind = "a link" if stat.S_ISLNK(mode) else "a device, pipe or socket"
        raise FileExistsError(errno.EEXIST, kind, str(target))


def write_named(working_name: Path, write: Callable[[BinaryIO], str]) -> Path:
    """A file whose name is known when its content is: `write` writes it and gives the name, in `working_name`'s folder.

    Until then it is a temporary file of `working_name`.
    """
    with _beside(working_name) as temporary:
        with temporary.open("wb") as stream:
            target = working_name.with_name(write(stream))
        _take_place(temporary, target)
    return target


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        # One that cannot be removed (NFS keeps open files) is left: it must not hide how the writing went.
        with contextlib.suppress(OSError):
            temporary.unlink()


def _take_place(temporary: Path, target: Path) -> None:
    _flush(temporary)
    temporary.chmod(0o644)
    written = temporary.stat()
    try:
        temporary.replace(target)
    except FileNotFoundError:
        # NFS: where the answer to a rename is lost, the client asks again, and what was renamed is no longer there.
        if not (target.exists() and os.path.samestat(written, target.stat())):
            raise
    flush_folder(target.parent)


def flush_folder(folder: Path) -> None:
    """Make what was renamed in `folder` outlive a power cut, where its file system can."""
    try:
        _flush(folder)
    except OSError as error:
        if error.errno not in FOLDERS_NOT_FLUSHED:
            raise


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
