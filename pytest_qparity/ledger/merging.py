"""Joining the ledgers of shards: sessions that were each asked for a part of one plan."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.events import FORMAT
from pytest_qparity.ledger.shards import (
    PACKAGE,
    MergeError,
    require_one_commit,
    require_one_plan,
    require_sessions,
    require_sound,
    require_whole,
)
from pytest_qparity.verdict import Code

if TYPE_CHECKING:
    from pytest_qparity.ledger.reading import Ledger

_ABOUT = {"variant": ("case", "run"), "golden_key": ("case",)}  # one for each of these


def merge(shards: Mapping[str, Ledger], *, allow_other_commits: bool = False) -> str:
    """The ledger (its file's text) of several, by name. Raises MergeError where they do not add up to one plan, or are
    of several commits and that is not allowed."""
    if len(shards) < 2:
        raise MergeError(f"got {len(shards)} ledger, should be two or more: name the ledger of every shard")
    require_sessions(shards)
    if not allow_other_commits:
        require_one_commit(shards)
    require_one_plan(shards)
    for name, ledger in shards.items():
        require_sound(name, ledger)
    verdicts = _verdicts(shards)
    require_whole(shards)
    ledgers = list(shards.values())
    planned = list(dict.fromkeys(node_id for ledger in ledgers for node_id in ledger.planned))
    case_files = {name: digest for ledger in ledgers for name, digest in ledger.case_files.items()}
    events: list[Mapping[str, Any]] = [
        _start(ledgers),
        {"event": "plan", "node_ids": planned, "case_files": case_files},
        *verdicts.values(),
        *(
            {"event": "flaky", "node_id": node_id, "outcomes": outcomes}
            for ledger in ledgers
            for node_id, outcomes in ledger.flaky.items()
        ),
        *(
            {"event": "case-error", "case_file": case_file, "error": error}
            for case_file, error in {k: v for ledger in ledgers for k, v in ledger.case_errors.items()}.items()
        ),
        *(
            {"event": "not-judged", "node_id": node_id, "code": Code.RUN_INCOMPLETE.code, "reason": reason}
            for ledger in ledgers
            for node_id, reason in ledger.not_judged.items()  # also where another shard judged it: no second chance
        ),
        {"event": "end", "exit_status": next((ledger.exit_status for ledger in ledgers if ledger.exit_status), 0)},
    ]
    lines = ",\n".join(json.dumps(event, allow_nan=False) for event in events)
    return f'{{"format": {FORMAT}, "events": [\n{lines}\n]}}\n'


def _start(ledgers: Sequence[Ledger]) -> Mapping[str, Any]:
    """What the shards' starts have in common, and each of them: the evidence of a verdict is that of its session."""
    starts = [ledger.start for ledger in ledgers]
    shared = {name: value for name, value in starts[0].items() if all(start.get(name) == value for start in starts)}
    return {
        **shared,
        "session": "merged",
        "libraries": {PACKAGE: starts[0]["libraries"][PACKAGE]},
        "shards": starts,
    }


def _verdicts(shards: Mapping[str, Ledger]) -> dict[str, Mapping[str, Any]]:
    """The verdict of each node id with the session that gave it; two that were given must be one answer, and all that
    were given of a case or a run must be about the same bytes."""
    verdicts: dict[str, Mapping[str, Any]] = {}
    told_by: dict[str, str] = {}
    bytes_of: dict[tuple[str, ...], tuple[str, str, str]] = {}
    for name, ledger in shards.items():
        for verdict in ledger.verdicts:
            node_id = verdict["node_id"]
            first = verdicts.setdefault(node_id, {**verdict, "session": ledger.start.get("session")})
            other = told_by.setdefault(node_id, name)
            if first["outcome"] != verdict["outcome"]:
                raise MergeError(
                    f"got two answers for {node_id}: {first['outcome']} in {other}, {verdict['outcome']} in {name}, "
                    "should be one: give each check to one shard"
                )
            for what, of in _ABOUT.items():
                digest = json.dumps(verdict["provenance"].get(what), sort_keys=True)
                if digest == "null":
                    continue  # it was judged without one: that there was none is its failure
                key = (what, *(verdict[field] for field in of))
                before, first_id, first_name = bytes_of.setdefault(key, (digest, node_id, name))
                if before != digest:
                    raise MergeError(
                        f"got {node_id} of another {what.replace('_', ' ')} in {name} than {first_id} in {first_name}, "
                        "should be of the same bytes: judge all shards from one commit, and give them one cache of "
                        "variants, or files, where machines make them differently"
                    )
    return verdicts
