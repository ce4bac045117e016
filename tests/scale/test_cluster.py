"""What a connection to a cluster makes of what Ray says; tests/e2e/test_ray.py has a real one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pytest_qparity.scale.cluster import RayCluster, _Sent
from pytest_qparity.scale.resources import Resources
from pytest_qparity.verdict import Code, Failure


def test_runs_that_wait_are_given_up_where_the_last_node_for_them_is_gone() -> None:
    """Ray is asked for its nodes once, however many runs wait: each answer takes a millisecond."""
    asked: list[str] = []
    alive = {"Alive": True, "Resources": {"CPU": 8.0}}
    gone = {"Alive": False, "Resources": {"CPU": 8.0, "GPU": 1.0}}

    def nodes() -> list[dict[str, Any]]:
        asked.append("nodes")
        return [alive, gone]

    cluster: Any = RayCluster.__new__(RayCluster)
    cluster._ray = SimpleNamespace(nodes=nodes, wait=lambda *_, **__: ([], []), cancel=lambda *_, **__: None)
    cluster._results = {}
    cluster._pending = {
        f"task-{index}": _Sent(SimpleNamespace(node_ids={"parity": f"run-{index}"}), Resources(gpu=index % 2))  # type: ignore[arg-type]
        for index in range(1_000)
    }

    result = cluster.result("run-1")

    assert isinstance(result, Failure)
    assert result.code is Code.CLUSTER_RESOURCES
    assert "none of which has CPU 1, GPU 1" in result.sentence
    assert (len(cluster._pending), len(asked)) == (500, 1)
