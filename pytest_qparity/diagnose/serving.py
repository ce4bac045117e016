"""What a worker does for a diagnosis: it holds both models from `begin` to `end`."""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.diagnose.passes.measuring import Measurer
from pytest_qparity.diagnose.passes.returning import return_freed_memory
from pytest_qparity.precision.pairs.splicing import Change

if TYPE_CHECKING:
    import numpy as np

    Held = dict[str, Any]
    Arguments = Mapping[str, Any]
    Arrays = Mapping[str, np.ndarray]
    Result = tuple[Any, Arrays]

__all__ = [
    "annotate",
    "begin",
    "changed",
    "close_phase",
    "end",
    "islands",
    "measured",
    "open_change",
    "open_islands",
    "open_operators",
    "open_phase",
    "operators",
    "passes",
    "take",
]

_HELD, _FOLDER = "diagnosis", "diagnosis folder"


def begin(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Pair `reference` and `variant`; the first feed tells how large tensors are. Names of the phases."""
    end(held, {}, {})
    return_freed_memory()
    held[_FOLDER] = tempfile.mkdtemp(prefix="diagnose-")
    paths = Path(arguments["reference"]), Path(arguments["variant"]), Path(held[_FOLDER])
    measurer = Measurer(*paths, arguments["one_group_mb"])
    held[_HELD] = measurer
    return list(measurer.plan(arrays, arguments["feeds"])), {}


def open_phase(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    held[_HELD].open(arguments["phase"])
    return None, {}


def open_change(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    held[_HELD].open_change(Change.from_json(arguments["change"]))
    return None, {}


def open_islands(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    held[_HELD].open_islands()
    return None, {}


def islands(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Rounded tensors with the optimizer on against off, as distances by name."""
    return {name: asdict(distance) for name, distance in held[_HELD].islands().items()}, {}


def open_operators(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    constants = [(str(node), int(index)) for node, index in arguments["constants"]]
    held[_HELD].open_operators(set(arguments["nodes"]), constants, arguments["group"])
    return None, {}


def operators(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """What nodes make with nothing rounded, by name: (distance, whether a constant stayed rounded)."""
    found = held[_HELD].operators()
    return {name: (asdict(each.distance), each.constants_rounded) for name, each in found.items()}, {}


def take(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    held[_HELD].take(arrays, arguments["samples"])
    return None, {}


def close_phase(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    held[_HELD].close()
    return None, {}


def changed(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Outputs with the change, as distances by name."""
    return {name: asdict(distance) for name, distance in held[_HELD].changed().items()}, {}


def measured(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kilobytes, on macOS bytes
    return held[_HELD].measured(peak / (1e6 if sys.platform == "darwin" else 1e3)).as_json(), {}


def passes(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """How often the data ran through what, until now."""
    return held[_HELD].passes, {}


def annotate(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """A copy of the model `model` at `target`, `properties` by node in its metadata."""
    from pytest_qparity.diagnose.annotating import annotated
    from pytest_qparity.precision.large import save_whole

    save_whole(annotated(Path(arguments["model"]), arguments["properties"]), Path(arguments["target"]))
    return None, {}


def end(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Forget both models, and remove what was put on disk."""
    held.pop(_HELD, None)
    folder = held.pop(_FOLDER, None)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    return None, {}
