"""The float model and given files: where they come from, what they are, and which bytes they stand for.

Nothing is parsed here: a worker does that, and what it says of external data is checked before anything opens them.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.fetching import fetched
from pytest_qparity.case.functions import call_function, find_function, source_digest
from pytest_qparity.digest import file_digest, json_digest
from pytest_qparity.durable import replacing
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_qparity.case.schema import BuiltModel, UrlModel
    from pytest_qparity.worker.protocol import Worker

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
LARGEST_FILE = 2**31 - 1  # bytes: protobuf's limit for one message
LONGEST_SHOWN = 30
_EXTENT = re.compile("[0-9]{1,19}")  # nothing else that int() takes: engines parse these texts too
_INSPECT = "pytest_qparity.case.inspection:inspect"


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """An input or output as the model states it. `shape` is None where the model states no rank."""

    name: str
    dtype: str  # NumPy's name, or that of ml_dtypes; "str" for strings
    shape: tuple[int | str | None, ...] | None


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """Which bytes a model is: those of its file and of its external data."""

    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ModelFile:
    """An ONNX file and what it states of itself. `external`: places of its external data, in its folder."""

    path: Path
    digest: str
    size_bytes: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    opset: int
    external: tuple[str, ...]

    @property
    def input_types(self) -> dict[str, str]:
        """By name, in the order of the file."""
        return {tensor.name: tensor.dtype for tensor in self.inputs}


def read_model_file(path: Path, worker: Worker, shown: str | None = None) -> ModelFile:
    """What a model states, read in `worker` without its external data, which are only looked for and digested.

    Raises CannotJudge where the file, or what it says of external data, is not to be given to an engine.
    """
    _require_model_file(path)
    arguments = {"model": str(path.absolute()), "shown": shown or path.name}
    stated = worker.call(_INSPECT, arguments, {}, f"Reading {shown or path.name}", worker.limits.load).value
    external = _external_files(stated["external"], path)
    stored = stored_bytes(path, external)
    return ModelFile(
        path,
        stored.digest,
        stored.size_bytes,
        _tensor_infos(stated["inputs"]),
        _tensor_infos(stated["outputs"]),
        stated["opset"],
        tuple(external),
    )


def stored_bytes(path: Path, external: Iterable[str]) -> StoredBytes:
    """The bytes on disk now: where there are external data, the digest is over both."""
    digest, size = file_digest(path), path.stat().st_size
    files = {location: path.parent / location for location in external}
    if files:
        digests = {location: file_digest(file) for location, file in files.items()}
        digest = json_digest({"model": digest, "external": digests})
    return StoredBytes(digest, size + sum(file.stat().st_size for file in files.values()))


def resolve_model(source: str | UrlModel | BuiltModel, folder: Path, cache: Path, worker: Worker) -> Path:
    """The file of a case's float model: given, fetched or built. What is fetched or built is kept in `cache`."""
    if isinstance(source, str):
        return folder / source
    from pytest_qparity.case.schema import UrlModel  # pydantic takes longer to import than a small file to be read

    if isinstance(source, UrlModel):
        return fetched(source, cache / "fetched")
    return _built(source.build, folder, cache / "built", worker)


def _require_model_file(path: Path) -> None:
    size = require_plain_file(path, "an ONNX file")
    if size > LARGEST_FILE:
        should = f"at most {LARGEST_FILE / 1e9:.1f} GB"
        raise _unreadable(path, f"{size / 1e9:.1f} GB", should, "save its weights as external data")


def require_plain_file(path: Path, kind: str) -> int:
    """How many bytes it has. Raises CannotJudge where `path` is none that may be `kind` ("an ONNX file"); a pipe or
    device would keep whoever opens it waiting."""
    remedy, should = f"check {path}", f"{kind} that can be read"
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _unreadable(path, "no plain file", should, remedy)
        with path.open("rb") as stream:
            start = stream.read(len(LFS_POINTER))
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise _unreadable(path, f'"{reason}"', should, remedy) from None
    if not start:
        raise _unreadable(path, "an empty file", kind, "make or fetch the file again")
    if start == LFS_POINTER:
        raise _unreadable(path, "a Git LFS pointer", "the model itself", "git lfs pull")
    return status.st_size


def _unreadable(path: Path, got: str, should: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.MODEL_UNREADABLE, f"{path.name or path}: got {got}, should be {should}.", remedy))


def _tensor_infos(stated: Sequence[dict[str, Any]]) -> tuple[TensorInfo, ...]:
    return tuple(
        TensorInfo(each["name"], each["dtype"], None if each["shape"] is None else tuple(each["shape"]))
        for each in stated
    )


def _external_files(stated: Sequence[dict[str, str]], path: Path) -> dict[str, Path]:
    """External data files by the location that the model gives, in the order of the locations."""
    found: dict[str, Path] = {}
    for place in stated:
        location = place["location"]
        if location not in found:
            found[location] = _external_file(location, place["tensor"], path)
        _check_extent(place, found[location], path)
    return dict(sorted(found.items()))


