"""`qparity check`: may this candidate take the float model's place? Judged without a case file."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.commands.json_output import add_json, print_json, stdout_for_json
from pytest_qparity.commands.refused import usage_failure
from pytest_qparity.report.text import printable

if TYPE_CHECKING:
    import pytest

    from pytest_qparity.ledger import Ledger

PASSES, ACCURACY, USAGE, BUDGET, CANNOT_JUDGE, INTERRUPTED = 0, 1, 2, 3, 4, 130
EXAMPLES = """examples:
  qparity check model.onnx model_int8.onnx                      inputs are drawn of the model's own shapes
  qparity check model.onnx model_int8.onnx --data inputs.npz    one array for each input; with labels accuracy too
  qparity check model.onnx model_int8.onnx --backend ort,openvino
  qparity check model.onnx model_int8.onnx --sizes sequence=128,batch=1
  qparity check model.onnx model_int8.onnx --speedup 1.5        a budget: exit status 3 where it is missed
  qparity check model.onnx model_int8.onnx --json               for scripts

The same as: pytest --qparity-model=model.onnx --qparity-candidate=model_int8.onnx

exit status: 0 every check passes; 1 outputs or accuracy are not near enough; 2 wrong usage;
3 a budget is missed; 4 it cannot be judged; 130 interrupted
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "check",
        help="judge a quantized model beside its float one, without a case file",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="the float ONNX model: the reference")
    parser.add_argument("candidate", type=Path, metavar="CANDIDATE", help="the file that is to ship")
    parser.add_argument("--data", type=Path, metavar="FILE", help="inputs, .npz as a case has them (default: drawn)")
    parser.add_argument("--backend", metavar="A,B", help="backends to judge on (default: ini qparity_backends, or ort)")
    parser.add_argument(
        "--precision", metavar="NAME", help="what the candidate is meant to be (default: what the file tells)"
    )
    parser.add_argument("--samples", type=int, default=None, metavar="N", help="inputs that are drawn (default: 16)")
    parser.add_argument("--sizes", metavar="NAME=N,...", help="sizes of axes that the model leaves open")
    parser.add_argument("--speedup", metavar="X", help="times as fast as the float model that it must be (a budget)")
    parser.add_argument(
        "--weights",
        choices=("rounded", "changed"),
        help="the candidate's: the float model's, rounded (default), or changed on purpose, as QAT and GPTQ do",
    )
    add_json(parser)


class _Watched:
    """Keeps the configuration of a session, which holds what it leaves behind."""

    config: pytest.Config | None = None
    is_interrupted = False


def _watched() -> _Watched:
    import pytest

    class Watched(_Watched):
        @pytest.hookimpl(tryfirst=True)  # before this plugin's, which may end the session
        def pytest_configure(self, config: pytest.Config) -> None:
            self.config = config

        def pytest_keyboard_interrupt(self) -> None:
            self.is_interrupted = True

    return Watched()


def run(options: argparse.Namespace) -> int:
    """Exit status: 0 pass; 1 accuracy; 2 usage; 3 budget; 4 cannot judge; 130 interrupted. The gravest decides: what is
    known to be wrong stands before what is not known."""
    import pytest

    watched = _watched()
    with stdout_for_json(options):
        status = pytest.main(_arguments(options), plugins=[watched])
    if watched.is_interrupted:  # its exit status is that of a session whose collection failed, too
        return INTERRUPTED
    return _concluded(options, watched.config, int(status))


# pytest would rewrite the assertions of this package, which runs already.
_ALREADY_IMPORTED = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"


