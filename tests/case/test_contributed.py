from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pytest_qparity.case.contributed import NOTHING_CONTRIBUTED, Contributed, DataSource, NamedPrecision, contributed_by
from pytest_qparity.case.loading import Case, CaseError, load_case
from pytest_qparity.verdict import Code

ENTROPY = NamedPrecision("acme-int8", "int8", {"calibration": "entropy", "keep_float": ["op:Softmax"]})
MADE = NamedPrecision("acme-int4", "int4", maker="samples:quantize")
HUB = DataSource("acme-hub", "samples:make")
ACME = contributed_by([ENTROPY, MADE], [HUB])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("m.onnx", "t.npz", "qat.onnx"):
        (tmp_path / name).touch()
    (tmp_path / "samples.py").write_text("def make(name): ...\ndef quantize(model, output): ...\n")
    return tmp_path


def load(folder: Path, text: str, contributed: Contributed = ACME, *, test: str = "t.npz") -> Case:
    path = folder / "case.toml"
    path.write_text(f'model = "m.onnx"\ndata.test = "{test}"\n{text}')
    return load_case(path, contributed=contributed)


@pytest.mark.parametrize("name", ["acme-int8", "acme-int8-mixed"])
def test_a_precision_of_a_plugins_name_is_its_base_with_its_keys(folder: Path, name: str) -> None:
    spec = load(folder, f"[precisions.{name}]").spec.precisions[name]

    assert (spec.base, spec.calibration, spec.keep_float) == ("int8", "entropy", ("op:Softmax",))


def test_it_can_be_the_base_of_a_cases_own_name_and_what_the_case_states_stands(folder: Path) -> None:
    text = '[precisions.int8-ours]\nbase = "acme-int8"\nkeep_float = []\n[parity.int8]\nsqnr_db = 9.0'

    spec = load(folder, text).spec.precisions["int8-ours"]

    assert (spec.base, spec.calibration, spec.keep_float) == ("int8", "entropy", ())


def test_a_maker_comes_along(folder: Path) -> None:
    spec = load(folder, "[precisions.acme-int4]").spec.precisions["acme-int4"]

    assert (spec.base, spec.maker) == ("int4", "samples:quantize")


def test_of_a_given_file_the_base_alone_is_taken_over(folder: Path) -> None:
    spec = load(folder, '[precisions.acme-int8]\nfile = "qat.onnx"').spec.precisions["acme-int8"]

    assert (spec.base, spec.file, spec.calibration) == ("int8", "qat.onnx", None)


@pytest.mark.parametrize(
    ("stated", "called"),
    [
        ("acme-hub:digits", "samples:make:digits"),
        ("acme-hub:org/digits", "samples:make:org/digits"),
        ("acme-hub:", "samples:make"),
        ("samples:make", "samples:make"),
        ("t.npz", "t.npz"),
    ],
)
def test_data_of_a_plugins_source_call_its_function(folder: Path, stated: str, called: str) -> None:
    assert load(folder, "[precisions.int8]", test=stated).spec.data.test == called


def test_a_source_of_a_plugin_that_is_not_here_says_so(folder: Path) -> None:
    with pytest.raises(CaseError) as caught:
        load(folder, "[precisions.int8]", Contributed(), test="acme-hub:digits")

    (problem,) = caught.value.problems
    assert (problem.code, problem.line) == (Code.CASE_FUNCTION, 2)
    assert problem.remedy.startswith('install the plugin whose data source "acme-hub" is')


def test_keys_that_are_wrong_are_said_of_the_plugin_and_the_case_need_not_have_them(folder: Path) -> None:
    wrong = contributed_by([NamedPrecision("acme-int8", "int8", {"calibration": "entropi", "sqnr": 3})], [])

    with pytest.raises(CaseError) as caught:
        load(folder, "[precisions.acme-int8]", wrong)

    unknown, value = caught.value.problems
    begin = 'Of the precision "acme-int8", which a plugin adds: '
    assert unknown.sentence.startswith(f'{begin}unknown key "sqnr"')
    assert value.sentence.startswith(f'{begin}calibration: got "entropi", should be one of')
    assert value.remedy == 'correct the plugin: write "entropy"'
    assert unknown.line == value.line == 3


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda: NamedPrecision("Acme", "int8"), "got precision name 'Acme'"),
        (lambda: NamedPrecision("acme", "int8", {"file": "x.onnx"}), "got file in the recipe"),
        (lambda: NamedPrecision("acme", "int8", ["entropy"]), "that is no dict of keys"),  # type: ignore[arg-type]
        (lambda: NamedPrecision("acme", "int8", maker="quantize"), "got maker 'quantize'"),
        (lambda: NamedPrecision("acme", "int8", {"block": 32}, "a:b"), "got a recipe beside the maker"),
        (lambda: DataSource("hub", "a:b"), "got data source name 'hub'"),
        (lambda: DataSource("acme-hub", "a.b"), "got target 'a.b'"),
        (lambda: contributed_by([], [HUB, DataSource("acme-hub", "a:b")]), 'two data sources named "acme-hub"'),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_made(make, got: str) -> None:
    with pytest.raises(ValueError, match=got) as caught:
        make()

    assert ", should be " in str(caught.value)


@pytest.mark.parametrize("contributed", [NOTHING_CONTRIBUTED, ACME])
def test_what_plugins_name_goes_to_other_machines_as_it_is(contributed: Contributed) -> None:
    assert pickle.loads(pickle.dumps(contributed)) == contributed


@pytest.mark.parametrize(
    ("table", "code", "got"),
    [
        ('maker = "samples:quantise"', Code.CASE_FUNCTION, "samples:quantise"),
        ('maker = "samples:quantize"\ncalibration = "mse"', Code.CASE_VALUE, "beside maker, calibration would have no"),
        ('maker = "samples:quantize"\ncommand_version = ["x"]', Code.CASE_VALUE, "beside maker, command_version would"),
        ('maker = "samples:quantize"\ncommand = ["x"]', Code.CASE_VALUE, "beside command, maker would have no effect"),
    ],
)
def test_a_maker_is_looked_for_and_stands_alone(folder: Path, table: str, code: Code, got: str) -> None:
    with pytest.raises(CaseError) as caught:
        load(folder, f"[precisions.int8]\n{table}")

    (problem,) = caught.value.problems
    assert problem.code is code
    assert got in problem.sentence
