"""More padding under the mask: a sample of the same meaning and another length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.case.data import Feed
from pytest_qparity.case.names import known_list

if TYPE_CHECKING:
    from pytest_qparity.case.data import Array
    from pytest_qparity.case.invariance_spec import PaddingSpec
    from pytest_qparity.case.model import TensorInfo


def padded(unit: Feed, spec: PaddingSpec) -> Feed:
    """The unit with `spec.by` more positions at the end of `spec.axis` in the mask and each input of `spec.pad`."""
    fills = {spec.mask: spec.value, **spec.pad}
    return Feed(
        {name: _longer(array, spec, fills[name]) if name in fills else array for name, array in unit.arrays.items()},
        unit.count,
    )


def why_not_padded(spec: PaddingSpec, inputs: Sequence[TensorInfo], units: Sequence[Feed]) -> str:
    """Why the padding that a case states cannot be added to this model's inputs; empty where it can."""
    known = {tensor.name: tensor for tensor in inputs}
    sizes = {}
    for name, fill in {spec.mask: spec.value, **spec.pad}.items():
        if name not in known:
            return f'"{name}" is no input of the model, which has {known_list(known)}'
        shape = known[name].shape or ()
        array = units[0].arrays[name]
        if spec.axis >= len(shape):
            return f'"{name}" has {len(shape)} axes and none of number {spec.axis}'
        if isinstance(shape[spec.axis], int):
            return f'"{name}" has a fixed size of {shape[spec.axis]} on axis {spec.axis}'
        if not _holds(array.dtype, fill):
            return f'"{name}" is {array.dtype} and cannot hold {fill}'
        sizes[name] = array.shape[spec.axis]
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f'"{name}" {size}' for name, size in sizes.items())
        return f"the inputs that get longer differ in size on axis {spec.axis}: {listed}"
    return ""


def _longer(array: Array, spec: PaddingSpec, fill: float) -> Array:
    shape = list(array.shape)
    shape[spec.axis] = spec.by
    return np.concatenate([array, np.full(shape, fill, array.dtype)], axis=spec.axis)


def _holds(dtype: np.dtype, fill: float) -> bool:
    if dtype.kind == "b":
        return fill in (0, 1)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return float(fill).is_integer() and limits.min <= fill <= limits.max
    return dtype.kind not in "USO"
