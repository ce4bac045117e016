"""The cache of built plans: by digest of all that decides upon a plan, verified at each use, whole or absent.

Two builds of one file need not give the same bytes, so a verdict belongs to the digest of one plan; that is why a plan
is kept rather than built again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from pytest_qparity.digest import bytes_digest, canonical_json, json_digest
from pytest_qparity.durable import write_bytes
from pytest_qparity.verdict import CannotJudge, Code, Failure

FORMAT = 2


@dataclass(frozen=True, slots=True)
class Building:
    """What is known of how an engine was built: what TensorRT warned of, how long it took, its longest phases."""

    warnings: tuple[str, ...] = ()
    build_ms: int | None = None
    phases: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Build = Callable[[], "tuple[bytes, Building]"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A serialized engine, its SHA-256, and how it was built."""

    content: bytes
    digest: str
    building: Building = Building()
    origin: str = "built"  # or "cache", "file"


def read_plan(path: Path) -> Plan:
    """A plan that somebody else built."""
    content = path.read_bytes()
    return Plan(content, bytes_digest(content), origin="file")


def build_plan(build: Build) -> Plan:
    content, building = build()
    return Plan(content, bytes_digest(content), building)


@dataclass(frozen=True, slots=True)
class PlanCache:
    """A folder with, for each key, `<digest of key>.plan` and beside it a JSON file with key, SHA-256 and building."""

    folder: Path

    def get_or_build(self, key: Mapping[str, Any], build: Build) -> Plan:
        """The plan for `key`. One process builds it and the others wait; a plan that is not the one recorded is built
        anew, and the record is written after the plan stands."""
        name = json_digest(key)
        path, record = self.folder / f"{name}.plan", self.folder / f"{name}.json"
        found = _verified(path, record, key)
        if found is not None:
            return found
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / f"{name}.lock"):
                return _verified(path, record, key) or _written(path, record, key, build_plan(build))
        except OSError as error:
            raise CannotJudge(
                Failure(
                    Code.BACKEND_LOAD,
                    f"The cache of plans: got {type(error).__name__} ({error.strerror}) at {self.folder}, should be a "
                    "folder to write in.",
                    "see to room and permission to write there",
                )
            ) from None


def _written(path: Path, record: Path, key: Mapping[str, Any], plan: Plan) -> Plan:
    record.unlink(missing_ok=True)
    write_bytes(path, plan.content)
    stated = {"format": FORMAT, "key": dict(key), "sha256": plan.digest}
    stated["building"] = plan.building.as_json()
    write_bytes(record, f"{canonical_json(stated)}\n".encode())
    return plan


def _verified(path: Path, record: Path, key: Mapping[str, Any]) -> Plan | None:
    """The plan on disk, where it is the one that its record says, for this key; None otherwise."""
    try:
        if not (record.is_file() and path.is_file()):
            return None
        recorded = json.loads(record.read_text(encoding="utf-8"))
        content = path.read_bytes()
        digest = bytes_digest(content)
        same_key = canonical_json(recorded["key"]) == canonical_json(key)
        if recorded["format"] != FORMAT or not same_key or recorded["sha256"] != digest:
            return None
        told = recorded["building"]
        building = Building(tuple(map(str, told["warnings"])), told["build_ms"], tuple(map(str, told["phases"])))
        return Plan(content, digest, building, "cache")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
