"""What must never pass: each of these is a way in which a careless gate says yes."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from pytest_qparity import read_ledger
from tests.e2e.projects import CASE, accept_golden
from tests.models import mlp, save

pytest_plugins = ["pytester"]

FAST = "--qparity-latency-seconds=0.01"

BACKENDS = '''
import numpy as np
from pytest_qparity.backends.ort import OnnxRuntimeCpu
from pytest_qparity.backends.protocol import SessionFacts


class Spoiled:
    """ONNX Runtime on the CPU with one thing wrong."""

    def __init__(self, session):
        self._session = session

    def run(self, feed):
        return self.spoil(self._session.run(feed))

    def spoil(self, outputs):
        return outputs

    def facts(self):
        return self._session.facts()

    def close(self):
        self._session.close()


def engine(spoiled):
    class Engine:
        def unavailable(self):
            return None

        def load(self, model, options):
            return spoiled(OnnxRuntimeCpu().load(model, options))

    return Engine


class NotANumber(Spoiled):
    def spoil(self, outputs):
        array = outputs["logits"].copy()
        array[0, 0] = np.nan
        return {**outputs, "logits": array}


class TooFew(Spoiled):
    def spoil(self, outputs):
        return {"logits": outputs["logits"]}


class OtherType(Spoiled):
    def spoil(self, outputs):
        return {name: array.astype(np.float64) for name, array in outputs.items()}


class OtherOrder(Spoiled):
    def spoil(self, outputs):
        return dict(reversed(outputs.items()))


class OtherShape(Spoiled):
    def spoil(self, outputs):
        return {name: array[:, :-1] for name, array in outputs.items()}


class NoOutput(Spoiled):
    def spoil(self, outputs):
        return {}


class Strayed(Spoiled):
    def facts(self):
        import dataclasses

        facts = self._session.facts()
        return dataclasses.replace(facts, placement={**facts.placement, "SomewhereElse": 1})


class Unplaced(Spoiled):
    def facts(self):
        import dataclasses

        return dataclasses.replace(self._session.facts(), placement={})


class RaisesLater(Spoiled):
    runs = 0

    def spoil(self, outputs):
        self.runs += 1
        if self.runs > 6:
            raise RuntimeError("out of workspace")
        return outputs


class NegativeFacts(Spoiled):
    def facts(self):
        import dataclasses

        return dataclasses.replace(self._session.facts(), placement={"CPUExecutionProvider": -3})


class NoFacts(Spoiled):
    def facts(self):
        return {"engine": "ort"}


class FactsThatRaise(Spoiled):
    def facts(self):
        raise RuntimeError("no facts")


class FloatWithNoise:
    """Loads the float model whatever it is given, and adds a little noise to what it gives."""

    def unavailable(self):
        return None

    def load(self, model, options):
        from pathlib import Path

        class Noisy(Spoiled):
            def spoil(self, outputs):
                return {name: array * np.float32(1.000001) for name, array in outputs.items()}

        return Noisy(OnnxRuntimeCpu().load(Path("cases/models/mlp.onnx").absolute(), options))


class FloatInDisguise:
    """Loads the float model whatever it is given."""

    def unavailable(self):
        return None

    def load(self, model, options):
        from pathlib import Path

        return OnnxRuntimeCpu().load(Path("cases/models/mlp.onnx").absolute(), options)


class Missing:
    def unavailable(self):
        from pytest_qparity.backends.protocol import Unavailable

        return Unavailable("its library libmissing.so was not found", "install libmissing")

    def load(self, model, options):
        raise AssertionError("loaded although it is not available")


NotANumberEngine = engine(NotANumber)
TooFewEngine = engine(TooFew)
OtherTypeEngine = engine(OtherType)
OtherOrderEngine = engine(OtherOrder)
OtherShapeEngine = engine(OtherShape)
NoOutputEngine = engine(NoOutput)
StrayedEngine = engine(Strayed)
UnplacedEngine = engine(Unplaced)
RaisesLaterEngine = engine(RaisesLater)
NegativeFactsEngine = engine(NegativeFacts)
NoFactsEngine = engine(NoFacts)
FactsThatRaiseEngine = engine(FactsThatRaise)
'''

CONFTEST = """
from pytest_qparity import BackendSpec


