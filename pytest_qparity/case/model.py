"""The float model and given files: where they come from, what they are, and which bytes they stand for."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import filelock
import onnx
from google.protobuf.message import DecodeError, EncodeError  # type: ignore[import-untyped]
from onnx import TensorProto, helper

from pytest_qparity.case.functions import call_function, find_function, source_digest
from pytest_qparity.case.schema import BuiltModel, UrlModel
from pytest_qparity.digest import bytes_digest, file_digest, json_digest
from pytest_qparity.durable import write_bytes
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """An input or output as the model states it. `shape` is None where the model states no rank."""

    name: str
    dtype: str  # NumPy's name, or that of ml_dtypes; "str" for strings
    shape: tuple[int | str | None, ...] | None


@dataclass(frozen=True, slots=True)
class ModelFile:
    """An ONNX file and what it states of itself."""

    path: Path
    digest: str  # of the file's bytes and those of its external data
    size_bytes: int  # of both
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    opset: int


def read_model_file(path: Path) -> ModelFile:
    """Read a model without its external data, which is only looked for and digested."""
    content = _content(path)
    model = _parsed(content, path)
    external = _external_files(model, path)
    digest = bytes_digest(content)
    if external:
        digest = json_digest({"model": digest, "external": {name: file_digest(external[name]) for name in external}})
    initializers = {tensor.name for tensor in model.graph.initializer}
    initializers |= {sparse.values.name for sparse in model.graph.sparse_initializer}
    return ModelFile(
        path,
        digest,
        len(content) + sum(file.stat().st_size for file in external.values()),
        tuple(_tensor_info(value, path) for value in model.graph.input if value.name not in initializers),
        tuple(_tensor_info(value, path) for value in model.graph.output),
        next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")),
    )


def resolve_model(source: str | UrlModel | BuiltModel, folder: Path, cache: Path) -> Path:
    """The file of a case's float model: given, fetched or built. What is fetched or built is kept in `cache`."""
    if isinstance(source, UrlModel):
        return _fetched(source, cache / "fetched")
    if isinstance(source, BuiltModel):
        return _built(source.build, folder, cache / "built")
    return folder / source


def _unreadable(path: Path, got: str, should: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.MODEL_UNREADABLE, f"{path.name}: got {got}, should be {should}.", remedy))


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _unreadable(path, f'"{reason}"', "an ONNX file that can be read", f"check {path}") from None
    if not content:
        raise _unreadable(path, "an empty file", "an ONNX model", "make or fetch the file again")
    if content.startswith(LFS_POINTER):
        raise _unreadable(path, "a Git LFS pointer", "the model itself", "git lfs pull")
    return content


def _parsed(content: bytes, path: Path) -> onnx.ModelProto:
    should, remedy = "an ONNX model", "make or fetch the file again; it may be cut short or of another format"
    try:
        model = onnx.ModelProto()
        model.ParseFromString(content)
    except DecodeError:
        raise _unreadable(path, f"{len(content):,} bytes that are no protobuf message", should, remedy) from None
    if not model.graph.output:
        raise _unreadable(path, "a graph without outputs", should, remedy)
    if all(entry.domain not in ("", "ai.onnx") or entry.version < 1 for entry in model.opset_import):
        raise _unreadable(path, "no opset of the domain ai.onnx", should, remedy)
    return model


def _tensor_info(value: onnx.ValueInfoProto, path: Path) -> TensorInfo:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        got = f'"{value.name}" of type {(kind or "none").removesuffix("_type")}'
        raise _unreadable(path, got, "a tensor", "export the model with tensors as inputs and outputs (no ZipMap)")
    tensor = value.type.tensor_type
    if tensor.elem_type == TensorProto.STRING:
        dtype = "str"
    else:
        try:
            dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
        except KeyError:
            got = f'"{value.name}" with element type {tensor.elem_type}'
            raise _unreadable(path, got, "a type that ONNX has", "export the model again") from None
    shape = tuple(_dimension(entry) for entry in tensor.shape.dim) if tensor.HasField("shape") else None
    return TensorInfo(value.name, dtype, shape)


def _dimension(entry: onnx.TensorShapeProto.Dimension) -> int | str | None:
    if entry.HasField("dim_value") and entry.dim_value >= 0:
        return int(entry.dim_value)
    return entry.dim_param or None  # a negative dim_value is how some exporters write "any"


