"""The command `qparity`: what is not a test run. It starts pytest to have its rootdir, ini values and hooks."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity import __version__
from pytest_qparity.commands import (
    accept,
    baseline,
    check,
    diagnose,
    diff,
    doctor,
    explain,
    export,
    history,
    init,
    lint,
    quantize,
    report,
    rescue,
)
from pytest_qparity.commands.json_output import add_json, print_json, stdout_for_json
from pytest_qparity.commands.printing import OutputLostError, checked_stdout, discard_stdout
from pytest_qparity.commands.refusals import usage
from pytest_qparity.commands.refused import with_json_at_any_end
from pytest_qparity.report.text import printable

if TYPE_CHECKING:
    import pytest

    from pytest_qparity.backends.registry import BackendSpec
    from pytest_qparity.gate import Settings
    from pytest_qparity.report.added import ReportSection

INTERRUPTED = 130  # what a shell says of a process that SIGINT ended
NOT_PRINTED = 74  # sysexits' EX_IOERR
NOBODY_READS = 141  # what a shell says of a process that SIGPIPE ended
CANARIES_NEXT = "Try:       qparity accept --missing, and commit both folders"

MERGE_EXAMPLES = """examples, each shard with the same --backend and other checks chosen:
  pytest --backend=ort,trt -k "ort-" --qparity-ledger=cpu.json    on one machine
  pytest --backend=ort,trt -k "trt-" --qparity-ledger=gpu.json    on another
  qparity merge cpu.json gpu.json --output ledger.json
"""

CONFORMANCE_EXAMPLES = """examples:
  qparity conformance                       of .qparity/ledger.json
  qparity conformance ledger.json --json
  qparity conformance --html kernels.html

exit status: 0 shown; 1 the ledger holds no kernel; 2 wrong usage, or no ledger
"""
CANARIES_EXAMPLES = """examples:
  qparity canaries                 into cases/canaries
  qparity canaries my/canaries

exit status: 0 written; 2 wrong usage, or a file that is there
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all is well; 1 goldens are missing, changed or orphaned still, the merged ledger does not pass, a
    variant cannot be made, an engine would refuse a file, a table holds what cannot be true, a run is not to be shipped
    or a release is not what was exported; 2 usage, or ledgers that are no shards of one plan; 4 no backend works here;
    74 what is printed cannot be written; 130 interrupted; 141 nobody reads it."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        with checked_stdout():
            return with_json_at_any_end(given, lambda: _run(_parser().parse_args(given)))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except OutputLostError as lost:
        discard_stdout()
        if lost.is_nobody_reading:
            return NOBODY_READS
        print(f"qparity: got {lost} on stdout, should take all that is printed: it is cut", file=sys.stderr)
        return NOT_PRINTED
    except BrokenPipeError:  # of stderr
        discard_stdout()
        return NOBODY_READS


