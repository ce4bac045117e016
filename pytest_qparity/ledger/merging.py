"""Joining the ledgers of shards: sessions that were each asked for a part of one plan."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.events import FORMAT
from pytest_qparity.verdict import Code, Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger.reading import Ledger

_PACKAGE = "pytest-qparity"
_NAMED = 3
# What merging and the summary read of a verdict.
_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "case": str,
    "backend": str,
    "run": str,
    "check": str,
    "deciding": str,
    "failures": list,
    "waiver": (str, NoneType),
    "provenance": dict,
}


class MergeError(Exception):
    """The ledgers are no shards of one plan; the text says what was found, what was expected, what to do."""


def merge(shards: Mapping[str, Ledger]) -> str:
    """The ledger (its file's text) of several, by name. Raises MergeError where they do not add up to one plan."""
    if len(shards) < 2:
        raise MergeError(f"got {len(shards)} ledger, should be two or more: name the ledger of every shard")
    _require_sessions(shards)
    _require_one_plan(shards)
    verdicts = _verdicts(shards)
    _require_whole(shards)
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
        {"event": "end", "exit_status": max(ledger.exit_status or 0 for ledger in ledgers)},
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
        "libraries": {_PACKAGE: starts[0]["libraries"][_PACKAGE]},
        "shards": starts,
    }


def _require_sessions(shards: Mapping[str, Ledger]) -> None:
    """Each ledger is of a session of its own that came to its end, by one version of this package."""
    sessions: dict[str, str] = {}
    versions: dict[str, str] = {}
    for name, ledger in shards.items():
        if ledger.exit_status is None:
            raise MergeError(f"got {name} without an end, should be whole: run that shard again, it was killed or cut")
        if "shards" in ledger.start:
            raise MergeError(
                f"got {name}, which is merged, should be the ledger of a session: name those of all shards"
            )
        session = str(ledger.start.get("session"))
        other = sessions.setdefault(session, name)
        if other != name:
            raise MergeError(f"got one session twice, as {other} and {name}, should be one ledger a shard")
        version = _version(ledger)
        if version is None:
            raise MergeError(f"got {name} without a version of {_PACKAGE}, should be what pytest --backend=… writes")
        versions.setdefault(version, name)
    if len(versions) > 1:
        said = " and ".join(f"{version} ({name})" for version, name in versions.items())
        raise MergeError(f"got {_PACKAGE} {said}, should be one version: judge all shards with the same")


def _require_one_plan(shards: Mapping[str, Ledger]) -> None:
    """All shards know the same checks, of case files of the same bytes."""
    (first_name, first), *others = shards.items()
    for name, ledger in others:
        differing = _whole_plan(first) ^ _whole_plan(ledger)
        if differing:
            node_id = min(differing)
            has, lacks = (name, first_name) if node_id in _whole_plan(ledger) else (first_name, name)
            raise MergeError(
                f"got another plan in {name} than in {first_name} ({len(differing)} checks differ: {node_id} is in "
                f"{has} and not in {lacks}), should be one: give all shards the same --backend, --precision and case "
                "files, and choose with -k"
            )
        for case_file in first.case_files.keys() & ledger.case_files.keys():
            if first.case_files[case_file] != ledger.case_files[case_file]:
                raise MergeError(
                    f"got {case_file} with other content in {name} than in {first_name}, should be the same: judge all "
                    "shards from one commit"
                )


def _whole_plan(ledger: Ledger) -> frozenset[str]:
    """Every check that the session knew of, asked for or not."""
    return frozenset((*ledger.planned, *ledger.deselected))


def _require_whole(shards: Mapping[str, Ledger]) -> None:
    """Every check of the plan was asked for in one shard or another."""
    asked = {node_id for ledger in shards.values() for node_id in ledger.planned}
    missing = [node_id for node_id in next(iter(shards.values())).deselected if node_id not in asked]
    if missing:
        named = ", ".join(missing[:_NAMED]) + (", …" if len(missing) > _NAMED else "")
        raise MergeError(
            f"got {len(missing)} checks that no shard was asked for ({named}), should be all: name the ledger of the "
            "shard that has them"
        )


def _version(ledger: Ledger) -> str | None:
    libraries = ledger.start.get("libraries")
    version = libraries.get(_PACKAGE) if isinstance(libraries, dict) else None
    return version if isinstance(version, str) else None


def _verdicts(shards: Mapping[str, Ledger]) -> dict[str, Mapping[str, Any]]:
    """The verdict of each node id with the session that gave it; two that were given must be one answer, and all that
    were given of a case or a run must be about the same bytes."""
    verdicts: dict[str, Mapping[str, Any]] = {}
    told_by: dict[str, str] = {}
    bytes_of: dict[tuple[str, ...], tuple[str, str, str]] = {}
    for name, ledger in shards.items():
        for verdict in ledger.verdicts:
            _require_all_of_it(name, verdict)
            node_id = verdict["node_id"]
            first = verdicts.setdefault(node_id, {**verdict, "session": ledger.start.get("session")})
            other = told_by.setdefault(node_id, name)
            if first["outcome"] != verdict["outcome"]:
                raise MergeError(
                    f"got two answers for {node_id}: {first['outcome']} in {other}, {verdict['outcome']} in {name}, "
                    "should be one: give each check to one shard"
                )
            for what, of in (("variant", ("case", "run")), ("golden_key", ("case",))):
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


def _require_all_of_it(name: str, verdict: Mapping[str, Any]) -> None:
    for field, kind in _FIELDS.items():
        if field not in verdict or not isinstance(verdict[field], kind):
            raise MergeError(
                f"got a verdict of {verdict['node_id']} without its {field} in {name}, should be what pytest "
                "--backend=… writes"
            )
    if not all(isinstance(failure, dict) and isinstance(failure.get("code"), str) for failure in verdict["failures"]):
        raise MergeError(f"got a failure of {verdict['node_id']} without its code in {name}, should be one of QP-…")
    if verdict["outcome"] not in {outcome.value for outcome in Outcome}:
        raise MergeError(f"got outcome {verdict['outcome']!r} in {name}, should be one that this version knows")
