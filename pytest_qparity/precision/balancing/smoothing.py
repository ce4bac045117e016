"""Migration of outliers from activations into weights (SmoothQuant)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from pytest_qparity.precision.balancing.joints import Joint, joints

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.precision.balancing.constants import Constants
    from pytest_qparity.precision.placement.writer import Writer

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Smoothed", "places", "smooth"]

LEAST = (
    1e-5  # of a scale, as in the paper's own code: a channel that is hardly there is no reason to grow it without end
)


@dataclass(frozen=True, slots=True)
class Smoothed:
    """folded, multiplied: tensors whose scales went into what makes them, or stay as a Mul; `left`: those that no
    constant takes the scales of, and that stay as they are."""

    folded: int
    multiplied: int
    left: int


def places(graph: ir.Graph) -> list[Joint]:
    """Tensors that products with constant weights read, in order."""
    return list(joints(graph))


def smooth(
    graph: ir.Graph,
    constants: Constants,
    writer: Writer,
    reaches: Mapping[str, Array],
    strength: float,
    *,
    multiply: bool,
) -> Smoothed:
    """s_j = max|X_j|^α / max|W_j|^(1−α), X_j / s_j, W_j · s_j, by input channel j of the products that read X.

    reaches: max |X_j| by tensor, float64 of shape (channels,). strength: α. Source: Xiao et al. 2023 (SmoothQuant),
    eq. 3 and 4. Products that read one tensor share its scales, max|W_j| is that of all of them. 1/s goes into what
    makes X: a normalization, a product, or a Mul by constants, with what f(x/s) = f(x)/s holds for in between; where
    nothing takes it a Mul is put in front of the products if `multiply`, else they are left as they are.

    A channel that is always 0, or that no weight reads, keeps 1.
    """
    folded = multiplied = left = 0
    for joint in places(graph):
        reach = reaches.get(str(joint.value.name))
        if reach is None:  # no sample gave it an element
            left += 1
            continue
        scale = _scale(joint, constants, reach, strength)
        if joint.givers:
            constants.move(joint, scale)
            folded += 1
        elif multiply:
            constants.multiply(joint.readers, scale)
            _put_mul(joint, writer, graph, scale)
            multiplied += 1
        else:
            left += 1
    return Smoothed(folded, multiplied, left)


def _scale(joint: Joint, constants: Constants, reach: Array, strength: float) -> Array:
    weights = np.max([constants.largest(reader) for reader in joint.readers], axis=0)
    reach, weights = (each.reshape(-1, joint.inner).max(axis=1) for each in (reach, weights))
    scale: Array = np.ones_like(weights)
    both = (reach > 0.0) & (weights > 0.0)
    scale[both] = np.maximum(reach[both] ** strength / weights[both] ** (1.0 - strength), LEAST)
    return scale


def _put_mul(joint: Joint, writer: Writer, graph: ir.Graph, scale: Array) -> None:
    rank = len(joint.value.shape) if joint.value.shape is not None else None
    shape = (-1,) if joint.axis == -1 else (-1, *[1] * ((rank or 4) - 2))
    factor = writer.constant(f"{joint.value.name}_smooth", (1.0 / scale).astype(np.float32).reshape(shape), graph)
    name = f"{joint.value.name}_smoothed"
    (smoothed,) = writer.node("Mul", [joint.value, factor], [(name, int(ir.DataType.FLOAT))], graph)
    smoothed.shape = joint.value.shape
    for reader in joint.readers:
        reader.node.replace_input_with(0, smoothed)
