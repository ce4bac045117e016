"""Requests that the service got, as the case's data: each goes through the service's own `preprocess`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from digits_service import preprocess

FOLDER = Path(__file__).parent / "requests"


def requests(name: str) -> tuple[list[np.ndarray], list[int]]:
    """What the model is fed for each request of a file, and the digits that a person saw in those that have one."""
    bodies = (FOLDER / name).read_bytes().splitlines()
    labels = [told["digit"] for told in map(json.loads, bodies) if "digit" in told]
    return [preprocess(body) for body in bodies], labels


def test_data() -> dict[str, np.ndarray]:
    samples, labels = requests("test.jsonl")
    return {"input": np.concatenate(samples), "labels": np.asarray(labels)}


def calibration_data() -> dict[str, np.ndarray]:
    return {"input": np.concatenate(requests("calibration.jsonl")[0])}
