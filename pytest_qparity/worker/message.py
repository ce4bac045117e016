"""What foreign code said when it failed, on one line."""

from __future__ import annotations

import re

_LONGEST = 320
_OPENVINO = "Exception from "
_WHERE_ONLY = re.compile(r"(Exception from \S+|Check '.*' failed at \S+|FrontEnd API failed with \w+:|Summary:)")


def said_by(error: BaseException) -> str:
    """Type and first line of an engine's error: `Fail: "[ONNXRuntimeError] : 1 : FAIL : …"`.

    OpenVINO opens with lines that name its own source files and has the cause at the end: of its errors the other
    lines are joined. What is too long is cut in the middle.
    """
    lines = [line.strip() for line in _text_of(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if lines[0].startswith(_OPENVINO):
        line = " ".join(line for line in lines if not _WHERE_ONLY.fullmatch(line)) or lines[0]
    else:
        line = lines[0]
    if len(line) > _LONGEST:
        line = f"{line[: _LONGEST // 2]} … {line[-_LONGEST // 2 :]}"
    return f'{type(error).__name__}: "{line}"'


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as another:  # noqa: BLE001  foreign code, in its very last words
        return f"its text raises {type(another).__name__}"
