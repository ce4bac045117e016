"""pytest's hooks for sessions that do not judge all of a plan themselves: a shard of it, or a controller of
pytest-xdist's workers or of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_qparity.stash import CASE_FILES, COLLECTED, DISPATCH, PAYLOAD, REFUSAL, SELECTION

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

SPREAD_BY_RUN = ("load", "worksteal")  # what xdist would hand out check by check; other modes keep a run together


class Spreading:
    """Which checks are this session's, and which worker gets them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._selection = config.stash[SELECTION]
        if self._selection.ray is not None:
            _require_sole_controller(config)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave the runs of other shards out. Which those are is found from all that was planned, so that -k does not
        change it, and behind what other plugins leave out."""
        shard = self._selection.shard
        if shard is None:
            return
        from pytest_qparity.scale.costs import run_of, seconds_by_run
        from pytest_qparity.scale.sharding import shard_of_runs

        case_files = self._config.stash.get(COLLECTED, [])
        node_ids = [node_id for case_file in case_files for node_id in case_file.node_ids]
        if not node_ids:
            return  # nothing to judge: the books say so
        try:
            shards = shard_of_runs(seconds_by_run(node_ids, self._selection.durations), shard.of)
        except ValueError as error:
            self._config.stash[REFUSAL] = f"--qparity-shard: {error}"
            return
        others = [item for item in items if hasattr(item, PAYLOAD) and shards[run_of(item.nodeid)] != shard.index]
        if others:
            left_out = set(others)
            items[:] = [item for item in items if item not in left_out]
            self._config.hook.pytest_deselected(items=others)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if self._selection.ray is not None and COLLECTED in self._config.stash:
            from pytest_qparity.dispatch import Dispatch

            self._config.stash[DISPATCH] = Dispatch(session, self._selection.ray)

    def pytest_unconfigure(self) -> None:
        dispatch = self._config.stash.get(DISPATCH, None)
        if dispatch is not None:
            dispatch.close()

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Producer) -> Scheduling | None:
        """`pytest -n 2` without another word keeps each run in one worker: a session is loaded once."""
        case_files = config.stash[CASE_FILES]
        if not case_files or config.getoption("dist") not in SPREAD_BY_RUN:
            return None
        from pytest_qparity.scale.runs_on_workers import RunScheduling

        names: list[Any] = [path.relative_to(config.rootpath).as_posix() for path in case_files]
        return RunScheduling(config, log, names, self._selection.durations)


def _require_sole_controller(config: pytest.Config) -> None:
    """A session that sends its runs to a cluster has nothing to hand out besides, and writes no goldens."""
    if config.getoption("dist", "no") != "no" and config.getoption("tx", None):
        raise pytest.UsageError("got --qparity-ray beside -n, should be one of them: the cluster judges all runs")
    if config.getoption("qparity_accept") is not None:
        raise pytest.UsageError("got --qparity-accept beside --qparity-ray, should be without: accept goldens here")
    if config.stash[SELECTION].since is not None:
        raise pytest.UsageError("got --qparity-since beside --qparity-ray, should be one: nodes carry nothing over")