def pytest_qparity_backends(config):
    engines = {
        "not-a-number": "NotANumberEngine",
        "too-few": "TooFewEngine",
        "other-type": "OtherTypeEngine",
        "other-order": "OtherOrderEngine",
        "other-shape": "OtherShapeEngine",
        "no-output": "NoOutputEngine",
        "strayed": "StrayedEngine",
        "unplaced": "UnplacedEngine",
        "float-in-disguise": "FloatInDisguise",
        "missing": "Missing",
        "negative-facts": "NegativeFactsEngine",
        "raises-later": "RaisesLaterEngine",
        "no-facts": "NoFactsEngine",
        "facts-that-raise": "FactsThatRaiseEngine",
        "float-with-noise": "FloatWithNoise",
    }
    return [BackendSpec(name, f"spoiled_engines:{engine}", placement="ort") for name, engine in engines.items()]
"""


@pytest.fixture
def spoiled_engines(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The project with two outputs in its model and backends that are wrong in one way each."""
    model = mlp()
    model.graph.output.append(helper.make_tensor_value_info("active", onnx.TensorProto.FLOAT, ["N", 32]))
    save(model, project.path / "cases" / "models" / "mlp.onnx")
    accept_golden(project.path / "cases" / "mlp.toml")
    project.makepyfile(spoiled_engines=BACKENDS)
    project.makeconftest(CONFTEST)
    monkeypatch.setenv("PYTHONPATH", str(project.path), prepend=":")
    project.syspathinsert()
    return project


def codes(project: pytest.Pytester, check: str | None = None) -> set[str]:
    """The failure codes in the ledger, of one check where it is named."""
    ledger = read_ledger(project.path / ".qparity" / "ledger.json")
    return {
        failure["code"]
        for event in ledger.verdicts
        if check is None or event["check"] == check
        for failure in event["failures"]
    }


def refused(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run the gate, which must not pass."""
    result = project.runpytest(FAST, *arguments)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert not read_ledger(project.path / ".qparity" / "ledger.json").passes
    assert "Traceback" not in result.stdout.str()
    return result


class TestGolden:
    def test_missing(self, project: pytest.Pytester) -> None:
        shutil.rmtree(project.path / "golden")

        result = refused(project)

        assert codes(project, "parity") == codes(project, "accuracy") == {"QP-GOLDEN-001"}
        result.stdout.fnmatch_lines(["Try:*qparity accept cases/mlp.toml --missing*"])

    def test_truncated(self, project: pytest.Pytester) -> None:
        [array] = (project.path / "golden" / "mlp").glob("*.npy")
        array.write_bytes(array.read_bytes()[:-1])

        refused(project)

        assert codes(project, "parity") == {"QP-GOLDEN-003"}

    def test_one_bit_flipped(self, project: pytest.Pytester) -> None:
        [array] = (project.path / "golden" / "mlp").glob("*.npy")
        content = bytearray(array.read_bytes())
        content[-1] ^= 1
        array.write_bytes(content)

        refused(project)

        assert codes(project, "parity") == {"QP-GOLDEN-003"}

    def test_of_another_model(self, project: pytest.Pytester) -> None:
        save(mlp(seed=7), project.path / "cases" / "models" / "mlp.onnx")

        result = refused(project)

        assert codes(project, "parity") == {"QP-GOLDEN-002"}
        result.stdout.fnmatch_lines(["*model*"])

    def test_of_other_test_data(self, project: pytest.Pytester) -> None:
        data = dict(np.load(project.path / "cases" / "data" / "test.npz"))
        data["input"][0, 0] += 1
        np.savez(project.path / "cases" / "data" / "test.npz", **data)

        refused(project)

        assert codes(project, "parity") == {"QP-GOLDEN-002"}

    def test_made_with_another_batch(self, project: pytest.Pytester) -> None:
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(CASE.replace("batch = 40", "batch = 60"))

        refused(project)

        assert codes(project, "parity") == {"QP-GOLDEN-002"}

    def test_a_plain_run_writes_nothing_into_golden(self, project: pytest.Pytester) -> None:
        shutil.rmtree(project.path / "golden")

        refused(project)

        assert not (project.path / "golden").exists()


class TestData:
    def test_zero_samples(self, project: pytest.Pytester) -> None:
        np.savez(
            project.path / "cases" / "data" / "test.npz",
            input=np.empty((0, 16), np.float32),
            labels=np.empty(0, np.int64),
        )

        refused(project)

        assert "QP-DATA-004" in codes(project)

    def test_a_calibration_set_that_is_empty(self, project: pytest.Pytester) -> None:
        np.savez(project.path / "cases" / "data" / "calibration.npz", input=np.empty((0, 16), np.float32))

        refused(project)

        assert codes(project) == {"QP-DATA-004"}

    def test_a_calibration_set_of_zeros(self, project: pytest.Pytester) -> None:
        np.savez(project.path / "cases" / "data" / "calibration.npz", input=np.zeros((64, 16), np.float32))

        refused(project)

        assert codes(project) == {"QP-CAL-002"}

    def test_no_calibration_set(self, project: pytest.Pytester) -> None:
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(CASE.replace('calibration = "data/calibration.npz"', ""))

        refused(project)

        assert codes(project) == {"QP-CAL-001"}

    def test_labels_of_other_samples(self, project: pytest.Pytester) -> None:
        data = dict(np.load(project.path / "cases" / "data" / "test.npz"))
        np.savez(project.path / "cases" / "data" / "test.npz", input=data["input"], labels=data["labels"][:-1])

        refused(project)

        assert "QP-DATA-005" in codes(project)


class TestEngine:
    @pytest.mark.parametrize(
        ("backend", "check", "code"),
        [
            ("not-a-number", "parity", "QP-PAR-006"),
            ("too-few", "parity", "QP-PAR-001"),
            ("other-type", "parity", "QP-PAR-004"),
            ("other-order", "parity", "QP-PAR-001"),
            ("other-shape", "parity", "QP-PAR-005"),
            ("no-output", "parity", "QP-BACKEND-004"),
            ("strayed", "preflight", "QP-PRE-002"),
            ("unplaced", "preflight", "QP-PRE-002"),
            ("float-in-disguise", "preflight", "QP-PRE-003"),
            ("raises-later", "latency", "QP-BACKEND-003"),
            ("missing", "preflight", "QP-BACKEND-001"),
            ("missing", "parity", "QP-BACKEND-001"),
            ("missing", "accuracy", "QP-BACKEND-001"),
            ("missing", "latency", "QP-BACKEND-001"),
            ("missing", "memory", "QP-BACKEND-001"),
        ],
    )
    def test_that_does_wrong_is_named(
        self, spoiled_engines: pytest.Pytester, backend: str, check: str, code: str
    ) -> None:
        refused(spoiled_engines, f"--backend={backend}", "--precision=int8", "-m", check)

        assert code in codes(spoiled_engines, check)

    def test_that_is_absent_is_cannot_judge_and_the_others_are_judged(self, project: pytest.Pytester) -> None:
        result = refused(project, "--backend=trt,ort")

        outcomes = {
            (event["backend"], event["outcome"])
            for event in read_ledger(project.path / ".qparity" / "ledger.json").verdicts
        }
        assert outcomes == {("trt", "cannot-judge"), ("ort", "pass")}
        assert result.stdout.str().count('Backend "trt" does not work here') <= 31

    def test_that_is_absent_may_be_waived(self, project: pytest.Pytester) -> None:
        waive(project, run="trt-*", expires=datetime.date.max)

        result = project.runpytest("--backend=trt,ort", FAST)

        assert result.ret == 0
        result.assert_outcomes(passed=15, xfailed=15)
        result.stdout.fnmatch_lines(["waived: mlp trt-fp32, trt-fp16, trt-int8 (15 checks; QP-BACKEND-001):*"])


class TestVariant:
    def test_an_int8_file_without_quantization(self, project: pytest.Pytester) -> None:
        give(project, "int8-shipped", mlp())

        refused(project, "--precision=int8-shipped", "-m", "preflight")

        assert codes(project) == {"QP-PRE-001", "QP-PRE-003"}

    def test_a_file_with_other_inputs(self, project: pytest.Pytester) -> None:
        model = mlp()
        model.graph.input[0].name = model.graph.node[0].input[0] = "renamed"
        give(project, "int8-shipped", model)

        refused(project, "--precision=int8-shipped", "-m", "preflight")

        assert codes(project) == {"QP-VARIANT-003"}

    def test_a_file_that_is_cut(self, project: pytest.Pytester) -> None:
        give(project, "int8-shipped", mlp())
        shipped = project.path / "cases" / "models" / "shipped.onnx"
        shipped.write_bytes(shipped.read_bytes()[:200])

        refused(project, "--precision=int8-shipped")

        assert codes(project) == {"QP-MODEL-001"}

    def test_a_keep_float_pattern_that_matches_nothing(self, project: pytest.Pytester) -> None:
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(CASE.replace("[precisions.int8]", '[precisions.int8]\nkeep_float = ["frist"]'))

        result = refused(project, "--precision=int8")

        assert codes(project) == {"QP-VARIANT-002"}
        result.stdout.fnmatch_lines(["*first*"])


class TestWaiver:
    def test_that_matches_nothing(self, project: pytest.Pytester) -> None:
        waive(project, run="trt-int4", expires=datetime.date.max)

        result = project.runpytest(FAST)

        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["QP-CASE-005*cases/mlp.toml:*"])

    def test_that_has_expired(self, project: pytest.Pytester) -> None:
        waive(project, run="trt-*", expires=datetime.date(2020, 1, 1))

        result = refused(project, "--backend=trt,ort")

        result.stdout.fnmatch_lines(["Note:*expired on 2020-01-01*"])

    def test_under_runxfail_is_no_pass(self, project: pytest.Pytester) -> None:
        waive(project, run="trt-*", expires=datetime.date.max)

        result = project.runpytest("--backend=trt", "--runxfail", FAST)

        assert result.ret == pytest.ExitCode.TESTS_FAILED

    def test_for_one_check_leaves_the_others_alone(self, project: pytest.Pytester) -> None:
        waive(project, run="trt-*", expires=datetime.date.max, more='checks = ["parity"]')

        refused(project, "--backend=trt", "--precision=int8")

        outcomes = {
            event["check"]: event["outcome"]
            for event in read_ledger(project.path / ".qparity" / "ledger.json").verdicts
        }
        assert outcomes.pop("parity") == "waived"
        assert set(outcomes.values()) == {"cannot-judge"}


class TestBooks:
    def test_a_check_that_another_plugin_skips_has_no_verdict_and_fails(self, project: pytest.Pytester) -> None:
        result = project.runpytest("--benchmark-skip", FAST)

        assert result.ret == pytest.ExitCode.TESTS_FAILED
        ledger = read_ledger(project.path / ".qparity" / "ledger.json")
        assert len(ledger.unjudged) == 3
        assert not ledger.passes

    def test_a_check_whose_item_was_not_run_has_no_verdict_and_fails(self, project: pytest.Pytester) -> None:
        project.makeconftest(
            """
            import pytest

            @pytest.hookimpl(tryfirst=True)
            def pytest_pyfunc_call(pyfuncitem):
                return True
            """
        )

        result = project.runpytest(FAST)

        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["15 planned checks have no verdict*"])

    def test_a_failing_check_that_another_plugin_turns_green_fails(self, project: pytest.Pytester) -> None:
        shutil.rmtree(project.path / "golden")
        project.makeconftest(
            """
            import pytest

            @pytest.hookimpl(wrapper=True, tryfirst=True)
            def pytest_runtest_makereport(item, call):
                report = yield
                report.outcome = "passed"
                return report
            """
        )

        result = project.runpytest(FAST)

        assert result.ret == pytest.ExitCode.TESTS_FAILED


def waive(project: pytest.Pytester, *, run: str, expires: datetime.date, more: str = "") -> None:
    case_file = project.path / "cases" / "mlp.toml"
    case_file.write_text(f'{CASE}\n[[waivers]]\nrun = "{run}"\nreason = "known"\nexpires = {expires}\n{more}\n')


def give(project: pytest.Pytester, precision: str, model: onnx.ModelProto) -> None:
    """Let the case have a given file as one of its precisions."""
    save(model, project.path / "cases" / "models" / "shipped.onnx")
    case_file = project.path / "cases" / "mlp.toml"
    case_file.write_text(f'{CASE}\n[precisions.{precision}]\nfile = "models/shipped.onnx"\n')


def test_the_ledger_of_a_killed_run_is_readable(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        import os, signal, pytest

        @pytest.hookimpl(trylast=True)
        def pytest_runtest_logreport(report):
            if report.when == "call" and "int8::parity" in report.nodeid:
                os.kill(os.getpid(), signal.SIGKILL)
        """
    )

    project.runpytest_subprocess(FAST)

    path = Path(project.path / ".qparity" / "ledger.json")
    assert json.loads(path.read_text())["format"] == 1
    ledger = read_ledger(path)
    assert len(ledger.planned) == 15
    assert len(ledger.verdicts) == 12
    assert not ledger.passes


