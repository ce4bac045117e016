"""Which local code a file may import: what is reached changes the digest, what is not leaves it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_qparity.import_graph import code_digest, module_files

FILES: Mapping[str, str] = {
    "cases/scoring.py": "def m(outputs, labels):\n    from shared.rules import score\n    return score(outputs)\n",
    "libs/shared/__init__.py": "",
    "libs/shared/rules.py": "import deeper as d\nscore = d.score\n",
    "libs/deeper.py": "from plain.namespace import thing\nscore = sum\n",
    "libs/plain/namespace/thing.py": "",
    "libs/unused.py": "",
    "tests/test_daily.py": "",
    "pytest.ini": "[pytest]\npythonpath = libs\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        write(tmp_path / name, text)
    monkeypatch.syspath_prepend(tmp_path / "libs")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def digest(root: Path) -> str:
    return code_digest([root / "cases/scoring.py"], [root / "cases"])


def sees(root: Path, name: str) -> bool:
    """Whether another byte in a file is another digest."""
    before, path = digest(root), root / name
    write(path, (path.read_text(encoding="utf-8") if path.exists() else "") + "# another\n")
    return digest(root) != before


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(("cases", "libs"))])
def test_what_imports_reach_counts_and_nothing_else_of_a_local_place(root: Path, name: str) -> None:
    assert sees(root, name) == (name != "libs/unused.py")


def test_a_test_of_the_project_that_nothing_imports_may_change_daily(root: Path) -> None:
    assert not sees(root, "tests/test_daily.py")


def test_a_module_that_comes_to_shadow_another_one_counts(root: Path) -> None:
    assert sees(root, "cases/deeper.py")


@pytest.mark.parametrize(
    "line",
    [
        "import importlib",
        "from importlib import import_module",
        "__import__('shared')",
        "import sys; sys.path.insert(0, 'tests')",
        "exec(open('tests/test_daily.py').read())",
        "import subprocess",
        "import pickle as stored",
        "from joblib import load",
        "import builtins",
        "import os\n\ndef late():\n    os.spawnvp(0, 'python', [])",
        "from os import execv",
        "import site; site.addsitedir('tests')",
        "from asyncio import create_subprocess_exec",
        "import sys as system",
        "def late():\n    try: pass\n    finally:\n        from os import popen",
        "this is no Python",
    ],
)
def test_of_code_that_finds_code_by_its_own_means_all_of_the_project_counts(root: Path, line: str) -> None:
    write(root / "libs/deeper.py", line + "\n")

    assert sees(root, "tests/test_daily.py")
    assert not sees(root, ".venv/lib/hidden.py")


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("import package", "package/one/two.py"),  # package.one.two is there once anybody has imported it
        ("import package.one", "package/other.py"),
        ("from package import one", "package/one/two.py"),
        ("from package.one import *", "package/one/two.py"),
        ("from package.one import two", "package/__init__.py"),
    ],
)
def test_a_package_that_is_bound_gives_access_to_all_below_it(root: Path, statement: str, name: str) -> None:
    for each in ("__init__.py", "one/__init__.py", "one/two.py", "other.py"):
        write(root / "libs/package" / each, "")
    write(root / "libs/deeper.py", statement)

    assert sees(root, f"libs/{name}")


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    pass\nexcept ValueError:\n    import unused",
        "match 1:\n    case _:\n        async def late():\n            with x: import unused as u",
        "if 0: pass\nelse: import sys; import unused",
    ],
)
def test_an_import_counts_wherever_it_stands(root: Path, text: str) -> None:
    write(root / "libs/deeper.py", text)

    assert sees(root, "libs/unused.py")


def test_relative_imports_are_followed_from_where_they_stand(root: Path) -> None:
    write(root / "cases/scoring.py", "from .near.by import m\n")
    write(root / "cases/near/by.py", "from ..up import m\n")
    write(root / "cases/up/__init__.py", "m = sum\n")

    assert sees(root, "cases/near/by.py")
    assert sees(root, "cases/up/__init__.py")


def test_the_same_code_has_one_digest_wherever_it_lies(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, other = digest(root), tmp_path_factory.mktemp("other")
    for name, text in FILES.items():
        write(other / name, text)
    monkeypatch.undo()
    monkeypatch.syspath_prepend(other / "libs")

    assert digest(other) == before


def test_the_files_of_a_module_are_its_own_and_those_of_its_packages(root: Path) -> None:
    names = {path.relative_to(root).as_posix() for path in module_files("shared.rules")}

    assert names == {"libs/shared/__init__.py", "libs/shared/rules.py"}
    assert module_files("numpy.linalg") == frozenset()
