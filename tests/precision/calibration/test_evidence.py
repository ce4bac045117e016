from __future__ import annotations

import json

import numpy as np
import pytest

from pytest_qparity.case.data import Samples
from pytest_qparity.precision.calibration.evidence import (
    Doubt,
    doubts_about,
    overlap,
    relative_changes,
    too_few,
    uncovered_classes,
    unscaled,
)
from pytest_qparity.precision.calibration.halves import Halves
from pytest_qparity.precision.calibration.method import METHODS, Method

ESTIMATING = [name for name in METHODS if name != "given"]


def samples(count=20, seed=0, labels=None, **others) -> Samples:
    image = np.random.default_rng(seed).standard_normal((count, 3, 8, 8)).astype(np.float32)
    return Samples({"image": image, **others}, None if labels is None else np.array(labels), "digest", "origin")


def halves_of(*batches, method="minmax") -> Halves:
    halves = Halves(Method(method))
    for batch in batches:
        halves.add(np.asarray(batch, np.float32))
    return halves


def test_data_that_are_sound_raise_no_doubt():
    calibration, test = samples(labels=[0, 1] * 10), samples(seed=1, labels=[1, 0] * 10)

    assert doubts_about(calibration, test) == ()


def test_a_doubt_is_plain_json():
    doubt = overlap(samples(), samples())

    assert isinstance(doubt, Doubt)
    assert json.loads(json.dumps(doubt.as_json()))["name"] == "calibration-overlaps-test"


@pytest.mark.parametrize("name", ESTIMATING)
def test_halves_that_agree_are_enough(name):
    random = np.random.default_rng(0)
    halves = {"x": halves_of(*random.standard_normal((40, 5_000)), method=name)}

    assert too_few(halves, 40, largest=0.10) is None


@pytest.mark.parametrize("name", ESTIMATING)
def test_ranges_that_still_move_are_too_few(name):
    halves = {"x": halves_of([0.0, 1.0, -1.0], [0.0, 2.0, -1.0], method=name)}

    doubt = too_few(halves, 2)

    assert doubt is not None
    assert doubt.name == "calibration-too-few"
    assert doubt.numbers["samples"] == 2
    assert doubt.numbers["median_change"] > doubt.numbers["limit"]


def test_the_change_is_that_of_the_farther_end_over_the_whole_range():
    halves = {"x": halves_of([-1.0, 3.0], [-2.0, 4.0]), "still": halves_of([0.0], [0.0]), "one": halves_of([1.0])}

    assert relative_changes(halves) == {"x": 1.0 / 6.0, "still": 0.0, "one": 1.0}


def test_one_tensor_that_moves_does_not_decide():
    steady = {f"t{index}": halves_of([-1.0, 1.0], [-1.0, 1.0]) for index in range(3)}

    assert too_few({**steady, "logits": halves_of([-1.0], [9.0])}, 2) is None
    assert too_few({}, 2) is None


def test_the_worst_tensors_are_named():
    halves = {"x": halves_of([1.0], [2.0]), "/y": halves_of([1.0], [4.0])}

    doubt = too_few(halves, 2)

    assert doubt.numbers["largest_changes"] == {"/y": 0.75, "x": 0.5}
    assert '75 % in "/y"' in doubt.sentence


def test_every_second_feed_goes_to_the_other_half():
    halves = halves_of([1.0], [2.0], [3.0], [4.0])

    first, second = halves.both()

    assert (first.range().high, second.range().high) == (3.0, 4.0)
    assert halves.whole().range().high == 4.0


def test_classes_without_a_calibration_sample_are_counted():
    doubt = uncovered_classes(samples(labels=[0, 1] * 10), samples(labels=list(range(20))))

    assert doubt.name == "calibration-classes"
    assert doubt.numbers == {"missing": [2, 3, 4, 5, 6], "missing_classes": 18, "test_classes": 20}
    assert "2, 3, 4, 5, 6, …" in doubt.sentence


