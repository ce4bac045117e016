"""The shared cache: read through, written back, believed only where the bytes are the recorded ones."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_qparity.digest import file_digest
from pytest_qparity.precision.cache import VariantCache, float_beside, ranges_beside
from pytest_qparity.precision.large import data_beside
from pytest_qparity.precision.remote import RemoteCache, RemoteCacheError, RemoteCacheWarning

pytest.importorskip("fsspec")

KEY = {"model": "m", "recipe": {"kind": "int8"}}


def make(target: Path) -> list[str]:
    """A variant with everything beside it that a maker may leave."""
    for file in (target, data_beside(target), ranges_beside(target), float_beside(target)):
        file.write_bytes(f"made {file.suffixes}".encode())
    return ["a note"]


def never(target: Path) -> list[str]:
    raise AssertionError(f"{target} was made, and should have been found")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return (tmp_path / "shared").as_uri()


def machine(tmp_path: Path, name: str, url: str) -> VariantCache:
    return VariantCache(tmp_path / name, RemoteCache(url))


def stored(tmp_path: Path, url: str) -> Path:
    """The shared folder, once a machine has made the variant."""
    assert machine(tmp_path, "maker", url).get_or_make(KEY, make).origin == "made"
    return tmp_path / "shared"


def test_what_one_machine_made_another_finds_with_all_that_is_beside_it(tmp_path: Path, url: str) -> None:
    stored(tmp_path, url)

    found = machine(tmp_path, "other", url).get_or_make(KEY, never)

    assert found.origin == "remote"
    assert found.notes == ("a note",)
    assert found.external == (data_beside(found.path).name,)
    assert found.float_model == float_beside(found.path)
    assert ranges_beside(found.path).is_file()
    assert machine(tmp_path, "other", url).get_or_make(KEY, never).origin == "local"


def blob(shared: Path, ending: str) -> Path:
    [record] = (shared / "variants").glob("*.json")
    files = json.loads(record.read_text())["files"]
    return shared / "blobs" / next(each["sha256"] for name, each in files.items() if name.endswith(ending))


def rewritten(shared: Path, change: Callable[[dict[str, object]], object]) -> None:
    [record] = (shared / "variants").glob("*.json")
    told = json.loads(record.read_text())
    change(told)
    record.write_text(json.dumps(told))


POISON: dict[str, Callable[[Path], object]] = {
    "other bytes": lambda shared: blob(shared, ".onnx").write_bytes(b"made ['.onnX']"),
    "other weights": lambda shared: blob(shared, ".onnx.data").write_bytes(b"poison"),
    "more bytes": lambda shared: blob(shared, ".onnx").write_bytes(b"made ['.onnx']" + b"x" * 2**21),
    "fewer bytes": lambda shared: blob(shared, ".onnx").write_bytes(b""),
    "a file that is gone": lambda shared: blob(shared, ".onnx").unlink(),
    "a record of another key": lambda shared: rewritten(shared, lambda told: told.update(key={"model": "x"})),
    "a newer format": lambda shared: rewritten(shared, lambda told: told.update(format=2)),
    "no record": lambda shared: next((shared / "variants").glob("*.json")).write_text("<html>"),
    "a name elsewhere": lambda shared: rewritten(
        shared, lambda told: told.update(files={"../../evil": {"sha256": "0" * 64, "size_bytes": 1}})
    ),
}


@pytest.mark.parametrize("poison", POISON)
def test_a_poisoned_entry_is_refused_made_here_and_put_right(tmp_path: Path, url: str, poison: str) -> None:
    POISON[poison](stored(tmp_path, url))

    with pytest.warns(RemoteCacheWarning, match="refused its entry"):
        found = machine(tmp_path, "victim", url).get_or_make(KEY, make)

    assert found.origin == "made"
    assert found.path.read_bytes() == b"made ['.onnx']"
    assert machine(tmp_path, "third", url).get_or_make(KEY, never).origin == "remote"


class Unreachable:
    """A file system without its network."""

    def __init__(self) -> None:
        self.tries = 0

    def __getattr__(self, name: str) -> Callable[..., object]:
        def fail(*_: object, **__: object) -> object:
            self.tries += 1
            raise ConnectionError("Could not connect to the endpoint URL")

        return fail


def test_a_file_is_asked_for_by_its_content(tmp_path: Path, url: str) -> None:
    shared, target = stored(tmp_path, url), tmp_path / "here" / "old.onnx"
    digest = blob(shared, ".onnx").name

    assert not RemoteCache(url).fetch_content("0" * 64, target)
    assert not target.exists()
    assert RemoteCache(url).fetch_content(digest, target)
    assert file_digest(target) == digest
    shutil.rmtree(shared)
    assert RemoteCache(url).fetch_content(digest, target)  # it is here from before


def test_a_file_that_has_not_the_content_that_it_is_called_by_is_refused(tmp_path: Path, url: str) -> None:
    shared, target = stored(tmp_path, url), tmp_path / "here" / "old.onnx"
    poisoned = blob(shared, ".onnx")
    poisoned.write_bytes(b"poisoned")

    with pytest.warns(RemoteCacheWarning, match="refused its file"):
        assert not RemoteCache(url).fetch_content(poisoned.name, target)

    assert not target.exists()


def test_without_network_a_session_warns_once_and_goes_on_also_where_warnings_are_errors(
    tmp_path: Path, url: str
) -> None:
    cache = machine(tmp_path, "offline", url)
    assert cache.remote is not None
    network = cache.remote._files = Unreachable()

    with pytest.warns(RemoteCacheWarning, match="cannot be reached"):
        assert cache.get_or_make(KEY, make).origin == "made"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.get_or_make({"model": "another"}, make).origin == "made"
    assert network.tries == 1

    again = machine(tmp_path, "strict", url)
    assert again.remote is not None
    again.remote._files = Unreachable()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert again.get_or_make(KEY, make).origin == "made"


@pytest.mark.parametrize("wrong", ["no-such-scheme://bucket"])
def test_a_url_that_nothing_opens_is_refused_at_once(wrong: str) -> None:
    with pytest.raises(RemoteCacheError, match="should be a URL that fsspec opens"):
        RemoteCache(wrong)
