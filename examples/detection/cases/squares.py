"""Images of bright squares in noise, and a detector of them: seeded, and solved rather than trained."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, CELL, FILTERS, KERNEL, MOST = 32, 4, 96, 15, 3
CELLS = SIDE // CELL


def images(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """float32 (count, 1, 32, 32), and labels (count, 3, 5): class 0, x1, y1, x2, y2 in pixels; class -1 is none."""
    random = np.random.default_rng(seed)
    pictures = 0.1 * random.standard_normal((count, 1, SIDE, SIDE))
    labels = np.full((count, MOST, 5), -1.0)
    for picture, boxes in zip(pictures[:, 0], labels, strict=True):
        taken = np.zeros((SIDE, SIDE), bool)
        for box in boxes[: random.integers(1, MOST + 1)]:
            size = random.integers(5, 9)
            x, y = random.integers(0, SIDE - size, 2)
            around = np.s_[max(y - 4, 0) : y + size + 4, max(x - 4, 0) : x + size + 4]
            if not taken[around].any():
                taken[y : y + size, x : x + size] = True
                picture[y : y + size, x : x + size] += 1.0
                box[:] = 0, x, y, x + size, y + size
    return pictures.astype(np.float32), labels.astype(np.float32)


def test_data() -> dict[str, np.ndarray]:
    pictures, labels = images(1, 120)
    return {"image": pictures, "labels": labels}


def calibration_data() -> dict[str, np.ndarray]:
    return {"image": images(2, 64)[0]}


def detector() -> onnx.ModelProto:
    """image (N, 1, 32, 32) → boxes (N, 64, 4), scores (N, 64, 1): each cell of 4 by 4 pixels names one box.

    Random filters and ReLU, then a 1×1 convolution that least squares solves for: does the middle of a square lie in
    this cell, and how far are its four sides. Of neighbouring cells the one with the highest score counts.
    """
    random = np.random.default_rng(0)
    filters = random.standard_normal((FILTERS, 1, KERNEL, KERNEL)) / KERNEL
    offsets = random.uniform(-1.0, 1.0, FILTERS)
    head, bias = _solved(filters, offsets)
    centers = _centers()
    constants = {
        "filters": filters,
        "offsets": offsets,
        "head": head.T[:, :, np.newaxis, np.newaxis],
        "bias": bias,
        "signs": np.array([-1.0, -1.0, 1.0, 1.0]).reshape(1, 4, 1),
        "centers": np.concatenate([centers, centers], axis=1).T[np.newaxis],
        "least": np.array(0.3),
    }
    shapes = {"parts": [1, 4], "flat": [0, -1, 1], "flat_sides": [0, 4, -1]}
    node = helper.make_node
    nodes = [
        node("Conv", ["image", "filters", "offsets"], ["c1"], "features", pads=[KERNEL // 2] * 4, strides=[CELL, CELL]),
        node("Relu", ["c1"], ["r1"], "relu"),
        node("Conv", ["r1", "head", "bias"], ["answers"], "answers"),
        node("Split", ["answers", "parts"], ["heat", "sides"], "parts", axis=1),
        node("MaxPool", ["heat"], ["highest"], "highest", kernel_shape=[3, 3], pads=[1] * 4),
        node("Equal", ["heat", "highest"], ["is_peak"], "is_peak"),
        node("Cast", ["is_peak"], ["peak"], "peak", to=TensorProto.FLOAT),
        node("Sub", ["heat", "least"], ["above"], "above"),
        node("Relu", ["above"], ["sure"], "sure"),
        node("Mul", ["sure", "peak"], ["peaks"], "peaks"),
        node("Reshape", ["peaks", "flat"], ["scores"], "scores"),
        node("Reshape", ["sides", "flat_sides"], ["distances"], "distances"),
        node("Mul", ["distances", "signs"], ["signed"], "signed"),
        node("Add", ["signed", "centers"], ["corners"], "corners"),
        node("Transpose", ["corners"], ["boxes"], "boxes", perm=[0, 2, 1]),
    ]
    value, cells = helper.make_tensor_value_info, CELLS * CELLS
    graph = helper.make_graph(
        nodes,
        "squares",
        [value("image", TensorProto.FLOAT, ["N", 1, SIDE, SIDE])],
        [value("boxes", TensorProto.FLOAT, ["N", cells, 4]), value("scores", TensorProto.FLOAT, ["N", cells, 1])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in constants.items()]
        + [numpy_helper.from_array(np.array(shape, np.int64), name) for name, shape in shapes.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _centers() -> np.ndarray:
    """x, y of the middle of each cell, row by row: (64, 2)."""
    along = np.arange(CELLS) * CELL + CELL // 2
    return np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)


def _solved(filters: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regression on 600 images: weights (FILTERS, 5) and bias (5,) for the score and left, top, right, bottom."""
    pictures, labels = images(0, 600)
    padded = np.pad(pictures[:, 0], ((0, 0), (KERNEL // 2,) * 2, (KERNEL // 2,) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (KERNEL, KERNEL), axis=(1, 2))[:, ::CELL, ::CELL]
    seen = windows.reshape(-1, KERNEL * KERNEL) @ filters.reshape(FILTERS, -1).T + offsets
    features = np.concatenate([np.maximum(seen, 0), np.ones((len(seen), 1))], axis=1)
    centers = np.tile(_centers(), (len(pictures), 1))
    score, sides = np.zeros(len(centers)), np.zeros((len(centers), 4))
    for picture, boxes in enumerate(labels):
        for _, x1, y1, x2, y2 in boxes[boxes[:, 0] >= 0]:
            row = picture * CELLS * CELLS + int((y1 + y2) / 2 // CELL) * CELLS + int((x1 + x2) / 2 // CELL)
            x, y = centers[row]
            score[row], sides[row] = 1.0, (x - x1, y - y1, x2 - x, y2 - y)
    there = score > 0
    solved = np.concatenate([_ridge(features, score[:, np.newaxis]), _ridge(features[there], sides[there])], axis=1)
    return solved[:-1], solved[-1]


def _ridge(features: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return np.linalg.solve(features.T @ features + 0.1 * np.eye(features.shape[1]), features.T @ wanted)