@pytest.mark.parametrize(
    ("calibration", "test"),
    [(None, [1] * 20), ([1] * 20, None), ([0.5] * 20, [0.25] * 20), ([[1]] * 20, [[2]] * 20), ([1, 2] * 10, [2] * 20)],
    ids=["no calibration labels", "no test labels", "no classes", "several a sample", "covered"],
)
def test_classes_are_not_doubted(calibration, test):
    assert uncovered_classes(samples(labels=calibration), samples(labels=test)) is None


def test_names_of_classes_are_classes_too():
    assert uncovered_classes(samples(2, labels=["a", "a"]), samples(2, labels=["a", "b"])).numbers["missing"] == ["b"]


def test_shared_samples_are_found_in_any_order():
    calibration, test = samples(), samples(30, seed=1)
    test.inputs["image"][[3, 29]] = calibration.inputs["image"][[7, 2]]

    doubt = overlap(calibration, test)

    assert doubt.numbers == {
        "shared": 2,
        "samples": 20,
        "first": [2, 7],
        "ids": ["origin[2]", "origin[7]"],
    }


def test_a_sample_that_differs_in_one_element_is_another():
    calibration = samples(3, big=np.zeros((3, 5_000), np.float32))
    test = Samples({name: array.copy() for name, array in calibration.inputs.items()}, None, "digest", "origin")
    test.inputs["big"][:, 1_234] += 1.0

    assert overlap(calibration, test) is None


def test_every_input_has_to_be_the_same():
    calibration = samples(2, length=np.array([1, 2]))
    test = Samples({**calibration.inputs, "length": np.array([3, 2])}, None, "digest", "origin")

    assert overlap(calibration, test).numbers["first"] == [1]


def test_data_of_another_layout_do_not_overlap():
    calibration = samples(2)
    test = Samples({"image": calibration.inputs["image"].astype(np.float64)}, None, "digest", "origin")

    assert overlap(calibration, test) is None
    assert overlap(samples(2, empty=np.zeros((2, 0))), samples(2, empty=np.zeros((2, 0)))) is not None


@pytest.mark.parametrize(("factor", "doubted"), [(1.0, 0), (3.9, 0), (4.1, 1), (255.0, 1), (0.26, 0), (0.24, 1)])
def test_a_range_of_another_scale_is_doubted(factor, doubted):
    test = samples()
    calibration = Samples({"image": test.inputs["image"] * np.float32(factor)}, None, "digest", "origin")

    found = unscaled(calibration, test)

    assert len(found) == doubted
    if doubted:
        assert found[0].name == "calibration-unscaled"
        assert found[0].numbers["ratio"] == pytest.approx(factor, rel=1e-6)


def test_an_offset_counts_since_ranges_hold_zero():
    test = Samples({"x": np.linspace(0.0, 1.0, 8)}, None, "digest", "origin")
    calibration = Samples({"x": np.linspace(100.0, 101.0, 8)}, None, "digest", "origin")

    assert unscaled(calibration, test)[0].numbers["ratio"] == 101.0


def test_zeros_on_one_side_are_unscaled_and_on_both_are_not():
    zeros = Samples({"x": np.zeros(4)}, None, "digest", "origin")
    ones = Samples({"x": np.ones(4)}, None, "digest", "origin")

    assert unscaled(zeros, ones)[0].numbers["ratio"] == 0.0
    assert unscaled(ones, zeros)[0].numbers["ratio"] is None
    assert unscaled(zeros, zeros) == ()


def test_inputs_that_are_no_floats_have_no_scale():
    calibration = Samples({"tokens": np.arange(8), "x": np.zeros((0, 3))}, None, "digest", "origin")
    test = Samples({"tokens": np.arange(800), "x": np.ones((2, 3))}, None, "digest", "origin")

    assert unscaled(calibration, test) == ()
