"""Folders and class trees of images: prepared as the case says, labelled by folder, never held."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.case.model import TensorInfo
from pytest_qparity.verdict import Code
from tests.case.sources.opening import IMAGE, all_of, failure_of, fed, opened, said

Image = pytest.importorskip("PIL.Image")

TREE = 'test = "tree"\nbatch = 2\n[image]\n'


def picture(path, *, seed=0, size=(4, 4), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = {"RGB": (3,), "L": (), "RGBA": (4,)}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, *channels), dtype=np.uint8)
    Image.fromarray(pixels, mode).save(path)
    return pixels


@pytest.fixture
def tree(tmp_path):
    """Two cats and a dog, of 4 x 4 pixels."""
    for seed, name in enumerate(["cat/a.png", "cat/b.png", "dog/a.png"]):
        picture(tmp_path / "tree" / name, seed=seed)
    return tmp_path


def test_a_class_tree_is_labelled_by_its_folders_in_their_order(tree):
    samples = opened(tree, TREE)

    assert samples.labels.tolist() == [0, 0, 1]
    assert list(samples.ids) == ["cat/a.png", "cat/b.png", "dog/a.png"]
    assert samples.origin == "tree"


def test_pixels_are_scaled_and_their_axes_are_the_model_s(tree):
    pixels = np.stack([np.asarray(Image.open(tree / "tree" / name)) for name in opened(tree, TREE).ids])

    feeds = fed(tree, TREE)

    assert [feed.count for feed in feeds] == [2, 1]
    assert (len(feeds), feeds.samples, feeds.batch, feeds.stacked) == (2, 3, 2, False)
    expected = pixels.astype(np.float32) / np.float32(255)
    assert np.array_equal(all_of(feeds)["x"], expected.transpose(0, 3, 1, 2))
    assert all_of(feeds)["x"].dtype == np.float32


def test_feeds_can_be_gone_through_again_and_give_the_same(tree):
    feeds = fed(tree, TREE)

    assert np.array_equal(all_of(feeds)["x"], all_of(feeds)["x"])
    assert np.array_equal(feeds.whole()["x"], all_of(feeds)["x"])


@pytest.mark.parametrize(
    ("keys", "shape", "dtype", "prepared"),
    [
        ('layout = "NHWC"', ("N", 4, 4, 3), "float32", lambda p: p / np.float32(255)),
        ('dtype = "uint8"', ("N", 3, 4, 4), "uint8", lambda p: p.transpose(2, 0, 1)),
        ('dtype = "uint8"\ncolor = "BGR"\nlayout = "NHWC"', ("N", 4, 4, 3), "uint8", lambda p: p[:, :, ::-1]),
        ('dtype = "uint8"\ncrop = 2\nlayout = "NHWC"', ("N", 2, 2, 3), "uint8", lambda p: p[1:3, 1:3]),
        ('dtype = "uint8"\ncrop = [1, 4]\nlayout = "NHWC"', ("N", 1, 4, 3), "uint8", lambda p: p[2:3]),
        (
            'layout = "NHWC"\nscale = 1\nmean = [1, 2, 3]\nstd = [2, 4, 8]',
            ("N", 4, 4, 3),
            "float32",
            lambda p: (p.astype(np.float32) - np.float32([1, 2, 3])) / np.float32([2, 4, 8]),
        ),
        ('dtype = "float16"\nlayout = "NHWC"', ("N", 4, 4, 3), "float16", lambda p: p / np.float32(255)),
    ],
    ids=["NHWC", "uint8", "BGR", "crop", "crop of two sides", "mean and std", "float16"],
)
def test_what_the_table_says_is_done(tree, keys, shape, dtype, prepared):
    pixels = np.asarray(Image.open(tree / "tree" / "cat" / "a.png"))

    found = all_of(fed(tree, TREE + keys, (TensorInfo("x", dtype, shape),)))["x"]

    assert found.dtype == dtype
    assert np.array_equal(found[0], prepared(pixels).astype(dtype))


def test_the_shorter_side_is_resized_and_the_middle_taken(tmp_path):
    picture(tmp_path / "flat" / "a.png", size=(10, 21))
    image = Image.open(tmp_path / "flat" / "a.png")

    toml = 'test = "flat"\n[image]\nresize = 5\ncrop = 4\ndtype = "uint8"\nlayout = "NHWC"\n'
    found = all_of(fed(tmp_path, toml, (TensorInfo("x", "uint8", ("N", 4, 4, 3)),)))["x"]

    resized = image.resize((10, 5), Image.Resampling.BILINEAR)
    assert np.array_equal(found[0], np.asarray(resized)[0:4, 3:7])


def test_gray_images_have_one_channel(tmp_path):
    pixels = picture(tmp_path / "flat" / "a.png", mode="L")

    toml = 'test = "flat"\n[image]\ncolor = "gray"\ndtype = "uint8"\n'
    samples = opened(tmp_path, toml)

    assert np.array_equal(all_of(fed(tmp_path, toml, (TensorInfo("x", "uint8", ("N", 1, 4, 4)),)))["x"][0, 0], pixels)
    assert samples.labels is None


def test_the_classes_of_a_file_have_its_order(tree):
    (tree / "classes.txt").write_text("fish\ndog\ncat\n")

    assert opened(tree, 'classes = "classes.txt"\n' + TREE).labels.tolist() == [2, 2, 1]


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        ("dog\nfish\n", 'tree/cat: got label "cat", should be one of the 2 classes of classes.txt.'),
        ("cat\ndog\ncat\n", 'classes.txt, line 3: got "cat" as in line 1, should be classes of one name.'),
        ("cat\n\ndog\n", "classes.txt, line 2: got no name, should be that of a class."),
        ("", "classes.txt: got no class, should be one a line."),
    ],
    ids=["missing", "twice", "empty line", "empty"],
)
def test_a_file_of_classes_that_does_not_fit_is_named(tree, classes, sentence):
    (tree / "classes.txt").write_text(classes)

    assert said(opened, tree, 'classes = "classes.txt"\n' + TREE, code=Code.DATA_LABELS) == sentence


def test_two_classes_of_one_name_are_refused(tree):
    picture(tree / "tree" / "Cat" / "c.png")

    sentence = said(opened, tree, TREE, code=Code.DATA_LABELS)

    assert sentence == 'tree: got folders "Cat" and "cat", should be one folder for each class.'


def test_an_empty_class_folder_is_refused(tree):
    (tree / "tree" / "eel").mkdir()

    assert said(opened, tree, TREE, code=Code.DATA_EMPTY) == (
        "tree/eel: got a class without files, should be one or more."
    )


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("cat/notes.md", "tree/cat/notes.md: got a file of another kind, should be of .bmp"),
        ("stray.png", "tree/stray.png: got a file beside folders of classes, should be in one of them."),
        ("cat/more/a.png", "tree/cat/more: got a folder in that of a class, should be files."),
    ],
    ids=["another kind", "beside", "below"],
)
def test_files_that_are_in_no_class_are_not_passed_over(tree, name, sentence):
    (tree / "tree" / name).parent.mkdir(exist_ok=True)
    (tree / "tree" / name).write_bytes(b"x")

    assert said(opened, tree, TREE).startswith(sentence)


def test_hidden_files_and_notes_beside_the_classes_are_none_of_ours(tree):
    (tree / "tree" / "README").write_text("where they are from")
    (tree / "tree" / "cat" / ".DS_Store").write_text("x")

    assert len(opened(tree, TREE)) == 3


def test_a_link_out_of_what_case_files_may_read_is_refused(tree, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    picture(outside / "secret.png")
    (tree / "tree" / "cat" / "c.png").symlink_to(outside / "secret.png")

    assert "c.png: got a link to" in said(opened, tree, TREE, code=Code.CASE_OUTSIDE)
    assert len(opened(tree, TREE, roots=[tree, outside])) == 4


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"no image at all", "got bytes that are no image"),
        (b"version https://git-lfs.github.com/spec/v1\n", "got a Git LFS pointer"),
    ],
    ids=["no image", "LFS"],
)
def test_a_file_that_is_no_image_is_named(tree, content, got):
    (tree / "tree" / "dog" / "a.png").write_bytes(content)

    def all_fed():
        all_of(fed(tree, TREE))

    assert said(all_fed).startswith(f"dog/a.png: {got}")


def test_an_image_that_is_cut_short_is_named(tree):
    path = tree / "tree" / "dog" / "a.png"
    path.write_bytes(path.read_bytes()[:60])

    def all_fed():
        all_of(fed(tree, TREE))

    assert said(all_fed).startswith("dog/a.png: got ")


def test_an_image_of_too_many_pixels_is_named_and_not_unpacked(tree, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)

    assert "DecompressionBomb" in said(opened, tree, TREE)


def test_an_image_smaller_than_the_crop_is_named(tree):
    sentence = said(opened, tree, TREE + "crop = 9\n")

    assert sentence == "cat/a.png: got 4 x 4 to crop 9 x 9 from, should be at least as large."


def test_images_of_another_size_do_not_fit_the_model(tree):
    picture(tree / "tree" / "dog" / "a.png", size=(5, 4))

    def all_fed():
        all_of(fed(tree, TREE))

    sentence = said(all_fed, code=Code.DATA_LAYOUT)
    assert sentence.startswith('dog/a.png: "x": got 5 on axis 2')


def test_the_input_has_to_be_named_where_the_model_has_several(tree):
    two = (IMAGE, TensorInfo("size", "int64", ("N", 2)))

    assert said(opened, tree, TREE, two) == ("[data.image]: got a model with 2 inputs, should be one, or input stated.")


class TestDigests:
    def test_the_digest_is_of_content_and_not_of_names(self, tree):
        before = opened(tree, TREE).digest
        (tree / "tree" / "cat" / "a.png").rename(tree / "tree" / "cat" / "aa.png")

        assert opened(tree, TREE).digest == before

    @pytest.mark.parametrize("keys", ["crop = 2", 'color = "BGR"', "scale = 128", "mean = [0, 0, 0.5]"])
    def test_other_settings_are_another_digest(self, tree, keys):
        assert opened(tree, TREE + keys).digest != opened(tree, TREE).digest

    def test_a_default_that_is_written_out_is_the_same_digest(self, tree):
        assert opened(tree, TREE + 'scale = 255\ncolor = "RGB"').digest == opened(tree, TREE).digest

    def test_other_content_is_another_digest(self, tree):
        before = opened(tree, TREE)
        picture(tree / "tree" / "dog" / "a.png", seed=9)

        assert opened(tree, TREE).digest != before.digest

    def test_other_labels_are_another_digest_of_the_data_and_not_of_the_inputs(self, tree):
        before = opened(tree, TREE)
        (tree / "classes.txt").write_text("dog\ncat\n")
        after = opened(tree, 'classes = "classes.txt"\n' + TREE)

        assert after.digest != before.digest
        assert after.inputs_digest == before.inputs_digest

    def test_another_decoder_shows_in_the_first_sample(self, tree, monkeypatch):
        from pytest_qparity.case.sources.images import ImageDecoder

        before = opened(tree, TREE).digest
        arrays = ImageDecoder.arrays
        monkeypatch.setattr(
            ImageDecoder, "arrays", lambda self, record: {k: v + 1 for k, v in arrays(self, record).items()}
        )

        assert opened(tree, TREE).digest != before


def test_a_file_that_changes_while_it_is_judged_is_told(tree):
    feeds = fed(tree, TREE)
    picture(tree / "tree" / "dog" / "a.png", seed=9)

    assert failure_of(all_of, feeds).sentence == (
        "dog/a.png: got other content than before, should be the same each time."
    )
    assert failure_of(all_of, feeds).code is Code.DATA_CHANGED


def test_a_manifest_names_images_and_their_labels(tree):
    (tree / "list.jsonl").write_text(
        '{"image": "tree/dog/a.png", "label": 1}\n\n{"image": "tree/cat/b.png", "label": 0}\n'
    )
    samples = opened(tree, 'test = "list.jsonl"\n[image]\n')

    assert samples.labels.tolist() == [1, 0]
    assert list(samples.ids) == ["list.jsonl:1", "list.jsonl:3"]
    tree_hashes = opened(tree, TREE).source_hashes()
    assert list(samples.source_hashes()) == [tree_hashes[2], tree_hashes[1]]


def test_a_manifest_leads_nowhere_else(tree, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    picture(outside / "secret.png")
    (tree / "list.jsonl").write_text(f'{{"image": "{outside}/secret.png"}}\n')

    assert "list.jsonl:1: got " in said(opened, tree, 'test = "list.jsonl"\n[image]\n', code=Code.CASE_OUTSIDE)
