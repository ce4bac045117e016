"""Constants of a model that are computed ahead: of nodes that make them, and of a folded BatchNormalization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.precision.pairs.quantizers import constant
from pytest_qparity.precision.pairs.running import Tapped

if TYPE_CHECKING:
    from onnx import NodeProto

    from pytest_qparity.precision.pairs.light_model import LightModel

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["folded", "value_of"]


def value_of(model: LightModel, name: str) -> Array | None:
    """A constant, computed where the file does not state it; None where it cannot be."""
    stated = constant(model, name)
    if stated is not None or name not in model.producers:
        return stated
    return Tapped(model.graph([name]), model.folder).run({})[name]


def folded(model: LightModel, convolution: NodeProto, norm: NodeProto) -> tuple[Array, Array]:
    """Weight and bias of a convolution that does what both nodes do: W · γ/√(σ² + ε), (b − μ) · γ/√(σ² + ε) + β.

    Source: Jacob et al. 2018, §3.2 and eq. 14; in float64, rounded to float32.
    """
    arrays = [value_of(model, name) for name in (convolution.input[1], *norm.input[1:5])]
    bias = value_of(model, convolution.input[2]) if len(convolution.input) > 2 and convolution.input[2] else None
    if any(each is None for each in arrays):
        raise ValueError(f"got a BatchNormalization {norm.name} that is no constant, should be one that was folded")
    kernel, gamma, beta, mean, variance = (np.asarray(each, np.float64) for each in arrays)
    epsilon = next((each.f for each in norm.attribute if each.name == "epsilon"), 1e-5)
    factor = gamma / np.sqrt(variance + epsilon)
    offset = (0.0 if bias is None else bias.astype(np.float64)) - mean
    weight = kernel * factor.reshape(-1, *[1] * (kernel.ndim - 1))
    return weight.astype(np.float32), (offset * factor + beta).astype(np.float32)
