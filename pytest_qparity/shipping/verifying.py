"""A release held against what it says of itself: every byte, the verdict behind it, who signed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.model import stored_bytes
from pytest_qparity.ledger import Ledger, LedgerError, read_ledger
from pytest_qparity.shipping.card import card_text
from pytest_qparity.shipping.held_card import require_card, require_marks
from pytest_qparity.shipping.judged_run import as_written, judged_run
from pytest_qparity.shipping.release_files import (
    CARD,
    EXTRACT,
    OWN_NAMES,
    PROVENANCE,
    RESULT,
    SUMS,
    UNFINISHED,
    VERDICT,
    digests_under,
    signed_for,
    sums_text,
    text_under,
)
from pytest_qparity.shipping.signing import payload_of, public_key, verified_payload
from pytest_qparity.shipping.statements import FORMAT, provenance_statement, result_statement, verdict_of
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.shipping.judged_run import JudgedRun

__all__ = ["Verified", "verify"]

_NAMED = 3
_ANEW = "take the release anew from where it was exported"


@dataclass(frozen=True, slots=True)
class Verified:
    """A release that is what was exported. `signed`: whether it holds signatures; `key_id`: the key that made them,
    None where none was given to hold them against."""

    run: JudgedRun
    files: Mapping[str, str]
    signed: bool
    key_id: str | None


def verify(folder: Path, key: Path | None = None) -> Verified:
    """Raises CannotJudge where a byte of the release is another than when it was exported, a file is missing or too
    many, its verdict or card does not follow from its ledger, or, with a public `key`, it is not signed by it."""
    signer = None if key is None else public_key(key)
    if folder.resolve().name.endswith(UNFINISHED):
        raise _altered(f"Got {folder.name}, which an export left unfinished, should be a release.")
    digests = _digests(folder)
    with as_written(EXTRACT, Code.SHIP_ALTERED, _ANEW):
        run = _run(folder)
        model = _require_model(folder, run, digests)
        _require_card(folder, run, model, digests)
        is_signed = _require_signatures(folder, run, digests, signer)
    return Verified(run, digests, is_signed, None if signer is None else signer.keyid)


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file, as the sums say it too."""
    try:
        stated = text_under(folder, SUMS)
        digests = digests_under(folder)
    except OSError as error:
        name = Path(error.filename or SUMS).name
        raise _altered(f"Got no {name} ({error.strerror}), should be a file of the release.") from None
    except ValueError as error:  # UnicodeDecodeError too
        raise _altered(f"Got a release of which {error}, should be plain files.") from None
    if stated != sums_text(digests):
        raise _altered(_differing(stated, digests))
    missing = next((name for name in (EXTRACT, VERDICT, CARD) if name not in digests), None)
    if missing is not None:
        raise _altered(f"Got no {missing}, should be a file of the release.")
    return digests


def _differing(stated: str, digests: Mapping[str, str]) -> str:
    expected = {name: digest for digest, _, name in (line.partition("  ") for line in stated.splitlines())}
    changed = sorted(name for name in expected.keys() & digests.keys() if expected[name] != digests[name])
    added, gone = sorted(digests.keys() - expected.keys()), sorted(expected.keys() - digests.keys())
    parts = [
        f"{len(names)} {what} ({', '.join(names[:_NAMED])}{', …' if len(names) > _NAMED else ''})"
        for what, names in (("files with other bytes", changed), ("files too many", added), ("files missing", gone))
        if names
    ]
    return f"Got {'; '.join(parts) or f'{SUMS} written otherwise'}, should be as exported."


def _run(folder: Path) -> JudgedRun:
    """What the extract of the ledger shows, by the rules of an export."""
    try:
        ledger = read_ledger(folder / EXTRACT)
    except LedgerError as error:
        raise _altered(f"{EXTRACT}: {error}.") from None
    try:
        return judged_run(ledger, _named_in(ledger), waived=True)
    except CannotJudge as reason:
        raise _altered(f"{EXTRACT}: {reason.failure.sentence}") from None


def _named_in(ledger: Ledger) -> str:
    name = ledger.extract_of
    if name is None:
        raise _altered(f"{EXTRACT}: got no extract of a ledger, should say which run it is of.")
    return name


def _require_model(folder: Path, run: JudgedRun, digests: Mapping[str, str]) -> str:
    """The name of the model. The verdict says what the extract of the ledger says, of the files that are here; and they
    are the variant."""
    try:
        said = json.loads((folder / VERDICT).read_bytes())
        model, newer = str(said["model"]), type(said["format"]) is int and said["format"] > FORMAT
    except (OSError, KeyError, TypeError, ValueError, RecursionError):
        raise _altered(f"{VERDICT}: got no verdict, should be what qparity export writes.") from None
    if newer:
        sentence = f"{VERDICT}: got format {said['format']}, should be {FORMAT}: a newer version wrote it."
        raise CannotJudge(Failure(Code.SHIP_ALTERED, sentence, "pip install --upgrade pytest-qparity"))
    files = {name: digest for name, digest in digests.items() if name not in OWN_NAMES}
    if model not in files or said != verdict_of(run, model, files):
        raise _altered(f"{VERDICT} says other than {EXTRACT}, should say the same.")
    now = stored_bytes(folder / model, [name for name in files if name != model]).digest
    if now != run.digest:
        raise _altered(f"{model} is {now[:12]}, should be {run.digest[:12]} as the verdicts say.")
    return model


def _require_card(folder: Path, run: JudgedRun, model: str, digests: Mapping[str, str]) -> None:
    """The card says what the extract of the ledger says: it is what people read."""
    try:
        card = (folder / CARD).read_bytes().decode()
    except UnicodeDecodeError:
        raise _altered(f"{CARD}: got bytes that are no UTF-8, should be text.") from None
    require_marks(card)
    require_card(card, card_text(run, model, has_external=bool(digests.keys() - OWN_NAMES - {model})))


def _require_signatures(folder: Path, run: JudgedRun, digests: Mapping[str, str], signer: Any) -> bool:
    """Whether the release is signed. Each statement that an export signs is there, and about what is here."""
    about = signed_for(digests)
    statements = {RESULT: result_statement(run, about), PROVENANCE: provenance_statement(run, about)}
    expected = {name: statement for name, statement in statements.items() if statement is not None}
    found = statements.keys() & digests.keys()
    if not found and signer is None:
        return False
    if found != expected.keys():
        raise _altered(f"Got {len(found)} signed statements, should be {len(expected)}: {', '.join(expected)}.")
    for name, statement in expected.items():
        _require_statement(folder, name, statement, signer)
    return True


def _require_statement(folder: Path, name: str, expected: Mapping[str, Any], signer: Any) -> None:
    text = (folder / name).read_text(encoding="utf-8", errors="replace")
    statement = payload_of(text) if signer is None else verified_payload(text, signer)
    if statement is None:
        what = "no statement" if signer is None else "no statement that this key signed"
        raise _altered(f"{name}: got {what}, should be one.")
    if _stated(statement) != _stated(expected):
        raise _altered(f"{name} is signed for other files or another verdict, should be for those here.")


def _stated(statement: Mapping[str, Any]) -> object:
    """What a statement says of this release: of SLSA's builder it may say another version."""
    predicate = statement.get("predicate")
    about = predicate.get("buildDefinition", predicate) if isinstance(predicate, dict) else predicate
    return statement.get("_type"), statement.get("subject"), statement.get("predicateType"), about


def _altered(sentence: str) -> CannotJudge:
    return CannotJudge(Failure(Code.SHIP_ALTERED, sentence, _ANEW))
