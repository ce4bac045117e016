"""A case whose data are images in class folders: judged from the golden to the verdict, and doubted where it leaks."""

from __future__ import annotations

import shutil

import numpy as np
import onnxruntime
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.case.sources.images import ImageDecoder
from pytest_qparity.verdict import Code, Outcome
from tests.models import save, small_cnn

Image = pytest.importorskip("PIL.Image")
PngImagePlugin = pytest.importorskip("PIL.PngImagePlugin")

CASE = """
model = "cnn.onnx"
task = "image-classification"

[data]
test = "test"
calibration = "calibration"
batch = 16

[data.image]
color = "gray"
mean = [0.5]
std = [0.25]

[precisions.int8]

[parity.int8]
sqnr_db = 5.0

[accuracy]
metric = "top1"
margin = 20.0
"""


def write_tree(folder, session, *, seed, count):
    """Images of noise of several strengths in the folder of the class that the model gives them."""
    random = np.random.default_rng(seed)
    for index in range(count):
        noise = random.normal(0, random.uniform(10, 80), (8, 8)) + random.uniform(60, 200)
        pixels = np.clip(noise, 0, 255).astype(np.uint8)
        inputs = (pixels.astype(np.float32) / np.float32(255) - np.float32(0.5)) / np.float32(0.25)
        kind = int(np.asarray(session.run(None, {"input": inputs[None, None]})[0]).argmax())
        (folder / f"class {kind}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels, "L").save(folder / f"class {kind}" / f"{index}.png")
    return [f"class {kind}" for kind in range(4)]


@pytest.fixture
def case_file(tmp_path):
    folder = tmp_path / "cases"
    model = save(small_cnn(), folder / "cnn.onnx")
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = write_tree(folder / "test", session, seed=0, count=100)
    write_tree(folder / "calibration", session, seed=1, count=40)
    (folder / "classes.txt").write_text("\n".join(names) + "\n")
    file = folder / "tree.toml"
    file.write_text(CASE.replace("batch = 16", 'batch = 16\nclasses = "classes.txt"'))
    return file


def material_of(case_file):
    settings = gate.default_settings(case_file.parent.parent, latency_seconds=0.01)
    return gate.CaseMaterial(load_case(case_file), settings, str(case_file))


def verdicts(case_file):
    case, settings = load_case(case_file), gate.default_settings(case_file.parent.parent, latency_seconds=0.01)
    [run] = gate.plan(case, settings, ["ort"], ["int8"])
    return dict(gate.judge_run(case, run, settings))


def accept(case_file):
    material = material_of(case_file)
    try:
        material.accept_golden()
        return material.golden
    finally:
        material.close()


def test_a_tree_of_images_is_judged(case_file):
    golden = accept(case_file)

    found = verdicts(case_file)

    assert {verdict.outcome for verdict in found.values()} == {Outcome.PASS}, found
    assert golden.samples == 100
    assert found["accuracy"].evidence["samples"] == 100
    assert "calibration-overlaps-test" not in str(found["preflight"].evidence)


def test_its_golden_is_that_of_the_same_arrays(case_file):
    streamed = accept(case_file)
    material = material_of(case_file)
    arrays = material.feeds.whole()
    material.close()
    np.savez(case_file.parent / "test.npz", **arrays)
    case_file.write_text(case_file.read_text().replace('test = "test"', 'test = "test.npz"'))

    golden = accept(case_file)

    assert np.array_equal(golden.outputs["logits"], streamed.outputs["logits"])


def test_looks_that_streamed_data_cannot_have_are_a_note(case_file):
    case_file.write_text(case_file.read_text().replace("margin = 20.0", "margin = 20.0\nlooks = [0.5, 1.0]"))
    accept(case_file)

    accuracy = verdicts(case_file)["accuracy"]

    assert any("looks were not taken, all 100 samples were run" in note for note in accuracy.notes)
    assert "looks" not in accuracy.evidence


def test_images_that_differ_in_a_comment_are_copies_and_are_not_decoded_once_more(case_file, monkeypatch):
    for file in sorted((case_file.parent / "test").glob("*/*.png")):
        comment = PngImagePlugin.PngInfo()
        comment.add_text("copy", "1")
        with Image.open(file) as image:
            image.save(file.with_name(f"{file.stem} again.png"), pnginfo=comment)
    decoded = []
    original = ImageDecoder.arrays
    monkeypatch.setattr(ImageDecoder, "arrays", lambda *given: decoded.append(1) or original(*given))
    material = material_of(case_file)

    assert sum(feed.count for feed in material.feeds) == 200  # as a run is fed
    before = len(decoded)

    assert len(np.unique(material.alike_samples)) == 100
    assert len(decoded) == before
    assert len(np.unique(material_of(case_file).alike_samples)) == 100  # where nothing was fed yet
    material.close()


def test_another_image_makes_the_golden_stale(case_file):
    accept(case_file)
    image = next((case_file.parent / "test").rglob("*.png"))
    Image.fromarray(np.zeros((8, 8), np.uint8), "L").save(image)

    assert verdicts(case_file)["parity"].failures[0].code is Code.GOLDEN_STALE


def test_a_calibration_image_that_is_a_test_image_is_refused_by_its_name(case_file):
    accept(case_file)
    image = next((case_file.parent / "test").rglob("*.png"))
    target = case_file.parent / "calibration" / image.parent.name / "copy.png"
    target.parent.mkdir(exist_ok=True)
    shutil.copy(image, target)

    preflight = verdicts(case_file)["preflight"]
    [doubt] = [each for each in preflight.evidence["calibration_doubts"] if each["name"] == "calibration-overlaps-test"]
    assert [failure.code for failure in preflight.failures] == [Code.DATA_OVERLAP]

    assert doubt["numbers"]["shared"] == 1
    assert doubt["numbers"]["ids"] == [f"{image.parent.name}/copy.png"]
