"""ONNX Runtime, until a file of `releases` is timed: its process then ends."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pytest_qparity.backends.ort import OnnxRuntimeCpu
from pytest_qparity.backends.ort_session import OnnxRuntimeSession
from pytest_qparity.backends.protocol import SessionFacts, SessionOptions

RUNS_BEFORE_TIMING = 3


class Dying(OnnxRuntimeCpu):
    def load(self, model: Path, options: SessionOptions) -> OnnxRuntimeSession:
        session = super().load(model, options)
        return DyingSession(session) if model.parent.name == "releases" else session  # type: ignore[return-value]


class DyingSession:
    def __init__(self, session: OnnxRuntimeSession) -> None:
        self._session = session
        self._runs = 0

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self._runs += 1
        if self._runs > RUNS_BEFORE_TIMING:
            os.abort()
        return self._session.run(feed)

    def facts(self) -> SessionFacts:
        return self._session.facts()

    def close(self) -> None:
        self._session.close()
