"""Mending a file for TensorRT where what comes of it computes the very same.

Three rewrites, none of which needs data:

- uint8 (or int8 with another zero point) becomes int8 with zero point 0 where codes shift exactly:
  q' = q − z, s' = s. For an activation that is z = 128 of uint8, since
  clamp(r + 128, 0, 255) − 128 = clamp(r, −128, 127); for a constant whatever keeps q − z within int8.
- int32 DequantizeLinear of constants (biases) becomes the float32 constant q · s that it stands for, and that of
  scalars (factors, which have no axis) the constant (q − z) · s.
- Q and DQ of scalars that are computed state axis 0, which says nothing of a tensor that is quantized as a whole.
- A model of an opset outside of the parser's range is converted.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from pytest_qparity.checks.linting.editing import Editor, names_in_subgraphs
from pytest_qparity.checks.linting.pairs import FIRST_OPSET_WITH_AXIS
from pytest_qparity.checks.linting.rules import importer
from pytest_qparity.checks.linting.rules.importer_rules import AXIS, BIAS, TYPE, UINT8_READ_AS_INT8, ZERO_POINT
from pytest_qparity.checks.linting.rules.operator_table import parser_table
from pytest_qparity.checks.linting.view import damaged, named, view_of
from pytest_qparity.precision.content import QUANTIZE
from pytest_qparity.precision.graph import opset_of
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from onnx import ModelProto, NodeProto

    from pytest_qparity.checks.linting.view import View

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Mended", "mended"]

_MIDDLE = 128  # of uint8: the zero point that becomes 0
_LOWEST_CONVERTED = 13  # what a model of too old an opset becomes: DequantizeLinear has its axis from here on
_MENDED = frozenset(rule.id for rule in (AXIS, BIAS, TYPE, UINT8_READ_AS_INT8, ZERO_POINT))
_EIGHT_BITS = (np.dtype(np.uint8), np.dtype(np.int8))


@dataclass(slots=True)
class Mended:
    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def mended(path: Path, target: str, output: Path) -> Mended:
    """Write the mended model to `output`, in one file, where anything was mended; targets but TensorRT's have no fixes.

    Raises CannotJudge where the file is no model, or onnx.checker refuses what came of it.
    """
    made = Mended()
    if not target.startswith("trt"):
        made.left.append(f"no fixes are known for {target}")
        return made
    view = view_of(path)
    loaded = onnx.load(path)
    main = {named(node) for node in loaded.graph.node}
    model = _converted(loaded, parser_table(target).opsets, made)
    editor = Editor(model.graph)
    try:
        _fold_scalars(editor, made)
        _fold_biases(editor, made)
        _shift_constants(editor, made)
        _shift_activations(editor, made)
        if opset_of(model) >= FIRST_OPSET_WITH_AXIS:
            scalars = {name for name, known in view.bodies[0].values.items() if known.shape == ()}
            _state_axes(editor, scalars, made)
    except ValueError as error:  # constants that are cut short
        raise damaged(path, str(error)) from None
    made.left.extend(_inside(view, main))
    if made.done:
        editor.finish()
        _write(model, output, path, made)
    return made


def _inside(view: View, main: Collection[str]) -> Iterator[str]:
    """What would be mended in the main graph, whose nodes are `main`, and lies in a branch, a loop or a function."""
    for index, body in enumerate(view.bodies):
        for finding in importer.check(replace(view, bodies=[body])):
            if finding.rule.id in _MENDED and (index or finding.node not in main):
                where = "it lies in a branch, a loop or a function, where nothing is mended"
                yield f'"{finding.node}": {finding.sentence} ({finding.rule.id}); {where}'


def _converted(model: ModelProto, opsets: tuple[int, int], made: Mended) -> ModelProto:
    opset, (first, last) = opset_of(model), opsets
    if first <= opset <= last:
        return model
    wanted = max(first, _LOWEST_CONVERTED) if opset < first else last
    try:
        converted = onnx.version_converter.convert_version(model, wanted)
        onnx.checker.check_model(converted)
    except (RuntimeError, ValueError, onnx.checker.ValidationError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        made.left.append(f"opset {opset}: onnx.version_converter does not take it to {wanted} ({reason})")
        return model
    made.done.append(f"opset {opset} converted to {wanted}")
    return converted


def _fold_scalars(editor: Editor, made: Mended) -> None:
    folded = 0
    for node in list(editor.graph.node):
        if node.op_type != "DequantizeLinear" or any(each.name == "output_dtype" for each in node.attribute):
            continue
        codes, scale, zero = (editor.array(node, index) for index in range(3))
        if codes is None or codes.ndim or codes.dtype not in _EIGHT_BITS or scale is None:
            continue
        if len(node.input) > 2 and node.input[2] and zero is None:
            continue
        shifted = codes.astype(np.int32) - (0 if zero is None else zero.astype(np.int32).reshape(()))
        editor.become(node, _dequantized(shifted, scale, 0))
        folded += 1
    if folded:
        made.done.append(f"{folded} DequantizeLinear of scalars folded to the float constants they stand for: exact")


def _state_axes(editor: Editor, scalars: Collection[str], made: Mended) -> None:
    stated = 0
    for node in editor.graph.node:
        if node.op_type not in QUANTIZE or node.input[0] not in scalars or editor.is_removed(node) or not _axis(node):
            continue
        for each in [each for each in node.attribute if each.name == "axis"]:
            node.attribute.remove(each)
        node.attribute.append(helper.make_attribute("axis", 0))
        stated += 1
    if stated:
        made.done.append(f"axis 0 stated by {stated} nodes that quantize scalars or undo it: exact")


def _fold_biases(editor: Editor, made: Mended) -> None:
    folded = 0
    for node in list(editor.graph.node):
        if node.op_type != "DequantizeLinear":
            continue
        codes, scale = editor.array(node, 0), editor.array(node, 1)
        if codes is None or scale is None or codes.dtype != np.int32:
            continue
        zero = editor.array(node, 2)
        if len(node.input) > 2 and node.input[2] and (zero is None or zero.any()):
            made.left.append(f'"{node.name or node.output[0]}": its zero point is no constant of zeros')
            continue
        editor.become(node, _dequantized(codes, scale, _axis(node)))
        folded += 1
    if folded:
        made.done.append(f"{folded} int32 DequantizeLinear folded to the float32 constants they stand for: exact")


def _dequantized(codes: Array, scale: Array, axis: int) -> Array:
    """q · s in float32, of the scale's type (ONNX DequantizeLinear 10 to 25; int32 has no zero point but 0)."""
    factor = _along(scale, codes.ndim, axis).astype(np.float32)
    return np.asarray(codes.astype(np.float32) * factor, dtype=scale.dtype)


