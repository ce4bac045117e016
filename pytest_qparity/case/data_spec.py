"""The [data] table as types: where samples come from, and how arrays are made of images, texts and sounds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from pytest_qparity.case.fields import OUR_ERROR, Positive, Table, Text

__all__ = ["AudioSpec", "DataSpec", "ImageSpec", "TextSpec"]

Pixels = Annotated[int, Field(ge=1)]


def _one_or_several(value: object) -> str:
    return "<several>" if isinstance(value, list | tuple) else "<one>"


Size = Annotated[
    Annotated[Pixels, Tag("<one>")] | Annotated[tuple[Pixels, Pixels], Field(strict=False), Tag("<several>")],
    Discriminator(_one_or_several),
]
TextColumns = Annotated[
    Annotated[Text, Tag("<one>")] | Annotated[tuple[Text, Text], Field(strict=False), Tag("<several>")],
    Discriminator(_one_or_several),
]
Channels = Annotated[tuple[float, ...], Field(strict=False, min_length=1, max_length=3)]


def _wrong(should: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError(OUR_ERROR, should, {"remedy": remedy})


class ImageSpec(Table):
    """How arrays are made of images; Pillow does it."""

    input: Text | None = Field(
        default=None, description="The model's input. Default: its only one.", examples=["pixel_values"]
    )
    column: Text | None = Field(
        default=None,
        description='Of rows, the column with images; of JSON Lines, with their files. Default: "image".',
        examples=["photo"],
    )
    resize: Size | None = Field(
        default=None,
        description="Pixels that the shorter side is resized to, or [height, width].",
        examples=[256, [224, 224]],
    )
    crop: Size | None = Field(
        default=None, description="Pixels that are cut from the middle, a square or [height, width].", examples=[224]
    )
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = Field(
        default="bilinear", description="How pixels between pixels are found.", examples=["bicubic"]
    )
    color: Literal["RGB", "BGR", "gray"] = Field(default="RGB", description="Order of channels.", examples=["BGR"])
    scale: Positive = Field(
        default=255, description="What pixels, 0 to 255, are divided by, before mean and std.", examples=[1]
    )
    mean: Channels | None = Field(
        default=None, description="What is subtracted, one for each channel.", examples=[[0.485, 0.456, 0.406]]
    )
    std: Annotated[tuple[Positive, ...], Field(strict=False, min_length=1, max_length=3)] | None = Field(
        default=None, description="What is divided by then, one for each channel.", examples=[[0.229, 0.224, 0.225]]
    )
    layout: Literal["NCHW", "NHWC"] = Field(default="NCHW", description="Order of the axes.", examples=["NHWC"])
    dtype: Literal["float32", "float16", "uint8"] = Field(
        default="float32",
        description="The input's element type; uint8: pixels as they are, without scale, mean and std.",
        examples=["uint8"],
    )

    @model_validator(mode="after")
    def _agrees(self) -> ImageSpec:
        channels = 1 if self.color == "gray" else 3
        for key in ("mean", "std"):
            if (stated := getattr(self, key)) is not None and len(stated) != channels:
                raise _wrong(f"a table whose {key} has {channels} numbers, one for each channel", f"correct {key}")
        if self.dtype == "uint8" and {"scale", "mean", "std"} & self.model_fields_set:
            raise _wrong("a table without scale, mean and std beside dtype uint8", "remove them, or take float32")
        return self


class TextSpec(Table):
    """How token ids are made of texts; the tokenizers library does it."""

    tokenizer: Text = Field(
        description="A tokenizer.json of the tokenizers library.", examples=["models/tokenizer.json"]
    )
    column: TextColumns = Field(
        default="text",
        description="The column with the text, or the two of a pair.",
        examples=["sentence", ["premise", "hypothesis"]],
    )
    max_length: Annotated[int, Field(ge=1)] = Field(
        description="Tokens that a text is cut to, at most.", examples=[128]
    )
    pad: Literal["max", "longest"] = Field(
        default="max",
        description="Whether shorter texts are filled up to max_length, or to the longest of their batch.",
        examples=["longest"],
    )
    pad_id: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="The padding token. Default: the tokenizer's.", examples=[0]
    )
    dtype: Literal["int64", "int32"] = Field(
        default="int64", description="The inputs' element type.", examples=["int32"]
    )


class AudioSpec(Table):
    """How arrays are made of sounds; soundfile does it. Nothing is resampled or mixed."""

    sample_rate: Annotated[int, Field(ge=1)] = Field(
        description="Values a second, in Hz, that every file must have.", examples=[16_000]
    )
    input: Text | None = Field(
        default=None, description="The model's input. Default: its only one.", examples=["input_values"]
    )
    column: Text | None = Field(
        default=None,
        description='Of rows, the column with sounds; of JSON Lines, with their files. Default: "audio".',
        examples=["speech"],
    )
    channels: Annotated[int, Field(ge=1)] = Field(
        default=1, description="Channels that every file must have.", examples=[1]
    )
    length: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Values that each sound is cut or filled up to.", examples=[16_000]
    )
    pad: Literal["longest"] | None = Field(
        default=None, description="Fills sounds with zeros up to the longest of their batch.", examples=["longest"]
    )
    layout: Literal["T", "CT", "TC"] = Field(
        default="T", description="Axes of a sound: values, channels and values, values and channels.", examples=["CT"]
    )

    @model_validator(mode="after")
    def _agrees(self) -> AudioSpec:
        if self.layout == "T" and self.channels != 1:
            raise _wrong('a table with layout "CT" or "TC", since it has channels', 'write layout = "CT"')
        if self.length is not None and self.pad is not None:
            raise _wrong("a table with length or pad, not both", "remove pad")
        return self


class DataSpec(Table):
    """Where the samples come from and how they are fed."""

    test: Text = Field(
        description="Test data: arrays (.npz, .npy), images, sounds, rows (.jsonl, .parquet), a folder of them, or "
        "`module:function`.",
        examples=["data/digits_test.npz"],
    )
    calibration: Text | None = Field(
        default=None,
        description="Calibration data for recipes that need it: the same kinds.",
        examples=["data/digits_calibration.npz"],
    )
    population: bool = Field(
        default=True,
        description="true: the samples stand for a population; false: these samples are all that matter (a census). "
        "The accuracy check tests the one for what the population would lose, and takes the other as it is.",
        examples=[False],
    )
    batch: Annotated[int, Field(ge=1)] = Field(
        default=1, description="How many samples go through the model at a time.", examples=[8]
    )
    drawn: bool = Field(
        default=False,
        description="Whether the test samples are drawn at random: they can show parity, and no accuracy is asked for. "
        "Failures say so.",
        examples=[True],
    )
    overlap: Literal["refused", "allowed"] = Field(
        default="refused",
        description="Whether calibration samples may be test samples too. refused: preflight fails; allowed: a note "
        "says how many are.",
        examples=["allowed"],
    )
    label: Text | None = Field(
        default=None, description='Of rows, the column with labels. Default: "label".', examples=["digit"]
    )
    group: Text | None = Field(
        default=None,
        description="The array, column or field that says which samples belong together (the questions of one text, "
        "the windows of one sound, a user's): numbers or texts. Of a population the accuracy check tests groups, each "
        "with all its samples.",
        examples=["paragraph"],
    )
    classes: Text | None = Field(
        default=None,
        description="A file with the names of the model's classes, one a line, for labels that are names. Default: of "
        "folders of classes their names, sorted.",
        examples=["data/classes.txt"],
    )
    columns: Annotated[dict[Text, Text], Field(min_length=1)] | None = Field(
        default=None,
        description="Of rows with numbers, the column of each input. Default: columns with the inputs' names.",
        examples=[{"x": "features"}],
    )
    image: ImageSpec | None = Field(default=None, description="How arrays are made of images.")
    text: TextSpec | None = Field(default=None, description="How token ids are made of texts.")
    audio: AudioSpec | None = Field(default=None, description="How arrays are made of sounds.")

    @model_validator(mode="after")
    def _has_one_decoder(self) -> DataSpec:
        stated = [key for key in ("image", "text", "audio", "columns") if getattr(self, key) is not None]
        if len(stated) > 1:
            raise _wrong(f"a table with one of {', '.join(stated)}", f"remove {stated[-1]}")
        return self
