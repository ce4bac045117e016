"""Models of full size with seeded weights, and data for them: built where they are judged, since git is no place for
100 and 440 MB. Nothing is downloaded."""

from __future__ import annotations

import numpy as np
import onnx

from benchmarks import bert, models


def resnet50() -> onnx.ModelProto:
    return models.resnet50()


def images() -> dict[str, np.ndarray]:
    return {"image": models.images(32, seed=2)}


def calibration_images() -> dict[str, np.ndarray]:
    return {"image": models.images(16, seed=1)}


def bert_base() -> onnx.ModelProto:
    return bert.bert()


def sentences() -> dict[str, np.ndarray]:
    return bert.sentences(16, seed=2)


def calibration_sentences() -> dict[str, np.ndarray]:
    return bert.sentences(16, seed=1)
