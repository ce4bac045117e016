"""A model card that its readers read, whoever named things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.shipping.judged import Judged


def card(judged: Judged) -> Path:
    judged.export()
    return judged.root / "out" / "README.md"


def test_hugging_face_reads_its_metadata(judged: Judged) -> None:
    hub = pytest.importorskip("huggingface_hub")

    read = hub.ModelCard.load(card(judged))

    assert read.data.pipeline_tag == "image-classification"
    assert read.data.tags == ["onnx", "quantized", "int8", "pytest-qparity"]
    (result,) = read.data.eval_results
    assert (result.metric_type, result.metric_value, result.dataset_name) == ("accuracy", 98.5, "test")


def test_it_says_batch_and_what_a_latency_covers(judged: Judged) -> None:
    text = card(judged).read_text()

    assert (
        "- Latency: 2 ms, the median of 100 calls of batch 8, one call at a time, 2.50 (2.25 to 2.75) times as fast"
        in text
    )
    assert "| canaries | 10 of 10 broken models were caught on this engine |" in text


def test_names_cannot_pass_for_markup(judged: Judged) -> None:
    def rename(events: list[dict[str, Any]]) -> None:
        for event in events[2:-1]:
            event |= {"case": "---\n<script>|\n# 模型 \u202e", "deciding": "a|b\n---"}

    judged.write(rename)
    lines = card(judged).read_text().splitlines()

    assert lines.count("---") == 2
    assert "## Release: --- &lt;script&gt;\\| # 模型 \\\\u202e as ort-int8" in lines
    assert "| parity | pass | a\\|b --- |" in lines
    hub = pytest.importorskip("huggingface_hub")
    assert hub.ModelCard.load(judged.root / "out" / "README.md").data.model_name == "---\n<script>|\n# 模型 \u202e"


@pytest.mark.parametrize("ends", [{}, {"low": 0.0, "estimate": 3.0, "high": "inf"}])  # the second: of an old ledger
def test_a_speed_up_that_nothing_bounds_is_not_on_the_card(judged: Judged, ends: dict[str, Any]) -> None:
    def unbounded(events: list[dict[str, Any]]) -> None:
        for each in events:
            if each.get("check") == "latency":
                each["evidence"]["speed_up_over"]["fp32"] = {**ends, "decision": "cannot tell"}

    judged.write(unbounded)

    assert "times as fast" not in card(judged).read_text()


def float_nodes(events: list[dict[str, Any]]) -> None:
    counts = {"Conv": {"quantized": 0, "fell_back": 3, "left_float": 1, "otherwise": 0}}
    preflight = next(each for each in events if each.get("check") == "preflight")
    preflight["evidence"] |= {"kernel_counts": counts, "faster_with": 'target = "backend"'}


def test_a_quantized_file_that_runs_as_floats_is_said_to(judged: Judged) -> None:
    judged.write(float_nodes)

    told = "- as float: 0 of 4 compute nodes of net ort-int8 run quantized; the others compute in floats, which gains"
    assert told in card(judged).read_text()
