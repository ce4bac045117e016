"""A value that is computed once, and a refusal that is as well."""

from __future__ import annotations

import traceback

import pytest

from pytest_qparity.gate.once import hand_over, made_so_far, once
from pytest_qparity.verdict import CannotJudge, Code, Failure

STALE = Failure(Code.GOLDEN_STALE, "got another model, should be this one", "qparity accept")


class Material:
    def __init__(self):
        self.asked = []

    @once
    def model(self):
        """The float model."""
        self.asked.append("model")
        return object()

    @once
    def nothing(self):
        self.asked.append("nothing")

    @once
    def golden(self):
        self.asked.append("golden")
        raise CannotJudge(STALE)

    @once
    def outputs(self):
        self.asked.append("outputs")
        return self.golden

    @once
    def flaky(self):
        self.asked.append("flaky")
        if self.asked.count("flaky") == 1:
            raise OSError("the disk was away")
        return "back"


def test_a_value_is_computed_when_first_asked_for_and_kept():
    material = Material()
    assert material.asked == []

    assert material.model is material.model
    assert material.asked == ["model"]


def test_none_is_a_value_that_is_kept_too():
    material = Material()

    assert [material.nothing, material.nothing] == [None, None]
    assert material.asked == ["nothing"]


def test_each_instance_has_values_of_its_own():
    one, another = Material(), Material()

    assert one.model is not another.model


def test_what_could_not_be_had_is_asked_for_once_and_is_the_same_failure_each_time():
    material = Material()

    for _ in range(3):
        with pytest.raises(CannotJudge) as caught:
            _ = material.golden
        assert caught.value.failure is STALE
    assert material.asked == ["golden"]


def test_each_refusal_is_raised_anew_without_the_traces_of_earlier_ones():
    material = Material()
    lengths = []

    for _ in range(3):
        with pytest.raises(CannotJudge) as caught:
            _ = material.golden
        lengths.append(len(traceback.extract_tb(caught.value.__traceback__)))
        assert caught.value.__context__ is None

    assert len(set(lengths)) == 1


def test_a_value_that_needs_one_that_could_not_be_had_is_that_refusal():
    material = Material()

    for _ in range(2):
        with pytest.raises(CannotJudge) as caught:
            _ = material.outputs
        assert caught.value.failure is STALE
    assert material.asked == ["outputs", "golden"]


def test_an_error_that_is_no_refusal_is_not_kept():
    material = Material()

    with pytest.raises(OSError, match="the disk was away"):
        _ = material.flaky
    assert material.flaky == "back"


def test_what_was_made_so_far_leaves_out_what_was_not_asked_for_and_what_could_not_be_had():
    material = Material()
    assert made_so_far(material) == {}

    model = material.model
    assert material.nothing is None
    with pytest.raises(CannotJudge):
        _ = material.golden

    assert made_so_far(material) == {"model": model, "nothing": None}
    assert "flaky" not in material.asked


def test_the_class_gives_the_property_itself_with_its_documentation():
    assert isinstance(Material.model, once)
    assert Material.model.__doc__ == "The float model."


def test_a_value_can_be_handed_over():
    giver, heir = Material(), Material()
    model = giver.model

    hand_over("model", giver, heir)

    assert heir.model is model
    assert (heir.asked, made_so_far(giver)) == ([], {})
