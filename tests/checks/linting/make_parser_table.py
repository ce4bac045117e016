"""Makes a table of `pytest_qparity/checks/linting/rules/tables` from onnx-tensorrt's page on what its parser takes.

    python tests/checks/linting/make_parser_table.py operators.md COMMIT > trt10.json

`operators.md` is `docs/operators.md` of https://github.com/onnx/onnx-tensorrt at the commit that the TensorRT release
names as its submodule `parsers/onnx`. Names, types and the range of opsets carry over, sentences do not.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

_HEADER = re.compile(r"TensorRT ([\d.]+) supports operators in the inclusive range of opset (\d+) to opset (\d+)")
_ROW = re.compile(r"^\| (\w+) +\| ([YN])\b[^|]*\|([^|\n]*)", re.MULTILINE)


def parser_table(page: str, commit: str) -> dict[str, Any]:
    """Release, opsets, and for each operator the types it is taken in; None for one that is not taken.

    Raises ValueError where the page has another form.
    """
    header = _HEADER.search(page)
    rows = [(name, taken == "Y", types) for name, taken, types in _ROW.findall(page)]
    names = [name for name, _, _ in rows]
    if header is None or len(rows) < 150 or len(set(names)) != len(names):
        raise ValueError(
            f"got {len(rows)} rows (header: {bool(header)}), should be the operators of one release, once each"
        )
    return {
        "source": f"https://github.com/onnx/onnx-tensorrt/blob/{commit}/docs/operators.md",
        "license": "Apache-2.0",
        "release": header[1],
        "opsets": [int(header[2]), int(header[3])],
        "operators": {name: _types(name, types) if taken else None for name, taken, types in sorted(rows)},
    }


def _types(name: str, cell: str) -> list[str]:
    types = [word.strip() for word in cell.split(",") if word.strip()]
    if not types:
        raise ValueError(f"got no types of {name}, should be at least one")
    return types


if __name__ == "__main__":
    made = parser_table(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[2])
    operators = made.pop("operators")
    head = json.dumps(made, indent=2).removesuffix("\n}")
    rows = ",\n".join(f"    {json.dumps(name)}: {json.dumps(types)}" for name, types in operators.items())
    print(f'{head},\n  "operators": {{\n{rows}\n  }}\n}}')