class TestWhatWaiversCover:
    def test_a_waiver_for_every_backend_says_nothing_of_one_that_is_absent(self, project: pytest.Pytester) -> None:
        waive(project, run="*-int8", expires=datetime.date.max)

        refused(project, "--backend=trt", "--precision=int8")

    @pytest.mark.parametrize("damage", ["missing", "flipped"])
    def test_a_golden_that_cannot_be_trusted_is_never_waived(self, project: pytest.Pytester, damage: str) -> None:
        waive(project, run="ort-*", expires=datetime.date.max)
        [array] = (project.path / "golden" / "mlp").glob("*.npy")
        if damage == "missing":
            shutil.rmtree(project.path / "golden")
        else:
            array.write_bytes(array.read_bytes()[:-1] + b"\x07")

        refused(project)

    def test_codes_are_the_only_ones_a_waiver_covers(self, project: pytest.Pytester) -> None:
        waive(project, run="ort-int8", expires=datetime.date.max, more='codes = ["QP-PAR-003"]')
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(case_file.read_text() + "\n[parity.int8]\nsqnr_db = 90.0\n")

        refused(project, "--precision=int8", "-m", "parity")

        case_file.write_text(case_file.read_text().replace("QP-PAR-003", "QP-PAR-002"))
        project.runpytest(FAST, "--precision=int8", "-m", "parity").assert_outcomes(xfailed=1)


