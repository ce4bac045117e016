"""`qparity init`: a first case file, what git ignores, and a CI job, of what is there or of what is answered."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.commands.refusals import usage
from pytest_qparity.report.text import one_line, printable

if TYPE_CHECKING:
    from pytest_qparity.gate.first_case import Choice, FoundModel, Surroundings
    from pytest_qparity.worker.protocol import Worker

CASES = Path("cases")  # where the ini qparity_cases finds them
IGNORED = ".qparity/"
SAMPLES = 16
EXAMPLES = """examples:
  qparity init                                    asks; what it finds stands in brackets
  qparity init --yes                              takes what it finds
  qparity init model.onnx model_int8.onnx --yes   of these files
  qparity init --data test.npz --ci gitlab

What is there already is left as it is.

exit status: 0 written; 2 wrong usage, no model, or a case file that is there;
4 a model that cannot be read; 130 interrupted
"""
Ask = Callable[[str, str], str]  # a question and its default: the answer


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "init",
        help="write a first case file, a line for .gitignore and a CI job",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", nargs="?", type=Path, metavar="MODEL", help="the float model (default: looked for)")
    parser.add_argument("candidate", nargs="?", type=Path, metavar="CANDIDATE", help="the file that is to ship")
    parser.add_argument("--data", type=Path, metavar="FILE", help="test data (default: looked for, or drawn)")
    parser.add_argument("--ci", choices=("github", "gitlab", "none"), default=None, help="the CI job (default: github)")
    parser.add_argument("--yes", action="store_true", help="ask nothing; so it is without a terminal")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON; asks nothing")


@dataclass(frozen=True, slots=True)
class _Written:
    path: Path
    was_there: bool


def run(options: argparse.Namespace) -> int:
    """Exit status: 0 written; 2 usage, no model, or a case file that is there; 4 a model that cannot be read."""
    from pytest_qparity.verdict import CannotJudge
    from pytest_qparity.worker.limits import Limits
    from pytest_qparity.worker.process import WorkerProcess

    is_quiet = options.yes or options.json or not (sys.stdin.isatty() and sys.stdout.isatty())
    try:
        with contextlib.closing(WorkerProcess(Limits())) as worker:
            return _init(options, Path.cwd(), worker, _default if is_quiet else _asked)
    except CannotJudge as reason:
        failure = reason.failure
        print(f"{failure.code.code}\n{one_line(failure.sentence)}\nTry:    {one_line(failure.remedy)}", file=sys.stderr)
        if options.json:
            print(json.dumps({"failure": failure.as_json()}))
        return 4
    except OSError as error:
        return usage(f"got {error.strerror or error} ({error.filename}), should be room to write")


def _default(question: str, default: str) -> str:
    return default


def _asked(question: str, default: str) -> str:
    shown = f" [{default}]" if default else ""
    try:
        answer = input(f"{question}{shown}: ").strip()
    except EOFError:
        return default
    return answer or default


def _init(options: argparse.Namespace, root: Path, worker: Worker, ask: Ask) -> int:
    from pytest_qparity.gate.first_case import look_around

    with _working("looking for models and data"):
        found = look_around(root, worker)
    pair = _pair(options, found, worker, ask, root)
    if isinstance(pair, str):
        return usage(pair)
    model, candidate = pair
    case_file = root / CASES / f"{_safe((candidate or model).path.stem)}.toml"
    if case_file.exists():
        return usage(f"got {_from(case_file, root)} already, should be none: edit it, or remove it first")
    service = options.ci or ask("CI job: github, gitlab or none", "github")
    if service not in ("github", "gitlab", "none"):
        return usage(f"got CI {service!r}, should be github, gitlab or none")
    choice = _choice(options, found, model, candidate, worker, ask, root)
    if isinstance(choice, str):
        return usage(choice)
    _tell(_write(choice, case_file, service, root), found, choice, options, root)
    return 0


def _pair(
    options: argparse.Namespace, found: Surroundings, worker: Worker, ask: Ask, root: Path
) -> tuple[FoundModel, FoundModel | None] | str:
    from pytest_qparity.gate.first_case import pairs_among, read_model

    pairs = pairs_among(found.models)
    if options.model is not None:
        pairs = [pair for pair in pairs if pair[0].path.resolve() == options.model.resolve()]
    floats = [model for model in found.models if model.precision is None]
    likely = options.model or (pairs[0][0].path if pairs else floats[0].path if floats else None)
    named = ask("float model", "" if likely is None else _from(likely, root))
    if not named:
        return "got no ONNX model here, should be one: qparity init MODEL [CANDIDATE]"
    if not Path(named).is_file():
        return f"got no file {named}, should be an ONNX model"
    model = read_model(root / named, worker)
    if model.precision is not None:
        return f"got {named}, which is {model.precision}, as the float model, should be float32"
    fitting = [pair[1].path for pair in pairs if pair[0].path.resolve() == model.path.resolve()]
    likely = options.candidate or (fitting[0] if fitting else None)
    named = ask("the file that is to ship (empty: none yet)", "" if likely is None else _from(likely, root))
    if not named:
        return model, None
    if not Path(named).is_file():
        return f"got no file {named}, should be an ONNX model"
    candidate = read_model(root / named, worker)
    if candidate.precision is None:
        return f"got {named}, in which nothing is quantized, as the file that is to ship, should be a quantized one"
    return model, candidate


def _choice(
    options: argparse.Namespace,
    found: Surroundings,
    model: FoundModel,
    candidate: FoundModel | None,
    worker: Worker,
    ask: Ask,
    root: Path,
) -> Choice | str:
    from pytest_qparity.gate.first_case import Choice, matching_data
    from pytest_qparity.gate.pair import write_drawn
    from pytest_qparity.gate.pair_files import TARGET

    likely = matching_data(model, found.data) if options.data is None else (options.data, False)
    named = ask("test data, .npz (empty: drawn)", "" if likely is None else _from(likely[0], root))
    if named:
        data = root / named
        if not data.exists():
            return f"got no file {named}, should be test data"
        matching = matching_data(model, [data])
        return Choice(model, candidate, data, False, matching is not None and matching[1], found.backends)
    data = root / CASES / "data" / f"{_safe(model.path.stem)}_drawn.npz"
    paths = {"model": str(model.path.absolute()), "candidate": str((candidate or model).path.absolute())}
    hints = worker.call(TARGET, paths, {}, f"Reading {model.path.name}", worker.limits.load).value["hints"]
    if not data.exists():
        write_drawn(data, model.inputs, hints, SAMPLES, {})
    return Choice(model, candidate, data, True, False, found.backends)


def _write(choice: Choice, case_file: Path, service: str, root: Path) -> list[_Written]:
    from pytest_qparity.ci_templates import TEMPLATES, ci_job
    from pytest_qparity.gate.first_case import case_text

    written = [_put(case_file, case_text(choice, case_file.parent)), _ignore(root)]
    if choice.drawn:
        written.append(_Written(choice.data, was_there=False))
    if service != "none":
        target = root / TEMPLATES[service][0]
        written.append(_put(target, ci_job(service, choice.backends, CASES.as_posix())))
    return written


def _put(path: Path, text: str) -> _Written:
    """Never over what is there, also where another process was quicker."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        return _Written(path, was_there=True)
    return _Written(path, was_there=False)


