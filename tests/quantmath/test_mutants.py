"""The properties of the reference catch what its authors might have got wrong: one seeded mutant after another."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest

from pytest_qparity.quantmath import affine, integers
from tests.quantmath.mutant import Mutant, catcher, failure_of, mutated, properties
from tests.quantmath.mutants import EQUIVALENT, MUTANTS

AT_LEAST = 45


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_mutant_is_caught_by_a_property_of_its_group() -> None:
    caught_by = {mutant: catcher(mutant) for mutant in MUTANTS}

    survivors = [f"{mutant.target}: {mutant.what}" for mutant, name in caught_by.items() if name is None]
    tried = Counter(mutant.group for mutant in caught_by)
    caught = Counter(mutant.group for mutant, name in caught_by.items() if name is not None)
    print(*(f"{group}: {caught[group]} of {count} mutants caught" for group, count in tried.items()), sep="\n")
    print(f"{caught.total()} of {tried.total()} mutants caught")
    assert not survivors
    assert len(caught_by) >= AT_LEAST


@pytest.mark.parametrize("group", sorted({mutant.group for mutant in MUTANTS}))
def test_the_properties_that_catch_hold_of_the_original(group: str) -> None:
    """They ran after the mutants or before them: no mutant is left behind."""
    names = {mutant.likely for mutant in MUTANTS if mutant.group == group}

    assert {name: failure_of(properties(group)[name]) for name in names} == dict.fromkeys(names)


def test_no_two_mutants_are_the_same() -> None:
    edits = Counter((mutant.target, mutant.old, mutant.new) for mutant in MUTANTS)

    assert [edit for edit, count in edits.items() if count > 1] == []


def test_a_mutant_is_in_place_while_the_block_runs_and_gone_after_an_error() -> None:
    original = affine.quantize

    with contextlib.suppress(RuntimeError), mutated("affine:quantize", "np.rint(", "np.floor("):
        floored = affine.quantize(0.75, 1.0, 0, integers.INT8)
        raise RuntimeError

    assert affine.quantize is original
    assert (floored, original(0.75, 1.0, 0, integers.INT8)) == (0, 1)


@pytest.mark.parametrize(("old", "new"), [("not there", "x"), ("scale", "x"), ("np.rint(", "np.rint(")])
def test_an_edit_that_does_not_stand_there_once_is_refused(old: str, new: str) -> None:
    with pytest.raises(ValueError, match="should be once"), mutated("affine:quantize", old, new):
        pass


def test_a_mutant_that_is_no_program_is_not_caught_but_an_error() -> None:
    broken = Mutant("", "affine:quantize", "np.rint(", "np.no_such_function(", "integer_affine", "")

    with pytest.raises(AttributeError):
        catcher(broken)


@pytest.mark.parametrize("mutant", EQUIVALENT, ids=lambda mutant: mutant.what)
def test_a_mutant_that_computes_the_same_survives(mutant: Mutant) -> None:
    """Its reason stands in the table; should it be caught one day, it belongs among the others."""
    assert catcher(mutant) is None
