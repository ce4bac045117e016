"""Case files read below the roots given and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_qparity.case.loading import Case, CaseError, load_case
from pytest_qparity.verdict import Code

CASE = 'model = "m.onnx"\n[data]\ntest = "t.npz"\ncalibration = "parts"\n[precisions.int8]\nfile = "qat.onnx"\n'
REMEDY = "copy it there, or name its folder in the ini qparity_roots (--qparity-roots)"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the project with files that are none of the project's."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.npz").touch()
    return folder


@pytest.fixture
def root(tmp_path: Path, outside: Path) -> Path:
    """A project with what CASE names."""
    cases = tmp_path / "project" / "cases"
    (cases / "parts").mkdir(parents=True)
    for name in ("m.onnx", "t.npz", "qat.onnx", "parts/1.npz"):
        (cases / name).touch()
    (cases / "link.npz").symlink_to(outside / "secret.npz")
    (cases / "way").symlink_to("../../outside")
    return tmp_path / "project"


def load(root: Path, text: str, *more_roots: Path) -> Case:
    path = root / "cases" / "case.toml"
    path.write_text(text)
    return load_case(path, (root, *more_roots))


def error_of(root: Path, text: str, *more_roots: Path) -> CaseError:
    with pytest.raises(CaseError) as caught:
        load(root, text, *more_roots)
    return caught.value


def test_a_case_whose_files_are_below_the_root_is_loaded(root: Path) -> None:
    (root / "shared").mkdir()
    (root / "shared" / "t.npz").touch()
    (root / "cases" / "inside.npz").symlink_to(root / "shared" / "t.npz")

    for source in ("t.npz", "../shared/t.npz", "inside.npz", str(root / "shared" / "t.npz"), ".."):
        assert load(root, CASE.replace("t.npz", source)).spec.data.test == source


def test_a_root_that_is_itself_a_link_is_the_folder_it_leads_to(root: Path) -> None:
    linked = root.parent / "linked"
    linked.symlink_to(root)
    load(root, CASE)

    assert load_case(root / "cases" / "case.toml", [linked]).name == "case"
    assert load_case(linked / "cases" / "case.toml", [root]).name == "case"


@pytest.mark.parametrize(
    "source", ["{outside}/secret.npz", "../../outside/secret.npz", "link.npz", "way/secret.npz", "../../outside", "way"]
)
@pytest.mark.parametrize(
    ("named", "line", "key"),
    [
        ("m.onnx", 1, "model"),
        ("t.npz", 3, "test in [data]"),
        ("parts", 4, "calibration in [data]"),
        ("qat.onnx", 6, "file in [precisions.int8]"),
    ],
)
def test_a_path_that_leads_outside_is_refused_however_it_gets_there(
    root: Path, outside: Path, source: str, named: str, line: int, key: str
) -> None:
    source = source.format(outside=outside)
    target = outside / "secret.npz" if source.endswith(".npz") else outside

    error = error_of(root, CASE.replace(named, source))

    problem = error.problems[0]
    assert len(error.problems) == 1
    assert (problem.code, problem.line) == (Code.CASE_OUTSIDE, line)
    assert problem.sentence.startswith(f"{key}: got ")
    assert problem.sentence.endswith(f", which leads to {target}, should be below {root}.")
    assert problem.remedy == REMEDY


@pytest.mark.parametrize("source", ["/etc/hostname", "../../outside/secret.npz"])
def test_a_file_of_ranges_outside_is_refused_and_nothing_of_it_is_shown(root: Path, source: str) -> None:
    error = error_of(root, CASE.replace('file = "qat.onnx"', f'ranges = "{source}"'))

    assert [(problem.code, problem.line) for problem in error.problems] == [(Code.CASE_OUTSIDE, 6)]


def test_what_is_outside_is_reported_with_all_else_that_is_wrong(root: Path) -> None:
    error = error_of(root, CASE.replace("m.onnx", "n.onnx").replace("t.npz", "link.npz") + "bas = 1\n")

    assert [(problem.code, problem.line) for problem in error.problems] == [
        (Code.CASE_MISSING_FILE, 1),
        (Code.CASE_OUTSIDE, 3),
        (Code.CASE_UNKNOWN_KEY, 7),
    ]


def test_whether_a_file_outside_exists_is_not_told(root: Path, outside: Path) -> None:
    (root / "cases" / "dangling.npz").symlink_to(outside / "none.npz")

    for source in ("../../outside/none.npz", "dangling.npz"):
        assert error_of(root, CASE.replace("t.npz", source)).problems[0].code is Code.CASE_OUTSIDE


def test_a_link_to_outside_in_a_folder_of_data_is_refused(root: Path, outside: Path) -> None:
    (root / "cases" / "parts" / "2.npz").symlink_to(outside / "secret.npz")
    (root / "cases" / "parts" / "notes.txt").symlink_to(outside / "secret.npz")

    (problem,) = error_of(root, CASE).problems

    assert (problem.code, problem.line) == (Code.CASE_OUTSIDE, 4)
    assert problem.sentence.startswith('calibration in [data]: got "parts/2.npz", which leads to ')


@pytest.mark.parametrize(
    "table",
    ['classes = "../../outside/o.npz"', '[data.text]\ntokenizer = "../../outside/o.npz"\nmax_length = 4'],
    ids=["classes", "tokenizer"],
)
def test_files_of_classes_and_tokenizers_are_held_to_the_roots_too(root: Path, table: str) -> None:
    [problem] = error_of(root, CASE.replace("[precisions", f"{table}\n[precisions", 1)).problems

    assert problem.code is Code.CASE_OUTSIDE


def test_a_folder_whose_name_begins_as_the_root_is_outside(root: Path) -> None:
    (root.parent / "project-2").mkdir()
    (root.parent / "project-2" / "t.npz").touch()

    assert error_of(root, CASE.replace("t.npz", "../../project-2/t.npz")).problems[0].code is Code.CASE_OUTSIDE


def test_a_case_file_that_leads_outside_is_refused_and_no_line_of_it_shown(root: Path, outside: Path) -> None:
    (outside / "passwords").write_text("root:x:0\n")
    path = root / "cases" / "case.toml"
    path.symlink_to(outside / "passwords")

    with pytest.raises(CaseError) as caught:
        load_case(path, [root])

    assert str(caught.value) == (
        f"QP-CASE-008  {path}\nGot a case file that leads to {outside / 'passwords'}, should be below {root}.\n"
        f"Try: {REMEDY}"
    )


def test_a_hard_link_is_the_file_itself_and_is_read(root: Path, outside: Path) -> None:
    (root / "cases" / "hard.npz").hardlink_to(outside / "secret.npz")

    assert load(root, CASE.replace("t.npz", "hard.npz")).spec.data.test == "hard.npz"


def test_another_root_lets_case_files_read_from_it_too(root: Path, outside: Path) -> None:
    assert load(root, CASE.replace("t.npz", "link.npz"), outside).spec.data.test == "link.npz"

    (problem,) = error_of(root, CASE.replace("t.npz", "../.."), outside).problems
    assert problem.sentence.endswith(f", should be below {root} or {outside}.")


def test_functions_are_code_and_not_held_to_the_roots(root: Path) -> None:
    assert load(root, CASE.replace("t.npz", "json:dumps")).spec.data.test == "json:dumps"


def test_without_roots_a_path_may_lead_anywhere(root: Path) -> None:
    (root / "cases" / "case.toml").write_text(CASE.replace("t.npz", "link.npz"))

    assert load_case(root / "cases" / "case.toml").spec.data.test == "link.npz"


@pytest.mark.parametrize("leads_to", ["gone.npz", "dead.npz", "other.npz"], ids=["dangling", "itself", "in a circle"])
def test_a_link_that_leads_nowhere_is_named_as_one_and_its_own_name_is_no_remedy(root: Path, leads_to: str) -> None:
    (root / "cases" / "dead.npz").symlink_to(leads_to)
    (root / "cases" / "other.npz").symlink_to("dead.npz")

    (problem,) = error_of(root, CASE.replace("t.npz", "dead.npz")).problems

    assert problem.code is Code.CASE_MISSING_FILE
    assert problem.sentence == (
        f'test in [data]: got "dead.npz", a link to "{leads_to}" that leads nowhere, '
        "should be a file, a folder or module:function."
    )
    assert problem.remedy == 'make what it leads to, or put the file itself at "dead.npz"'
