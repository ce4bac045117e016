"""Case files as pytest's own kinds: a case is a Module, a run a Class, a check a Function."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from pytest_qparity.benchmarking import TIMER, ReplayTimer, hand_over
from pytest_qparity.case.loading import Case, CaseError, CaseProblem, ConformanceCase, load_any_case
from pytest_qparity.case.naming import name_in, namesakes
from pytest_qparity.checks.metrics import BUILTIN_METRICS
from pytest_qparity.gate import (
    Canaries,
    CaseMaterial,
    KernelRun,
    Run,
    RunMaterial,
    Settings,
    judge,
    judge_vanished_run,
    own_canaries,
    plan,
    plan_kernels,
)
from pytest_qparity.gate.basis import SessionBasis
from pytest_qparity.gate.since import basis_behind, carried_kernels, carried_run
from pytest_qparity.gate.turns import Turns
from pytest_qparity.golden.accept import Accept
from pytest_qparity.ledger import CheckId, verdict_event
from pytest_qparity.ledger.earlier import Carried, NotCarried
from pytest_qparity.report.junit import put_properties
from pytest_qparity.report.text import failure_text, one_line, printable_lines
from pytest_qparity.stash import CASE_NAMES, DISPATCH
from pytest_qparity.verdict import Code, Failure, Outcome, Verdict, cannot_judge
from pytest_qparity.watching import watch_of

if TYPE_CHECKING:
    from pytest_qparity.selection import Selection

SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()
CARRIED: pytest.StashKey[Carried | NotCarried | None] = pytest.StashKey()
TOLD: pytest.StashKey[MutableMapping[tuple[str, str], str]] = pytest.StashKey()


def settings_of(config: pytest.Config, selection: Selection) -> Settings:
    if SETTINGS not in config.stash:
        added = [metric for metrics in config.hook.pytest_qparity_metrics(config=config) for metric in metrics]
        known = (*BUILTIN_METRICS, *added)
        names = [metric.name for metric in known]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise pytest.UsageError(f"got two metrics named {twice[0]!r}, should have names of their own")
        root = config.rootpath
        config.stash[SETTINGS] = Settings(
            golden_root=selection.golden_root,
            cache=selection.cache,
            roots=selection.roots,
            backends=selection.known_backends,
            metrics={metric.name: metric for metric in known},
            accept=None if selection.accept is None else Accept(selection.accept),
            latency_seconds=selection.latency_seconds,
            examples=selection.examples,
            seed=selection.seed,
            canaries=own_canaries()
            if selection.has_own_canaries(root)
            else Canaries(root, selection.canary_files(root)),
            largest_data_mb=selection.largest_data_mb,
            isolation=selection.isolation,
            limits=selection.limits,
            demanded_limits=selection.demanded_limits,
            watch=watch_of(config),
            turns=Turns(selection.cache),
            baseline=selection.baseline,
            session_basis=SessionBasis(),
            case_names=config.stash[CASE_NAMES],
            remote_cache=selection.remote_cache,
            earlier=None if selection.since is None else selection.since.earlier,
        )
    return config.stash[SETTINGS]


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
            name = name_in(self.config.stash[CASE_NAMES], self.path)
            self.case = load_any_case(self.path, self.selection.roots, name)
            self._require_own_name()
            runs = self._plan_of(self.case)
        except CaseError as error:
            # One bad case file must not keep the others from being judged; the exit status is 1 all the same.
            self.config.option.continue_on_collection_errors = True
            text = error.text(self.path.relative_to(self.config.rootpath))
            raise self.CollectError(printable_lines(text)) from None
        self.node_ids = tuple(f"{self.nodeid}::{run.id}::{check}" for run in runs for check in run.checks)
        self.is_planned = True
        return runs

    def _plan_of(self, case: Case | ConformanceCase) -> tuple[Run, ...]:
        if isinstance(case, ConformanceCase):
            # Kernels have no precision: who asks for some asks for models.
            return () if self.selection.precisions else plan_kernels(case, self.settings, self.selection.backends)
        self.precisions = tuple(case.spec.precisions)
        return plan(case, self.settings, self.selection.backends, self.selection.precisions)

    def _require_own_name(self) -> None:
        """Goldens are stored by the case's name, so that no two cases may share one, collected or not; "::" is for
        node ids."""
        if "::" in self.nodeid:
            sentence = f'Got "::" in the path of the case file {self.nodeid}, should be a path without.'
            remedy = 'rename the file or its folder: "::" parts a file from its checks in a node id'
            raise CaseError(self.path, (CaseProblem(Code.CASE_NAME, None, sentence, remedy),))
        others = [
            path for path in namesakes(self.config.stash[CASE_NAMES]).get(self.case.name, ()) if path != self.path
        ]
        if others:
            other = others[0].relative_to(self.config.rootpath).as_posix()
            sentence = f"Got a second case named {self.case.name!r} beside {other}, should have a name of its own."
            remedy = (
                "rename one of the files, since goldens are stored by the name; or find both by one glob of "
                "qparity_cases with a * for the folder in which they differ, which then is part of their names"
            )
            raise CaseError(self.path, (CaseProblem(Code.CASE_NAME, None, sentence, remedy),))


class RunNode(pytest.Class):
    """One backend and precision of a case. Class scope is one session."""

    parent: CaseFile

    def __init__(self, *, run: Run, **pytest_arguments: Any) -> None:
        super().__init__(**pytest_arguments)
        self.run = run

    def _getobj(self) -> type[Checks]:
        return Checks

    def collect(self) -> Iterator[CheckItem]:
        for check in self.run.checks:
            item = CheckItem.from_parent(self, name=check, callobj=getattr(Checks, check))
            if check == "latency":
                timer = item.stash[TIMER] = ReplayTimer()
                item.add_marker(pytest.mark.benchmark(group=self.parent.case.name, timer=timer))
            yield item


class VanishedNode(pytest.Class):
    """A run of the baseline that the case no longer has."""

    parent: CaseFile

    def __init__(self, *, run: Run, **pytest_arguments: Any) -> None:
        super().__init__(**pytest_arguments)
        self.run = run

    def _getobj(self) -> type[object]:
        return type("Vanished", (), dict.fromkeys(self.run.checks, staticmethod(vanished)))

    def collect(self) -> Iterator[CheckItem]:
        for check in self.run.checks:
            yield CheckItem.from_parent(self, name=check, callobj=vanished)


class KernelsNode(pytest.Class):
    """The kernels of one backend. Class scope is one worker."""

    parent: CaseFile

    def __init__(self, *, run: Run, **pytest_arguments: Any) -> None:
        super().__init__(**pytest_arguments)
        self.run = run

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


def conclude(
    request: pytest.FixtureRequest,
    check: CheckId,
    verdict: Verdict,
    provenance: Mapping[str, Any],
    not_carried: NotCarried | None = None,
) -> None:
    """Leave a verdict for the ledger, and end the item the way the verdict says."""
    event = verdict_event(check, verdict, reproduce_of(request.node, check.backend), provenance)
    end_by(request, event if not_carried is None else {**event, "anew": list(not_carried.reasons)})


def conclude_carried(request: pytest.FixtureRequest, event: Mapping[str, Any]) -> None:
    """The same of a verdict that was given before. It may be repeated by the options of this session."""
    end_by(request, {**event, "reproduce": reproduce_of(request.node, event["backend"])})


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


def reproduce_of(item: pytest.Item, backend: str) -> str:
    """The command that repeats a check."""
    case_file = item.getparent(CaseFile)
    options = () if case_file is None else case_file.selection.repeat_options
    return " ".join([f'pytest "{item.nodeid}" --backend={backend}', *options])


def end_by(request: pytest.FixtureRequest, event: dict[str, Any]) -> None:
    """Leave a verdict's event for the ledger, and end the item the way it says, wherever it was judged."""
    item = request.node
    item.qparity_event = event
    put_properties(item.user_properties, event)
    if event["outcome"] == Outcome.PASS:
        return
    text = failure_text(event, request.config.stash.setdefault(TOLD, {}))
    if event["outcome"] == Outcome.WAIVED:
        # Returns under --runxfail: the check then fails below.
        pytest.xfail(f"waived: {one_line(str(event['waiver']))}\n{text}")
    pytest.fail(text, pytrace=False)


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
