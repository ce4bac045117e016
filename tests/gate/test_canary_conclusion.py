"""What follows from how the canaries of an engine ended."""

from __future__ import annotations

import dataclasses

from pytest_qparity.canary_set import OWN
from pytest_qparity.gate.canaries import Trial, conclude
from pytest_qparity.verdict import Code, Failure

LOUD = Failure(Code.PARITY_SQNR, "SQNR is 1 dB, should be at least 20 dB.", "mend it")
REFUSED = Failure(Code.BACKEND_LOAD, "got no session, should be one.", "look at the file")


def trial(name: str, caught_by: tuple[str, ...] = (), *failures: Failure, base: str = "int8") -> Trial:
    return Trial("cases/canaries/x.toml", name, base, caught_by, failures, "0" * 64)


class TestConclusion:
    def test_a_canary_is_caught_where_every_code_that_is_named_is_there(self) -> None:
        result = conclude([trial("sound"), trial("broken", ("QP-PAR-002",), LOUD, REFUSED)], "ort")

        assert (result.planned, result.caught, result.failure) == (1, 1, None)

    def test_another_failure_than_the_one_named_proves_nothing(self) -> None:
        result = conclude([trial("sound"), trial("broken", ("QP-PAR-002",), REFUSED)], "ort")

        assert (result.planned, result.caught) == (1, 0)
        assert result.failure is not None
        assert result.failure.code is Code.CANARY_UNPROVEN
        assert result.failure.remedy.startswith(
            "in cases/canaries/x.toml take out [precisions.broken], which ort refuses before a check sees"
        )

    def test_one_of_the_package_that_is_refused_is_taken_out_in_the_project(self) -> None:
        refused = dataclasses.replace(trial("broken", ("QP-PAR-002",), REFUSED), location=OWN)

        result = conclude([trial("sound"), refused], "ort")

        assert result.failure is not None
        assert result.failure.remedy.startswith("qparity canaries writes them into the project; there take out")

    def test_what_a_sound_one_measures_is_no_fault_of_a_user_s_file(self) -> None:
        result = conclude([trial("sound", (), LOUD)], "ort")

        assert result.failure is not None
        assert result.failure.remedy.startswith("believe no verdict of ort before you know why")

    def test_a_part_of_the_codes_is_not_enough(self) -> None:
        result = conclude([trial("sound"), trial("broken", ("QP-PAR-002", "QP-PAR-003"), LOUD)], "ort")

        assert result.caught == 0
        assert result.failure is not None

    def test_a_sound_file_that_fails_takes_away_what_its_canaries_prove(self) -> None:
        sound, broken = trial("sound", (), LOUD), trial("broken", ("QP-PAR-002",), LOUD)
        other = [trial("fp16", base="fp16"), trial("fp16-broken", ("QP-PAR-002",), LOUD, base="fp16")]

        result = conclude([broken, sound, *other], "ort")

        assert (result.planned, result.caught) == (2, 1)
        assert result.failure is not None
        assert result.failure.sentence.startswith("sound of the canary file")

    def test_a_sound_file_that_fails_is_told_before_a_canary_that_fails_like_it(self) -> None:
        result = conclude([trial("broken", ("QP-PAR-002",), REFUSED), trial("sound", (), REFUSED)], "ort")

        assert result.failure is not None
        assert result.failure.sentence.startswith("sound of the canary file")

    def test_a_canary_that_passes_is_told_before_anything_else(self) -> None:
        passing = [trial(name, ("QP-PAR-002",)) for name in ("first", "second")]

        result = conclude([trial("sound", (), REFUSED), *passing], "ort")

        assert result.failure is not None
        assert result.failure.code is Code.CANARY_PASSED
        assert result.failure.sentence.startswith(
            "Canary first of cases/canaries/x.toml passes on ort (and 1 more), should fail by QP-PAR-002"
        )

    def test_what_was_run_has_a_digest(self) -> None:
        sound, broken = trial("sound"), trial("broken", ("QP-PAR-002",), LOUD)
        other = dataclasses.replace(broken, variant="1" * 64)

        assert conclude([sound, broken], "ort").sha256 == conclude([sound, broken], "reference").sha256
        assert conclude([sound, broken], "ort").sha256 != conclude([sound, other], "ort").sha256