def _external_files(model: onnx.ModelProto, path: Path) -> dict[str, Path]:
    """External data files by the location that the model gives, in the order of the locations."""
    found: dict[str, Path] = {}
    for tensor in _tensors(model):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        if location not in found:
            found[location] = _external_file(location, tensor.name, path)
        _check_extent(entries, found[location], tensor.name, path)
    return dict(sorted(found.items()))


def _external_failure(path: Path, sentence: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.MODEL_EXTERNAL_DATA, f"{path.name}: {sentence}", remedy))


def _external_file(location: str, tensor: str, path: Path) -> Path:
    name = PurePosixPath(location)
    folder = path.resolve().parent
    target = path.parent / name
    if not location or name.is_absolute() or not target.resolve().is_relative_to(folder):
        raise _external_failure(
            path,
            f'got "{location}" as external data of "{tensor}", should be a file in the model\'s folder.',
            "save the model again with its data beside it; links to outside are not followed",
        )
    if not target.is_file():
        raise _external_failure(
            path, f'got no file "{location}", should hold the data of "{tensor}".', f"put {location} beside the model"
        )
    with target.open("rb") as stream:
        if stream.read(len(LFS_POINTER)) == LFS_POINTER:
            raise _external_failure(path, f'got a Git LFS pointer in "{location}", should be data.', "git lfs pull")
    return target


def _check_extent(entries: dict[str, str], file: Path, tensor: str, path: Path) -> None:
    try:
        offset = int(entries.get("offset", 0))
        end = offset + int(entries.get("length", 0))
    except ValueError:
        offset = end = -1
    size = file.stat().st_size
    if not 0 <= offset <= end <= size:
        raise _external_failure(
            path,
            f'got {size:,} bytes in "{entries["location"]}", should hold bytes {offset:,} to {end:,} of "{tensor}".',
            "make or fetch the external data again; it may be cut short",
        )


def _tensors(model: onnx.ModelProto) -> Iterator[TensorProto]:
    yield from _tensors_of_graph(model.graph)
    for function in model.functions:
        yield from _tensors_of_nodes(function.node)


def _tensors_of_graph(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _tensors_of_nodes(graph.node)


def _tensors_of_nodes(nodes: Sequence[onnx.NodeProto]) -> Iterator[TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for graph in (attribute.g, *attribute.graphs):
                yield from _tensors_of_graph(graph)


def _fetched(source: UrlModel, cache: Path) -> Path:
    import pooch

    cache.mkdir(parents=True, exist_ok=True)
    target = cache / f"{source.sha256}.onnx"
    with filelock.FileLock(cache / f"{source.sha256}.lock"):
        try:
            pooch.retrieve(source.url, f"sha256:{source.sha256}", fname=target.name, path=cache)
        except Exception as error:  # noqa: BLE001  pooch lets through what requests, urllib3 and the socket raise
            lines = str(error).strip().splitlines() or [""]
            raise CannotJudge(
                Failure(
                    Code.MODEL_DOWNLOAD,
                    f"Got {type(error).__name__}: {lines[0]} from {source.url}, "
                    f"should be the file with SHA-256 {source.sha256}.",
                    f"fetch it by other means and put it at {target}",
                    "no network, or the file at this address has changed",
                )
            ) from None
    return target


def _built(name: str, folder: Path, cache: Path) -> Path:
    """The key is the source of the function's own module: a builder that reads other files must not change its mind."""
    found = find_function(name, folder)
    key = json_digest({"source": source_digest(found), "name": name, "onnx": onnx.__version__})
    target = cache / f"{key}.onnx"
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(cache / f"{key}.lock"):
        if not target.is_file():
            write_bytes(target, _bytes_of(call_function(name, folder, Code.MODEL_BUILD), name, folder))
    return target


def _bytes_of(built: object, name: str, folder: Path) -> bytes:
    remedy = "give an onnx.ModelProto, its bytes, or the path of a file without external data"
    should = "an onnx.ModelProto, its bytes or a path"
    got = f"{type(built).__name__}"
    content = built
    if isinstance(built, onnx.ModelProto):
        got = "a ModelProto that cannot be written"
        with contextlib.suppress(EncodeError, ValueError):  # more than 2 GiB
            content = built.SerializeToString()
    elif isinstance(built, str | Path):
        content = _content(folder / built)
    if not isinstance(content, bytes):
        raise CannotJudge(Failure(Code.MODEL_BUILD, f'Got {got} from "{name}", should be {should}.', remedy))
    model = _parsed(content, Path(name))
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in _tensors(model)):
        sentence = f'Got a model with external data from "{name}", should be one that holds its weights.'
        raise CannotJudge(Failure(Code.MODEL_BUILD, sentence, remedy))
    return content
