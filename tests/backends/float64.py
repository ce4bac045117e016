"""The shared test models computed in NumPy float64, from the weights in the file and nothing else."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper


def weights_of(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor).astype(np.float64) for tensor in model.graph.initializer}


def mlp_in_float64(model: onnx.ModelProto, inputs: np.ndarray) -> np.ndarray:
    """max(0, x·w1 + b1)·w2 + b2."""
    w = weights_of(model)
    return np.maximum(inputs.astype(np.float64) @ w["w1"] + w["b1"], 0) @ w["w2"] + w["b2"]


def cnn_in_float64(model: onnx.ModelProto, inputs: np.ndarray) -> np.ndarray:
    """mean over pixels of max(0, max(0, x ∗ k1) ∗ k2), times w, plus b."""
    w = weights_of(model)
    first = np.maximum(_convolved(inputs.astype(np.float64), w["k1"]), 0)
    second = np.maximum(_convolved(first, w["k2"]), 0)
    return second.mean(axis=(2, 3)) @ w["w"] + w["b"]


def _convolved(images: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    """Cross-correlation, 3×3, one pixel of zeros around."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.einsum("ncyxij,ocij->noyx", windows, kernels)
