"""Cross-layer equalization: channels between two products are scaled so that both weights have the same ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.precision.balancing.joints import PRODUCTS, joints

if TYPE_CHECKING:
    import onnx_ir as ir

    from pytest_qparity.precision.balancing.constants import Constants
    from pytest_qparity.precision.balancing.joints import Joint

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["equalize"]

CONVERGED = 0.01  # of the logarithm of a scale
ROUNDS = 50  # of all pairs: a chain of n products has settled after about n


def equalize(graph: ir.Graph, constants: Constants) -> int:
    """s_i = √(r1_i / r2_i), W1_i / s_i, b1_i / s_i, W2_i · s_i; how many pairs of products were changed.

    r1_i: the largest |w| of output channel i of the first product, r2_i that of input channel i of the second. Pairs
    are gone through until none moves. Source: Nagel et al. 2019 (Data-Free Quantization), eq. 8 to 11. Between both is
    nothing, or what f(x/s) = f(x)/s holds for, and nobody else reads what is between.

    Departures: a channel without weights on either side keeps 1, as its scale would be 0 or infinite. s_i is at least
    |b1_i| / max|b1|: that of a channel which is next to nothing but its bias would have this bias set the range of the
    tensor between (the paper's section 4.2 absorbs such biases).
    """
    pairs = [joint for joint in joints(graph) if _is_pair(joint)]
    changed: set[int] = set()
    for _ in range(ROUNDS):
        moved = 0.0
        for index, joint in enumerate(pairs):
            scale = _scale(joint, constants)
            movement = float(np.max(np.abs(np.log(scale))))
            if movement > CONVERGED:
                changed.add(index)
                constants.move(joint, scale)
            moved = max(moved, movement)
        if moved <= CONVERGED:
            break
    return len(changed)


def _is_pair(joint: Joint) -> bool:
    return joint.source is not None and joint.source.op_type in PRODUCTS and len(joint.readers) == 1 and joint.alone


def _scale(joint: Joint, constants: Constants) -> Array:
    weight = next(each for each in joint.givers if each.node is joint.source and each.index == 1)
    biases = [each for each in joint.givers if each is not weight]
    first = constants.largest(weight)
    second = constants.largest(joint.readers[0]).reshape(-1, joint.inner).max(axis=1)
    scale = np.ones_like(first)
    both = (first > 0.0) & (second > 0.0)
    scale[both] = np.sqrt(first[both] / second[both])
    for bias in biases:
        offset = np.broadcast_to(constants.largest(bias), scale.shape)
        if offset.max() > 0.0:
            least = offset / offset.max()
            scale[both] = np.maximum(scale[both], least[both])
    return scale
