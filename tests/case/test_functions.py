from __future__ import annotations

import os
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from pytest_qparity.case.functions import call_function, find_function, is_function
from pytest_qparity.verdict import CannotJudge, Code

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, source: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(source))
    return path


def refusal(name: str, folder: Path) -> tuple[Code, str, str]:
    with pytest.raises(CannotJudge) as caught:
        call_function(name, folder, Code.DATA_UNREADABLE)
    failure = caught.value.failure
    return failure.code, failure.sentence, failure.remedy


@pytest.mark.parametrize(
    ("source", "answer"),
    [("m:f", True), ("a.b:f", True), ("data/x.npz", False), ("x.npz", False), ("./a:b", False), ("https://a/b", False)],
)
def test_a_colon_without_a_slash_is_a_function(source: str, answer: bool) -> None:
    assert is_function(source) is answer


def test_a_function_beside_the_case_file_is_called(tmp_path: Path) -> None:
    write(tmp_path / "samples.py", "def make():\n    return 7\n")

    assert call_function("samples:make", tmp_path, Code.DATA_UNREADABLE) == 7


def test_a_module_beside_the_case_file_wins_over_an_installed_one(tmp_path: Path) -> None:
    write(tmp_path / "json.py", "def loads():\n    return 'beside'\n")

    assert call_function("json:loads", tmp_path, Code.DATA_UNREADABLE) == "beside"


def test_dots_are_subfolders_and_modules_there_import_their_siblings(tmp_path: Path) -> None:
    write(tmp_path / "parts" / "numbers.py", "SEVEN = 7\n")
    write(tmp_path / "parts" / "samples.py", "from .numbers import SEVEN\n\ndef make():\n    return SEVEN\n")

    assert call_function("parts.samples:make", tmp_path, Code.DATA_UNREADABLE) == 7


def test_a_package_beside_the_case_file_is_a_module(tmp_path: Path) -> None:
    write(tmp_path / "parts" / "__init__.py", "from .numbers import seven\n")
    write(tmp_path / "parts" / "numbers.py", "def seven():\n    return 7\n")

    assert call_function("parts:seven", tmp_path, Code.DATA_UNREADABLE) == 7


def test_an_installed_function_is_called(tmp_path: Path) -> None:
    assert call_function("platform:python_version", tmp_path, Code.DATA_UNREADABLE)


def test_the_same_name_beside_two_case_files_is_two_functions(tmp_path: Path) -> None:
    for answer in (1, 2):
        write(tmp_path / str(answer) / "samples.py", f"def make():\n    return {answer}\n")

    assert call_function("samples:make", tmp_path / "1", Code.DATA_UNREADABLE) == 1
    assert call_function("samples:make", tmp_path / "2", Code.DATA_UNREADABLE) == 2


def test_a_module_runs_once_and_again_when_its_source_has_changed(tmp_path: Path) -> None:
    source = "import itertools\nCOUNT = itertools.count({})\ndef make():\n    return next(COUNT)\n"
    path = write(tmp_path / "samples.py", source.format(1))
    times = path.stat().st_atime, path.stat().st_mtime

    assert [call_function("samples:make", tmp_path, Code.DATA_UNREADABLE) for _ in range(2)] == [1, 2]

    path.write_text(source.format(5))  # of the same size and time: what a bytecode cache would not notice
    os.utime(path, times)
    assert call_function("samples:make", tmp_path, Code.DATA_UNREADABLE) == 5


def test_a_call_leaves_the_search_path_and_the_folder_as_they_were(tmp_path: Path) -> None:
    write(tmp_path / "samples.py", "def make():\n    return 7\n")
    before = list(sys.path)

    call_function("samples:make", tmp_path, Code.DATA_UNREADABLE)

    assert sys.path == before
    assert [path.name for path in tmp_path.iterdir()] == ["samples.py"]
    assert "samples" not in sys.modules


def test_a_dataclass_in_a_module_beside_the_case_file_works(tmp_path: Path) -> None:
    write(
        tmp_path / "samples.py",
        """\
        from __future__ import annotations
        from dataclasses import dataclass

        @dataclass
        class Seven:
            value: int = 7

        def make():
            return Seven().value
        """,
    )

    assert call_function("samples:make", tmp_path, Code.DATA_UNREADABLE) == 7