def _run(options: argparse.Namespace) -> int:
    if options.command == "check":
        return check.run(options)
    if options.command == "init":
        return init.run(options)
    if options.command == "accept":
        return _with_pytest_config(lambda config: accept.run(config, options, _settings(config)))
    if options.command == "merge":
        with stdout_for_json(options):
            status = merge_ledgers(options.ledgers, options.output, allow_other_commits=options.allow_other_commits)
        if options.json and status in (0, 1):
            from pytest_qparity.ledger import read_ledger
            from pytest_qparity.report.document import summary_json

            print(summary_json(read_ledger(options.output), Path.cwd()), end="")
        return status
    if options.command == "canaries":
        return canaries(options)
    if options.command == "conformance":
        as_markdown = options.markdown or not sys.stdout.isatty()
        return conformance_page(options.ledger, as_markdown=as_markdown, page=options.html, as_json=options.json)
    if options.command == "quantize":
        return quantize.run(options)
    if options.command == "diagnose":
        if options.case is None:
            return diagnose.run(options, None)
        return _with_pytest_config(lambda config: diagnose.run(options, _settings(config)))
    if options.command == "doctor":
        return _with_pytest_config(lambda config: doctor.run(options, _known_backends(config)))
    if options.command == "explain":
        return explain.run(options)
    if options.command == "export":
        return _with_pytest_config(lambda config: export.export_run(options, _settings(config), config.rootpath))
    if options.command == "verify":
        return export.verify_release(options)
    if options.command == "lint":
        return lint.run(options)
    if options.command == "report":
        return report.run(options, _sections() if report.shows_sections(options) else ())
    if options.command == "baseline":
        return baseline.run(options)
    if options.command == "diff":
        return diff.run(options)
    if options.command == "history":
        return history.run(options)
    if options.command == "rescue":
        return _with_pytest_config(
            lambda config: rescue.run(options, _settings(config), config.rootpath / ".qparity" / "rescue")
        )
    raise ValueError(f"got command {options.command!r}, should have been refused by the parser")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="qparity", description="The release gate for quantized ONNX models.")
    parser.add_argument("--version", action="version", version=f"qparity {__version__}")
    parser.add_argument(
        "--print-completion", action=_Completion, metavar="SHELL", help="print what bash, zsh or tcsh completes with"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check.add_to(commands)
    init.add_to(commands)
    accept.add_to(commands)
    _add_merge(commands)
    reporting = commands.add_parser(
        "conformance",
        help="print what a ledger says of kernels",
        epilog=CONFORMANCE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    form = reporting.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="as Markdown, as it is where it goes to a file")
    form.add_argument("--html", type=Path, metavar="FILE", help="as a page of HTML, written to FILE")
    add_json(form)
    reporting.add_argument(
        "ledger",
        nargs="?",
        type=Path,
        default=Path(".qparity/ledger.json"),
        help="a ledger of a session with a conformance case (default: .qparity/ledger.json)",
    )
    writing = commands.add_parser(
        "canaries",
        help="write broken models that every run must fail, and a sound one",
        epilog=CANARIES_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    writing.add_argument(
        "folder", nargs="?", type=Path, default=Path("cases/canaries"), help="where to (default: cases/canaries)"
    )
    add_json(writing)
    quantize.add_to(commands)
    diagnose.add_to(commands)
    doctor.add_to(commands)
    explain.add_to(commands)
    lint.add_to(commands)
    report.add_to(commands)
    rescue.add_to(commands)
    export.add_to(commands)
    baseline.add_to(commands)
    diff.add_to(commands)
    history.add_to(commands)
    return parser


class _Completion(argparse.Action):
    """Prints a shell's completions and ends, as --version does; shtab makes them of the parser."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        shell = str(values)
        if importlib.util.find_spec("shtab") is None:
            parser.error('got no package shtab, should be installed: pip install "pytest-qparity[completion]"')
        import shtab

        if shell not in shtab.SUPPORTED_SHELLS:
            parser.error(f"got shell {shell!r}, should be one of: {', '.join(shtab.SUPPORTED_SHELLS)}")
        print(shtab.complete(parser, shell))
        parser.exit()


def _with_pytest_config(work: Callable[[pytest.Config], int]) -> int:
    """Do a command's work in the place of a test run, where pytest is configured."""
    import pytest

    class Command:
        @pytest.hookimpl(tryfirst=True)
        def pytest_cmdline_main(self, config: pytest.Config) -> int:
            config._do_configure()
            try:
                return work(config)
            finally:
                config._ensure_unconfigure()

    return int(pytest.main([], plugins=[Command()]))


def _add_merge(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    merging = commands.add_parser(
        "merge",
        help="join the ledgers of shards of one plan",
        epilog=MERGE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    merging.add_argument("ledgers", nargs="+", type=Path, metavar="LEDGER", help="the ledger of each shard")
    merging.add_argument("--output", type=Path, required=True, metavar="FILE", help="where the whole ledger goes")
    merging.add_argument(
        "--allow-other-commits",
        action="store_true",
        help="also shards that are of several commits, or of changed files",
    )
    add_json(merging)


def merge_ledgers(paths: Sequence[Path], output: Path, *, allow_other_commits: bool = False) -> int:
    """Write the ledger of all shards to `output` and show it; nothing is written where they are not of one plan."""
    from pytest_qparity.durable import require_room, write_bytes
    from pytest_qparity.ledger import LedgerError, MergeError, merge, read_ledger
    from pytest_qparity.ledger.shards import of_changed_files, without_commit
    from pytest_qparity.report.standing import standing_of
    from pytest_qparity.report.terminal import summary

    resolved = [path.resolve() for path in paths]
    twice = next((path for path in paths if resolved.count(path.resolve()) > 1), None)
    if twice is not None:
        return usage(f"got {twice} twice, should be one ledger a shard")
    if output.resolve() in resolved:
        return usage(f"got {output} as output too, should be another file: it is one of the ledgers")
    try:
        require_room(output)
    except OSError as error:
        return usage(f"got {error.strerror or error} as output {output}, should be a regular file, or none yet")
    try:
        shards = {str(path): read_ledger(path) for path in paths}
        whole = merge(shards, allow_other_commits=allow_other_commits)
        write_bytes(output, whole.encode())
    except OSError as error:
        return usage(f"got {error.strerror or error} ({error.filename or output}), should be a ledger")
    except (LedgerError, MergeError) as error:
        return usage(str(error))
    if unknown := without_commit(shards):
        told = f"note: of which commit {', '.join(unknown)} is, git did not tell: nothing says that it is one for all"
        print(printable(told), file=sys.stderr)
    if changed := of_changed_files(shards):
        told = f"note: {', '.join(changed)} are of files changed on their commit: nothing says that they are the same"
        print(printable(told), file=sys.stderr)
    merged = read_ledger(output)
    print(summary(merged, width=shutil.get_terminal_size().columns, colour=False), end="")
    standing = standing_of(merged)
    print(f"ledger: {output}\n{standing.heading}: {printable(' '.join(standing.sentences))}")
    return 0 if merged.passes else 1


def conformance_page(path: Path, *, as_markdown: bool, page: Path | None = None, as_json: bool = False) -> int:
    """Print operators × types × backends, and what does not conform, or write them to `page` as HTML; exit status 1
    where the ledger holds no kernel."""
    from pytest_qparity.durable import require_room, write_bytes
    from pytest_qparity.ledger import LedgerError, read_ledger
    from pytest_qparity.report.conformance import conformance_markdown, is_of_kernels
    from pytest_qparity.report.conformance_text import conformance_text

    try:
        ledger = read_ledger(path)
    except OSError as error:
        return usage(f"got {error.strerror or error} ({error.filename or path}), should be a ledger")
    except LedgerError as error:
        return usage(str(error))
    kernels = [dict(event) for event in ledger.verdicts if is_of_kernels(event)]
    if as_json:
        print_json(kernels)
    if not kernels:
        print(f"qparity: got no kernel in {path}, should be the ledger of a conformance case", file=sys.stderr)
        return 1
    if as_json:
        return 0
    if page is not None:
        from pytest_qparity.report.conformance_html import conformance_html

        try:
            require_room(page)
            write_bytes(page, conformance_html(ledger).encode())
        except OSError as error:
            return usage(f"got {error.strerror or error} ({error.filename or page}), should be room to write")
        print(f"written to {page}")
    elif as_markdown:
        print(conformance_markdown(ledger), end="")
    else:
        print(
            conformance_text(ledger, width=shutil.get_terminal_size().columns, colour="NO_COLOR" not in os.environ),
            end="",
        )
    return 0


def canaries(options: argparse.Namespace) -> int:
    """Write this package's canaries into the folder that is named."""
    from pytest_qparity.canary_set import write_canaries

    try:
        written = write_canaries(options.folder)
    except OSError as error:
        return usage(f"got {error.strerror or 'a file already'} at {error.filename or error}, should be room to write")
    with stdout_for_json(options):
        for path in written:
            print(f"written    {path}")
        print(CANARIES_NEXT)
    if options.json:
        print_json({"written": [str(path) for path in written]})
    return 0


def _settings(config: pytest.Config) -> Settings:
    from pytest_qparity.session_settings import settings_of
    from pytest_qparity.stash import SELECTION

    # What a command looks for is a run that passes by itself, whatever was there before it.
    return replace(settings_of(config, config.stash[SELECTION]), baseline=None)


def _sections() -> Sequence[ReportSection]:
    """Those that plugins add; none, with pytest's reason on stderr, where the project here cannot be configured: the
    ledger may come from elsewhere, and its report is made all the same."""
    from pytest_qparity.stash import SELECTION

    found: list[ReportSection] = []

    def look(config: pytest.Config) -> int:
        found.extend(config.stash[SELECTION].sections)
        return 0

    if _with_pytest_config(look) != 0:
        print("qparity: pytest is not configured here (see above): sections of plugins are left out", file=sys.stderr)
    return found


def _known_backends(config: pytest.Config) -> Mapping[str, BackendSpec]:
    from pytest_qparity.stash import SELECTION

    return config.stash[SELECTION].known_backends


if __name__ == "__main__":
    sys.exit(main())
