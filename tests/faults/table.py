"""The fault plan as docs/reliability.md prints it: `python -m tests.faults.table` writes it there."""

from __future__ import annotations

from pathlib import Path

from tests.faults.fault import Area
from tests.faults.plan import FAULTS

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- faults -->", "<!-- end of faults -->"


def table() -> str:
    """Rows in the order of the plan, under their areas."""
    lines = [f"{len(FAULTS)} faults.", ""]
    for area in Area:
        rows = [fault for fault in FAULTS if fault.area is area]
        if rows:
            lines += [f"### {area.value.capitalize()} ({len(rows)})", "", "| fault | what must come |", "| --- | --- |"]
            lines += [f"| {fault.what} | {fault.verdict} |" for fault in rows]
            lines.append("")
    return "\n".join(lines)


def printed(page: str) -> str:
    """`page` with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(printed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
