"""Weights beside the model: paths that lead elsewhere, and files that are not what the model says of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto

from tests.faults.hostile.building import FLOAT, added, array, model, node
from tests.faults.hostile.entry import Hostile

_ENOUGH = np.ones(4, np.float32).tobytes()
_THREE_GIB = 3 * 1024**3


def _external(*stated: tuple[str, str], dims: tuple[int, ...] = (4,)) -> TensorProto:
    weight = TensorProto(name="w", data_type=FLOAT, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, text in stated:
        weight.external_data.add(key=key, value=text)
    return weight


def _save(model_of_it: ModelProto, folder: Path) -> Path:
    """The model has a folder of its own, so that what lies outside still lies below the folder that was given."""
    home = folder / "model"
    home.mkdir(parents=True, exist_ok=True)
    path = home / "model.onnx"
    path.write_bytes(model_of_it.SerializeToString(deterministic=True))
    return path


def _stating(*stated: tuple[str, str], folder: Path) -> Path:
    """A sane weight file, and a model that says of it what is `stated`."""
    path = _save(added(_external(*stated)), folder)
    (path.parent / "weights.bin").write_bytes(_ENOUGH)
    (folder / "outside.bin").write_bytes(_ENOUGH)
    return path


def _holding(held: bytes, folder: Path) -> Path:
    path = _save(added(_external(("location", "weights.bin"))), folder)
    (path.parent / "weights.bin").write_bytes(held)
    return path


def _put(put: Callable[[Path, Path], object], folder: Path) -> Path:
    """`put` makes weights.bin, knowing of a file outside the model's folder."""
    outside = folder / "outside.bin"
    path = _save(added(_external(("location", "weights.bin"), ("offset", "0"), ("length", "16"))), folder)
    outside.write_bytes(_ENOUGH)
    put(path.parent / "weights.bin", outside)
    return path


def _absolute(folder: Path) -> Path:
    return _stating(("location", str((folder / "outside.bin").absolute())), folder=folder)


def _through_a_linked_folder(folder: Path) -> Path:
    path = _stating(("location", "data/outside.bin"), folder=folder)
    (path.parent / "data").symlink_to(folder.absolute())
    return path