def _external_failure(path: Path, sentence: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.MODEL_EXTERNAL_DATA, f"{path.name}: {sentence}", remedy))


def _external_file(location: str, tensor: str, path: Path) -> Path:
    """The file, where it is one of the model's own: engines follow links to wherever they lead."""
    name = PurePosixPath(location)
    target = path.parent / name
    if not location or "\0" in location or name.is_absolute() or ".." in name.parts:
        raise _external_failure(
            path,
            f'got "{location}" as external data of "{tensor}", should be a file in the model\'s folder.',
            "save the model again with its data beside it",
        )
    try:
        is_link = any(
            part.is_symlink()
            for part in (target, *target.parents)
            if part.is_relative_to(path.parent) and part != path.parent
        )
        status = target.stat()
    except OSError:
        raise _external_failure(
            path, f'got no file "{location}", should hold the data of "{tensor}".', f"put {location} beside the model"
        ) from None
    if not stat.S_ISREG(status.st_mode):
        raise _external_failure(
            path, f'got no plain file at "{location}", should hold the data of "{tensor}".', "save the model again"
        )
    if is_link or status.st_nlink > 1:  # a folder has several names too: what is no file is named before
        raise _external_failure(
            path,
            f'got a {"symbolic" if is_link else "hard"} link "{location}" as external data of "{tensor}", '
            "should be a file of its own in the model's folder.",
            _own_copy(location, target),
        )
    with target.open("rb") as stream:
        if stream.read(len(LFS_POINTER)) == LFS_POINTER:
            raise _external_failure(path, f'got a Git LFS pointer in "{location}", should be data.', "git lfs pull")
    return target


def _own_copy(location: str, target: Path) -> str:
    """The name is the model's word: quoted, whoever pastes the command runs nothing else."""
    if not target.is_symlink() and target.stat().st_nlink == 1:
        return f'copy the folder of "{location}" to the model\'s folder, in place of the link'
    own, name = shlex.quote(f"./{location}.own"), shlex.quote(f"./{location}")
    return f"copy the data in place of the link (cp {name} {own} && mv -f {own} {name})"


def _check_extent(place: dict[str, str], file: Path, path: Path) -> None:
    size = file.stat().st_size
    stated = (place["offset"], place["length"])
    if all(map(_EXTENT.fullmatch, stated)):
        offset, length = map(int, stated)
        if offset + length <= size:
            return
        wanted = f"bytes {offset:,} to {offset + length:,}"
    else:
        wanted = '"{1}" bytes from "{0}" on'.format(*(text[:LONGEST_SHOWN] for text in stated))
    raise _external_failure(
        path,
        f'got {size:,} bytes in "{place["location"]}", should hold {wanted} of "{place["tensor"]}".',
        "make or fetch the external data again; it may be cut short",
    )


def _built(name: str, folder: Path, cache: Path, worker: Worker) -> Path:
    """The key is the function's code, as far as its imports reach: a builder that reads other files must not change its
    mind."""
    import filelock
    import onnx

    found = find_function(name, folder)
    key = json_digest({"source": source_digest(found, folder), "name": name, "onnx": onnx.__version__})
    target = cache / f"{key}.onnx"
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(cache / f"{key}.lock"):
        if not target.is_file():
            content = _bytes_of(call_function(name, folder, Code.MODEL_BUILD), name, folder)
            with replacing(target) as temporary:
                temporary.write_bytes(content)
                _require_whole(temporary, name, worker)
    return target


_BUILT = "an onnx.ModelProto, its bytes or a path"
_BUILD_REMEDY = "give an onnx.ModelProto, its bytes, or the path of a file without external data"


def _bytes_of(built: object, name: str, folder: Path) -> bytes:
    import onnx
    from google.protobuf.message import EncodeError  # type: ignore[import-untyped]

    got = f"{type(built).__name__}"
    content = built
    if isinstance(built, onnx.ModelProto):
        got = "a ModelProto that cannot be written"
        with contextlib.suppress(EncodeError, ValueError):  # more than 2 GiB
            content = built.SerializeToString()
    elif isinstance(built, str | Path):
        _require_model_file(folder / built)
        content = (folder / built).read_bytes()
    if not isinstance(content, bytes):
        raise CannotJudge(Failure(Code.MODEL_BUILD, f'Got {got} from "{name}", should be {_BUILT}.', _BUILD_REMEDY))
    return content


def _require_whole(model: Path, name: str, worker: Worker) -> None:
    """A model that a function gave is kept in the cache, where its external data would not be."""
    arguments = {"model": str(model.absolute()), "shown": name}
    stated = worker.call(_INSPECT, arguments, {}, f"Reading {name}", worker.limits.load).value
    if stated["external"]:
        sentence = f'Got a model with external data from "{name}", should be one that holds its weights.'
        raise CannotJudge(Failure(Code.MODEL_BUILD, sentence, _BUILD_REMEDY))
