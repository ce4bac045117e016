"""How pytest-xdist hands out checks: each run whole to one worker, the costliest first. Imported where xdist is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

from xdist.scheduler import LoadScopeScheduling

from pytest_qparity.scale.costs import Durations, run_of, seconds_by_run

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

__all__ = ["RunScheduling"]


class RunScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """xdist's own `loadscope`, with two differences: other tests of the session are handed out one by one, as `load`
    does, and what is expected to take longest goes first, so that no worker ends long after the others.

    A run that is split would be loaded by each worker that has a check of it.
    """

    def __init__(
        self, config: pytest.Config, log: Producer | None, case_files: Collection[str], durations: Durations | None
    ) -> None:
        super().__init__(config, log)
        self._case_files = frozenset(case_files)
        self._durations = durations
        self.workqueue: Any = _CostliestFirst()

    def _split_scope(self, nodeid: str) -> str:
        return run_of(nodeid) if nodeid.partition("::")[0] in self._case_files else nodeid

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        super().add_node_collection(node, collection)
        if node in self.registered_collections:
            self.registered_collections[node] = _Indexed(collection)
            if not self.workqueue.seconds:
                self.workqueue.seconds = seconds_by_run(
                    (each for each in collection if each.partition("::")[0] in self._case_files), self._durations
                )

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """xdist counts what is pending over all that a worker ever had, at each check anew: what is done is dropped."""
        node_id = self.registered_collections[node][item_index]
        scope = self._split_scope(node_id)
        unit = self.assigned_work[node].get(scope, {})
        unit[node_id] = True
        if all(unit.values()):
            self.assigned_work[node].pop(scope, None)
        self._reschedule(node)

    def mark_test_pending(self, item: str) -> None:
        """What pytest-rerunfailures asks for a check whose worker was lost."""
        scope = self._split_scope(item)
        self.workqueue[scope] = {**self.workqueue.get(scope, {}), item: False}
        for node in self.assigned_work:
            self._reschedule(node)

    def remove_node(self, node: WorkerController) -> str | None:
        """The check that a lost worker was at, which is not begun again, as under `load`: xdist's `loadscope` does so
        until no worker is left. The others of its run go to another worker."""
        pending = {
            scope: [node_id for node_id, is_done in unit.items() if not is_done]
            for scope, unit in self.assigned_work.pop(node).items()
        }
        lost: str | None = next((node_id for node_ids in pending.values() for node_id in node_ids), None)
        for scope, node_ids in pending.items():
            left = dict.fromkeys((node_id for node_id in node_ids if node_id != lost), False)
            if left:
                self.workqueue[scope] = left
        if lost is not None:
            for other in self.assigned_work:
                self._reschedule(other)
        return lost

    def _assign_work_unit(self, node: WorkerController) -> None:
        """A part of a run that came back may meet another part of it that is still there."""
        before = dict(self.assigned_work.get(node, {}))
        super()._assign_work_unit(node)
        for scope, unit in self.assigned_work[node].items():
            if before.get(scope, unit) is not unit:
                unit.update({node_id: is_done for node_id, is_done in before[scope].items() if not is_done})


class _CostliestFirst(OrderedDict[str, dict[str, bool]]):
    """A queue of work that gives the costliest first, and of what costs the same what came first."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: Mapping[str, float] = {}
        self._is_sorted = False

    def __setitem__(self, scope: str, work: dict[str, bool]) -> None:
        super().__setitem__(scope, work)
        self._is_sorted = False

    def popitem(self, last: bool = True) -> tuple[str, dict[str, bool]]:
        if not self._is_sorted:
            for scope in sorted(self, key=lambda scope: -self.seconds.get(scope, 0.0)):
                self.move_to_end(scope)
            self._is_sorted = True
        return super().popitem(last=last)


class _Indexed(list[str]):
    """A list that knows where each of its texts is: xdist asks once a check."""

    def __init__(self, texts: Sequence[str]) -> None:
        super().__init__(texts)
        self._places = {text: place for place, text in reversed(list(enumerate(texts)))}

    def index(self, value: str, start: SupportsIndex = 0, stop: SupportsIndex = 2**63 - 1) -> int:
        return self._places[value] if (start, stop) == (0, 2**63 - 1) else super().index(value, start, stop)
