"""Every planned check as a row: CSV for spreadsheets, Parquet for data frames."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from pytest_qparity.ledger.events import NO_VERDICT
from pytest_qparity.report.markup import spreadsheet_text
from pytest_qparity.report.standing import standing_of

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["CheckRow", "check_rows", "checks_csv", "checks_parquet"]


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One planned check. `codes` and `sentences` of its failures; `evidence` as JSON; `time` its session began;
    `carried_from`: the session that judged it, where its verdict was carried over.

    `ledger_passes`: whether the ledger as a whole does, which no row can say alone; `ledger_standing`: the word that
    every report has for it.
    """

    node_id: str
    case: str
    run: str
    backend: str
    precision: str
    check: str
    outcome: str
    deciding: str
    codes: str
    sentences: str
    waiver: str
    evidence: str
    variant_sha256: str
    carried_from: str
    time: str
    ledger_passes: bool
    ledger_standing: str


def check_rows(ledger: Ledger) -> Iterator[CheckRow]:
    """Checks with a verdict in the ledger's order, then those without one, then case files that were not planned."""
    time, passes, standing = str(ledger.start.get("time", "")), ledger.passes, standing_of(ledger).word.value
    for event in ledger.verdicts:
        variant = event.get("provenance", {}).get("variant") or {}
        yield CheckRow(
            node_id=event["node_id"],
            case=str(event["case"]),
            run=str(event["run"]),
            backend=str(event["backend"]),
            precision=str(event["precision"]),
            check=str(event["check"]),
            outcome=event["outcome"],
            deciding=str(event["deciding"]),
            codes=" ".join(failure["code"] for failure in event["failures"]),
            sentences=" ".join(failure["sentence"] for failure in event["failures"]),
            waiver=event["waiver"] or "",
            evidence=json.dumps(event["evidence"], ensure_ascii=False),
            variant_sha256=str(variant.get("sha256", "")),
            carried_from=str(event.get("carried", {}).get("session", "")),
            time=time,
            ledger_passes=passes,
            ledger_standing=standing,
        )
    without = {node_id: ledger.not_judged.get(node_id, "it never ended") for node_id in ledger.unjudged}
    for node_id, reason in {**without, **ledger.case_errors}.items():
        names = node_id.split("::")
        run, check = (names[1], names[2]) if len(names) == 3 else ("", "")
        known = {"node_id": node_id, "run": run, "check": check, "outcome": NO_VERDICT, "sentences": reason}
        of_ledger = {"time": time, "ledger_passes": passes, "ledger_standing": standing}
        blank = {field.name: "" for field in fields(CheckRow)}
        yield CheckRow(**{**blank, **known, **of_ledger})  # type: ignore[arg-type]


def checks_csv(ledger: Ledger) -> str:
    """UTF-8, a record a line; a text that a spreadsheet would run as a formula begins with an apostrophe."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [field.name for field in fields(CheckRow)], lineterminator="\n")
    writer.writeheader()
    for row in check_rows(ledger):
        cells = asdict(row)
        writer.writerow(
            {name: spreadsheet_text(cell) if isinstance(cell, str) else cell for name, cell in cells.items()}
        )
    return stream.getvalue()


def checks_parquet(ledger: Ledger) -> bytes:
    """The same rows, every text exactly as the ledger has it. Needs pyarrow."""
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema(
        [
            (field.name, pyarrow.bool_() if field.name == "ledger_passes" else pyarrow.string())
            for field in fields(CheckRow)
        ]
    )
    rows = [{name: _whole_text(cell) for name, cell in asdict(row).items()} for row in check_rows(ledger)]
    buffer = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), buffer)
    return bytes(buffer.getvalue())


def _whole_text(cell: object) -> object:
    """Half of a surrogate pair, which a path may hold, has no UTF-8."""
    return cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell
