"""Case files as pytest's own kinds: a case is a Module, a run a Class, a check a Function."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from pytest_qparity.case.loading import Case, CaseError, CaseProblem, ConformanceCase, load_any_case
from pytest_qparity.concluding import conclude, conclude_carried, end_by
from pytest_qparity.gate import (
    CaseMaterial,
    KernelRun,
    Run,
    RunMaterial,
    Settings,
    judge,
    judge_vanished_run,
    plan,
    plan_kernels,
)
from pytest_qparity.gate.since import basis_behind, carried_kernels, carried_run
from pytest_qparity.ledger import CheckId
from pytest_qparity.ledger.earlier import Carried, NotCarried
from pytest_qparity.replaying import ReplayTimer, hand_over
from pytest_qparity.report.text import one_line, printable_lines
from pytest_qparity.session_settings import settings_of
from pytest_qparity.stash import DISPATCH
from pytest_qparity.verdict import Code, Failure, cannot_judge

if TYPE_CHECKING:
    from pytest_qparity.selection import Selection

CASE_NAMES: pytest.StashKey[dict[str, str]] = pytest.StashKey()
TIMER: pytest.StashKey[ReplayTimer] = pytest.StashKey()
CARRIED: pytest.StashKey[Carried | NotCarried | None] = pytest.StashKey()


class CaseFile(pytest.Module):
    """One case file. Module scope is one case: its model, data and golden."""

    case: Case | ConformanceCase

    def __init__(self, *, selection: Selection, **pytest_arguments: Any) -> None:
        super().__init__(**pytest_arguments)
        self.selection = selection
        self.precisions: tuple[str, ...] = ()
        self.node_ids: tuple[str, ...] = ()  # of every check of its plan, collected or not
        self.is_planned = False

    @property
    def settings(self) -> Settings:
        return settings_of(self.config, self.selection)

    def note_surroundings(self) -> None:
        """Once all is collected and before anything is judged: what is imported later depends on what is judged."""
        basis = self.settings.session_basis
        if basis is not None:
            basis.parts(self.settings)

    def _getobj(self) -> types.ModuleType:
        """No Python module stands behind a case file; plugins that ask for one get an empty one of its name."""
        return types.ModuleType(self.path.stem)

    def collect(self) -> Iterator[RunNode | VanishedNode | KernelsNode]:
        runs = self.planned()
        kind = RunNode if isinstance(self.case, Case) else KernelsNode
        for run in runs:
            if run.vanished:
                yield VanishedNode.from_parent(self, name=run.id, run=run)
                continue
            yield kind.from_parent(self, name=run.id, run=run)

    def planned(self) -> tuple[Run, ...]:
        """The runs of its plan; `node_ids` are known from here on, also of a file that nothing is collected of."""
        try:
            self.case = load_any_case(self.path, self.selection.roots, self.selection.contributed)
            self._claim_name()
            runs = self._plan_of(self.case)
        except CaseError as error:
            # One bad case file must not keep the others from being judged; the exit status is 1 all the same.
            self.config.option.continue_on_collection_errors = True
            text = error.text(self.path.relative_to(self.config.rootpath))
            raise self.CollectError(printable_lines(text)) from None
        except pytest.UsageError as error:  # of a plugin's metrics, which are asked for once a case is planned
            raise self.CollectError(printable_lines(str(error))) from None
        self.node_ids = tuple(f"{self.nodeid}::{run.id}::{check}" for run in runs for check in run.checks)
        self.is_planned = True
        return runs

    def _plan_of(self, case: Case | ConformanceCase) -> tuple[Run, ...]:
        if isinstance(case, ConformanceCase):
            # Kernels have no precision: who asks for some asks for models.
            return () if self.selection.precisions else plan_kernels(case, self.settings, self.selection.backends)
        self.precisions = tuple(case.spec.precisions)
        return plan(case, self.settings, self.selection.backends, self.selection.precisions)

    def _claim_name(self) -> None:
        """Goldens are stored by the case's name, so that no two cases may share one; "::" is for node ids."""
        if "::" in self.nodeid:
            sentence = f'Got "::" in the path of the case file {self.nodeid}, should be a path without.'
            remedy = 'rename the file or its folder: "::" parts a file from its checks in a node id'
            raise CaseError(self.path, (CaseProblem(Code.CASE_NAME, None, sentence, remedy),))
        names = self.config.stash.setdefault(CASE_NAMES, {})
        first = names.setdefault(self.case.name, self.nodeid)
        if first != self.nodeid:
            sentence = f"Got a second case named {self.case.name!r} beside {first}, should have a name of its own."
            remedy = "rename one of the files: goldens are stored by the name"
            raise CaseError(self.path, (CaseProblem(Code.CASE_NAME, None, sentence, remedy),))


class _OfRun(pytest.Class):
    """What stands for a run of a case's plan."""

    parent: CaseFile

    def __init__(self, *, run: Run, **pytest_arguments: Any) -> None:
        super().__init__(**pytest_arguments)
        self.run = run


class RunNode(_OfRun):
    """One backend and precision of a case. Class scope is one session."""

    def _getobj(self) -> type[Checks]:
        return Checks

    def collect(self) -> Iterator[CheckItem]:
        for check in self.run.checks:
            item = CheckItem.from_parent(self, name=check, callobj=getattr(Checks, check))
            if check == "latency":
                timer = item.stash[TIMER] = ReplayTimer()
                item.add_marker(pytest.mark.benchmark(group=self.parent.case.name, timer=timer))
            yield item


class VanishedNode(_OfRun):
    """A run of the baseline that the case no longer has."""

    def _getobj(self) -> type[object]:
        return type("Vanished", (), dict.fromkeys(self.run.checks, staticmethod(vanished)))

    def collect(self) -> Iterator[CheckItem]:
        for check in self.run.checks:
            yield CheckItem.from_parent(self, name=check, callobj=vanished)


class KernelsNode(_OfRun):
    """The kernels of one backend. Class scope is one worker."""

    def _getobj(self) -> type[object]:
        """pytest looks up an item's function in its class by the item's name."""
        return type("Kernels", (), dict.fromkeys(self.run.checks, staticmethod(conformance)))

    def collect(self) -> Iterator[CheckItem]:
        for check in self.run.checks:
            yield CheckItem.from_parent(self, name=check, callobj=conformance)


class CheckItem(pytest.Function):
    """One check of a run; `qparity_event` is its verdict once it is judged."""

    qparity_event: dict[str, Any] | None = None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """As pytest shows it; the line of the short summary, which in CI would repeat the whole text, says code and
        sentence. Of what is waived the text alone: pytest would parse this file anew to show where it was raised."""
        if isinstance(excinfo.value, pytest.xfail.Exception):
            return str(excinfo.value)
        shown = super().repr_failure(excinfo)
        crash = getattr(shown, "reprcrash", None)
        if crash is not None and self.qparity_event is not None and self.qparity_event["failures"]:
            first = self.qparity_event["failures"][0]
            crash.message = one_line(f"{first['code']} {first['sentence']}")
        return shown


class Checks:
    """The items of a run. pytest calls them with fixtures as it does with any test function."""

    @staticmethod
    @pytest.mark.preflight
    def preflight(request: pytest.FixtureRequest, qparity_run: RunMaterial) -> None:
        settle(request, qparity_run, "preflight")

    @staticmethod
    @pytest.mark.parity
    def parity(request: pytest.FixtureRequest, qparity_run: RunMaterial) -> None:
        settle(request, qparity_run, "parity")

    @staticmethod
    @pytest.mark.accuracy
    def accuracy(request: pytest.FixtureRequest, qparity_run: RunMaterial) -> None:
        settle(request, qparity_run, "accuracy")

    @staticmethod
    @pytest.mark.invariance
    def invariance(request: pytest.FixtureRequest, qparity_run: RunMaterial) -> None:
        settle(request, qparity_run, "invariance")

    @staticmethod
    @pytest.mark.latency
    def latency(request: pytest.FixtureRequest, qparity_run: RunMaterial, benchmark: Any) -> None:
        try:
            settle(request, qparity_run, "latency")
        finally:
            hand_over(benchmark, request.node.stash[TIMER], qparity_run)

    @staticmethod
    @pytest.mark.memory
    def memory(request: pytest.FixtureRequest, qparity_run: RunMaterial) -> None:
        settle(request, qparity_run, "memory")

    @staticmethod
    @pytest.mark.regression
    def regression(request: pytest.FixtureRequest, qparity_run: RunMaterial) -> None:
        settle(request, qparity_run, "regression")


@pytest.mark.regression
def vanished(request: pytest.FixtureRequest) -> None:
    """The item of a run that the baseline has and nobody planned."""
    item = request.node
    node: VanishedNode = item.parent
    case, run = node.parent.case, node.run
    if not isinstance(case, Case):
        raise TypeError(f"got {item.nodeid}, should be of the case of a model: a baseline has no kernels")
    verdict = judge_vanished_run(case, run, node.parent.settings)
    conclude(request, _identity(item, case.name, run), verdict, {})


@pytest.mark.conformance
def conformance(request: pytest.FixtureRequest, qparity_kernels: KernelRun) -> None:
    """The item of a kernel, or of the record of known deviations."""
    if DISPATCH in request.config.stash:
        settle_elsewhere(request, request.node.parent.run)
        return
    run, check = qparity_kernels, request.node.name
    carried = once_a_run(request, lambda node_id, checks: carried_kernels(run, node_id, checks))
    if isinstance(carried, Carried):
        conclude_carried(request, carried.event(check))
        return
    verdict = run.judge(check)
    identity = CheckId(request.node.nodeid, run.case.name, run.backend_spec.name, "", check)
    conclude(request, identity, verdict, run.provenance(), carried)


def settle(request: pytest.FixtureRequest, run: RunMaterial, check: str) -> None:
    """Judge a check of a run, here or on a cluster, or carry over its verdict of an earlier ledger, and conclude it."""
    if DISPATCH in request.config.stash:
        settle_elsewhere(request, request.node.parent.run, run)
        return
    carried = once_a_run(request, lambda node_id, checks: carried_run(run.material, node_id, checks))
    if isinstance(carried, Carried):
        conclude_carried(request, carried.event(check))
        return
    verdict = judge(run, check)
    identity = CheckId(
        request.node.nodeid,
        run.material.case.name,
        run.backend_spec.name,
        run.precision,
        check,
        emulated=run.is_emulated,
    )
    conclude(request, identity, verdict, {**run.provenance(), **basis_behind(run.material, verdict)}, carried)


def once_a_run(
    request: pytest.FixtureRequest, decide: Callable[[str, Sequence[str]], Carried | NotCarried | None]
) -> Carried | NotCarried | None:
    """Whether the verdicts of the item's run are carried over: the first of its checks decides for all."""
    node: RunNode | KernelsNode = request.node.parent
    if CARRIED not in node.stash:
        node.stash[CARRIED] = decide(node.nodeid, node.run.checks)
    return node.stash[CARRIED]


def settle_elsewhere(request: pytest.FixtureRequest, run: Run, material: RunMaterial | None = None) -> None:
    """Wait for what a cluster makes of the run, and end the item by it. `material` gets the samples of latency."""
    item = request.node
    judged = request.config.stash[DISPATCH].result(item)
    if isinstance(judged, Failure):
        case = item.getparent(CaseFile).case.name
        conclude(request, _identity(item, case, run), cannot_judge(judged), {})
        return
    if material is not None and judged.latency_samples_ms is not None:
        import numpy as np

        material.latency_samples_ms = np.asarray(judged.latency_samples_ms)
    end_by(request, dict(judged.events[item.nodeid]))


def _identity(item: pytest.Item, case: str, run: Run) -> CheckId:
    """Of a check that was not judged here."""
    return CheckId(item.nodeid, case, run.backend, run.precision, item.name, emulated=run.emulated)


def material_of(node: CaseFile) -> CaseMaterial:
    if not isinstance(node.case, Case):
        raise TypeError(f"got {node.nodeid}, should be the case of a model: kernels have none")
    return CaseMaterial(node.case, node.settings, node.nodeid)


def run_of(node: RunNode, material: CaseMaterial) -> RunMaterial:
    return RunMaterial(material, node.run.backend, node.run.precision)


def kernels_of(node: KernelsNode) -> KernelRun:
    case = node.parent.case
    if not isinstance(case, ConformanceCase):
        raise TypeError(f"got {node.nodeid}, should be kernels of a conformance case")
    asked_for = tuple(item.name for item in node.session.items if item.parent is node)
    return KernelRun(case, node.parent.settings, node.run, asked_for)
