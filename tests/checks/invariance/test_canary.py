"""A project's own canary may be a file that the invariance check alone sees through."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.gate import canaries
from pytest_qparity.verdict import Code
from pytest_qparity.worker.protocol import Isolation
from tests.checks.invariance.models import attention, sentences
from tests.models import save

CANARY = """
model = "float.onnx"
[data]
test = "test.npz"
[precisions.int8]
file = "sound.onnx"
[precisions.int8-leak]
file = "leaking.onnx"
caught_by = ["QP-INV-005"]
[invariance]
padding = { mask = "attention_mask", pad = { input_ids = 0 }, by = 20 }
"""


@pytest.fixture
def settings(tmp_path: Path) -> gate.Settings:
    folder = tmp_path / "cases" / "canaries"
    save(attention(), folder / "float.onnx")
    save(attention(quantized=True), folder / "sound.onnx")
    save(attention(quantized=True, mask_range=2.0), folder / "leaking.onnx")
    np.savez(folder / "test.npz", **sentences(16))
    file = folder / "leak.toml"
    file.write_text(CANARY, encoding="utf-8")
    settings = dataclasses.replace(gate.default_settings(tmp_path), isolation=Isolation.NONE)
    with contextlib.closing(gate.CaseMaterial(load_case(file), settings, "leak.toml")) as material:
        material.accept_golden()
    return settings


def test_a_canary_is_caught_by_its_relation(settings: gate.Settings) -> None:
    result = settings.canaries.on("ort", settings, gate.judge)

    assert (result.planned, result.caught, result.failure) == (1, 1, None)


def test_a_gate_without_the_check_is_not_believed(settings: gate.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canaries, "CHECKS", ("preflight", "parity", "accuracy"))

    result = settings.canaries.on("ort", settings, gate.judge)

    assert result.failure is not None
    assert result.failure.code is Code.CANARY_PASSED