def _ignore(root: Path) -> _Written:
    """A line is added to .gitignore, where it does not have it."""
    path = root / ".gitignore"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if any(line.strip().strip("/") == IGNORED.strip("/") for line in text.splitlines()):
        return _Written(path, was_there=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(("\n" if text and not text.endswith("\n") else "") + f"{IGNORED}\n")
    return _Written(path, was_there=False)


def _tell(
    written: list[_Written], found: Surroundings, choice: Choice, options: argparse.Namespace, root: Path
) -> None:
    backends = ",".join(choice.backends) or "ort"
    following = ["qparity accept --missing", f"pytest --backend={backends}"]
    if options.json:
        names = [(_from(each.path, root), each.was_there) for each in written]
        told = {
            "written": [name for name, was_there in names if not was_there],
            "left": [name for name, was_there in names if was_there],
            "backends": list(choice.backends),
            "drawn": choice.drawn,
            "unread": list(found.unread),
            "next": following,
        }
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for each in written:
        print(f"{'left' if each.was_there else 'written':<11}{printable(_from(each.path, root))}")
    for sentence in found.unread:
        print(f"not read   {one_line(sentence)}")
    if found.left:
        print(f"not read   {found.left} more models")
    if choice.drawn:
        print("note       inputs were drawn: they show parity, not accuracy; name recorded ones in the case file")
    if not choice.backends:
        print('note       no engine is installed here: pip install "pytest-qparity[ort]"')
    print(f"next       {following[0]}\n           {following[1]}")


def _working(text: str) -> contextlib.AbstractContextManager[object]:
    from pytest_qparity.progress import working

    return working(text)


def _safe(stem: str) -> str:
    return "".join(each if each.isascii() and (each.isalnum() or each in "_-.") else "-" for each in stem) or "model"


def _from(path: Path, root: Path) -> str:
    path, root = path.absolute(), root.absolute()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