class TestLies:
    """Variants and engines that are the float model in disguise, and facts that cannot be."""

    def test_a_float_model_named_int8_by_its_base(self, project: pytest.Pytester) -> None:
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(CASE.replace("[precisions.int8]", '[precisions.int8]\nbase = "fp32"'))

        result = project.runpytest(FAST)

        assert result.ret != 0
        result.stdout.fnmatch_lines(["QP-CASE-003*cases/mlp.toml:*"])

    @pytest.mark.parametrize("precision", ["int8", "fp16"])
    def test_a_float_model_with_nodes_that_lead_nowhere(self, project: pytest.Pytester, precision: str) -> None:
        model = mlp()
        scale = onnx.numpy_helper.from_array(np.float32(0.1), "scale")
        zero = onnx.numpy_helper.from_array(np.uint8(0), "zero")
        model.graph.initializer.extend([scale, zero])
        if precision == "int8":
            model.graph.node.append(helper.make_node("QuantizeLinear", ["input", "scale", "zero"], ["dead"]))
            model.graph.node.append(helper.make_node("DequantizeLinear", ["dead", "scale", "zero"], ["deader"]))
        else:
            model.graph.node.append(helper.make_node("Cast", ["input"], ["dead"], to=onnx.TensorProto.FLOAT16))
        weights = next(tensor for tensor in model.graph.initializer if tensor.name == "w1")
        weights.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weights) * np.float32(1.00001), "w1"))
        give(project, f"{precision}-shipped", model)

        refused(project, f"--precision={precision}-shipped")

        assert "QP-PRE-001" in codes(project, "preflight")

    def test_an_int8_run_that_is_as_near_to_fp32_as_int8_cannot_be(self, spoiled_engines: pytest.Pytester) -> None:
        refused(spoiled_engines, "--backend=float-with-noise", "--precision=int8", "-m", "parity")

        assert codes(spoiled_engines) == {"QP-PAR-009"}

    @pytest.mark.parametrize("backend", ["negative-facts", "no-facts", "facts-that-raise"])
    def test_facts_that_prove_nothing(self, spoiled_engines: pytest.Pytester, backend: str) -> None:
        refused(spoiled_engines, f"--backend={backend}", "--precision=int8", "-m", "preflight")

        assert codes(spoiled_engines) == {"QP-BACKEND-005"}

    def test_a_metric_without_a_direction(self, project: pytest.Pytester) -> None:
        (project.path / "cases" / "errors.py").write_text(
            "import numpy as np\n\ndef scores(outputs, labels):\n    return np.ones(len(labels))\n"
        )
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(CASE.replace("margin = 5.0", 'metric = "errors:scores"'))

        refused(project, "-m", "accuracy")

        assert codes(project) == {"QP-ACC-005"}

    def test_a_metric_of_too_few_samples(self, project: pytest.Pytester) -> None:
        project.makepyfile(fewer="import numpy as np\n\ndef scores(outputs, labels):\n    return np.ones(3)\n")
        project.makeconftest(
            """
            from pytest_qparity import Metric

            def pytest_qparity_metrics(config):
                return [Metric("fewer", "fewer:scores", direction="higher")]
            """
        )
        project.syspathinsert()
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(CASE.replace("margin = 5.0", 'metric = "fewer"'))

        refused(project, "-m", "accuracy")

        assert codes(project) == {"QP-ACC-002"}


