"""The page of a rescue: its front as a plot and a table."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_qparity.report.rescue_charts import front_chart
from pytest_qparity.report.rescue_html import rescue_html
from pytest_qparity.report.rescue_text import rescue_text
from pytest_qparity.rescue.candidate import Candidate
from pytest_qparity.rescue.evaluation import Evaluation, Judged, front
from pytest_qparity.rescue.exhaustive import Proof
from pytest_qparity.rescue.result import Rescue, Row

LOST = {0: 15.0, 1: 9.0, 2: 8.5, 3: 0.3, 4: 1.0, 6: 0.1}  # points by nodes that are float


def evaluation(count: int, lost: float | None, name: str = "a<b") -> Evaluation:
    outcome = "pass" if lost is not None and lost < 0.5 else "accuracy-fail"
    names = tuple(f"{name}{index}" for index in range(count))
    return Evaluation(Candidate(keep_float=names), {"accuracy": Judged(outcome, "x")}, 20.0 + count, lost, 0.5 + count)


def found(evaluations: list[Evaluation]) -> Rescue:
    seen = {each.candidate.key: each for each in evaluations}
    cost = {key: float(len(each.candidate.keep_float)) for key, each in seen.items()}
    rows = tuple(Row(seen[key], cost[key] / 10) for key in front(seen, cost))
    best = min((each for each in evaluations if each.passes), key=lambda each: cost[each.candidate.key])
    text = '[precisions.int8]\nkeep_float = ["a<b0"]'
    told = ("Told & done.",), False, Path("journal")
    proof, warnings = Proof(190, 20, 2, 2, "smooth = 0.5"), ("It is slower than FP32 & more.",)
    return Rescue(False, best, {}, text, {}, 6, 0, 20, 5, rows, *told, proof, warnings)


def test_dots_stand_by_nodes_and_points_and_the_front_is_joined():
    evaluations = [evaluation(*each) for each in LOST.items()]

    chart = front_chart(found(evaluations), evaluations)

    assert chart is not None
    assert chart.unit == "points"
    by_count = {int(dot.said.split()[0]): dot for dot in chart.dots}
    assert sorted(by_count) == [0, 1, 2, 3, 4, 6]
    assert [by_count[count].kind for count in (0, 3, 6)] == ["fail", "best", "pass"]
    assert not by_count[4].is_front  # it loses more than with three
    assert by_count[0].x < by_count[1].x < by_count[6].x
    assert by_count[0].y > by_count[1].y > by_count[3].y  # upwards is better
    assert f"{by_count[4].x:.1f},{by_count[4].y:.1f}" not in chart.line
    assert chart.line.startswith(f"{by_count[0].x:.1f},{by_count[0].y:.1f}")


def test_without_a_metric_decibels_are_drawn_and_without_either_nothing():
    evaluations = [evaluation(count, None) for count in (0, 2)]
    rescue = found([*evaluations, evaluation(3, 0.1)])

    chart = front_chart(rescue, evaluations)

    assert chart is not None
    assert chart.unit == "dB"
    assert front_chart(rescue, []) is None


def test_the_page_is_one_file_without_scripts_and_escapes_names():
    evaluations = [evaluation(*each) for each in LOST.items()]

    page = rescue_html(found(evaluations), "case <run>", evaluations)

    assert "<script" not in page
    assert "case &lt;run&gt;" in page
    assert "a&lt;b0" in page
    assert "a<b0" not in page
    assert "Told &amp; done." in page
    assert "None of all 190 sets" in page
    assert '<p class="warning">It is slower than FP32 &amp; more.</p>' in page
    assert len(re.findall("<circle", page)) == 3 + len(LOST)  # the legend's
    assert page.count("<tr>") == 1 + len(found(evaluations).rows)


def test_the_terminal_says_proof_and_speed():
    evaluations = [evaluation(*each) for each in LOST.items()]

    text = rescue_text(found(evaluations), "case", "ort-int8", evaluations[0])

    assert "\nproof     None of all 190 sets of 2 of the 20 nodes" in text
    assert "\nspeed     It is slower than FP32 & more.\n" in text
