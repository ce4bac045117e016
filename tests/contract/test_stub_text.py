"""What becomes of a generated stub, in small."""

from __future__ import annotations

import ast

from tests.contract.stub_text import cuda_stub, readable, tensorrt_stub, without_docstrings

GENERATED = '''\
from __future__ import annotations
import typing
__all__: list[str] = ['Log', 'bool']
class Log:
    """
    What is said.

        def told(self, message, level):
    """
    class Level:
        HIGH: typing.ClassVar[Log.Level]
        __members__: typing.ClassVar[dict[str, Log.Level]]
    def say(self, in: str, to: ... = <Log object at 0x7f>) -> bool:
        """
        Says it.
        """
    @property
    def is_open(self) -> bool:
        """ of the log """
    @property
    def where(self) -> list[...]:
        ...
bool: DataType
'''
TOLD = {"enums": {"Log.Level": {"HIGH": 3}}, "buffers": ["Log"], "overrides": {"Log": {"told": ["message", "level"]}}}


def test_what_python_cannot_read_is_mended() -> None:
    text = readable(GENERATED)

    ast.parse(text)
    assert "def say(self, in_: str, to: typing.Any = ...) -> builtins.bool:" in text
    assert "-> list[typing.Any]:" in text
    assert "bool: DataType" in text
    assert "['Log', 'bool']" in text


def test_docstrings_are_taken_out() -> None:
    text = without_docstrings(readable(GENERATED))

    ast.parse(text)
    assert "Says it" not in text
    assert "What is said" not in text


def test_numbers_buffers_and_overrides_are_put_in() -> None:
    text = tensorrt_stub(GENERATED, TOLD, "1.2")

    ast.parse(text)
    assert text.startswith("# NVIDIA TensorRT 1.2,")
    assert "HIGH: typing.ClassVar[Log.Level]  # value = 3" in text
    assert "    def told(self, message: typing.Any, level: typing.Any) -> typing.Any: ..." in text
    assert "    def __buffer__(self, flags: int, /) -> memoryview: ..." in text
    assert "__version__: str" in text


def test_a_stub_of_cuda_has_what_was_told() -> None:
    told = {
        "enums": {"cudaError_t": {"cudaSuccess": 0}},
        "classes": {"cudaDeviceProp": ["name"]},
        "functions": {"cudaMalloc": ["size"]},
    }

    text = cuda_stub(told, "1.2")

    ast.parse(text)
    assert "class cudaError_t(enum.IntEnum):\n    cudaSuccess = 0" in text
    assert "    name: Any" in text
    assert "def cudaMalloc(size: Any) -> tuple[Any, ...]: ..." in text