class TestSessions:
    def test_case_files_that_testpaths_leave_out_are_not_passed_over(self, project: pytest.Pytester) -> None:
        (project.path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
        (project.path / "tests").mkdir()
        (project.path / "tests" / "test_it.py").write_text("def test_it(): pass\n")

        result = project.runpytest()

        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["Got 1 case files that were not collected*"])

    def test_tests_that_were_named_may_pass_without_the_cases(self, project: pytest.Pytester) -> None:
        project.makepyfile("def test_it(): pass")

        assert project.runpytest("test_tests_that_were_named_may_pass_without_the_cases.py").ret == 0
        assert project.runpytest("-k", "test_it").ret == 0

    @pytest.mark.parametrize("arguments", [["-k", "nosuch"], ["-n", "2", "-k", "nosuch"]], ids=["alone", "xdist"])
    def test_a_session_that_judged_nothing_leaves_no_ledger_that_passes(
        self, project: pytest.Pytester, arguments: list[str]
    ) -> None:
        assert project.runpytest_subprocess(FAST).ret == 0

        assert project.runpytest_subprocess(*arguments).ret != 0
        assert not read_ledger(project.path / ".qparity" / "ledger.json").passes

    def test_a_bad_case_file_is_in_the_ledger(self, project: pytest.Pytester) -> None:
        (project.path / "cases" / "bad.toml").write_text("model = 1")

        project.runpytest(FAST)

        assert list(read_ledger(project.path / ".qparity" / "ledger.json").case_errors) == ["cases/bad.toml"]

    @pytest.mark.parametrize("ledger", ["cases", "/proc/nowhere/ledger.json"])
    def test_a_ledger_that_cannot_be_written_is_one_error(self, project: pytest.Pytester, ledger: str) -> None:
        result = project.runpytest(f"--qparity-ledger={ledger}")

        assert result.ret == pytest.ExitCode.USAGE_ERROR
        text = result.stdout.str() + result.stderr.str()
        assert "--qparity-ledger" in text
        assert "INTERNALERROR" not in text

    def test_plugins_that_ask_for_the_module_of_a_test_get_one(self, project: pytest.Pytester) -> None:
        """As pytest-randomly does."""
        project.makeconftest(
            """
            def pytest_collection_modifyitems(items):
                print("MODULES", {item.module.__name__ for item in items})
            """
        )

        result = project.runpytest("-s", FAST)

        assert result.ret == 0
        assert "MODULES {'mlp'}" in result.stdout.str()

    def test_a_warning_is_no_error_of_ours(self, project: pytest.Pytester) -> None:
        shutil.rmtree(project.path / "golden")
        shutil.rmtree(project.path / "cases" / "data")

        result = project.runpytest("-W", "error", "-m", "latency", FAST)

        assert "PytestBenchmarkWarning" not in result.stdout.str()