RAISING = [
    (
        "def make():\n    raise ValueError('no such shard\\nmore')\n",
        'Got ValueError: no such shard from "samples:make" (samples.py, line 2), should give a value.',
    ),
    (
        "import sys\ndef make():\n    sys.exit(3)\n",
        'Got SystemExit: 3 from "samples:make" (samples.py, line 3), should give a value.',
    ),
    (
        "import sys\nsys.exit()\ndef make(): ...\n",
        'Got SystemExit from "samples:make" (samples.py, line 2), should give a value.',
    ),
    (
        "import pytest\ndef make():\n    pytest.skip('not today')\n",
        'Got Skipped: not today from "samples:make" (samples.py, line 3), should give a value.',
    ),
    (
        "import json\ndef make():\n    return json.loads('{')\n",
        (
            "Got JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1) "
            'from "samples:make" (samples.py, line 3), should give a value.'
        ),
    ),
    (
        "import no_such_module_at_all\ndef make(): ...\n",
        (
            "Got ModuleNotFoundError: No module named 'no_such_module_at_all' "
            'from "samples:make" (samples.py, line 1), should give a value.'
        ),
    ),
    (
        "def make(seed):\n    return seed\n",
        (
            "Got TypeError: make() missing 1 required positional argument: 'seed' "
            'from "samples:make", should give a value.'
        ),
    ),
    ("make = 5\n", "Got TypeError: 'int' object is not callable from \"samples:make\", should give a value."),
]


@pytest.mark.parametrize(
    ("source", "sentence"),
    RAISING,
    ids=[
        "raises",
        "exits",
        "exits-at-import",
        "skips",
        "raises-below",
        "import-fails",
        "takes-arguments",
        "no-function",
    ],
)
def test_what_a_function_raises_is_a_failure_with_its_type_text_and_line(
    tmp_path: Path, source: str, sentence: str
) -> None:
    write(tmp_path / "samples.py", source)

    assert refusal("samples:make", tmp_path) == (
        Code.DATA_UNREADABLE,
        sentence,
        "call make() of samples.py by itself and correct it",
    )


def test_a_failure_keeps_no_traceback_of_the_foreign_code(tmp_path: Path) -> None:
    write(tmp_path / "samples.py", "def make():\n    raise ValueError\n")

    with pytest.raises(CannotJudge) as caught:
        call_function("samples:make", tmp_path, Code.MODEL_BUILD)

    assert caught.value.__suppress_context__
    assert caught.value.failure.code is Code.MODEL_BUILD


def test_ctrl_c_in_a_function_stays_ctrl_c(tmp_path: Path) -> None:
    write(tmp_path / "samples.py", "def make():\n    raise KeyboardInterrupt\n")

    with pytest.raises(KeyboardInterrupt):
        call_function("samples:make", tmp_path, Code.DATA_UNREADABLE)


def test_a_module_that_failed_at_import_is_tried_again(tmp_path: Path) -> None:
    write(tmp_path / "samples.py", "import no_such_module_at_all\ndef make(): ...\n")

    assert refusal("samples:make", tmp_path) == refusal("samples:make", tmp_path)


NOT_FOUND = [
    (
        "samples:mak",
        'Got "samples:mak", should name a function of samples.py, which has: make, other.',
        'write "samples:make"',
    ),
    (
        "samples:zzz",
        'Got "samples:zzz", should name a function of samples.py, which has: make, other.',
        "define zzz in samples.py",
    ),
    (
        "sample:make",
        (
            'Got "sample:make", should name a module beside the case file or an installed one: '
            'there is neither sample.py nor an installed "sample".'
        ),
        'write "samples" for "sample"',
    ),
    (
        "zzz.yyy:make",
        (
            'Got "zzz.yyy:make", should name a module beside the case file or an installed one: '
            'there is neither zzz/yyy.py nor an installed "zzz.yyy".'
        ),
        "put zzz/yyy.py beside the case file",
    ),
    (
        "json.zzz:make",
        (
            'Got "json.zzz:make", should name a module beside the case file or an installed one: '
            'there is neither json/zzz.py nor an installed "json.zzz".'
        ),
        "put json/zzz.py beside the case file",
    ),
    (
        "samples:",
        'Got "samples:", should be "module:function" made of Python names.',
        'write "module:function"; a file whose name has a colon is written "./name"',
    ),
    (
        "..samples:make",
        'Got "..samples:make", should be "module:function" made of Python names.',
        'write "module:function"; a file whose name has a colon is written "./name"',
    ),
    (
        "broken:make",
        ("Got SyntaxError: '(' was never closed in broken.py line 2, should be a Python module for \"broken:make\"."),
        "correct broken.py",
    ),
]


