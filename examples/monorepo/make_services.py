"""Makes services/: 20 teams, each with its model, data and case file. In a monorepo of yours they are there."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TEAMS = {
    "shop": ["ads", "cart", "coupons", "mail", "media", "orders", "price", "rank", "returns", "search"],
    "trust": ["abuse", "billing", "chat", "churn", "fraud", "intent", "maps", "spam", "stock", "tags"],
}
FEATURES, HIDDEN, CLASSES, SAMPLES = 16, 32, 4, 200
CASE = """\
model = "model.onnx"
task = "image-classification"

[data]
test = "test.npz"
calibration = "calibration.npz"
population = false
batch = 50

[precisions.fp16]
[precisions.int8]
target = "ort"

[accuracy]
margin = 5.0
"""
WAIVER = """
[[waivers]]
run = "ort-int8"
checks = ["parity", "accuracy"]
codes = ["QP-PAR-002", "QP-PAR-003", "QP-ACC-001"]
reason = "one feature is 30 times larger than the others; the team scales it in its next model (ABUSE-231)"
expires = {expires}
"""


def model(seed: int, first_feature: float) -> onnx.ModelProto:
    """Two layers. The first feature is `first_feature` times as large as the others, its weights as much smaller."""
    random = np.random.default_rng(seed)
    weights = {
        "w1": random.standard_normal((FEATURES, HIDDEN)) / np.sqrt(FEATURES),
        "b1": random.standard_normal(HIDDEN) / 10,
        "w2": random.standard_normal((HIDDEN, CLASSES)) / np.sqrt(HIDDEN),
        "b2": random.standard_normal(CLASSES) / 10,
    }
    weights["w1"][0] /= first_feature
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["features", "w1", "b1"], ["hidden"], "first"),
            helper.make_node("Relu", ["hidden"], ["active"], "relu"),
            helper.make_node("Gemm", ["active", "w2", "b2"], ["logits"], "second"),
        ],
        "classifier",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", FEATURES])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", CLASSES])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def classes(network: onnx.ModelProto, features: np.ndarray) -> np.ndarray:
    """What the network itself says, in float64: labels on which it is right."""
    held = {each.name: numpy_helper.to_array(each).astype(np.float64) for each in network.graph.initializer}
    hidden = np.maximum(features @ held["w1"] + held["b1"], 0)
    return (hidden @ held["w2"] + held["b2"]).argmax(axis=1)


def make(root: Path) -> None:
    teams = [(division, team) for division, names in TEAMS.items() for team in names]
    for seed, (division, team) in enumerate(teams):
        folder = root / division / team
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(1000 + seed)
        first_feature = 30.0 if team == "abuse" else 1.0  # one range for all features: the others lose five bits
        network = model(seed, first_feature)
        test, calibration = random.standard_normal((2, SAMPLES, FEATURES)).astype(np.float32)
        test[:, 0] *= first_feature
        calibration[:, 0] *= first_feature
        onnx.save(network, folder / "model.onnx")
        np.savez(folder / "test.npz", features=test, labels=classes(network, test))
        np.savez(folder / "calibration.npz", features=calibration)
        expires = datetime.date.today() + datetime.timedelta(days=90)
        waiver = WAIVER.format(expires=expires) if team == "abuse" else ""
        (folder / "model.toml").write_text(CASE + waiver, encoding="utf-8")


if __name__ == "__main__":
    make(Path(__file__).parent / "services")
