"""Protobuf by hand, for what the protobuf library refuses to write (https://protobuf.dev/programming-guides/encoding)."""

from __future__ import annotations

MODEL_IR_VERSION, MODEL_GRAPH, MODEL_OPSET_IMPORT = 1, 7, 8
OPSET_VERSION = 2
GRAPH_NODE, GRAPH_NAME, GRAPH_INPUT, GRAPH_OUTPUT = 1, 2, 11, 12
NODE_INPUT, NODE_OUTPUT, NODE_OPERATOR, NODE_ATTRIBUTE = 1, 2, 4, 5
ATTRIBUTE_NAME, ATTRIBUTE_GRAPH, ATTRIBUTE_TYPE = 1, 6, 20
VALUE_NAME, VALUE_TYPE = 1, 2
TYPE_TENSOR, TYPE_SEQUENCE, TYPE_OPTIONAL = 1, 4, 9
ELEMENT = 1
START_GROUP, END_GROUP = 3, 4


def varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; a negative number takes ten bytes."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


def number(field: int, value: int) -> bytes:
    return tag(field, 0) + varint(value)


def nested(field: int, *payload: bytes) -> bytes:
    """A message, a string or bytes: whatever has its length in front."""
    whole = b"".join(payload)
    return tag(field, 2) + varint(len(whole)) + whole
