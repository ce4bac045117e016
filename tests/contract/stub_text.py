"""The text of stubs: what the generator writes and Python cannot read is mended, what it left out is put in."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

_FIRST = "from __future__ import annotations"
# Notes of the generator that are no Python: `kernel: tensorrt.Weights = <tensorrt.Weights object at 0x…>`.
_REPR_AS_DEFAULT = re.compile(r"= ?<[^>]*>")
_KEYWORD_AS_PARAMETER = re.compile(r"\bin: ")
_NO_DEFAULT_AFTER_DEFAULT = re.compile(r"(channel_axis: typing\.SupportsInt)\)")
# The package has a data type named `bool`, which hides the built-in one from every annotation of the module.
_HIDDEN_BOOL = re.compile(r"(?<!\.)\bbool\b(?!: DataType)")
# A C++ type that the generator knows no Python name of.
_UNKNOWN_TYPE = re.compile(r"(?<=[:>\[] )\.\.\.(?=[:,)\n]| =)|(?<=\[)\.\.\.(?=[,\]])")


def tensorrt_stub(generated: str, told: Mapping[str, Any], version: str) -> str:
    """A stub of the package `tensorrt`, from what pybind11-stubgen gave and `introspection.of_tensorrt` told."""
    text = without_docstrings(readable(generated))
    lines = text.splitlines()
    added: dict[int, list[str]] = {}
    for name, node in classes_of(ast.parse(text)).items():
        indent = " " * (node.col_offset + 4)
        extra = [
            f"{indent}def {method}(self, {_parameters(names, 'typing.Any')}) -> typing.Any: ..."
            for method, names in told["overrides"].get(name, {}).items()
        ]
        if name in told["buffers"]:
            extra.append(f"{indent}def __buffer__(self, flags: int, /) -> memoryview: ...")
        if extra:
            added[node.body[-1].end_lineno or node.lineno] = extra
        for member in node.body:
            if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
                number = told["enums"].get(name, {}).get(member.target.id)
                if number is not None:
                    lines[member.lineno - 1] += f"  # value = {number}"
    written = [line for number, text in enumerate(lines, 1) for line in (text, *added.get(number, ()))]
    origin = f"# NVIDIA TensorRT {version}, see README.md and LICENSE beside this folder."
    version_of_package = "__version__: str  # of the package, which is told by its __init__"
    return "\n".join([origin, *written, version_of_package, ""])


def cuda_stub(told: Mapping[str, Any], version: str) -> str:
    """A stub of the module `cuda.bindings.runtime`: names and parameters are known, types of parameters are not."""
    lines = [
        f"# NVIDIA cuda-bindings {version}, see README.md and LICENSE beside this folder.",
        "import enum",
        "from typing import Any",
        "",
    ]
    for name, members in sorted(told["enums"].items()):
        lines += [f"class {name}(enum.IntEnum):", *(f"    {member} = {number}" for member, number in members.items())]
        lines += [] if members else ["    pass"]
    for name, attributes in sorted(told["classes"].items()):
        lines += [
            f"class {name}:",
            "    def __init__(self, *arguments: Any, **named: Any) -> None: ...",
            "    def __int__(self) -> int: ...",
            *(f"    {attribute}: Any" for attribute in attributes),
        ]
    for name, parameters in sorted(told["functions"].items()):
        lines.append(f"def {name}({_parameters(parameters, 'Any')}) -> tuple[Any, ...]: ...")
    return "\n".join([*lines, ""])


def readable(generated: str) -> str:
    """The generator's text as Python that mypy reads."""
    text = _REPR_AS_DEFAULT.sub("= ...", generated)
    text = _KEYWORD_AS_PARAMETER.sub("in_: ", text)
    text = _NO_DEFAULT_AFTER_DEFAULT.sub(r"\1 = ...)", text)
    text = _HIDDEN_BOOL.sub("builtins.bool", _UNKNOWN_TYPE.sub("typing.Any", text))
    return text.replace("'builtins.bool'", "'bool'").replace(
        _FIRST, f"{_FIRST}\nimport builtins\nimport typing_extensions", 1
    )


def without_docstrings(text: str) -> str:
    """`text` with `...` in the place of docstrings that stand alone, and nothing in that of the others."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            continue
        # After an attribute stands its description, which is a docstring to readers alone.
        strings = [each for each in node.body if isinstance(each, ast.Expr) and _is_text(each.value)]
        for each in strings:
            indent = " " * each.col_offset
            for number in range(each.lineno - 1, each.end_lineno or each.lineno):
                lines[number] = ""
            if len(strings) == len(node.body) and each is strings[0]:
                lines[each.lineno - 1] = f"{indent}..."
    return "\n".join(line for line in lines if line.strip()) + "\n"


def classes_of(tree: ast.AST, prefix: str = "") -> dict[str, ast.ClassDef]:
    """Classes by their dotted name, outer ones first."""
    found: dict[str, ast.ClassDef] = {}
    for node in getattr(tree, "body", []):
        if isinstance(node, ast.ClassDef):
            found[f"{prefix}{node.name}"] = node
            found |= classes_of(node, f"{prefix}{node.name}.")
    return found


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _parameters(names: Sequence[str], kind: str) -> str:
    return ", ".join(f"{name}: {kind}" for name in names)
