"""Options and ini values: names and numbers that cannot be are refused with what should have been."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_qparity.backends.registry import BUILTIN, BackendSpec
from pytest_qparity.selection import (
    SelectionError,
    backends_among,
    known_backends,
    known_precisions,
    megabytes_of,
    names_of,
    roots_of,
    seconds_of,
)

BACKENDS = ("ort", "ort-cuda", "openvino")


def refusal(function, *arguments):
    with pytest.raises(SelectionError) as caught:
        function(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ort", ("ort",)),
        ("ort,trt", ("ort", "trt")),
        ("ort trt", ("ort", "trt")),
        (" ort , trt,, ", ("ort", "trt")),
        ("trt,ort,trt", ("trt", "ort")),
    ],
)
def test_names_are_split_at_commas_and_spaces_in_their_order_without_repeats(text, names):
    assert names_of(text, "--backend") == names


@pytest.mark.parametrize("text", ["", " ", ",", " , ,"])
def test_a_list_without_a_name_is_refused(text):
    assert refusal(names_of, text, "--backend") == "got --backend without a name, should name at least one"


def test_backends_that_plugins_add_stand_beside_the_built_in_ones():
    mine = BackendSpec("mine", "my_package:Engine")

    assert known_backends([mine]) == {spec.name: spec for spec in BUILTIN} | {"mine": mine}


def test_two_backends_of_one_name_are_refused():
    both = [BackendSpec("mine", "my_package:Engine"), BackendSpec("mine", "other_package:Engine")]

    assert refusal(known_backends, both).startswith(
        'got two backends named "mine" (my_package:Engine and other_package:Engine), should be one'
    )


def test_backends_are_taken_in_their_order():
    assert backends_among(["openvino", "ort"], iter(BACKENDS)) == ("openvino", "ort")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param(
            "orrt",
            "got backend 'orrt', should be one of: openvino, ort, ort-cuda (did you mean 'ort'?)",
            id="misspelt",
        ),
        pytest.param(
            "ORT", "got backend 'ORT', should be one of: openvino, ort, ort-cuda (did you mean 'ort'?)", id="upper case"
        ),
        pytest.param("zzz", "got backend 'zzz', should be one of: openvino, ort, ort-cuda", id="nothing near"),
    ],
)
def test_an_unknown_backend_is_refused_with_the_nearest_right_word(name, sentence):
    assert refusal(backends_among, ["ort", name], BACKENDS) == sentence


def test_a_backend_is_refused_where_there_is_none():
    assert refusal(backends_among, ["ort"], []) == "got backend 'ort', should be one of: (none)"


def test_precisions_are_known_ones_and_variants_named_after_them():
    assert known_precisions(["int8", "int8-mixed", "fp16"]) == ("int8", "int8-mixed", "fp16")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        pytest.param("int88", " (did you mean 'int8'?)", id="misspelt"),
        pytest.param("mixed-int8", "", id="a variant that begins with no precision"),
        pytest.param("-int8", " (did you mean 'int8'?)", id="an empty beginning"),
        pytest.param("int8_mixed", "", id="a variant with another separator"),
    ],
)
def test_an_unknown_precision_is_refused_with_the_nearest_right_word(name, near):
    assert refusal(known_precisions, ["int8", name]) == (
        f"got precision {name!r}, should be one of: bf16, fp16, fp32, fp8, fp8-e4m3, fp8-e5m2, int16, int4, int8, "
        f"mxfp4, mxfp8, nvfp4, "
        f"tf32, uint4, uint8; or a case's own name, such as int8-mixed{near}"
    )


@pytest.mark.parametrize(("text", "seconds"), [("1", 1.0), ("0.25", 0.25), ("1e-3", 0.001), (" 2 ", 2.0)])
def test_seconds_are_a_finite_number_above_0(text, seconds):
    assert seconds_of(text, "--qparity-latency-seconds") == seconds


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "-inf", "1e400", "", "one", "1s", "1,5"])
def test_what_is_no_time_is_refused(text):
    assert refusal(seconds_of, text, "--qparity-latency-seconds") == (
        f"got --qparity-latency-seconds {text!r}, should be a number of seconds above 0"
    )


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "", "4 GB"])
def test_what_is_no_size_is_refused(text):
    assert megabytes_of("0.5", "--qparity-largest-data-mb") == 0.5
    assert refusal(megabytes_of, text, "--qparity-largest-data-mb") == (
        f"got --qparity-largest-data-mb {text!r}, should be a number of megabytes above 0"
    )


def test_rootdir_is_always_a_root_and_others_are_named_from_it(tmp_path):
    assert roots_of(tmp_path, []) == (tmp_path,)
    assert roots_of(tmp_path, ["", " a ", "/data"]) == (tmp_path, tmp_path / "a", Path("/data"))
