"""What a stub generator leaves out of compiled bindings, as JSON. Run by `make_stubs.py` where the bindings import.

python introspection.py tensorrt | cuda
"""

from __future__ import annotations

import ctypes
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

# Where a type keeps `tp_as_buffer`: the 21st word of PyTypeObject (cpython, Include/cpython/object.h).
_AS_BUFFER = 20 * ctypes.sizeof(ctypes.c_void_p)
_DOCUMENTED = re.compile(r"^ +def (\w+)\(self(?:, ([\w, ]+))?\):", re.MULTILINE)


def of_tensorrt(module: ModuleType) -> dict[str, Any]:
    """`enums`: members and their numbers by class; `buffers`: classes that are buffers; `overrides`: methods that a
    class's docstring asks a subclass to have and that the class itself lacks, with their parameters."""
    classes = dict(_classes(module, ""))
    return {
        "enums": {
            name: {member: int(value) for member, value in each.__members__.items()}
            for name, each in classes.items()
            if isinstance(getattr(each, "__members__", None), dict)
        },
        "buffers": sorted(name for name, each in classes.items() if _is_buffer(each)),
        "overrides": {name: found for name, each in classes.items() if (found := _overrides(each))},
    }


def of_cuda(module: ModuleType) -> dict[str, Any]:
    """`enums` as above; `functions`: parameters by name; `classes`: their attributes."""
    classes = {name: each for name, each in _classes(module, "") if not name.startswith("_")}
    enums = {name: each for name, each in classes.items() if hasattr(each, "__members__")}
    return {
        "enums": {
            name: {member: int(value) for member, value in each.__members__.items()} for name, each in enums.items()
        },
        "functions": {
            name: list(inspect.signature(each).parameters)
            for name, each in vars(module).items()
            if name.startswith("cuda") and callable(each) and not isinstance(each, type)
        },
        "classes": {
            name: [attribute for attribute in dir(each) if not attribute.startswith("_")]
            for name, each in classes.items()
            if name not in enums and name.startswith("cuda")
        },
    }


def _classes(place: Any, prefix: str) -> Iterator[tuple[str, type]]:
    for name, each in vars(place).items():
        if isinstance(each, type) and each is not place and each.__name__ == name:
            yield f"{prefix}{name}", each
            yield from _classes(each, f"{prefix}{name}.")


def _is_buffer(each: type) -> bool:
    methods = ctypes.c_void_p.from_address(id(each) + _AS_BUFFER).value
    return methods is not None and ctypes.c_void_p.from_address(methods).value is not None


def _overrides(each: type) -> dict[str, list[str]]:
    found = _DOCUMENTED.findall(each.__doc__ or "")
    return {
        name: parameters.split(", ") if parameters else []
        for name, parameters in found
        if name != "__init__" and not hasattr(each, name)
    }


if __name__ == "__main__":
    if sys.argv[1] == "tensorrt":
        told = of_tensorrt(importlib.import_module("tensorrt_bindings.tensorrt"))
    else:
        told = of_cuda(importlib.import_module("cuda.bindings.runtime"))
    json.dump(told, sys.stdout)
