"""A release written: whole under its name, or not at all."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import tempfile
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.digest import bytes_digest
from pytest_qparity.durable import flush_folder
from pytest_qparity.ledger.reading import parsed
from pytest_qparity.shipping.card import card_facts, card_text
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
)
from pytest_qparity.shipping.signing import signed, signer_of
from pytest_qparity.shipping.statements import extract_text, provenance_statement, result_statement, verdict_of
from pytest_qparity.shipping.variant_file import VariantFile, require_bytes, require_same_case, variant_file
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.loading import Case
    from pytest_qparity.gate.settings import Settings
    from pytest_qparity.shipping.judged_run import JudgedRun

__all__ = ["export"]


def export(
    ledger: Path,
    name: str,
    case: Case,
    settings: Settings,
    output: Path,
    *,
    waived: bool = False,
    today: datetime.date | None = None,
    key: Path | None = None,
) -> JudgedRun:
    """Write the run `name` ("cases/x.toml::ort-int8") of the file `ledger` as a release into the folder `output`, which
    is not there yet or empty; signed where there is a `key`, a private one in PEM. `waived`, `today`: see judged_run.

    Raises CannotJudge where the run is not to be shipped, its file is gone or another, or nothing can be signed with
    the key; LedgerError where the ledger is none; OSError where something cannot be read or written.
    """
    signer = None if key is None else signer_of(key)
    content = ledger.read_bytes()
    remedy = f"take the ledger as it was written, or judge {case.path.name} again"
    with as_written(str(ledger), Code.SHIP_REFUSED, remedy):
        whole = parsed(content.decode("utf-8", errors="replace"))
        judged = judged_run(whole, name, waived=waived, today=today)
        extract = extract_text(judged, bytes_digest(content), card_facts(judged, case))
        shipped = judged_run(parsed(extract), judged.name, waived=waived)  # the release says what its own extract says
        _require_readable(shipped)
    require_same_case(judged, case.path)
    file = variant_file(judged, case, settings)
    _require_names(file, judged)
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=UNFINISHED, dir=output.parent))
    try:
        _fill(unfinished, shipped, file, extract, signer)
        unfinished.chmod(0o755)
        unfinished.rename(output)  # over an empty folder too, and over nothing else
        flush_folder(output.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return shipped


def _require_readable(run: JudgedRun) -> None:
    """All that a release says of a run can be said: tried once, before anything is written."""
    card_text(run, "", has_external=False)
    verdict_of(run, "", {})
    result_statement(run, {})
    provenance_statement(run, {})


def _fill(folder: Path, run: JudgedRun, file: VariantFile, extract: str, signer: Any) -> None:
    copied = VariantFile(folder / file.shipped_as, file.external)
    shutil.copyfile(file.path, copied.path)
    for place in file.external:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.path.parent / place, folder / place)
    require_bytes(copied, run, file.path.name)  # what was copied, not what lay there before
    files = digests_under(folder)
    _write(folder / EXTRACT, extract)
    _write(folder / VERDICT, f"{json.dumps(verdict_of(run, file.shipped_as, files), indent=2)}\n")
    _write(folder / CARD, card_text(run, file.shipped_as, has_external=bool(file.external)))
    if signer is not None:
        subjects = signed_for(digests_under(folder))
        made = provenance_statement(run, subjects)
        _write(folder / RESULT, signed(result_statement(run, subjects), signer))
        if made is not None:
            _write(folder / PROVENANCE, signed(made, signer))
    _write(folder / SUMS, sums_text(digests_under(folder)))
    _flush_all(folder)


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode())


def _flush_all(folder: Path) -> None:
    """What is renamed into place is on the disk before."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with (Path(parent) / name).open("rb") as stream:
                os.fsync(stream.fileno())
        flush_folder(Path(parent))


def _require_names(file: VariantFile, run: JudgedRun) -> None:
    """The names of external data stand in the model's file, and so cannot be changed: none may be one of ours, nor that
    of another, on any system that a release is copied to."""
    taken = set(map(_as_stored, (*OWN_NAMES, file.shipped_as)))
    found: dict[str, str] = {}
    for name in file.external:
        other = found.setdefault(_as_stored(name), name)
        is_ours = _as_stored(name.partition("/")[0]) in taken or name.startswith(".")
        if is_ours or other != name or not name.isprintable() or "\\" in name:
            remedy = f"save the model with other names beside it, and judge {run.case_file} again"
            beside = "" if other == name else f" beside {other!r}"
            sentence = f"Got external data {name!r}{beside}, should have a name that no file of a release has"
            raise CannotJudge(Failure(Code.SHIP_FILE, f"{sentence} (case does not count).", remedy))


def _as_stored(name: str) -> str:
    """One text for all names that are one file somewhere: macOS and Windows tell no case, macOS no way of writing an
    accent, and Windows leaves out dots and spaces at the end of a part."""
    parts = unicodedata.normalize("NFC", name.casefold()).split("/")
    return "/".join(part.rstrip(". ") for part in parts)
