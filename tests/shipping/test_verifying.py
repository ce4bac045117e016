"""Every byte of a release counts."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from pytest_qparity.shipping.release_files import SUMS, digests_under, sums_text
from pytest_qparity.shipping.verifying import verify
from pytest_qparity.verdict import CannotJudge, Code
from tests.shipping.judged import Judged

FLIPS = 12  # places in each file


@pytest.fixture
def release(judged: Judged) -> Path:
    judged.export()
    return judged.root / "out"


def altered(release: Path, key: Path | None = None) -> str:
    with pytest.raises(CannotJudge) as caught:
        verify(release, key)
    assert caught.value.failure.code is Code.SHIP_ALTERED
    return caught.value.failure.sentence


def sum_up(release: Path) -> None:
    """What somebody does who alters a file and knows of the sums."""
    (release / SUMS).write_text(sums_text(digests_under(release)))


def test_what_was_exported_verifies(release: Path, judged: Judged) -> None:
    found = verify(release)

    assert (found.run.digest, found.signed, len(found.files)) == (judged.variant.digest, False, 5)


def test_a_flipped_bit_of_any_file_is_found(release: Path) -> None:
    for path in sorted(release.iterdir()):
        content = path.read_bytes()
        for place in sorted({round(step * (len(content) - 1) / FLIPS) for step in range(FLIPS + 1)}):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            altered(release)
        for other in (content[:-1], content + b"\n", b""):
            path.write_bytes(other)
            altered(release)
        path.unlink()
        altered(release)
        path.write_bytes(content)
    verify(release)


def test_a_file_too_many_is_found_and_what_a_hub_adds_is_not_one(release: Path) -> None:
    (release / ".git").mkdir()
    (release / ".gitattributes").write_text("*.onnx filter=lfs\n")
    verify(release)

    (release / "extra.py").write_text("print()")
    assert "1 files too many (extra.py)" in altered(release)


def write_into(pipe: Path, content: bytes) -> None:
    """Waits for whoever opens the pipe to read, who would wait for ever for one that nobody writes into."""
    pipe.write_bytes(content)


@pytest.mark.parametrize("name", ["model.onnx", "SHA256SUMS"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_plain_file_is_not_opened(release: Path, kind: str, name: str) -> None:
    path = release / name
    content = path.read_bytes()
    path.unlink()
    if kind == "link":
        (release.parent / "elsewhere").write_bytes(content)
        path.symlink_to(release.parent / "elsewhere")
        said = altered(release)
    else:
        os.mkfifo(path)
        writer = threading.Thread(target=write_into, args=(path, content))
        writer.start()
        try:
            said = altered(release)
        finally:
            reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            writer.join()
            os.close(reader)

    assert f"{name} is a link, a device or a pipe" in said


@pytest.mark.parametrize("name", ["model.onnx", "verdict.json", "ledger.json"])
def test_sums_that_were_made_anew_hide_nothing_of_the_model_or_its_verdict(release: Path, name: str) -> None:
    texts = {
        "model.onnx": b"another model",
        "verdict.json": (release / "verdict.json").read_bytes().replace(b'"waivers": []', b'"waivers": [1]'),
        "ledger.json": (release / "ledger.json").read_bytes().replace(b'"outcome": "pass"', b'"outcome": "fail"', 1),
    }
    (release / name).write_bytes(texts[name])
    sum_up(release)

    altered(release)


def test_another_model_with_sums_and_verdict_to_fit_is_not_what_the_ledger_names(release: Path) -> None:
    (release / "model.onnx").write_bytes(b"another model")
    verdict = json.loads((release / "verdict.json").read_bytes())
    verdict["files"]["model.onnx"] = digests_under(release)["model.onnx"]
    (release / "verdict.json").write_text(json.dumps(verdict))
    sum_up(release)

    assert "as the verdicts say" in altered(release)


def test_a_verdict_of_a_newer_version_is_not_guessed_at(release: Path) -> None:
    verdict = json.loads((release / "verdict.json").read_bytes()) | {"format": 2}
    (release / "verdict.json").write_text(json.dumps(verdict))
    sum_up(release)

    assert "a newer version wrote it" in altered(release)


def test_a_whole_ledger_is_no_extract(release: Path, judged: Judged) -> None:
    (release / "ledger.json").write_bytes(judged.ledger.read_bytes())
    sum_up(release)

    assert "got no extract of a ledger" in altered(release)
