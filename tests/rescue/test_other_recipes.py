"""Which recipe is the base of a search, by what the gate said of each: numbers in, no engine."""

from __future__ import annotations

from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.rescue.candidate import Candidate
from pytest_qparity.rescue.evaluation import Evaluation, Judged
from pytest_qparity.rescue.other_recipes import best_recipe
from pytest_qparity.verdict import Code

AS_IT_IS = 10.0  # dB


class Judge:
    """Gives the SQNR of a recipe by the keys that it changes; None: they change nothing."""

    def __init__(self, given: dict[str, float | None], **stated) -> None:
        self.stated = PrecisionSpec(**stated)
        self._given = given
        self.asked: list[str] = []

    def evaluate(self, candidate: Candidate) -> Evaluation:
        keys = " ".join(key for key, value in candidate.changes if value is not None)
        self.asked.append(keys)
        sqnr_db = self._given.get(keys, AS_IT_IS)
        if sqnr_db is None:
            told = Judged("cannot-judge", "", ((Code.VARIANT_DEAD_PATTERN.code, "it would change nothing"),))
            return Evaluation(candidate, {"parity": told})
        outcome = "pass" if sqnr_db >= 30.0 else "accuracy-fail"
        return Evaluation(candidate, {"parity": Judged(outcome, f"{sqnr_db} dB")}, sqnr_db=sqnr_db)


def tried(given: dict[str, float | None], **stated) -> tuple[Evaluation, list[str], list[str]]:
    judge, told, left = Judge(given, **stated), [], []
    asis = judge.evaluate(Candidate())
    best = best_recipe(judge, "int8", asis, (), told.append, left.append)  # type: ignore[arg-type]
    assert left == list(range(left[0], left[0] - len(left), -1))  # what is still to be tried, one less each time
    return best, told, judge.asked


def test_each_is_tried_on_top_of_the_nearest_so_far_and_told() -> None:
    best, told, asked = tried(
        {
            "calibration": 12.0,
            "calibration bias_correction": 15.0,
            "calibration bias_correction equalize": 11.0,
            "calibration bias_correction smooth": 31.0,
        }
    )

    assert asked[4:] == [
        "calibration bias_correction",
        "calibration bias_correction equalize",
        "calibration bias_correction smooth",
    ]
    assert best.passes
    assert told == [
        "bias_correction = true: parity 12.0 dB → 15.0 dB.",
        "equalize = true: parity 15.0 dB → 11.0 dB.",
        "smooth = 0.5: parity 15.0 dB → 31.0 dB.",
        "calibration = entropy, bias_correction = true, smooth = 0.5 alone mends its outputs: no node has to be float.",
    ]


def test_a_key_that_changes_nothing_in_the_model_is_passed_over() -> None:
    best, told, _ = tried({"bias_correction": 12.0, "bias_correction equalize": None, "bias_correction smooth": None})

    assert [key for key, _ in best.candidate.changes] == ["bias_correction"]
    assert told[0].startswith("bias_correction = true:")
    assert told[1] == "None of 4 other recipes passes; the nearest of all is bias_correction = true."


def test_a_key_that_hardly_does_anything_is_not_in_the_table() -> None:
    best, _, _ = tried({"bias_correction": AS_IT_IS + 0.4})

    assert best.candidate.changes == ()


def test_keys_that_the_case_states_are_not_tried_again() -> None:
    _, _, asked = tried({}, equalize=True, bias_correction=True, smooth=0.75)

    assert not {"equalize", "bias_correction", "smooth"} & set(" ".join(asked).split())


def test_operators_on_integers_have_no_corrected_biases() -> None:
    _, _, asked = tried({}, format="qoperator")

    assert "bias_correction" not in asked
    assert "equalize" in asked
