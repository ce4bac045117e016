"""Who vouches for a release."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity.digest import file_digest
from pytest_qparity.shipping.release_files import CARD, PROVENANCE, RESULT
from pytest_qparity.shipping.signing import public_key, signer_of
from pytest_qparity.shipping.verifying import verify
from pytest_qparity.verdict import CannotJudge, Code
from tests.shipping.judged import CASE_FILE, Judged
from tests.shipping.test_exporting import judge_given
from tests.shipping.test_judged_run import waive
from tests.shipping.test_verifying import altered, sum_up

pytest.importorskip("securesystemslib")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return write_key(tmp_path / "release")


def write_key(path: Path, password: bytes | None = None) -> Path:
    """A private key in `path`.key and its public one in `path`.pub; gives the first."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    hidden = form.NoEncryption() if password is None else form.BestAvailableEncryption(password)
    path.with_suffix(".key").write_bytes(private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, hidden))
    public = private.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    path.with_suffix(".pub").write_bytes(public)
    return path.with_suffix(".key")


def statement(release: Path, name: str) -> dict[str, Any]:
    found = json.loads(base64.b64decode(json.loads((release / name).read_bytes())["payload"]))
    assert isinstance(found, dict)
    return found


def test_a_signed_release_says_what_was_made_of_what_and_which_checks_passed(judged: Judged, key: Path) -> None:
    judged.export(key=key)

    release = judged.root / "out"
    result, made = statement(release, RESULT), statement(release, PROVENANCE)
    assert result["predicate"]["result"] == "PASSED"
    assert len(result["predicate"]["passedTests"]) == 5
    assert {"name": CARD, "digest": {"sha256": file_digest(release / CARD)}} in result["subject"]
    sources = made["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert [each["name"] for each in sources] == ["float model", CASE_FILE, "calibration data"]
    assert verify(release, key.with_suffix(".pub")).key_id
    assert verify(release).signed


def test_what_is_waived_is_signed_as_a_warning_and_a_given_file_without_provenance(judged: Judged, key: Path) -> None:
    judged.write(waive)
    judged.export(waived=True, key=key)
    assert statement(judged.root / "out", RESULT)["predicate"]["result"] == "WARNED"

    run = judge_given(judged)
    judged.export("given", run, key=key)
    assert not (judged.root / "given" / PROVENANCE).exists()
    verify(judged.root / "given", key.with_suffix(".pub"))


@pytest.mark.parametrize("name", ["README.md", RESULT, PROVENANCE])
def test_with_a_key_no_byte_can_be_altered_by_whoever_makes_the_sums_anew(judged: Judged, key: Path, name: str) -> None:
    judged.export(key=key)
    release = judged.root / "out"
    content = (release / name).read_bytes()
    for place in range(0, len(content), max(1, len(content) // 40)):
        (release / name).write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        sum_up(release)
        altered(release, key.with_suffix(".pub"))
    (release / name).unlink()
    sum_up(release)
    altered(release, key.with_suffix(".pub"))


def test_another_key_and_a_release_without_signature_do_not_verify(judged: Judged, key: Path, tmp_path: Path) -> None:
    other = write_key(tmp_path / "other").with_suffix(".pub")
    judged.export(key=key)
    judged.export("unsigned")

    assert "no statement that this key signed" in altered(judged.root / "out", other)
    assert "Got 0 signed statements" in altered(judged.root / "unsigned", other)


def test_another_key_is_told_where_a_runner_of_tests_has_put_back_the_modules_of_before(
    judged: Judged, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_key(tmp_path / "other").with_suffix(".pub")
    judged.export(key=key)
    # Imported again, its classes are others.
    monkeypatch.delitem(sys.modules, "securesystemslib.exceptions", raising=False)

    assert "no statement that this key signed" in altered(judged.root / "out", other)


def test_a_signature_of_another_release_is_found(judged: Judged, key: Path) -> None:
    judged.export(key=key)
    judged.write(waive)
    judged.export("waived", waived=True, key=key)
    for name in (RESULT, PROVENANCE):
        (judged.root / "waived" / name).write_bytes((judged.root / "out" / name).read_bytes())
    sum_up(judged.root / "waived")

    assert "is signed for other files or another verdict" in altered(judged.root / "waived", key.with_suffix(".pub"))


def test_what_is_no_key_is_told_before_anything_is_written(judged: Judged, tmp_path: Path) -> None:
    write_key(tmp_path / "hidden", b"secret")
    (tmp_path / "text.key").write_text("no key")
    for name in ("hidden.key", "text.key", "absent.key"):
        with pytest.raises(CannotJudge) as caught:
            judged.export(key=tmp_path / name)
        assert caught.value.failure.code is Code.SHIP_SIGNING
        assert name in caught.value.failure.sentence
    with pytest.raises(CannotJudge):
        public_key(tmp_path / "text.key")
    assert not (judged.root / "out").exists()


def test_without_the_package_the_remedy_is_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "securesystemslib", None)

    with pytest.raises(CannotJudge) as caught:
        signer_of(tmp_path / "any.key")

    assert 'pip install "pytest-qparity[sign]"' in caught.value.failure.remedy
