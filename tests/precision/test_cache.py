from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from pytest_qparity.digest import bytes_digest
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.verdict import CannotJudge, Code

KEY = {"model": "0" * 64, "recipe": {"method": "cast"}}
KILLED_WHILE_MAKING = """
import os, signal, sys
from pathlib import Path
from pytest_qparity.precision.cache import VariantCache
def make(path):
    path.write_bytes(b"half a mod")
    (path.parent / "left.onnx").write_bytes(b"scratch")
    os.kill(os.getpid(), signal.SIGKILL)
VariantCache(Path(sys.argv[1])).get_or_make({key}, make)
"""
KILLED_BEFORE_THE_RECORD = """
import os, signal, sys
from pathlib import Path
from pytest_qparity.precision import cache
cache.write_bytes = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
def make(path):
    path.write_bytes(b"another model")
    return ()
cache.VariantCache(Path(sys.argv[1])).get_or_make({key}, make)
"""
KILLED_BEFORE_THE_RENAME = """
import os, signal, sys
from pathlib import Path
from pytest_qparity.precision import cache
real = Path.replace
def replace(self, target):
    real(self, target)
    if str(target).endswith(".tmp"):
        os.kill(os.getpid(), signal.SIGKILL)
Path.replace = replace
def make(path):
    path.write_bytes(b"another model")
    return ()
cache.VariantCache(Path(sys.argv[1])).get_or_make({key}, make)
"""
RACER = """
import os, sys, time
from pathlib import Path
from pytest_qparity.precision.cache import VariantCache
folder, number = Path(sys.argv[1]), sys.argv[2]
(folder / f"ready-{number}").touch()
while len(list(folder.glob("ready-*"))) < 4:
    pass
def make(path):
    (folder / f"made-{number}").touch()
    for _ in range(200):
        with path.open("ab") as stream:
            stream.write(number.encode() * 1000)
    return ("by " + number,)
found = VariantCache(folder / "cache").get_or_make({key}, make)
print(found.digest, found.notes, found.path.name)
"""


@pytest.fixture
def cache(tmp_path):
    return VariantCache(tmp_path / "cache")


class Maker:
    """Writes `content` and counts how often it is asked to."""

    def __init__(self, content=b"a model", notes=()):
        self.content, self.notes, self.calls = content, notes, 0

    def __call__(self, path):
        self.calls += 1
        path.write_bytes(self.content)
        return self.notes


def refuse(_):
    raise AssertionError("should have been found in the cache")


def files_in(cache):
    """Suffixes of all files but the lock, which stays."""
    return sorted(path.suffix for path in cache.folder.iterdir() if path.suffix != ".lock")


def test_what_was_made_is_found_again_with_its_digest_and_notes(cache):
    made = cache.get_or_make(KEY, Maker(notes=("clipped",)))

    found = cache.get_or_make(KEY, refuse)

    assert found == made
    assert found.path.read_bytes() == b"a model"
    assert (found.digest, found.notes) == (bytes_digest(b"a model"), ("clipped",))
    assert files_in(cache) == [".json", ".onnx"]


def test_the_record_says_what_the_file_was_made_from(cache):
    made = cache.get_or_make(KEY, Maker())

    record = json.loads(made.path.with_suffix(".json").read_text())
    assert record == {"format": 1, "key": KEY, "sha256": made.digest, "notes": []}


def test_another_key_is_another_file(cache):
    one = cache.get_or_make(KEY, Maker(b"one"))
    other = cache.get_or_make({**KEY, "model": "1" * 64}, Maker(b"other"))

    assert one.path != other.path
    assert one.path.read_bytes() == b"one"


def flip(path):
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "a flipped bit": flip,
    "a cut file": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "an empty file": lambda path: path.write_bytes(b""),
    "no file": lambda path: path.unlink(),
    "no record": lambda path: path.with_suffix(".json").unlink(),
    "a cut record": lambda path: path.with_suffix(".json").write_text("{"),
    "an empty record": lambda path: path.with_suffix(".json").write_text(""),
    "a record of another form": lambda path: path.with_suffix(".json").write_text("[]"),
    "a record that is no text": lambda path: path.with_suffix(".json").write_bytes(b"\xff\xfe"),
    "a record of another key": lambda path: path.with_suffix(".json").write_text(
        json.dumps({"format": 1, "key": {}, "sha256": bytes_digest(b"a model"), "notes": []})
    ),
    "a record without a format": lambda path: path.with_suffix(".json").write_text(
        json.dumps({"key": KEY, "sha256": bytes_digest(b"a model"), "notes": []})
    ),
    "a Git LFS pointer": lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n"),
    "another file": lambda path: path.write_bytes(b"A model"),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a pipe for a record": lambda path: (path.with_suffix(".json").unlink(), os.mkfifo(path.with_suffix(".json"))),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_made_anew(cache, damage):
    made = cache.get_or_make(KEY, Maker())
    DAMAGES[damage](made.path)
    maker = Maker()

    found = cache.get_or_make(KEY, maker)

    assert maker.calls == 1
    assert found == made
    assert found.path.read_bytes() == b"a model"
    assert cache.get_or_make(KEY, refuse) == made


def test_a_maker_that_fails_leaves_nothing_and_the_next_one_makes_it(cache):
    def fail(path):
        path.write_bytes(b"half")
        (path.parent / "scratch").write_bytes(b"x")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.get_or_make(KEY, fail)
    assert files_in(cache) == []

    assert cache.get_or_make(KEY, Maker()).path.read_bytes() == b"a model"


