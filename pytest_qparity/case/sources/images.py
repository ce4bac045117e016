"""Images: decoded and prepared by Pillow, in the order that classifiers are trained with."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.case.sources.record import Record, unreadable
from pytest_qparity.case.sources.rows import no_extra, stored_file

if TYPE_CHECKING:
    from PIL.Image import Image

    from pytest_qparity.case.data_spec import ImageSpec

__all__ = ["ImageDecoder"]

Array = np.ndarray[Any, Any]
_MODES = {"RGB": "RGB", "BGR": "RGB", "gray": "L"}


@dataclass(frozen=True, slots=True)
class ImageDecoder:
    """(pixel / scale − mean) / std in float32, of an image that is resized and then cropped in the middle.

    The shorter side is resized to `resize`, or both to (height, width); a crop of odd remainder begins at the lower
    pixel, as torchvision's round(remainder / 2) has it. Pixels are rounded to 8 bits after resizing, as Pillow does.
    Orientation tags of cameras are not applied, as data sets are commonly loaded. `dtype` uint8 takes pixels as they
    are. `name`: the model's input.
    """

    spec: ImageSpec
    name: str
    column: str

    kind = "image"
    padding = None

    @property
    def makes_one_shape(self) -> bool:
        return self.spec.crop is not None or isinstance(self.spec.resize, tuple)

    @property
    def settings(self) -> Mapping[str, Any]:
        stated = self.spec.model_dump(mode="json", exclude_defaults=True, exclude={"input", "column"})
        return {"image": stated}

    def content(self, record: Record) -> Mapping[str, Any]:
        return stored_file(record, self.column, "an image", "images")

    def arrays(self, record: Record) -> Mapping[str, Array]:
        pixels: Array = self._pixels(self.content(record)[self.column], record.id)
        spec = self.spec
        if pixels.ndim == 2:
            pixels = pixels[:, :, None]
        if spec.color == "BGR":
            pixels = pixels[:, :, ::-1]
        if spec.dtype != "uint8":
            values: Array = pixels.astype(np.float32) / np.float32(spec.scale)
            if spec.mean is not None:
                values = values - np.asarray(spec.mean, np.float32)
            if spec.std is not None:
                values = values / np.asarray(spec.std, np.float32)
            pixels = values.astype(np.dtype(spec.dtype))
        if spec.layout == "NCHW":
            pixels = pixels.transpose(2, 0, 1)
        return {self.name: np.ascontiguousarray(pixels)}

    def _pixels(self, content: bytes, where: str) -> Array:
        try:
            from PIL import Image, UnidentifiedImageError
        except ImportError:
            raise no_extra("images", "Pillow", where) from None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(io.BytesIO(content)) as image:
                    image.load()
                    return np.asarray(self._prepared(image.convert(_MODES[self.spec.color]), where))
        except UnidentifiedImageError:
            raise unreadable(where, "bytes that are no image", "an image that Pillow reads", "remove it") from None
        except (
            OSError,
            ValueError,
            SyntaxError,  # Pillow's word for a broken PNG
            Image.DecompressionBombError,
            Image.DecompressionBombWarning,
        ) as error:
            got = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            raise unreadable(where, got, "a whole image", "fetch or make it again, or remove it") from None

    def _prepared(self, image: Image, where: str) -> Image:
        from PIL.Image import Resampling

        spec = self.spec
        if spec.resize is not None:
            height, width = _resized(spec.resize, image.height, image.width)
            image = image.resize((width, height), Resampling[spec.interpolation.upper()])
        if spec.crop is None:
            return image
        height, width = (spec.crop, spec.crop) if isinstance(spec.crop, int) else spec.crop
        if height > image.height or width > image.width:
            got, should = f"{image.height} x {image.width} to crop {height} x {width} from", "at least as large"
            raise unreadable(where, got, should, "lower crop, or state a resize that makes images larger than it")
        top, left = round((image.height - height) / 2), round((image.width - width) / 2)
        return image.crop((left, top, left + width, top + height))


def _resized(resize: int | tuple[int, int], height: int, width: int) -> tuple[int, int]:
    """Height and width: the shorter side becomes `resize`, the longer one is cut to a whole number of pixels."""
    if not isinstance(resize, int):
        return resize
    shorter, longer = min(height, width), max(height, width)
    other = int(resize * longer / shorter)
    return (resize, other) if height <= width else (other, resize)
