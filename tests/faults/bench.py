"""Where faults are brought about: a user's project in a folder of its own, and what may be left behind there."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_qparity import BackendSpec, gate, load_case
from pytest_qparity.case.loading import CaseError
from pytest_qparity.ledger import Ledger, read_ledger
from pytest_qparity.verdict import Outcome, Verdict
from pytest_qparity.worker.limits import Limits

ROOT = Path(__file__).parents[2]
PATIENT = Limits(load_s=30, first_run_s=30, run_s=30, calibration_s=30, memory_mb=500)
HURRIED = Limits(load_s=1.5, first_run_s=1, run_s=1, calibration_s=30, memory_mb=500)  # for what never ends


@dataclass(frozen=True)
class Session:
    """A session of pytest that has ended."""

    status: int
    output: str
    ledger: Ledger | None


def books_of(session: Session) -> str:
    """What a session's exit status and ledger say together."""
    ledger = session.ledger
    if ledger is None:
        return f"status {session.status}, no ledger"
    codes = {failure["code"] for verdict in ledger.verdicts for failure in verdict["failures"]}
    said = [f"status {session.status}", *sorted(codes)]
    if ledger.unjudged:
        said.append("unjudged")
    if ledger.deselected:
        said.append("not asked for")
    if ledger.flaky:
        said.append("flaky")
    if ledger.exit_status is None:
        said.append("no end")
    return ", ".join([*said, "passes" if ledger.passes else "does not pass"])


@dataclass
class Bench:
    root: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def case_file(self) -> Path:
        return self.root / "cases" / "mlp.toml"

    @property
    def golden(self) -> Path:
        return self.root / "golden" / "mlp"

    @property
    def cache(self) -> Path:
        return self.root / ".qparity" / "cache"

    @property
    def ledger(self) -> Path:
        return self.root / ".qparity" / "ledger.json"

    @property
    def float_model(self) -> Path:
        return self.root / "cases" / "models" / "mlp.onnx"

    def settings(self, limits: Limits = PATIENT, engine: str = "") -> gate.Settings:
        settings = gate.default_settings(self.root, latency_seconds=0.05)
        backends = dict(settings.backends)
        if engine:
            backends["stub"] = BackendSpec("stub", f"tests.faults.engines:{engine}")
        # Without canaries: each fault is to be seen by its own guard.
        return replace(settings, limits=limits, backends=backends, canaries=gate.Canaries())

    def verdict(
        self,
        check: str = "parity",
        *,
        engine: str = "",
        precision: str = "int8",
        limits: Limits = PATIENT,
    ) -> Verdict:
        """The verdict of one check of this project's case, on ONNX Runtime or on an engine that goes wrong."""
        case, settings = load_case(self.case_file), self.settings(limits, engine)
        backend = "stub" if engine else "ort"
        with (
            contextlib.closing(gate.CaseMaterial(case, settings, "cases/mlp.toml")) as material,
            contextlib.closing(gate.RunMaterial(material, backend, precision)) as run,
        ):
            return gate.judge(run, check)

    def outcome(
        self, check: str = "parity", *, engine: str = "", precision: str = "int8", limits: Limits = PATIENT
    ) -> str:
        """What that comes to in the plan: pass, or the code of the first failure."""
        try:
            verdict = self.verdict(check, engine=engine, precision=precision, limits=limits)
        except CaseError as error:
            return error.problems[0].code.code
        return "pass" if verdict.outcome is Outcome.PASS else verdict.failures[0].code.code

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Of a user who has this package and the stub engines on the path, and no session of pytest around them."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        kept.pop("CI", None)
        return {**kept, "PYTHONPATH": str(ROOT), **(more or {})}

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """`pytest` in this project, in a process that is killed at the end of the row if it is there still."""
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "--qparity-latency-seconds=0.05", *arguments],
            cwd=self.root,
            env=self.environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process

    def session(self, *arguments: str, environment: Mapping[str, str] | None = None, timeout_s: float = 100) -> Session:
        process = self.start(*arguments, environment=environment)
        output, _ = process.communicate(timeout=timeout_s)
        return self.ended(process, output)

    def ended(self, process: subprocess.Popen[str], output: str) -> Session:
        ledger = read_ledger(self.ledger) if self.ledger.is_file() else None
        return Session(process.wait(), output, ledger)

    def command(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`qparity` in this project."""
        return subprocess.run(
            [sys.executable, "-m", "pytest_qparity.cli", *arguments],
            cwd=self.root,
            env=self.environment(environment),
            capture_output=True,
            text=True,
            timeout=100,
        )

    def add_engine(self, name: str, engine: str) -> None:
        """Let sessions in this project know the engine as a backend."""
        (self.root / "conftest.py").write_text(
            "from pytest_qparity import BackendSpec\n\n"
            "def pytest_qparity_backends(config):\n"
            f'    return [BackendSpec("{name}", "tests.faults.engines:{engine}")]\n'
        )

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@contextlib.contextmanager
def copied(template: Path, root: Path) -> Iterator[Bench]:
    shutil.copytree(template, root, dirs_exist_ok=True)
    bench = Bench(root)
    try:
        yield bench
    finally:
        bench.end()
