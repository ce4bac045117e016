"""docs/peers.md says what the tools answered, and says it of every planted fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason="the planted faults are made with ONNX Runtime's quantizer")

from benchmarks.peers.page import page
from benchmarks.peers.plan import CONTROLS, FAULTS
from benchmarks.peers.tools import ENVIRONMENTS, OWN, TOOLS

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "benchmarks" / "peers"


def test_the_page_is_made_of_the_recorded_answers():
    results = json.loads((PEERS / "results.json").read_text(encoding="utf-8"))

    made = page(results)

    assert (ROOT / "docs" / "peers.md").read_text(encoding="utf-8") == made
    assert [fault.id for fault in FAULTS if f"(`{fault.id}`)" not in made] == []


def test_an_answer_that_is_missing_is_neither_caught_nor_passed():
    ours = TOOLS[0].name
    answers = {FAULTS[0].id: {"verdict": "caught", "says": "", "codes": "QP-PRE-001"}}
    alone = {"took_s": 1.0, "cpu_s": 1.0, "peak_mb": 1}

    made = page({ours: {"packages": {}, "verdicts": answers, "alone": alone}})

    assert f"| {ours} | 1 | 0 | 0 | 0 of 0 |" in made
    assert f"(`{FAULTS[1].id}`) | no answer |" in made


def test_a_sound_pair_that_is_failed_stands_out():
    ours = TOOLS[0].name
    answers = {CONTROLS[0].id: {"verdict": "caught", "says": "", "codes": "QP-PAR-002"}}
    alone = {"took_s": 1.0, "cpu_s": 1.0, "peak_mb": 1}

    made = page({ours: {"packages": {}, "verdicts": answers, "alone": alone}})

    assert f"(`{CONTROLS[0].id}`) | **fails** |" in made
    assert f"| {ours} | 0 | 0 | 0 | 1 of 1 |" in made


def test_the_page_says_whether_its_answers_are_of_one_run():
    alone = {"took_s": 30.0, "cpu_s": 1.0, "peak_mb": 1}
    answers = {"packages": {}, "verdicts": {FAULTS[0].id: {"verdict": "passes", "says": ""}}, "alone": alone}

    def told(*sessions: list[str]) -> str:
        tools = zip(TOOLS, sessions, strict=False)
        return page({tool.name: {**answers, "took_s": 90.0, "sessions": each} for tool, each in tools})

    assert "All answers are of one run of the command, on 2026-11-26; its tools took 4 minutes" in told(
        ["2026-11-26T15:00"], ["2026-11-26T15:00"]
    )
    assert "in several runs" in told(["2026-11-26T15:00"], ["2026-11-26T15:00", "2026-11-27T15:00"])


def test_the_plan_names_thirty_faults_or_more_and_each_tool_can_be_run():
    names = [fault.id for fault in (*CONTROLS, *FAULTS)]

    assert len(FAULTS) >= 30
    assert len(set(names)) == len(names)
    assert {tool.environment for tool in TOOLS} == {OWN, *ENVIRONMENTS}
    assert [tool.adapter for tool in TOOLS if not (PEERS / "adapters" / f"{tool.adapter}.py").exists()] == []
