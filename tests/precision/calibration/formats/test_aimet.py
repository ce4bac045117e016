from __future__ import annotations

import json

import pytest

from pytest_qparity.precision.calibration.formats import aimet
from pytest_qparity.quantmath import Range
from pytest_qparity.verdict import CannotJudge
from tests.precision.calibration.samples import mirrored, of_channels, one_sided

# The specification's own example of an asymmetric tensor, in either version.
OLD = {
    "bitwidth": 8,
    "dtype": "int",
    "is_symmetric": "False",
    "max": 2.6086959838867188,
    "min": -2.109158515930176,
    "offset": -114,
    "scale": 0.018501389771699905,
}
NEW = {
    "name": "20",
    "enc_type": "PER_TENSOR",
    "dtype": "INT",
    "bw": 8,
    "is_sym": False,
    "scale": [0.018501389771699905],
    "offset": [-114],
}


def old(version="0.6.1", parameters=None, **activations):
    return {"version": version, "activation_encodings": activations, "param_encodings": parameters or {}}


def new(*activations, version="1.0.0"):
    return {"version": version, "activation_encodings": list(activations), "param_encodings": []}


@pytest.mark.parametrize("version", ["0.4.0", "0.5.0", "0.6.1"])
def test_older_versions_state_both_ends(version):
    found = aimet.read(old(version, t=[OLD]), "a.encodings")

    assert found.tensors["t"].whole == Range(-2.109158515930176, 2.6086959838867188)
    assert found.made_by == f"AIMET encodings {version}"


def test_both_versions_have_the_same_range():
    first = aimet.read(old(t=[OLD]), "a.encodings").tensors["t"].whole
    second = aimet.read(new(NEW), "a.encodings").tensors["20"].whole

    assert (second.low, second.high) == pytest.approx((first.low, first.high), rel=1e-6)


def test_a_symmetric_encoding_has_the_scale_it_states():
    symmetric = {**NEW, "is_sym": True, "offset": [-128], "scale": [0.01]}
    strict = {**OLD, "is_symmetric": "True", "min": -1.28, "max": 1.27}

    assert aimet.read(new(symmetric), "a.encodings").tensors["20"].whole == Range(-1.27, 1.27)
    assert aimet.read(old(t=[strict]), "a.encodings").tensors["t"].whole == Range(-1.27, 1.27)


def test_an_unsigned_symmetric_encoding_begins_at_zero():
    found = aimet.read(new({**NEW, "is_sym": True, "offset": [0], "scale": [0.01]}), "a.encodings")

    assert found.tensors["20"].whole.low == 0.0
    assert found.tensors["20"].whole.high == pytest.approx(2.55)


def test_symmetric_ranges_come_back():
    found = aimet.read(json.loads(aimet.render(mirrored())), "a.encodings")

    for name, expected in mirrored().tensors.items():
        assert found.tensors[name].whole.low == pytest.approx(expected.whole.low, rel=1e-15, abs=255)
        if expected.whole.high:
            assert found.tensors[name].whole.high == pytest.approx(expected.whole.high, rel=1e-15)


def test_other_ranges_come_back_within_half_a_step():
    found = aimet.read(json.loads(aimet.render(one_sided())), "a.encodings")

    for name in ("x", "/relu"):
        expected, whole = one_sided().tensors[name].whole, found.tensors[name].whole
        step = (expected.high - expected.low) / 255
        assert abs(whole.low - expected.low) <= step / 2
        assert whole.high - whole.low == pytest.approx(expected.high - expected.low)


def test_what_was_read_from_a_grid_comes_back():
    first = aimet.read(new(NEW), "a.encodings")
    second = aimet.read(json.loads(aimet.render(first)), "a.encodings")

    assert second.tensors["20"].whole.low == pytest.approx(first.tensors["20"].whole.low, rel=1e-14)
    assert second.tensors["20"].whole.high == pytest.approx(first.tensors["20"].whole.high, rel=1e-14)


def test_what_is_left_out_gets_a_note():
    found = aimet.read(old(parameters={"w": [OLD]}, t=[OLD], u=[{"dtype": "float", "bitwidth": 16}]), "a.encodings")

    assert tuple(found.tensors) == ("t",)
    assert found.notes == (
        "1 encodings of parameters are left out: weights are measured",
        "1 float encodings are left out: they have no range",
    )


@pytest.mark.parametrize(
    ("parsed", "said"),
    [
        ({"version": "2.0.0", "encodings": []}, "version: got 2.0.0 with no activation_encodings, should be 0.4.0"),
        (new(NEW, version="0.6.1"), "version: got 0.6.1 with activation_encodings as list"),
        (new({**NEW, "scale": [0.1, 0.2]}), "activation_encodings.20.scale: got 2 values, should be one"),
        (new({**NEW, "scale": [0.0]}), "got scale 0, offset -114, bw 8, should be scale > 0"),
        (new({**NEW, "offset": [3]}), "offset 3, bw 8, should be scale > 0, 2 ≤ bw ≤ 32 and a code for zero"),
        (new({**NEW, "bw": 64}), "bw 64"),
        (new({**NEW, "scale": [float("nan")]}), "activation_encodings.20.scale: got nan"),
        (new(NEW, NEW), "activation_encodings.20: got it twice"),
        (new({"bw": 8}), r"activation_encodings\[0\]: got .*, should be an encoding with a name"),
        (old(t=[OLD, OLD]), "activation_encodings.t: got .* should be one encoding of the tensor"),
        (old(t=[{**OLD, "min": 3.0}]), "low 3 above high"),
        (old(), "activation_encodings: got no integer encoding"),
    ],
)
def test_a_wrong_encoding_is_named(parsed, said):
    with pytest.raises(CannotJudge, match=said):
        aimet.read(parsed, "a.encodings")


def test_ranges_of_channels_are_not_written():
    with pytest.raises(CannotJudge, match="2 ranges of channels"):
        aimet.render(of_channels())