@pytest.mark.parametrize(
    ("name", "sentence", "remedy"),
    NOT_FOUND,
)
def test_a_function_that_cannot_be_found_is_named_with_the_nearest_right_word(
    tmp_path: Path, name: str, sentence: str, remedy: str
) -> None:
    write(tmp_path / "samples.py", "def make(): ...\ndef other(): ...\ndef _private(): ...\n")
    write(tmp_path / "broken.py", "\nmake = (\n")

    assert refusal(name, tmp_path) == (Code.CASE_FUNCTION, sentence, remedy)


@pytest.mark.parametrize(
    "source",
    [
        "def make(): ...",
        "class make: ...",
        "make = lambda: 1",
        "make: object = len",
        "from os import getcwd as make",
        "import make",
        "from os import *",
        "def __getattr__(name): ...",
        "if True:\n    def make(): ...",
        "try:\n    x = 1\nexcept ImportError:\n    def make(): ...",
        "with open('x') as make:\n    pass",
        "match 1:\n    case 1:\n        make = 1",
        "a, (b, make) = 1, (2, 3)",
    ],
)
def test_a_name_bound_at_the_top_of_a_module_is_found_without_running_it(tmp_path: Path, source: str) -> None:
    write(tmp_path / "samples.py", f"{source}\nraise SystemExit('this module ran')\n")

    assert find_function("samples:make", tmp_path).source == tmp_path / "samples.py"


@pytest.mark.parametrize(
    "source", ["def other():\n    make = 1\n", "class A:\n    def make(self): ...\n", "x = make\n"]
)
def test_a_name_inside_a_function_or_class_or_only_used_is_not_found(tmp_path: Path, source: str) -> None:
    write(tmp_path / "samples.py", source)

    with pytest.raises(CannotJudge):
        find_function("samples:make", tmp_path)


def test_a_function_that_is_added_to_a_module_is_found(tmp_path: Path) -> None:
    write(tmp_path / "samples.py", "def other(): ...\n")
    with pytest.raises(CannotJudge):
        find_function("samples:make", tmp_path)

    write(tmp_path / "samples.py", "def other(): ...\ndef make(): ...\n")

    assert find_function("samples:make", tmp_path).function == "make"


def test_finding_a_function_of_an_installed_package_imports_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "site" / "qparity_test_package" / "__init__.py", "raise SystemExit('the package ran')\n")
    write(tmp_path / "site" / "qparity_test_package" / "inner.py", "raise SystemExit('ran')\ndef make(): ...\n")
    monkeypatch.syspath_prepend(tmp_path / "site")

    found = find_function("qparity_test_package.inner:make", tmp_path)

    assert found.source == tmp_path / "site" / "qparity_test_package" / "inner.py"
    assert not found.beside_case
    assert "qparity_test_package" not in sys.modules


def test_what_stands_behind_a_second_colon_is_the_argument(tmp_path):
    (tmp_path / "samples.py").write_text("def make(name):\n    return [name, 1 / (len(name) - 2)][0]\n")

    assert call_function("samples:make:org/digits:v2", tmp_path, Code.DATA_UNREADABLE) == "org/digits:v2"
    with pytest.raises(CannotJudge) as stop:
        call_function("samples:make:v2", tmp_path, Code.DATA_UNREADABLE)
    assert stop.value.failure.remedy == "call make('v2') of samples.py by itself and correct it"


@pytest.mark.parametrize("path", ["data:v1/test.npz", "C:/a:b.npz", "./samples:make:x"])
def test_a_path_with_a_colon_is_no_function(path):
    assert not is_function(path)


def test_an_argument_that_is_empty_is_refused(tmp_path):
    (tmp_path / "samples.py").write_text("def make(name): ...\n")

    with pytest.raises(CannotJudge, match="should have an argument behind its second colon"):
        find_function("samples:make:", tmp_path)
