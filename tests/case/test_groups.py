"""Groups that the data state: an array, a column or a field, one for each sample."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pytest_qparity.case.data import Samples, make_feeds
from pytest_qparity.case.model import TensorInfo
from pytest_qparity.verdict import CannotJudge, Code
from tests.case.sources.opening import all_of, fed, opened, said

X = TensorInfo("x", "float32", ("N",))
USER = TensorInfo("user", "int64", ("N",))
FUNCTIONS = """
import numpy as np

def made():
    for index in range(3):
        yield {"x": np.float32(index), "user": np.array("ab"[index // 2])}
"""


def write_jsonl(folder: Path, *users: object) -> None:
    lines = [{"x": index} | ({} if user is None else {"user": user}) for index, user in enumerate(users)]
    (folder / "t.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")


def sources(folder: Path) -> list[str]:
    """The same samples of three groups of records, as every kind of source has them."""
    np.savez(folder / "t.npz", x=np.arange(3, dtype=np.float32), user=np.array(["a", "a", "b"]))
    write_jsonl(folder, "a", "a", "b")
    (folder / "grouped.py").write_text(FUNCTIONS, encoding="utf-8")
    return ["t.npz", "t.jsonl", "grouped:made"]


def test_every_kind_of_source_has_groups_that_are_not_fed(tmp_path: Path) -> None:
    for source in sources(tmp_path):
        toml = f'test = "{source}"\ngroup = "user"\n'
        groups = opened(tmp_path, toml, (X,)).groups

        assert groups is not None
        assert np.unique(groups, return_inverse=True)[1].tolist() == [0, 0, 1], source
        assert all_of(fed(tmp_path, toml, (X,)))["x"].tolist() == [0, 1, 2]


def test_columns_of_tables_are_read_beside_those_that_are_decoded(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"x": pa.array([0, 1], pa.float32()), "user": [7, 7]}), tmp_path / "t.parquet")

    stated, unstated = (opened(tmp_path, f'test = "t.parquet"\n{more}', (X,)) for more in ('group = "user"', ""))

    assert (stated.groups.tolist(), unstated.groups) == (["int 7", "int 7"], None)
    assert stated.digest != unstated.digest


def test_a_group_that_the_model_takes_is_fed_too(tmp_path: Path) -> None:
    write_jsonl(tmp_path, 4, 5)
    np.savez(tmp_path / "t.npz", x=np.arange(2, dtype=np.float32), user=np.array([4, 5]))

    for source in ("t.jsonl", "t.npz"):
        toml = f'test = "{source}"\ngroup = "user"\n'
        assert all_of(fed(tmp_path, toml, (X, USER)))["user"].tolist() == [4, 5]
        assert opened(tmp_path, toml, (X, USER)).groups is not None


@pytest.mark.parametrize(("users", "got"), [(("a", None), "t.jsonl:2: got no group"), ((1, 0.5), "that is a float")])
def test_a_record_without_a_group_beside_others_is_named(tmp_path: Path, users: tuple[object, ...], got: str) -> None:
    write_jsonl(tmp_path, *users)

    assert got in said(opened, tmp_path, 'test = "t.jsonl"\ngroup = "user"\n', (X,), code=Code.DATA_GROUPS)


@pytest.mark.parametrize("groups", [np.arange(4), np.zeros(3), np.zeros((3, 1), np.int64)])
def test_groups_are_one_integer_or_text_for_each_sample(groups: np.ndarray) -> None:
    samples = Samples({"x": np.zeros(3, np.float32)}, None, "digest", "t.npz", groups=groups)

    with pytest.raises(CannotJudge) as caught:
        make_feeds(samples, [X], 1)

    assert caught.value.failure.code is Code.DATA_GROUPS
    assert "should be integers or texts [3]" in caught.value.failure.sentence