def test_a_maker_that_fails_over_a_damaged_entry_leaves_no_record_to_believe(cache):
    made = cache.get_or_make(KEY, Maker())
    flip(made.path)

    def fail(_):
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        cache.get_or_make(KEY, fail)

    assert not made.path.with_suffix(".json").exists()


@pytest.mark.parametrize(
    "program",
    [KILLED_WHILE_MAKING, KILLED_BEFORE_THE_RENAME, KILLED_BEFORE_THE_RECORD],
    ids=["while making", "before the rename", "before the record"],
)
def test_a_killed_maker_leaves_no_variant_and_its_leftovers_go_with_the_next(cache, program):
    killed = subprocess.run([sys.executable, "-c", program.replace("{key}", repr(KEY)), str(cache.folder)])
    assert killed.returncode == -signal.SIGKILL
    assert files_in(cache), "the kill came before anything was written"
    maker = Maker()

    found = cache.get_or_make(KEY, maker)

    assert maker.calls == 1
    assert found.path.read_bytes() == b"a model"
    assert files_in(cache) == [".json", ".onnx"]


def test_a_killed_maker_leaves_a_whole_older_entry_of_another_key(cache):
    other = {**KEY, "model": "1" * 64}
    made = cache.get_or_make(other, Maker())

    program = KILLED_WHILE_MAKING.replace("{key}", repr(KEY))
    subprocess.run([sys.executable, "-c", program, str(cache.folder)])

    assert cache.get_or_make(other, refuse) == made


def test_what_killed_makers_of_other_keys_left_goes_with_the_next_maker(cache):
    subprocess.run([sys.executable, "-c", KILLED_WHILE_MAKING.replace("{key}", repr(KEY)), str(cache.folder)])
    assert files_in(cache) == [".tmp"]

    cache.get_or_make({**KEY, "model": "1" * 64}, Maker())

    assert files_in(cache) == [".json", ".onnx"]


def test_what_a_living_maker_of_another_key_is_writing_stays(cache):
    def make(path):
        path.write_bytes(b"half")
        cache.get_or_make({**KEY, "model": "1" * 64}, Maker(b"other"))
        assert path.read_bytes() == b"half"
        return ()

    assert cache.get_or_make(KEY, make).path.read_bytes() == b"half"


def test_what_others_left_in_the_folder_stays(cache):
    cache.folder.mkdir()
    for name in (".mine.tmp", f".{'0' * 63}.x.tmp", ".nfs000000000012ab3400000001", f"{'0' * 64}.onnx"):
        (cache.folder / name).write_text("x")

    cache.get_or_make(KEY, Maker())

    assert len(list(cache.folder.iterdir())) == 4 + 3


def test_a_record_of_a_newer_version_is_named_as_such_and_stays(cache):
    made = cache.get_or_make(KEY, Maker())
    record = made.path.with_suffix(".json")
    record.write_text(json.dumps({"format": 2, "files": ["x"]}))

    with pytest.raises(CannotJudge, match="written by a newer version: upgrade pytest-qparity"):
        cache.get_or_make(KEY, refuse)

    assert json.loads(record.read_text())["format"] == 2
    assert made.path.read_bytes() == b"a model"


def test_what_is_there_is_found_without_a_lock(cache):
    made = cache.get_or_make(KEY, Maker())
    (cache.folder / f"{made.path.stem}.lock").unlink(missing_ok=True)

    assert cache.get_or_make(KEY, refuse) == made
    assert files_in(cache) == sorted(path.suffix for path in cache.folder.iterdir())


def test_a_folder_in_place_of_a_variant_cannot_be_judged_and_leaves_nothing(cache):
    made = cache.get_or_make(KEY, Maker())
    made.path.unlink()
    (made.path / "mine").mkdir(parents=True)

    with pytest.raises(CannotJudge, match="should be a folder to write in"):
        cache.get_or_make(KEY, Maker())

    assert files_in(cache) == [".onnx"]


def test_of_four_processes_one_makes_the_file_and_all_get_it(cache, tmp_path):
    program = RACER.replace("{key}", repr(KEY))
    racers = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(4)
    ]

    printed = {racer.communicate()[0] for racer in racers}

    assert [racer.returncode for racer in racers] == [0, 0, 0, 0]
    assert len(list(tmp_path.glob("made-*"))) == 1
    assert len(printed) == 1
    found = cache.get_or_make(KEY, refuse)
    assert printed == {f"{found.digest} {found.notes} {found.path.name}\n"}
    assert files_in(cache) == [".json", ".onnx"]


def test_a_cache_that_is_no_folder_cannot_be_judged(tmp_path):
    (tmp_path / "cache").write_text("a file")

    with pytest.raises(CannotJudge) as stop:
        VariantCache(tmp_path / "cache").get_or_make(KEY, refuse)

    assert stop.value.failure.code is Code.VARIANT_RECIPE
    assert "FileExistsError" in stop.value.failure.sentence


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into read-only folders")
def test_a_cache_that_cannot_be_written_cannot_be_judged(cache):
    cache.folder.mkdir()
    cache.folder.chmod(0o555)

    with pytest.raises(CannotJudge):
        cache.get_or_make(KEY, refuse)
