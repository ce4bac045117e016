"""From a run that fails to the smallest change with which it passes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.precision.graph import WEIGHTED
from pytest_qparity.precision.table import method_of
from pytest_qparity.rescue.candidate import Candidate, patterns_for, table_text
from pytest_qparity.rescue.evaluation import Evaluation, Judged, front
from pytest_qparity.rescue.exhaustive import Proof, sets_of, sets_to_judge
from pytest_qparity.rescue.forecast import TYPICAL, Forecast, of_prefix, of_pruning
from pytest_qparity.rescue.identity import search_digest
from pytest_qparity.rescue.journal import Journal
from pytest_qparity.rescue.judging import Budget, GateJudge, speed_up_of
from pytest_qparity.rescue.other_recipes import best_recipe, dynamic_recipe, said
from pytest_qparity.rescue.ranked_material import (
    base_of_run,
    costs_of_nodes,
    feeds_for_ranking,
    products_in_bodies,
    twin,
)
from pytest_qparity.rescue.refusing import require_judged
from pytest_qparity.rescue.result import Limits, Rescue, Row
from pytest_qparity.rescue.searching import Spent, pruned, smallest_prefix
from pytest_qparity.rescue.sensitivity import Sensitivity, measured_sensitivity
from pytest_qparity.rescue.slowness import speed_warnings
from pytest_qparity.rescue.undecided import how_it_ends, lacks_samples, no_proof
from pytest_qparity.verdict import CannotJudge, Code, Outcome

if TYPE_CHECKING:
    from pytest_qparity.gate import CaseMaterial, Run
    from pytest_qparity.rescue.costs import Costs
    from pytest_qparity.verdict import Verdict

__all__ = ["rescue"]

NONE_TO_KEEP = "No node of this variant can be kept float."
SHARE_FOR_SENSITIVITY = 0.4  # of the time that is left

Told = Callable[[str, float | None, float | None], None]


def rescue(
    material: CaseMaterial, run: Run, journals: Path, limits: Limits, told: Told = lambda _, __, ___: None
) -> tuple[Rescue, GateJudge]:
    """Find the smallest change with which `run` passes. The judge makes the variant of what was found.

    Recipes are tried first, then nodes are kept float. `journals`: a folder; what was found there before is not judged
    again. told: called with what is done next, the share of it that is done and the seconds that the search still
    takes, where they are known. Raises CannotJudge where the run cannot be judged at all: no golden, no backend.
    """
    name = f"{material.case.name}-{run.id.rstrip('~')}-{search_digest(material, run)[:16]}.jsonl"
    search = _Search(material, run, Journal(journals / name), limits, told)
    return search.run(), search.judge


class _Search:
    def __init__(self, material: CaseMaterial, run: Run, journal: Journal, limits: Limits, told: Told) -> None:
        self._material, self._run, self._journal = material, run, journal
        self._limits, self._say = limits, told
        self._forecast = Forecast()
        for known in journal.evaluations.values():
            self._forecast.took(known.seconds)
        self._resumed = frozenset(journal.evaluations)
        self._budget = Budget(limits.evaluations, 60.0 * limits.minutes)
        self.judge = GateJudge(material, run, journal, self._budget, self._tell, self._forecast.took)
        self._method = method_of(base_of_run(run, material), self.judge.stated)
        self._found: list[str] = []
        self._sensitivity: Sensitivity | None = None
        self._costs: Costs | None = None
        self._proof: Proof | None = None

    def run(self) -> Rescue:
        asis = self.judge.evaluate(Candidate())
        require_judged(asis)
        spent = False
        try:
            if asis.suffices and not asis.passes:
                self._found.append(
                    f"No sample is lost or gained, and only samples are lacking to say that it may ship: no node is to "
                    f"blame, nothing was searched. To decide, {asis.lacking}."
                )
            elif not asis.passes:
                self._search(asis)
        except Spent:
            spent = True
        return self._result(asis, spent)

    def _search(self, asis: Evaluation) -> None:
        precision = base_of_run(self._run, self._material)
        recipe = best_recipe(
            self.judge,
            precision,
            asis,
            self.judge.variant(asis.candidate).recipe.get("notes", ()),
            self._found.append,
            lambda left: self._forecast.expect(left + of_prefix(TYPICAL) + of_pruning(TYPICAL // 2)),
        )
        if recipe.suffices:
            return
        base = recipe.candidate
        sensitivity, costs = self._measure(base)
        by_cost = sensitivity.order(lambda name: costs.share(name, sensitivity.nodes))
        orders = (by_cost, sensitivity.order())
        most = self._most(sensitivity)
        for order in orders if by_cost else ():
            length = self._shortest(base, order, most)
            if length is not None:
                self._prune(base, order[:length], costs)
                return
        self._found.append(self._how_the_most_end(base, orders, most) if by_cost else NONE_TO_KEEP)
        if dynamic_recipe(self.judge, precision, self._found.append) is not None or not by_cost:
            return
        may_help = self._all_float(base, orders[1], most)
        if not self._try_all(base, orders[1], most) and may_help:
            self._look_beyond(base, orders[1], most, costs)

    def _how_the_most_end(self, base: Candidate, orders: Sequence[Sequence[str]], most: int) -> str:
        """What became of as many nodes float as may be, by each order."""
        assert self._sensitivity is not None
        keys = (base.with_float(self._in_order(order[:most])).key for order in orders)
        ends = [self.judge.seen[key] for key in keys if key in self.judge.seen]
        count = min(most, len(orders[0]))
        return f"The {count} most sensitive of {self._sensitivity.nodes} quantized nodes float: {how_it_ends(ends)}."

    def _measure(self, base: Candidate) -> tuple[Sensitivity, Costs]:
        """How much each node hurts and costs: from the journal, or measured once."""
        worker, model = self._material.worker, self._material.model.path
        feeds = feeds_for_ranking(self._material)
        self._costs = costs = costs_of_nodes(self._material, self._run, self._journal, feeds[0])
        bodies = products_in_bodies(self._method, costs)
        looked_into = twin(base, base.spec(self.judge.stated))
        if looked_into != base:
            self._found.append("Nodes are ranked in its Q/DQ twin: operators on integers are not taken apart.")
        variant = self.judge.variant(looked_into)
        known = self._journal.rankings.get(base.key)
        if known is None:
            seconds = SHARE_FOR_SENSITIVITY * self._budget.seconds_left

            def measured(path: Path) -> Sensitivity:
                return measured_sensitivity(
                    variant.float_model or model,
                    path,
                    feeds,
                    worker,
                    lambda name: self._may_float(name, costs),
                    seconds=seconds,
                    bodies=bodies,
                    told=self._told,
                )

            try:
                found = measured(variant.path)
            except CannotJudge as reason:
                if reason.failure.code is not Code.DIAGNOSE_REFUSED or not self._run.emulated:
                    raise
                found = measured(self.judge.executed(looked_into).path)
            self._journal.add_ranking(base.key, found.as_json())
            known = found.as_json()
        self._sensitivity = Sensitivity.from_json(known)
        return self._sensitivity, costs

    def _may_float(self, name: str, costs: Costs) -> bool:
        """Recipes quantize products alone, so that only those can be kept; a given file may hold anything."""
        if self._method in ("given", "cast"):
            return name not in costs.holders
        return costs.operators.get(name) in WEIGHTED

    def _most(self, sensitivity: Sensitivity) -> int:
        return max(math.floor(self._limits.most_float * sensitivity.nodes), 1)

    def _shortest(self, base: Candidate, order: Sequence[str], most: int) -> int | None:
        self._forecast.expect(of_prefix(min(most, len(order))) + of_pruning(TYPICAL // 2))
        return smallest_prefix(order, min(most, len(order)), self._suffices(base))

    def _prune(self, base: Candidate, chosen: Sequence[str], costs: Costs) -> None:
        sensitivity = self._sensitivity
        assert sensitivity is not None
        self._forecast.expect(of_pruning(len(chosen)))
        worth = {name: sensitivity.harm.get(name, 0.0) / costs.share(name, sensitivity.nodes) for name in chosen}
        pruned(sorted(chosen, key=worth.__getitem__), self._suffices(base))

    def _all_float(self, base: Candidate, order: Sequence[str], most: int) -> bool:
        """Whether more nodes float than may be would do, as far as all of them tell."""
        whole = self.judge.evaluate(base.with_float(self._in_order(order)))
        if whole.lacking:
            self._found.append(f"All {len(order)} float: samples are too few to tell. To decide, {whole.lacking}.")
            return len(order) > most
        if not whole.is_accurate:
            ends = how_it_ends([whole])
            blame = " What remains is not their rounding." if whole.is_refused else ""
            self._found.append(f"All {len(order)} nodes that can be kept float: {ends}.{blame}")
        elif len(order) <= most:
            self._found.append("With them float its outputs pass, and nothing is quantized any more.")
        else:
            return True
        return False

    def _try_all(self, base: Candidate, order: Sequence[str], most: int) -> bool:
        """Whether one of all sets passes of as many nodes as may be float, and of fewer, where the budget is enough to
        judge each of them: the largest first, which are expected to be the best."""
        if len(order) <= most:
            return False
        of_base = [each for each in self.judge.seen.values() if each.candidate.changes == base.changes]
        known = {frozenset(each.candidate.keep_float) for each in of_base}
        left = self._limits.evaluations - len(self.judge.seen)
        least = None
        for size, waiting in sets_to_judge(order, most, known, left):
            for index, names in enumerate(waiting):
                self._forecast.expect(len(waiting) - index)
                if self.judge.suffices(base.with_float(self._in_order(names))):
                    return True
            least = size
        if least is not None:
            keys = [base.with_float(self._in_order(names)).key for names in sets_of(order, least, most)]
            proof = Proof(len(keys), len(order), least, most, said(base.changes))
            open_ = [self.judge.seen[key] for key in keys if not self.judge.seen[key].is_refused]
            if open_:
                self._found.append(no_proof(open_, proof))
            else:
                self._proof = proof
        return False

    def _look_beyond(self, base: Candidate, order: Sequence[str], most: int, costs: Costs) -> None:
        """How many it takes where those that may be float are not enough. Some of them may be needless: what is left of
        them may be few enough."""
        assert self._sensitivity is not None
        nodes = self._sensitivity.nodes
        low, high = most, len(order)
        while high - low > 1:
            middle = (low + high) // 2
            evaluation = self.judge.evaluate(base.with_float(self._in_order(order[:middle])))
            low, high = (low, middle) if evaluation.is_accurate or evaluation.lacking else (middle, high)
        self._found.append(f"It takes the {high} most sensitive of {nodes} quantized nodes ({high / nodes:.0%}).")
        if high < len(order):
            self._prune(base, order[:high], costs)
            able = [each for each in self.judge.seen.values() if each.suffices]
            few = min((len(each.candidate.keep_float) for each in able), default=high)
            is_open = all(each.is_undecided for each in able if len(each.candidate.keep_float) == few)
            told = "leave nothing open but samples" if able and is_open else "are enough"
            self._found.append(f"Of these, {few} {told} ({few / nodes:.0%}).")

    def _suffices(self, base: Candidate) -> Callable[[Sequence[str]], bool]:
        return lambda names: self.judge.suffices(base.with_float(self._in_order(names)))

    def _in_order(self, names: Sequence[str]) -> tuple[str, ...]:
        assert self._costs is not None
        chosen = set(names)
        return tuple(name for name in self._costs.operators if name in chosen)

    def _cost(self, candidate: Candidate) -> float:
        """A change of the recipe costs nothing beside a node that is float."""
        if self._costs is None or self._sensitivity is None:
            return float(bool(candidate.keep_float)) + 1e-9 * bool(candidate.changes)
        shares = (self._costs.share(name, self._sensitivity.nodes) for name in candidate.keep_float)
        return math.fsum(shares) + 1e-9 * bool(candidate.changes)

    def _is_within(self, candidate: Candidate) -> bool:
        return self._sensitivity is None or len(candidate.keep_float) <= self._most(self._sensitivity)

    def _result(self, asis: Evaluation, spent: bool) -> Rescue:
        seen = self.judge.seen
        cost = {key: self._cost(each.candidate) for key, each in seen.items()}
        within = [key for key, each in seen.items() if self._is_within(each.candidate)]
        enough = [key for key in within if seen[key].passes] or [key for key in within if seen[key].suffices]
        best_key = min(enough, key=cost.__getitem__) if enough else max(within, key=lambda key: seen[key].nearness)
        operators = {} if self._costs is None else self._costs.operators
        candidate = seen[best_key].candidate
        patterns = patterns_for(candidate.keep_float, operators)
        self._told("every check of the answer", None)
        final = self.judge.final(candidate, patterns) if seen[best_key].passes else {}
        missed = ", ".join(f"{check} {each.outcome.value}" for check, each in final.items() if not _passes(each))
        if missed:
            self._found.append(f"The answer, judged with every check as it is to be pasted, does not pass: {missed}.")
        if final and "latency" in final:
            speed = speed_up_of(final["latency"])
            self._journal_speed(best_key, speed)
        nodes = None if self._sensitivity is None else self._sensitivity.nodes
        if enough and not seen[best_key].passes and best_key != asis.candidate.key:
            self._found.append(lacks_samples(seen[best_key], nodes))
        rows = self._rows(front(seen, cost), best_key)
        warnings = tuple(self._warnings(seen[best_key], final)) if final else ()
        table = candidate.table(self.judge.stated, patterns)
        return Rescue(
            passes_already=asis.passes and not missed,
            best=seen[best_key],
            table=table,
            text=table_text(self._run.precision, table),
            final={check: Judged.of(verdict) for check, verdict in final.items()},
            evaluations=len(seen),
            resumed=len(self._resumed & seen.keys()),
            quantized=nodes,
            most=None if self._sensitivity is None else self._most(self._sensitivity),
            rows=rows,
            told=tuple(self._found),
            proof=self._proof,
            warnings=warnings,
            spent=spent,
            journal=self._journal.path,
        )

    def _warnings(self, best: Evaluation, final: Mapping[str, Verdict]) -> Iterator[str]:
        latency = final["latency"].evidence if "latency" in final else None
        before = self.judge.seen[Candidate().key].speed_up if best.candidate != Candidate() else None
        share = None
        if self._costs is not None and best.candidate.keep_float:
            share = self._costs.work_share(best.candidate.keep_float)
        return speed_warnings(latency, before, best.speed_up, share)

    def _rows(self, keys: Sequence[str], best: str) -> tuple[Row, ...]:
        """The front by cost; what costs nothing and what is best are timed."""
        seen = self.judge.seen
        timed = {keys[0], best}
        for key in keys:
            if key in timed and seen[key].speed_up is None and _was_judged(seen[key]):
                self._told("speed", None)
                self._journal_speed(key, self.judge.speed_up(seen[key].candidate))
        share = None if self._costs is None else self._costs.macs_share
        return tuple(Row(seen[key], None if share is None else share(seen[key].candidate.keep_float)) for key in keys)

    def _journal_speed(self, key: str, speed_up: float | None) -> None:
        if speed_up is not None:
            self.judge.seen[key] = replace(self.judge.seen[key], speed_up=speed_up)
            self._journal.add(self.judge.seen[key])

    def _tell(self, before: int, candidate: Candidate) -> None:
        what = f"{len(candidate.keep_float)} nodes float" if candidate.keep_float else said(candidate.changes)
        self._say(f"gate {before + 1}: {what or 'as it is'}", None, self._seconds_left())

    def _told(self, what: str, share: float | None) -> None:
        self._say(what, share, self._seconds_left())

    def _seconds_left(self) -> float | None:
        return self._forecast.seconds_left(self._budget.seconds_left)


def _passes(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.PASS


def _was_judged(evaluation: Evaluation) -> bool:
    return evaluation.sqnr_db is not None
