"""Runs as tasks of a Ray cluster: submitted with what they ask for, sent again when their node is lost."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_qparity.scale.node import JudgedRun, RunJob, judge_job
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.scale.resources import Resources

__all__ = ["ClusterError", "RayCluster"]

SENT_AGAIN = 3  # times, when nodes are lost
_ANSWERED_S = 10.0  # Ray itself waits minutes for an address where nobody answers
_LOOKED_S = 5.0  # after which a run that waits is looked at: the last node that could take it may be gone


class ClusterError(Exception):
    """There is no cluster to judge on; the text says why and what to do."""


@dataclass(slots=True)
class _Sent:
    job: RunJob
    resources: Resources
    lost: tuple[str, ...] = ()  # nodes that went away with it


class RayCluster:
    """A connection to a cluster, and the runs that it was sent."""

    def __init__(self, address: str) -> None:
        """`address`: as ray.init takes it; "local" starts one on this machine. Raises ClusterError."""
        try:
            import ray
        except ImportError:
            raise ClusterError("got no package ray, should be installed: pip install 'pytest-qparity[ray]'") from None
        _require_answer(address)
        try:
            ray.init(address=address, log_to_driver=False, include_dashboard=False if address == "local" else None)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            said = str(error).strip().splitlines()[:1] or [type(error).__name__]
            raise ClusterError(f"got {said[0]!r} from Ray, should be a cluster at {address!r}: ray status") from None
        self._ray: Any = ray
        self._task = ray.remote(max_retries=0)(_judge_on_this_node)
        self._pending: dict[Any, _Sent] = {}
        self._results: dict[str, JudgedRun | Failure] = {}

    def send(self, job: RunJob, resources: Resources) -> None:
        """Begin to judge a run, on any node that has what it asks for."""
        self._send(_Sent(job, resources))

    def result(self, node_id: str) -> JudgedRun | Failure:
        """What came of the run that a check belongs to; waits for it. Others that end meanwhile are taken in, too."""
        while node_id not in self._results:
            ended, _ = self._ray.wait(list(self._pending), num_returns=1, timeout=_LOOKED_S)
            for reference in ended:
                self._take(reference, self._pending.pop(reference))
            if not ended:
                self._give_up_what_no_node_takes()
        return self._results[node_id]

    def close(self) -> None:
        """Leave the cluster; what is still pending is cancelled."""
        for reference in self._pending:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()

    def _send(self, sent: _Sent) -> None:
        refusal = _refusal(sent.resources, self._alive())
        if refusal is not None:
            self._conclude(sent, refusal)
            return
        asked = sent.resources.demands()
        options = {
            "num_cpus": asked.pop("CPU"),
            "num_gpus": asked.pop("GPU", 0),
            "memory": asked.pop("memory", 0),
            "resources": asked,
            "name": f"{sent.job.case_file}::{sent.job.run.id}",
        }
        self._pending[self._task.options(**options).remote(sent.job)] = sent

    def _take(self, reference: Any, sent: _Sent) -> None:
        """A crash of a task is an answer: repeated until it goes well it would be none. A lost node says nothing of the
        run that was on it."""
        lost = self._ray.exceptions
        try:
            self._conclude(sent, self._ray.get(reference))
        except (lost.NodeDiedError, lost.ObjectLostError, lost.LocalRayletDiedError) as error:
            names = (*sent.lost, _first_line(error))
            if len(names) > SENT_AGAIN:
                self._conclude(sent, _not_judged(sent, f"{len(names)} nodes that were lost with it", names[-1]))
            else:
                self._send(replace(sent, lost=names))
        except lost.RayError as error:
            self._conclude(sent, _not_judged(sent, type(error).__name__, _first_line(error)))

    def _conclude(self, sent: _Sent, result: JudgedRun | Failure) -> None:
        if isinstance(result, JudgedRun) and sent.lost:
            result = replace(result, events={node_id: _noted(event, sent) for node_id, event in result.events.items()})
        self._results.update(dict.fromkeys(sent.job.node_ids.values(), result))

    def _give_up_what_no_node_takes(self) -> None:
        nodes = self._alive()  # asked once: ten thousand runs may be pending, and each answer takes a millisecond
        for reference, sent in list(self._pending.items()):
            refusal = _refusal(sent.resources, nodes)
            if refusal is not None:
                del self._pending[reference]
                self._ray.cancel(reference, force=True)
                self._conclude(sent, refusal)

    def _alive(self) -> list[Mapping[str, float]]:
        """What each node has that is alive."""
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]


def _refusal(resources: Resources, nodes: Sequence[Mapping[str, float]]) -> Failure | None:
    """Why none of the nodes could ever take a run that asks for these; None where one could."""
    asked = resources.demands()
    if any(all(has.get(name, 0.0) >= amount for name, amount in asked.items()) for has in nodes):
        return None
    return Failure(
        Code.CLUSTER_RESOURCES,
        f"Got {len(nodes)} nodes in the cluster, none of which has {resources.as_text()}, should be one at least.",
        "ask for less with [resources] of the case or --qparity-ray-resources, or add such a node: ray status",
    )


def _require_answer(address: str) -> None:
    """Raises ClusterError where an address is one of a machine and nobody answers there."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and port.isdigit()):
        return  # "local", "auto": Ray knows
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWERED_S).close()
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ClusterError(f"got {said!r}, should be a cluster at {address!r}: ray status") from None


def _judge_on_this_node(job: RunJob) -> JudgedRun | Failure:
    """The task, in a process of Ray's."""
    import ray

    try:
        return judge_job(job, ray.get_runtime_context().get_node_id())
    except CannotJudge as reason:  # an exception comes back as one of Ray's
        return reason.failure


def _noted(event: Mapping[str, Any], sent: _Sent) -> dict[str, Any]:
    note = f"judged at attempt {len(sent.lost) + 1}: the nodes of the earlier ones were lost"
    return {**event, "notes": [*event["notes"], note]}


def _not_judged(sent: _Sent, got: str, said: str) -> Failure:
    return Failure(
        Code.CLUSTER_RUN,
        f"The run {sent.job.run.id} on the cluster: got {got} ({said}), should be judged.",
        "see Ray's logs of that node; pytest-qparity of this version and the engines must be installed there",
    )


def _first_line(error: BaseException) -> str:
    """The last line of a traceback of a task says what it raised; the first of other errors."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()] or [type(error).__name__]
    return (lines[-1] if "Traceback" in str(error) else lines[0])[:300]
