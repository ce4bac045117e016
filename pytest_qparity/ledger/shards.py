"""What ledgers must be to be shards of one plan, each thing that keeps them from it in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.events import GOOD
from pytest_qparity.verdict import Outcome, contradiction, counted

if TYPE_CHECKING:
    from pytest_qparity.ledger.reading import Ledger

PACKAGE = "pytest-qparity"
_NAMED = 3
_DIGITS = 12  # of a commit
# What shards must have in common beside their plan: a verdict behind canaries is another one than a verdict without.
_SETTINGS: Mapping[str, type | tuple[type, ...]] = {
    "backends": list,
    "precisions": (list, NoneType),
    "isolation": str,
    "canaries": list,
}
# What merging and the summary read of a verdict.
_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "case": str,
    "backend": str,
    "run": str,
    "check": str,
    "deciding": str,
    "evidence": dict,
    "failures": list,
    "waiver": (str, NoneType),
    "provenance": dict,
}
_CASE_CHECKS = frozenset(("preflight", "parity", "accuracy", "invariance", "latency", "memory", "regression"))
_BEHIND_A_PASS = ("variant", "engine", "golden_key")  # of a check of a case: it had all of these


class MergeError(Exception):
    """The ledgers are no shards of one plan; the text says what was found, what was expected, what to do."""


def require_sessions(shards: Mapping[str, Ledger]) -> None:
    """Each ledger is of a session of its own that came to its end, by one version of this package, and all of them were
    told the same."""
    sessions: dict[str, str] = {}
    versions: dict[str, str] = {}
    for name, ledger in shards.items():
        if ledger.exit_status is None:
            raise MergeError(f"got {name} without an end, should be whole: run that shard again, it was killed or cut")
        if "shards" in ledger.start:
            raise MergeError(
                f"got {name}, which is merged, should be the ledger of a session: name those of all shards"
            )
        if ledger.extract_of is not None:
            raise MergeError(
                f"got {name}, the extract of one run, {ledger.extract_of}, should be the whole ledger of its session"
            )
        session = str(ledger.start.get("session"))
        other = sessions.setdefault(session, name)
        if other != name:
            raise MergeError(f"got one session twice, as {other} and {name}, should be one ledger a shard")
        version = _version(ledger)
        if version is None:
            raise MergeError(f"got {name} without a version of {PACKAGE}, should be what pytest --backend=… writes")
        versions.setdefault(version, name)
    if len(versions) > 1:
        said = " and ".join(f"{version} ({name})" for version, name in versions.items())
        raise MergeError(f"got {PACKAGE} {said}, should be one version: judge all shards with the same")
    _require_one_setting(shards)
    _require_one_split(shards)


def require_one_commit(shards: Mapping[str, Ledger]) -> None:
    """Shards of two commits, or of one with and without changes to it, may have judged other bytes."""
    commits = {str(commit): name for name, ledger in shards.items() if (commit := ledger.start.get("commit"))}
    if len(commits) > 1:
        said = " and ".join(f"{_short(commit)} ({name})" for commit, name in commits.items())
        raise MergeError(
            f"got commits {said}, should be one: judge all shards from one commit, or add --allow-other-commits where "
            "what differs touches no case"
        )


def without_commit(shards: Mapping[str, Ledger]) -> tuple[str, ...]:
    """Names of the shards that do not say of which commit they are."""
    return tuple(name for name, ledger in shards.items() if not ledger.start.get("commit"))


def of_changed_files(shards: Mapping[str, Ledger]) -> tuple[str, ...]:
    """Names of the shards of files that are changed on their commit; none where one alone is."""
    found = tuple(name for name, ledger in shards.items() if str(ledger.start.get("commit")).endswith("-dirty"))
    return found if len(found) > 1 else ()


def _short(commit: str) -> str:
    name, dash, dirty = commit.partition("-")
    return f"{name[:_DIGITS]}{dash}{dirty}"


def _version(ledger: Ledger) -> str | None:
    libraries = ledger.start.get("libraries")
    version = libraries.get(PACKAGE) if isinstance(libraries, dict) else None
    return version if isinstance(version, str) else None


def _require_one_setting(shards: Mapping[str, Ledger]) -> None:
    first_name = next(iter(shards))
    for setting, kind in _SETTINGS.items():
        said = {name: _said(name, ledger.start.get(setting), setting, kind) for name, ledger in shards.items()}
        for name, text in said.items():
            if text != said[first_name]:
                raise MergeError(
                    f"got {setting} {text} in {name} and {said[first_name]} in {first_name}, should be the same in all "
                    "shards: give each of them the same options"
                )


def _require_one_split(shards: Mapping[str, Ledger]) -> None:
    """Shards of `--qparity-shard` are of one number, balanced by one ledger: otherwise runs fall between them."""
    splits: dict[tuple[str, str], str] = {}
    for name, ledger in shards.items():
        stated = ledger.start.get("shard")
        if isinstance(stated, dict):
            splits.setdefault((str(stated.get("of")), str(stated.get("balanced_by"))), name)
    if len(splits) > 1:
        said = " and ".join(f"{of} balanced by {by[:12]} ({name})" for (of, by), name in splits.items())
        raise MergeError(
            f"got numbers of shards {said}, should be one: give all shards the same N and the same --qparity-durations"
        )


def _said(name: str, value: object, setting: str, kind: type | tuple[type, ...]) -> str:
    if not isinstance(value, kind):
        raise MergeError(f"got {name} without its {setting}, should be what pytest --backend=… writes")
    if value is None:
        return "all"
    return (", ".join(sorted(map(str, value))) if isinstance(value, list) else str(value)) or "none"


def require_one_plan(shards: Mapping[str, Ledger]) -> None:
    """All shards know the same case files; of one that several collected they know the same checks, and the same bytes.

    So a plan may be split by checks (-k, --qparity-shard), by paths of case files, or both.
    """
    _require_one_suite(shards)
    first_plans: dict[str, tuple[str, frozenset[str]]] = {}
    first_bytes: dict[str, tuple[str, str]] = {}
    for name, ledger in shards.items():
        for case_file, plan in _plans(ledger).items():
            first_name, first = first_plans.setdefault(case_file, (name, plan))
            if plan != first:
                node_id = min(plan ^ first)
                has, lacks = (name, first_name) if node_id in plan else (first_name, name)
                raise MergeError(
                    f"got another plan in {name} than in {first_name} ({len(plan ^ first)} checks differ: {node_id} is "
                    f"in {has} and not in {lacks}), should be one: give all shards the same --backend, --precision and "
                    "case files, and choose with -k or by paths"
                )
        for case_file, digest in ledger.case_files.items():
            first_name, before = first_bytes.setdefault(case_file, (name, digest))
            if digest != before:
                raise MergeError(
                    f"got {case_file} with other content in {name} than in {first_name}, should be the same: judge all "
                    "shards from one commit"
                )


def _require_one_suite(shards: Mapping[str, Ledger]) -> None:
    """Each shard knows every case file that another does: it collected it, or says that it did not."""
    (first_name, first), *others = shards.items()
    for name, ledger in others:
        differing = _known(first) ^ _known(ledger)
        if differing:
            case_file = min(differing)
            has, lacks = (name, first_name) if case_file in _known(ledger) else (first_name, name)
            raise MergeError(
                f"got {case_file} in {has} and not among the case files of {lacks}, should be in both, judged or not: "
                "give all shards the same --qparity-cases and rootdir, from one commit"
            )


def _known(ledger: Ledger) -> frozenset[str]:
    """The case files that are there, collected or not: as the session says, else as far as its plan shows."""
    stated = ledger.start.get("suite")
    if isinstance(stated, list):
        return frozenset(map(str, stated))
    return frozenset((*ledger.case_files, *ledger.case_errors, *ledger.uncollected))


def _plans(ledger: Ledger) -> dict[str, frozenset[str]]:
    """Every check that the session knew of, asked for or not, by the case file that it collected."""
    found: dict[str, list[str]] = {case_file: [] for case_file in ledger.case_files}
    for node_id in (*ledger.planned, *ledger.deselected):
        found.setdefault(node_id.partition("::")[0], []).append(node_id)
    return {case_file: frozenset(node_ids) for case_file, node_ids in found.items()}


def require_whole(shards: Mapping[str, Ledger]) -> None:
    """Every case file was collected, and every check of the plan asked for, in one shard or another."""
    collected = frozenset[str]().union(*(_known(ledger) - set(ledger.uncollected) for ledger in shards.values()))
    missing = [name for ledger in shards.values() for name in ledger.uncollected if name not in collected]
    if missing:
        raise MergeError(
            f"got {_counted(missing, 'case file', 'that no shard collected')}, should be all: name the ledger of "
            "the shard that has them"
        )
    asked = {node_id for ledger in shards.values() for node_id in ledger.planned}
    missing = [node_id for ledger in shards.values() for node_id in ledger.deselected if node_id not in asked]
    if missing:
        raise MergeError(
            f"got {_counted(missing, 'check', 'that no shard was asked for')}, should be all: name the ledger of the "
            "shard that has them"
        )


def _counted(names: list[str], noun: str, of_what: str) -> str:
    distinct = list(dict.fromkeys(names))
    named = ", ".join(distinct[:_NAMED]) + (", …" if len(distinct) > _NAMED else "")
    return f"{counted(len(distinct), noun)} {of_what} ({named})"


def require_sound(name: str, ledger: Ledger) -> None:
    """Each verdict is one that a session gives: all of it is there, it does not contradict itself, and its check was
    asked for."""
    planned = frozenset(ledger.planned)
    for verdict in ledger.verdicts:
        _require_all_of_it(name, verdict)
        node_id, outcome = verdict["node_id"], verdict["outcome"]
        if node_id not in planned:
            raise MergeError(f"got a verdict of {node_id} in {name}, which did not plan it, should be of its own plan")
        wrong = contradiction(Outcome(outcome), len(verdict["failures"]), verdict["waiver"], verdict["evidence"])
        if wrong:
            raise MergeError(f"got {node_id} in {name}: {wrong}, should be what pytest --backend=… writes")
        lacking = _lacks(verdict, with_canaries=bool(ledger.start["canaries"]))
        if lacking:
            raise MergeError(
                f"got {outcome} for {node_id} without its {lacking} in {name}, should say what it rests on"
            )


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


def _lacks(verdict: Mapping[str, Any], *, with_canaries: bool) -> str:
    """What the provenance of a good verdict lacks; empty where it is all there. A check that is waived may have failed
    for want of any of it, but for the canaries: no waiver covers them."""
    if verdict["outcome"] not in GOOD or verdict["check"] not in _CASE_CHECKS:
        return ""
    provenance = verdict["provenance"]
    behind = _BEHIND_A_PASS if verdict["outcome"] == Outcome.PASS else ()
    missing = next((part for part in behind if not isinstance(provenance.get(part), dict)), "")
    is_excused = verdict["outcome"] == Outcome.WAIVED and provenance.get("canaries") is None  # no engine, no canaries
    if not missing and with_canaries and not is_excused and not _all_caught(provenance.get("canaries")):
        return "canaries"
    return missing.replace("_", " ")


def _all_caught(canaries: object) -> bool:
    return isinstance(canaries, dict) and 0 < canaries.get("planned", 0) == canaries.get("caught")
