"""Cases are called by what varies in the glob that finds their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_qparity.case.naming import case_name, name_in, namesakes

ROOT = Path("/project")


@pytest.mark.parametrize(
    ("glob", "file", "name"),
    [
        ("cases/*.toml", "cases/bert.toml", "bert"),
        ("cases/bert.toml", "cases/bert.toml", "bert"),
        ("cases/model.v2*.toml", "cases/model.v2.toml", "model.v2"),
        ("services/*/*.toml", "services/shop/ads.toml", "shop.ads"),
        ("services/*/*/model.toml", "services/shop/ads/model.toml", "shop.ads"),
        ("*/cases/*.toml", "vision/cases/bert.toml", "vision.bert"),
        ("cases/**/*.toml", "cases/bert.toml", "bert"),
        ("cases/**/*.toml", "cases/nlp/large/bert.toml", "nlp.large.bert"),
        ("**/model.toml", "services/shop/model.toml", "services.shop.model"),
        ("team[0-9]/*.toml", "team7/bert.toml", "team7.bert"),
    ],
)
def test_a_name_is_what_varies(glob: str, file: str, name: str) -> None:
    assert case_name(ROOT / file, ROOT, glob) == name


def test_a_case_that_no_glob_finds_is_called_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = {tmp_path / "a" / "model.toml": "a"}

    assert name_in(names, Path("a/model.toml")) == "a"
    assert name_in(names, Path("b/model.toml")) == "model"


def test_files_that_share_a_name_are_told() -> None:
    one, other, third = (ROOT / f"{name}.toml" for name in "abc")

    assert namesakes({one: "x", other: "y", third: "x"}) == {"x": (one, third)}
