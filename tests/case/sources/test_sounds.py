"""Sounds: read as they are, at the sample rate that the case states."""

from __future__ import annotations

import wave

import numpy as np
import pytest

from pytest_qparity.case.model import TensorInfo
from pytest_qparity.verdict import Code
from tests.case.sources.opening import all_of, fed, opened, said

pytest.importorskip("soundfile")

WAVES = (TensorInfo("x", "float32", ("N", "T")),)
TREE = 'test = "tree"\n[audio]\nsample_rate = 8000\n'


def sound(path, values, *, rate=8_000, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(values, "<i2").tobytes())


@pytest.fixture
def tree(tmp_path):
    sound(tmp_path / "tree" / "no" / "a.wav", [0, 16384, -32768, 32767])
    sound(tmp_path / "tree" / "yes" / "a.wav", [1, 2])
    return tmp_path


def test_values_lie_between_minus_1_and_1(tree):
    toml = "batch = 1\n" + TREE

    first = next(iter(fed(tree, toml, WAVES)))

    assert first.arrays["x"].tolist() == [[0.0, 0.5, -1.0, 32767 / 32768]]
    assert opened(tree, toml, WAVES).labels.tolist() == [0, 1]


def test_sounds_are_cut_and_filled_up_to_a_length(tree):
    found = all_of(fed(tree, "batch = 2\n" + TREE + "length = 3\n", WAVES))["x"]

    assert found.tolist() == [[0.0, 0.5, -1.0], [1 / 32768, 2 / 32768, 0.0]]


def test_sounds_are_filled_up_to_the_longest_of_their_batch(tree):
    sound(tree / "tree" / "yes" / "b.wav", [1, 2, 3])
    feeds = fed(tree, "batch = 2\n" + TREE + 'pad = "longest"\n', WAVES)

    assert [feed.arrays["x"].shape for feed in feeds] == [(2, 4), (1, 3)]
    assert [feed.arrays["x"].shape for feed in feeds.of_each_shape()] == [(2, 4), (1, 3)]


def test_sounds_of_differing_lengths_make_no_batch(tree):
    def all_fed():
        all_of(fed(tree, "batch = 2\n" + TREE, WAVES))

    assert said(all_fed, code=Code.DATA_LAYOUT) == ('"x": got (2,) in yes/a.wav, should be as in no/a.wav: (4,).')


def test_channels_have_an_axis(tmp_path):
    sound(tmp_path / "tree" / "a.wav", [1, 2, 3, 4], channels=2)
    toml = TREE + "channels = 2\n"

    for layout, expected in (("CT", [[1, 3], [2, 4]]), ("TC", [[1, 2], [3, 4]])):
        inputs = (TensorInfo("x", "float32", ("N", 2, 2)),)
        found = all_of(fed(tmp_path, toml + f'layout = "{layout}"\n', inputs))["x"]
        assert (found[0] * 32768).tolist() == expected


@pytest.mark.parametrize(
    ("keys", "written", "sentence"),
    [
        ("", {"rate": 16_000}, "no/a.wav: got a sample rate of 16,000 Hz, should be 8,000 Hz."),
        ("", {"channels": 2}, "no/a.wav: got 2 channels, should be 1."),
    ],
    ids=["rate", "channels"],
)
def test_another_sample_rate_or_number_of_channels_is_named(tree, keys, written, sentence):
    sound(tree / "tree" / "no" / "a.wav", [1, 2, 3, 4], **written)

    assert said(opened, tree, TREE + keys, WAVES) == sentence


def test_a_file_that_is_no_sound_and_one_without_values_are_named(tree):
    sound(tree / "tree" / "no" / "a.wav", [])
    assert said(opened, tree, TREE, WAVES) == "no/a.wav: got no values, should be one or more."

    (tree / "tree" / "no" / "a.wav").write_bytes(b"RIFF")
    assert said(opened, tree, TREE, WAVES).startswith("no/a.wav: got LibsndfileError")
