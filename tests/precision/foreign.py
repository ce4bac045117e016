"""What foreign code may do in the midst of a recipe. Found by name, in the worker."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path


def die_half_way(held, arguments, arrays):
    _leave_scratch(arguments)
    ctypes.string_at(0)


def hang_half_way(held, arguments, arrays):
    _leave_scratch(arguments)
    time.sleep(600)


def exit_as_if_done(held, arguments, arrays):
    _leave_scratch(arguments)
    os._exit(0)


def _leave_scratch(arguments):
    """Half of a file at the target, and a quantizer's folder beside it."""
    target = Path(arguments["target"])
    target.write_bytes(b"half of a model")
    (target.parent / "int8-scratch").mkdir()
    (target.parent / "int8-scratch" / "float-inferred.onnx").write_bytes(b"more")