def _arguments(options: argparse.Namespace) -> list[str]:
    """pytest's. A project's own addopts are for its tests: they may select none of this, or spread it over workers."""
    asked = {
        "--qparity-model": options.model,
        "--qparity-candidate": options.candidate,
        "--qparity-data": options.data,
        "--qparity-samples": options.samples,
        "--qparity-sizes": options.sizes,
        "--qparity-speedup": options.speedup,
        "--qparity-weights": options.weights,
        "--backend": options.backend,
        "--precision": None if options.precision in (None, "fp32") else f"fp32,{options.precision}",
    }
    if options.precision == "fp32":
        asked["--precision"] = "fp32"
    # On a terminal how far a long call is stands behind pytest's line, unless -q is given.
    verbosity = () if sys.stdout.isatty() and not options.json else ("-q",)
    quiet = (
        *verbosity,
        "--no-header",
        "-o",
        "addopts=",
        "-p",
        "no:cacheprovider",
        "--benchmark-quiet",
        "-W",
        _ALREADY_IMPORTED,
    )
    return [*quiet, *(f"{name}={value}" for name, value in asked.items() if value is not None)]


def _concluded(options: argparse.Namespace, config: pytest.Config | None, status: int) -> int:
    from pytest_qparity.stash import BOOKS, PAIR_REFUSED

    stash = None if config is None else config.stash
    refused = None if stash is None else stash.get(PAIR_REFUSED, None)
    if refused is not None:
        return _refused(options, refused)
    books = None if stash is None else stash.get(BOOKS, None)
    if books is None or books.ledger is None:
        if options.json:
            failure = usage_failure("The session was not judged; see what stderr says.", "check")
            print_json({"verdict": None, "exit_status": USAGE, "failure": failure.as_json()})
        return USAGE  # pytest has said why
    ledger: Ledger = books.ledger
    decided = exit_status(ledger, status)
    if options.json:
        print_json(_as_json(ledger, decided))
    else:
        _show(options, decided)
    return decided


def exit_status(ledger: Ledger, status: int) -> int:
    """Of a session by its ledger, and by pytest's own `status`.

    A missed budget comes last of what is wrong: who tolerates it ships, and so it must say that everything else passes.
    """
    from pytest_qparity.gate.planning import COSTS
    from pytest_qparity.verdict import Outcome

    outcomes = {(event["check"], event["outcome"]) for event in ledger.verdicts}
    named = {outcome for _, outcome in outcomes}
    if Outcome.ACCURACY_FAIL in named:
        return ACCURACY
    owed = [node_id.rpartition("::")[2] for node_id in (*ledger.unjudged, *ledger.deselected)]
    unknown = [*owed, *(check for check, outcome in outcomes if outcome == Outcome.CANNOT_JUDGE)]
    if any(check not in COSTS for check in unknown) or ledger.case_errors or ledger.uncollected:
        return CANNOT_JUDGE
    if Outcome.BUDGET_FAIL in named and status in _ENDED:
        return BUDGET
    return PASSES if status == 0 and ledger.passes else CANNOT_JUDGE


def _refused(options: argparse.Namespace, reason: Exception) -> int:
    """pytest has told why already, on stderr."""
    from pytest_qparity.verdict import CannotJudge

    status = CANNOT_JUDGE if isinstance(reason, CannotJudge) else USAGE
    if options.json:
        failure = reason.failure if isinstance(reason, CannotJudge) else usage_failure(str(reason), "check")
        print_json({"verdict": None, "exit_status": status, "failure": failure.as_json()})
    return status


def _as_json(ledger: Ledger, status: int) -> dict[str, Any]:
    return {
        "verdict": _WORDS[status],
        "exit_status": status,
        "pair": ledger.start.get("pair"),
        "checks": [dict(event) for event in ledger.verdicts],
        "without_a_verdict": list(ledger.unjudged),
        "environment": {name: ledger.start.get(name) for name in ("python", "libraries", "system", "hardware")},
    }


_ENDED = (0, 1)  # statuses of a session that judged all that it was asked for
_WORDS = {PASSES: "pass", ACCURACY: "accuracy-fail", BUDGET: "budget-fail", CANNOT_JUDGE: "cannot-judge"}


def _show(options: argparse.Namespace, status: int) -> None:
    print(f"verdict: {_WORDS[status]} (exit status {status})")
    if status != PASSES:
        return
    named = shlex.join([printable(str(options.model)), printable(str(options.candidate))])
    print(f"next:    qparity init {named}    (a case file to keep, your data, CI)")
