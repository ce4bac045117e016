"""Texts: made into token ids by a tokenizer of the `tokenizers` library, from its own file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.case.names import known_list
from pytest_qparity.case.sources.files import content_of
from pytest_qparity.case.sources.record import Record, unreadable
from pytest_qparity.case.sources.rows import missing_column, no_extra
from pytest_qparity.digest import bytes_digest
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.data_spec import TextSpec
    from pytest_qparity.case.model import TensorInfo

__all__ = ["TextDecoder", "opened_tokenizer"]

Array = np.ndarray[Any, Any]
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
PADS = ("[PAD]", "<pad>", "<|pad|>", "<|endoftext|>")


@dataclass(frozen=True, slots=True)
class TextDecoder:
    """Token ids, their mask and their segment, int64 or int32 (tokens,), those that the model takes.

    A longer text is cut to `max_length` tokens; a shorter one is filled up to it, or to the longest of its batch, with
    the padding token and a mask of 0.
    """

    spec: TextSpec
    tokenizer: Any
    digest: str
    pad_id: int
    names: tuple[str, ...]  # of the model's inputs, among INPUTS

    kind = "text"

    @property
    def settings(self) -> Mapping[str, Any]:
        stated = self.spec.model_dump(mode="json", exclude_defaults=True, exclude={"tokenizer", "column"})
        return {"text": stated | {"tokenizer": self.digest, "pad_id": self.pad_id}}

    @property
    def makes_one_shape(self) -> bool:
        return self.spec.pad == "max"

    @property
    def padding(self) -> Mapping[str, int | float] | None:
        if self.spec.pad == "max":
            return None
        return {name: self.pad_id if name == INPUTS[0] else 0 for name in self.names}

    def content(self, record: Record) -> Mapping[str, Any]:
        columns = (self.spec.column,) if isinstance(self.spec.column, str) else self.spec.column
        found = {}
        for place, column in enumerate(columns):
            if column not in record.fields:
                raise missing_column(record.id, column, record.fields)
            if not isinstance(record.fields[column], str):
                got = f'{type(record.fields[column]).__name__} in column "{column}"'
                raise unreadable(record.id, got, "text", "write the text as it is")
            found[f"text{place}"] = record.fields[column]
        return found

    def arrays(self, record: Record) -> Mapping[str, Array]:
        texts = list(self.content(record).values())
        encoded = self.tokenizer.encode(*texts)
        found = dict(zip(INPUTS, (encoded.ids, encoded.attention_mask, encoded.type_ids), strict=True))
        if not encoded.ids:
            raise unreadable(record.id, "no token", "one or more", "remove the sample")
        arrays = {name: np.asarray(found[name], self.spec.dtype) for name in self.names}
        if self.spec.pad == "longest":
            return arrays
        more = self.spec.max_length - len(encoded.ids)
        values = {INPUTS[0]: self.pad_id}
        return {name: np.pad(array, (0, more), constant_values=values.get(name, 0)) for name, array in arrays.items()}


def opened_tokenizer(spec: TextSpec, folder: Path, inputs: tuple[TensorInfo, ...], origin: str) -> TextDecoder:
    """The decoder of a [data.text] table. Raises CannotJudge without the library, at a file that it does not read,
    without a padding token, and where the model takes none of its arrays."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise no_extra("text", "tokenizers", origin) from None
    content = content_of(folder / spec.tokenizer, spec.tokenizer)
    try:
        tokenizer = Tokenizer.from_str(content.decode())
    except Exception as error:  # noqa: BLE001  it raises Exception itself
        got = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        raise unreadable(spec.tokenizer, got, "a tokenizer.json of the tokenizers library", "save it again") from None
    pad_id = spec.pad_id if spec.pad_id is not None else _pad_id(tokenizer, spec.tokenizer)
    tokenizer.no_padding()
    tokenizer.enable_truncation(spec.max_length)
    names = tuple(name for name in INPUTS if name in [tensor.name for tensor in inputs])
    if INPUTS[0] not in names:
        got, should = known_list(tensor.name for tensor in inputs), known_list(INPUTS)
        sentence = f"[data.text]: got a model with inputs {got}, should take input_ids, and may take all of: {should}."
        raise CannotJudge(Failure(Code.DATA_ARRAYS, sentence, 'make the samples by a "module:function"'))
    return TextDecoder(spec, tokenizer, bytes_digest(content), pad_id, names)


def _pad_id(tokenizer: Any, name: str) -> int:
    if tokenizer.padding is not None:
        return int(tokenizer.padding["pad_id"])
    found = next((token_id for token in PADS if (token_id := tokenizer.token_to_id(token)) is not None), None)
    if found is None:
        raise unreadable(name, "no padding token", f"one of: {', '.join(PADS)}", "state pad_id in [data.text]")
    return int(found)