def _shift_constants(editor: Editor, made: Mended) -> None:
    shifted = 0
    for node in editor.graph.node:
        if node.op_type != "DequantizeLinear" or _is_blocked(node):
            continue
        codes, zero = editor.array(node, 0), editor.array(node, 2)
        if codes is None or codes.dtype not in _EIGHT_BITS or (len(node.input) > 2 and node.input[2] and zero is None):
            continue
        shift = np.zeros((), codes.dtype) if zero is None else zero
        if codes.dtype == np.int8 and not shift.any():
            continue
        moved = codes.astype(np.int16) - _along(shift.astype(np.int16), codes.ndim, _axis(node))
        if moved.min(initial=0) < -128 or moved.max(initial=0) > 127:
            name = node.name or node.output[0]
            made.left.append(f'"{name}": its codes less the zero point leave int8, so that they do not shift exactly')
            continue
        editor.replace(node, 0, moved.astype(np.int8))
        if zero is not None:
            editor.replace(node, 2, np.zeros(zero.shape, np.int8))
        shifted += 1
    if shifted:
        made.done.append(f"{shifted} quantized constants shifted to int8 with zero point 0: exact")


def _shift_activations(editor: Editor, made: Mended) -> None:
    shifted = 0
    for node in editor.graph.node:
        if node.op_type != "QuantizeLinear":
            continue
        zero = editor.array(node, 2)
        if zero is None or zero.dtype not in _EIGHT_BITS or (zero.dtype == np.int8 and not zero.any()):
            continue
        name = node.name or node.output[0]
        readers = editor.readers(node.output[0])
        if zero.dtype != np.uint8 or not (zero == _MIDDLE).all():
            got = f"zero point {int(zero.flat[0])} of {zero.dtype.name}"
            made.left.append(f'"{name}": {got} needs another scale to become symmetric, and with it data')
        elif not _all_dequantize(editor, node, readers):
            made.left.append(f'"{name}": others than DequantizeLinear of zero point {_MIDDLE} read its codes')
        else:
            for each in (node, *readers):
                editor.replace(each, 2, np.zeros(zero.shape, np.int8))
            shifted += 1
    if shifted:
        made.done.append(
            f"{shifted} uint8 activations of zero point {_MIDDLE} shifted to int8 with zero point 0: exact"
        )


def _all_dequantize(editor: Editor, node: NodeProto, readers: list[NodeProto]) -> bool:
    if editor.is_output(node.output[0]) or node.output[0] in names_in_subgraphs(editor.graph):
        return False
    for reader in readers:
        zero = editor.array(reader, 2)
        if reader.op_type != "DequantizeLinear" or zero is None or not (zero == _MIDDLE).all():
            return False
    return not any(each.name == "output_dtype" and each.i for each in node.attribute)


def _write(model: ModelProto, output: Path, original: Path, made: Mended) -> None:
    for value in list(model.graph.value_info):
        if value.type.tensor_type.elem_type in (TensorProto.UINT8, TensorProto.INT32):
            model.graph.value_info.remove(value)  # of codes that are of another type now
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        said = str(error).splitlines()[0]
        if _is_refused(original):
            made.left.append(f"onnx.checker refuses the file as it was already: {said}")
            onnx.save(model, output)
            return
        sentence = f"The mended model: got {said}, should be what onnx.checker takes."
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, "mend the file by hand; report this one")) from None
    onnx.save(model, output)


def _is_refused(path: Path) -> bool:
    try:
        onnx.checker.check_model(str(path))
    except onnx.checker.ValidationError:
        return True
    return False


def _axis(node: NodeProto) -> int:
    return next((int(each.i) for each in node.attribute if each.name == "axis"), 1)


def _is_blocked(node: NodeProto) -> bool:
    return any(each.name == "block_size" and each.i for each in node.attribute)


def _along(array: Array, rank: int, axis: int) -> Array:
    if array.size == 1:
        return array.reshape(())
    shape = [1] * rank
    shape[axis] = -1
    return array.reshape(shape)
