"""A card says what its ledger says: what is marked to the letter, what is not marked as its owner likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_qparity.shipping.card import METADATA, SECTION
from pytest_qparity.shipping.verifying import verify
from pytest_qparity.verdict import CannotJudge, Code, Failure
from tests.shipping.judged import Judged
from tests.shipping.test_card import float_nodes
from tests.shipping.test_judged_run import waive
from tests.shipping.test_verifying import sum_up

CARDS = Path(__file__).parent / "cards"
REWRITTEN = "raise CARD_FORMAT, keep what makes cards of the older one, and store the new text beside it"


@pytest.fixture
def card(judged: Judged) -> Path:
    judged.export()
    return judged.root / "out" / "README.md"


def refused(card: Path) -> Failure:
    sum_up(card.parent)
    with pytest.raises(CannotJudge) as caught:
        verify(card.parent)
    assert caught.value.failure.code is Code.SHIP_ALTERED
    return caught.value.failure


def edit(card: Path, old: str, new: str) -> Path:
    text = card.read_text()
    assert old in text
    card.write_text(text.replace(old, new))
    return card


def test_no_line_between_the_marks_can_be_another_missing_or_added(card: Path) -> None:
    lines = card.read_text().split("\n")
    for marks in (METADATA, SECTION):
        begin, end = lines.index(marks.begin), lines.index(marks.end)
        for line in range(begin, end + 1):
            others = [[], [f"{lines[line]} "], *([[lines[line], "All is well."]] if line < end else [])]
            for other in others:
                card.write_text("\n".join([*lines[:line], *other, *lines[line + 1 :]]))
                refused(card)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("98.50 %", "100.00 %"),
        ("value: 98.5", "value: 100.0"),
        ("2 ms, the median", "0.5 ms, the median"),
        ("Every check of this file passed.", "Every check of this file passed, and more."),
    ],
)
def test_a_figure_that_the_ledger_does_not_have_is_named(card: Path, old: str, new: str) -> None:
    said = refused(edit(card, old, new)).sentence

    assert new in said
    assert old in said
    assert said.endswith("as the ledger says.")


def test_a_waived_run_cannot_pass_on_its_card(judged: Judged) -> None:
    judged.export("passed")
    judged.write(waive)
    judged.export(waived=True)
    card = judged.root / "out" / "README.md"
    card.write_text((judged.root / "passed" / "README.md").read_text())

    assert "**Waived, not passed**" in refused(card).sentence


def test_a_ledger_with_another_figure_is_not_what_its_card_says(card: Path) -> None:
    edit(card.parent / "ledger.json", '"variant_percent": 98.5', '"variant_percent": 12.0')

    assert "should be '      value: 12.0'" in refused(card).sentence


def test_text_metadata_and_tags_around_the_marks_are_whoevers(card: Path) -> None:
    edit(card, METADATA.end, f"{METADATA.end}\n- digits\nlicense: mit")
    edit(card, SECTION.begin, f"# A network\n\nIt reads digits.\n\n{SECTION.begin}")
    edit(card, SECTION.end, f"{SECTION.end}\n\nAsk us.\n---\n")
    card.write_bytes(card.read_bytes().replace(b"\n", b"\r\n"))
    sum_up(card.parent)

    verify(card.parent)

    hub = pytest.importorskip("huggingface_hub")
    read = hub.ModelCard.load(card).data
    assert (read.license, read.tags[-1], read.eval_results[0].metric_value) == ("mit", "digits", 98.5)


@pytest.mark.parametrize("key", ["model-index", '"model-index"', "'tags' ", "pipeline_tag"])
@pytest.mark.parametrize("behind", [METADATA.begin, METADATA.end], ids=["before", "behind"])
def test_a_key_that_is_said_again_is_found_since_the_last_one_counts(card: Path, key: str, behind: str) -> None:
    marked = f"{key}: []\n{behind}" if behind is METADATA.begin else f"{behind}\n{key}: []"

    assert "outside its marks" in refused(edit(card, behind, marked)).sentence


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"---\n{METADATA.begin}", f"---\nlicense: mit\n---\n{METADATA.begin}"),
        (f"---\n{METADATA.begin}", f"\n---\n{METADATA.begin}"),
        (f"{METADATA.end}\n---\n", f"{METADATA.end}\n"),
    ],
    ids=["behind the metadata", "no metadata", "without an end"],
)
def test_marked_metadata_that_nobody_reads_as_such_are_found(card: Path, old: str, new: str) -> None:
    assert "marked metadata elsewhere" in refused(edit(card, old, new)).sentence


def test_a_card_without_marks_names_the_version_that_wrote_it_as_a_way_out(card: Path) -> None:
    for marks in (METADATA, SECTION):
        edit(edit(card, f"{marks.begin}\n", ""), f"{marks.end}\n", "")

    failure = refused(card)

    assert "a version whose cards had no marks" in failure.sentence
    assert "export it again" in failure.remedy


@pytest.mark.parametrize(("number", "said"), [(0, "an older version wrote it"), (2, "a newer version wrote it")])
def test_a_card_of_another_format_is_not_guessed_at(card: Path, number: int, said: str) -> None:
    edit(card, "card 1 of pytest-qparity:", f"card {number} of pytest-qparity:")

    assert said in refused(card).sentence


def test_a_second_card_behind_the_first_is_found(card: Path) -> None:
    card.write_text(f"{card.read_text()}\n{SECTION.begin}\nBetter than all.\n{SECTION.end}\n")

    assert "got 2 lines" in refused(card).sentence


def test_a_card_that_is_no_text_and_an_extract_without_its_facts_are_no_traceback(card: Path) -> None:
    content = card.read_bytes()
    card.write_bytes(b"\xff" + content)
    assert "no UTF-8" in refused(card).sentence

    card.write_bytes(content)
    edit(card.parent / "ledger.json", '"card": {', '"other": {')
    assert "ledger.json: got what cannot be read (KeyError: 'card')" in refused(card).sentence


@pytest.mark.parametrize("name", ["passed", "waived"])
def test_the_text_of_a_format_stays_since_later_versions_hold_it(judged: Judged, name: str) -> None:
    judged.write(lambda events: (float_nodes(events), waive(events) if name == "waived" else None))
    judged.export(waived=True)

    made = (judged.root / "out" / "README.md").read_text()

    assert made == (CARDS / f"{name}.1.md").read_text(), REWRITTEN
