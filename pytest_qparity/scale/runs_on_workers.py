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
        super().mark_test_complete(node, item_index, duration)
        scope = self._split_scope(self.registered_collections[node][item_index])
        if all(self.assigned_work[node].get(scope, {}).values()):
            # xdist counts what is pending over all that a worker ever had, at each check anew.
            self.assigned_work[node].pop(scope, None)


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