def _huge_hole(folder: Path) -> Path:
    """3 GiB that take no room on the disk: what reads it all pays for it."""
    path = _save(added(_external(("location", "weights.bin"), dims=(_THREE_GIB // 4,))), folder)
    with (path.parent / "weights.bin").open("wb") as file:
        file.truncate(_THREE_GIB)
    return path


def _dims(dims: tuple[int, ...], folder: Path) -> Path:
    path = _save(added(_external(("location", "weights.bin"), dims=dims)), folder)
    (path.parent / "weights.bin").write_bytes(_ENOUGH)
    return path


def _typed(data_type: int, folder: Path) -> Path:
    weight = _external(("location", "weights.bin"))
    weight.data_type = data_type
    path = _save(model([node("Cast", "w", "v", to=FLOAT), node("Add", "x v", "y")], weight), folder)
    (path.parent / "weights.bin").write_bytes(_ENOUGH)
    return path


def _with_raw_data_too(folder: Path) -> Path:
    weight = _external(("location", "weights.bin"))
    weight.raw_data = bytes(16)
    path = _save(added(weight), folder)
    (path.parent / "weights.bin").write_bytes(_ENOUGH)
    return path


def _in_a_constant(location: str, folder: Path) -> Path:
    """Attributes hold tensors as well: whoever looks at initializers alone does not see this path."""
    constant = node("Constant", "", "w", value=_external(("location", location)))
    path = _save(model([constant, node("Add", "x w", "y")]), folder)
    (folder / "outside.bin").write_bytes(_ENOUGH)
    return path


def _without_the_flag(folder: Path) -> Path:
    weight = _external(("location", "weights.bin"))
    weight.ClearField("data_location")
    path = _save(added(weight), folder)
    (path.parent / "weights.bin").write_bytes(_ENOUGH)
    return path


def _inside_a_branch(folder: Path) -> Path:
    from .building import graph, value

    branch = graph(
        [node("Add", "x w", "v")], [_external(("location", "../outside.bin"))], inputs=[], outputs=[value("v")]
    )
    choose = node("If", "yes", "y", then_branch=branch, else_branch=branch)
    path = _save(model([choose], array("yes", True, bool)), folder)
    (folder / "outside.bin").write_bytes(_ENOUGH)
    return path


def _location(location: str, *more: tuple[str, str]) -> Callable[[Path], Path]:
    return lambda folder: _stating(("location", location), *more, folder=folder)


def _here(*more: tuple[str, str]) -> Callable[[Path], Path]:
    return _location("weights.bin", *more)


_LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"cd" * 32 + b"\nsize 16\n"

_ROWS: tuple[tuple[str, str, Callable[[Path], Path]], ...] = (
    ("external-parent", "The weights lie in the parent folder.", _location("../outside.bin")),
    ("external-parent-hidden", "The path leaves the folder half way.", _location("./a/../../outside.bin")),
    ("external-parent-backslash", "The path leaves the folder with backslashes.", _location("..\\outside.bin")),
    ("external-parent-percent", "The path leaves the folder percent-encoded.", _location("%2e%2e/outside.bin")),
    ("external-absolute", "The path is absolute.", _absolute),
    ("external-etc-passwd", "The path is /etc/passwd.", _location("/etc/passwd", ("offset", "0"), ("length", "16"))),
    ("external-proc-self-mem", "The path is /proc/self/mem.", _location("/proc/self/mem")),
    ("external-dev-zero", "The path is /dev/zero.", _location("/dev/zero")),
    ("external-dev-stdin", "The path is /dev/stdin.", _location("/dev/stdin")),
    ("external-url", "The path is a URL.", _location("http://127.0.0.1:9/weights.bin")),
    ("external-file-url", "The path is a file URL.", _location("file:///etc/passwd")),
    (
        "external-in-memory-tag",
        "The path is ONNX Runtime's own word for an address in memory.",
        _location("*/_ORT_MEM_ADDR_/*", ("offset", "4096"), ("length", "16")),
    ),
    ("external-no-location", "No path is given.", lambda folder: _stating(("offset", "0"), folder=folder)),
    ("external-empty-location", "The path is empty.", _location("")),
    ("external-dot", "The path is the folder itself.", _location(".")),
    ("external-newline", "The path holds a newline.", _location("weights\n.bin")),
    ("external-nul", "The path holds a NUL, after which comes another ending.", _location("weights.bin\0.txt")),
    ("external-long", "The path has 5,000 characters.", _location("a" * 5000)),
    ("external-model-itself", "The path is the model file.", _location("model.onnx")),
    ("external-missing", "The file is missing.", _location("nowhere.bin")),
    ("external-two-locations", "Two paths are given.", _here(("location", "nowhere.bin"))),
    ("external-unknown-key", "A key is given that nobody knows.", _here(("compression", "zip"))),
    ("external-offset-negative", "The offset is −8.", _here(("offset", "-8"))),
    ("external-offset-beyond", "The offset is 4,096 in a file of 16 bytes.", _here(("offset", "4096"))),
    ("external-offset-2-to-62", "The offset is 2⁶².", _here(("offset", str(1 << 62)))),
    (
        "external-offset-wraps",
        "Offset and length make more than 2⁶³.",
        _here(("offset", str((1 << 63) - 8)), ("length", "16")),
    ),
    ("external-offset-2-to-64", "The offset is 2⁶⁴.", _here(("offset", str(1 << 64)))),
    ("external-offset-text", "The offset is a word.", _here(("offset", "nine"))),
    ("external-offset-hexadecimal", "The offset is 0x0.", _here(("offset", "0x0"))),
    ("external-length-negative", "The length is −16.", _here(("length", "-16"))),
    ("external-length-zero", "The length is 0.", _here(("length", "0"))),
    ("external-length-short", "The length is 8 where 16 are needed.", _here(("length", "8"))),
    ("external-length-huge", "The length is 2⁶².", _here(("length", str(1 << 62)))),
    ("external-length-text", "The length is a word.", _here(("length", "all"))),
    ("external-checksum-wrong", "The checksum is another file's.", _here(("checksum", "0" * 40))),
    ("external-too-short", "The file holds 15 bytes.", partial(_holding, _ENOUGH[:15])),
    ("external-empty", "The file is empty.", partial(_holding, b"")),
    ("external-too-long", "The file holds 64 bytes.", partial(_holding, _ENOUGH * 4)),
    ("external-nan", "The file holds NaN.", partial(_holding, b"\xff" * 16)),
    ("external-lfs-pointer", "The file is a Git LFS pointer.", partial(_holding, _LFS)),
    (
        "external-symlink",
        "The file is a link to outside the folder.",
        partial(_put, lambda here, outside: here.symlink_to(outside.absolute())),
    ),
    (
        "external-symlink-dangling",
        "The file is a link to nowhere.",
        partial(_put, lambda here, _: here.symlink_to("nowhere")),
    ),
    (
        "external-symlink-dev-zero",
        "The file is a link to /dev/zero.",
        partial(_put, lambda here, _: here.symlink_to("/dev/zero")),
    ),
    ("external-symlink-folder", "The path goes through a linked folder.", _through_a_linked_folder),
    (
        "external-hard-link",
        "The file is a hard link to outside the folder.",
        partial(_put, lambda here, outside: here.hardlink_to(outside)),
    ),
    ("external-directory", "The file is a directory.", partial(_put, lambda here, _: here.mkdir())),
    ("external-fifo", "The file is a FIFO that nobody writes to.", partial(_put, lambda here, _: os.mkfifo(here))),
    ("external-hole-of-3-gib", "The file is 3 GiB of hole.", _huge_hole),
    ("external-dims-huge", "The weight declares 4·10⁹ values of a file of 16 bytes.", partial(_dims, (4_000_000_000,))),
    ("external-dims-overflow", "The weight declares (2³³, 2³³).", partial(_dims, (1 << 33, 1 << 33))),
    ("external-dims-negative", "The weight declares (-4).", partial(_dims, (-4,))),
    ("external-dims-zero", "The weight declares (0).", partial(_dims, (0,))),
    ("external-string", "The weight is of strings.", partial(_typed, TensorProto.STRING)),
    ("external-undefined", "The weight is of type UNDEFINED.", partial(_typed, TensorProto.UNDEFINED)),
    ("external-raw-data-too", "The weight holds raw data as well.", _with_raw_data_too),
    ("external-without-flag", "The weight has a path, but is not marked as external.", _without_the_flag),
    (
        "external-in-constant",
        "A Constant's value lies in the parent folder.",
        partial(_in_a_constant, "../outside.bin"),
    ),
    (
        "external-in-constant-missing",
        "A Constant's value lies in a file that is missing.",
        partial(_in_a_constant, "nowhere.bin"),
    ),
    ("external-in-branch", "An If's branch has a weight in the parent folder.", _inside_a_branch),
)

ENTRIES = tuple(Hostile(name, "external data", wrong, make) for name, wrong, make in _ROWS)
