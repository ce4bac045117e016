"""What is called in the benchmarks of workers: in a worker, in this process and in a pool alike."""

from __future__ import annotations

import ctypes
import re
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]


def double(held: Mapping[str, Any], arguments: Mapping[str, Any], arrays: Arrays) -> tuple[None, dict[str, np.ndarray]]:
    """A run that takes all it is fed and gives as much back."""
    return None, {name: array * 2 for name, array in arrays.items()}


def largest(
    held: Mapping[str, Any], arguments: Mapping[str, Any], arrays: Arrays
) -> tuple[None, dict[str, np.ndarray]]:
    """A run that takes all it is fed and gives next to nothing back, as most models do."""
    return None, {name: np.array(array.max()) for name, array in arrays.items()}


def nothing(
    held: Mapping[str, Any], arguments: Mapping[str, Any], arrays: Arrays
) -> tuple[None, dict[str, np.ndarray]]:
    return None, {}


def segfault(held: Mapping[str, Any], arguments: Mapping[str, Any], arrays: Arrays) -> tuple[None, Arrays]:
    ctypes.string_at(0)
    return None, {}


def hold_the_gil(held: Mapping[str, Any], arguments: Mapping[str, Any], arrays: Arrays) -> tuple[None, Arrays]:
    re.match(r"(a+)+$", "a" * 60 + "b")
    return None, {}


def sleep(held: Mapping[str, Any], arguments: Mapping[str, Any], arrays: Arrays) -> tuple[None, Arrays]:
    time.sleep(60)
    return None, {}
