"""A baseline's file: a line a run, the same text for the same runs, and nothing in it that is passed over."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from pytest_qparity.baseline.figures import About, Accuracy, Figures, Latency, Memory, SpeedUp
from pytest_qparity.baseline.file import Baseline, BaselineError, baseline_text, parsed_baseline

PATH = Path("baselines/main.json")


def figures(case: str = "digits", precision: str = "int8", hardware: str = "a machine", time: str = "2026") -> Figures:
    return Figures(
        case=case,
        run=f"ort-{precision}",
        backend="ort",
        precision=precision,
        hardware=hardware,
        checks=("parity", "accuracy", "latency", "memory"),
        sqnr_db={"logits": 30.0, "equal": math.inf},
        accuracy=Accuracy(
            metric="top1",
            percent=True,
            direction="higher",
            value=75.0,
            samples=8,
            is_census=True,
            margin=0.5,
            bits="8:/A==",
        ),
        latency=Latency(median_ms=2.0, batch=1, clock="host", speed_up=SpeedUp(low=2.9, estimate=3.0, high=math.inf)),
        memory=Memory(peak_mb=20.0, size_mb=4.0),
        about=About(time=time, commit="a" * 40, libraries={"onnxruntime": "1.32.0"}),
    )


def test_what_is_written_is_read_infinities_included() -> None:
    runs = (figures(), figures("other"))

    assert parsed_baseline(baseline_text(runs), PATH).runs == runs


def test_it_has_a_line_a_run_in_an_order_of_its_own() -> None:
    runs = [figures("b"), figures("a", hardware="z"), figures("a", hardware="y")]

    text = baseline_text(runs)

    assert text == baseline_text(reversed(runs))
    lines = [json.loads(line.removesuffix(",")) for line in text.splitlines()[1:-1]]
    assert [(line["case"], line["hardware"]) for line in lines] == [("a", "y"), ("a", "z"), ("b", "a machine")]


def test_of_a_run_on_several_machines_this_one_counts_and_else_the_newest() -> None:
    old, new = figures(hardware="x", time="2025"), figures(hardware="y", time="2026")
    baseline = Baseline((new, old))

    assert baseline.nearest("digits", "ort", "int8", "x") is old
    assert baseline.nearest("digits", "ort", "int8", "z") is new
    assert baseline.nearest("digits", "ort", "fp16", "x") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "should be a file that qparity baseline save wrote"),
        ("[]", "should be a file that qparity baseline save wrote"),
        ('{"format": 2, "runs": []}', "got format 2"),
        ('{"format": 1, "runs": []}', "got no run"),
        ('{"format": 1, "runs": [{"case": "x"}]}', "got run 1 of"),
        (baseline_text([figures()]).replace('"bits"', '"bist"'), "accuracy.bist"),
        (baseline_text([figures()]).replace("8:/A==", "9:/A=="), "should be samples, a colon"),
        *(
            (baseline_text([figures()]).replace(f'"{end}": {old}', f'"{end}": {new}'), f"latency.speed_up.{end}")
            for end, old in (("low", "2.9"), ("estimate", "3.0"), ("high", '"inf"'))
            for new in ("-1.0", '"nan"', *(("0.0",) if end != "low" else ()))
        ),
        (baseline_text([figures()]).replace('"estimate": 3.0', '"estimate": "inf"'), "latency.speed_up.estimate"),
        (baseline_text([figures(), figures()]), "digits ort-int8 twice"),
    ],
)
def test_what_is_no_baseline_is_refused_with_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(BaselineError, match=said):
        parsed_baseline(text, PATH)
