"""Sounds: read by soundfile (libsndfile), never resampled."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.case.sources.record import Record, unreadable
from pytest_qparity.case.sources.rows import no_extra, stored_file

if TYPE_CHECKING:
    from pytest_qparity.case.data_spec import AudioSpec

__all__ = ["SoundDecoder"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class SoundDecoder:
    """Values from −1 to 1 in float32, integers of n bits divided by 2ⁿ⁻¹, as libsndfile has it.

    Sample rate and channels must be those that the case states. `length`: a longer sound is cut at its end, a shorter
    one filled with zeros. `layout` T: (values,), of one channel; CT: (channels, values); TC: (values, channels).
    """

    spec: AudioSpec
    name: str
    column: str

    kind = "sound"

    @property
    def makes_one_shape(self) -> bool:
        return self.spec.length is not None

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"audio": self.spec.model_dump(mode="json", exclude_defaults=True, exclude={"input", "column"})}

    @property
    def padding(self) -> Mapping[str, int | float] | None:
        return {self.name: 0.0} if self.spec.pad == "longest" else None

    def content(self, record: Record) -> Mapping[str, Any]:
        return stored_file(record, self.column, "a sound", "sounds")

    def arrays(self, record: Record) -> Mapping[str, Array]:
        try:
            import soundfile
        except ImportError:
            raise no_extra("audio", "soundfile", record.id) from None
        content = self.content(record)[self.column]
        try:
            values, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            got = f"LibsndfileError: {(str(error).splitlines() or [''])[0]}"
            raise unreadable(record.id, got, "a sound that libsndfile reads", "make or fetch it again") from None
        spec = self.spec
        if rate != spec.sample_rate:
            remedy = "resample the files, with the resampler that the model was trained with"
            raise unreadable(record.id, f"a sample rate of {rate:,} Hz", f"{spec.sample_rate:,} Hz", remedy)
        if values.shape[1] != spec.channels:
            raise unreadable(
                record.id, f"{values.shape[1]} channels", str(spec.channels), "mix the channels in the files"
            )
        if not len(values):
            raise unreadable(record.id, "no values", "one or more", "remove the sample")
        if spec.length is not None:
            values = values[: spec.length]
            values = np.pad(values, ((0, spec.length - len(values)), (0, 0)))
        if spec.layout == "T":
            values = values[:, 0]
        elif spec.layout == "CT":
            values = values.T
        return {self.name: np.ascontiguousarray(values)}
