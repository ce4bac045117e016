"""Costs of a case whose feeds differ in shape are those of the costliest, whichever comes first."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity import gate, load_case
from pytest_qparity.backends.outputs import Misfit
from pytest_qparity.case.feeding import Feed, FeedSource
from pytest_qparity.gate.canaries import Canaries
from pytest_qparity.gate.feed_shapes import feed_shapes
from pytest_qparity.verdict import Code, Outcome, Verdict
from tests.models import save

CASE = """
model = "pool.onnx"
[data]
test = "images:data"
batch = 1
[precisions.fp32]
[latency]
batches = [3]
[budgets.ort.fp32]
memory_mb = 1
activation_mb = 1
"""
IMAGES = """
import numpy as np
def data():
    for index, size in enumerate((8, 256, 256, 16)):
        yield {"x": np.full((1, size, size), index + size, np.float32), "id": str(index)}
"""


def pooling() -> onnx.ModelProto:
    weights = numpy_helper.from_array(np.full((8, 1, 3, 3), 0.125, np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["a"], ["b"]),
        helper.make_node("Flatten", ["b"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "pool",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 8])],
        [weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gate.RunMaterial]:
    root = tmp_path_factory.mktemp("shapes")
    save(pooling(), root / "cases" / "pool.onnx")
    (root / "cases" / "images.py").write_text(IMAGES)
    case_file = root / "cases" / "pool.toml"
    case_file.write_text(CASE)
    settings = gate.default_settings(root, latency_seconds=0.02)
    settings = dataclasses.replace(settings, canaries=Canaries(root, ()))
    material = gate.CaseMaterial(load_case(case_file), settings, case_file.name)
    with contextlib.closing(material), contextlib.closing(gate.RunMaterial(material, "ort", "fp32")) as run:
        material.accept_golden()
        yield run


@pytest.fixture(scope="module")
def judged(run: gate.RunMaterial) -> dict[str, Verdict]:
    return {check: gate.judge(run, check) for check in ("parity", "latency", "memory")}


def test_latency_is_of_the_costliest_shape_and_others_stand_beside_it(judged: dict[str, Verdict]) -> None:
    latency = judged["latency"]

    assert latency.outcome is Outcome.PASS, latency.failures
    assert latency.evidence["shape"] == {"x": [1, 1, 256, 256]}
    assert "measured at the costliest of 3 shapes: 1x1x256x256" in latency.notes
    shapes = latency.evidence["shapes"]
    assert list(shapes) == ["1x1x256x256", "1x1x8x8", "1x1x16x16"]
    assert latency.evidence["median_ms"] > 5 * shapes["1x1x8x8"]["median_ms"]
    assert latency.evidence["batches"]["3"]["median_ms"] > 5 * shapes["1x1x8x8"]["median_ms"]


class TestCostliest:
    def test_few_long_samples_are_a_rival_of_a_whole_feed_of_short_ones(self) -> None:
        """Attention over 1 x 1,024 costs more than over 8 x 160, though it reads fewer elements."""
        fed = feeds([(8, 160), (8, 96), (1, 1024)])

        assert feed_shapes(fed, lambda shapes: float(shapes["x"][0] * shapes["x"][1] ** 2)).costliest.index == 2
        assert feed_shapes(fed, lambda shapes: float(shapes["x"][0] * shapes["x"][1])).costliest.index == 0

    def test_what_is_within_another_in_every_axis_is_asked_for_nothing(self) -> None:
        asked: list[tuple[int, ...]] = []

        def cost(shapes: Mapping[str, tuple[int, ...]]) -> float:
            asked.append(shapes["x"])
            return 0.0

        found = feed_shapes(feeds([(4, 8), (8, 16), (8, 12), (2, 32), (1, 16)]), cost)

        assert sorted(asked) == [(2, 32), (8, 16)]
        assert found.costliest.feed.arrays["x"].shape == (8, 16)
        assert found.others[0].arrays["x"].shape == (2, 32)
        assert found.count == 4

    def test_of_many_rivals_the_costliest_is_found_though_it_has_the_fewest_elements(self) -> None:
        fed = feeds(
            [*((4 + k, 4096 - 150 * k) for k in range(20)), (1, 5000), *((30 + k, 900 - 9 * k) for k in range(9))]
        )

        asked: list[tuple[int, ...]] = []

        def cost(shapes: Mapping[str, tuple[int, ...]]) -> float:
            asked.append(shapes["x"])
            return float(shapes["x"][1] ** 2)

        found = feed_shapes(fed, cost)

        assert len(asked) == len(set(asked))  # each takes a worker's call
        assert found.costliest.feed.arrays["x"].shape == (1, 5000)
        assert found.others[0].arrays["x"].shape == (4, 4096)

    def test_where_nobody_tells_the_elements_do(self) -> None:
        assert feed_shapes(feeds([(8, 160), (1, 1024)]), lambda shapes: None).costliest.index == 0


def feeds(shapes: Sequence[tuple[int, int]]) -> FeedSource:
    class Each:
        stacked = False

        def of_each_shape(self) -> Iterator[Feed]:
            start = 0
            for shape in shapes:
                yield Feed({"x": np.zeros(shape, np.float32)}, shape[0])
                start += shape[0]

    return cast("FeedSource", Each())


def test_memory_and_activations_are_of_the_costliest_shape(judged: dict[str, Verdict]) -> None:
    memory = judged["memory"]

    assert memory.evidence["activation_mb"] == pytest.approx(4 * 9 * 256 * 256 / 1e6)
    assert "measured at the costliest of 3 shapes: 1x1x256x256" in memory.notes
    assert {failure.code for failure in memory.failures} == {Code.MEMORY_BUDGET}
    assert memory.evidence["peak_mb"] > 2


def test_what_was_timed_is_held_against_what_was_judged(
    run: gate.RunMaterial, judged: dict[str, Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judged["parity"].outcome is Outcome.PASS
    seen = run.judged
    assert not isinstance(seen.outputs, Misfit)
    others = {name: np.roll(array, 1, axis=0) for name, array in seen.outputs.items()}
    monkeypatch.setitem(run.__dict__["_kept"], "judged", dataclasses.replace(seen, outputs=others))

    (failure,) = gate.judge(run, "latency").failures

    assert failure.code is Code.LATENCY_OUTPUTS
    assert failure.sentence.startswith("Outputs of the timed feed are others than the run's own for these samples.")
