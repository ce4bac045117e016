"""Rows with numbers: JSON Lines, Parquet, data sets saved on disk."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest

from pytest_qparity.case.model import TensorInfo
from pytest_qparity.verdict import Code
from tests.case.sources.opening import all_of, fed, opened, said

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
datasets = pytest.importorskip("datasets")

X = TensorInfo("x", "float32", ("N", 3))
MASK = TensorInfo("mask", "int64", ("N",))
TOML = 'test = "rows.parquet"\nbatch = 2\n'


def table(count=3, **columns):
    numbers = np.arange(count * 3, dtype=np.float32).reshape(count, 3)
    columns = {"x": pa.array(list(numbers), pa.list_(pa.float32())), "label": list(range(count))} | columns
    return pa.table(columns)


def test_columns_of_the_inputs_names_are_fed_in_their_own_types(tmp_path):
    pq.write_table(table(mask=pa.array([1, 0, 1])), tmp_path / "rows.parquet")

    found = all_of(fed(tmp_path, TOML, (X, MASK)))

    assert found["x"].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert found["mask"].tolist() == [1, 0, 1]
    assert (found["x"].dtype, found["mask"].dtype) == (np.float32, np.int64)


def test_rows_go_on_over_batches_and_files(tmp_path):
    (tmp_path / "rows").mkdir()
    for index in range(2):
        pq.write_table(table(100), tmp_path / "rows" / f"{index}.parquet")

    samples = opened(tmp_path, 'test = "rows"\n', (X,))

    assert len(samples) == 200
    assert samples.labels.tolist() == [*range(100), *range(100)]
    assert samples.ids[199] == "rows[199]"


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.list_(pa.float32())),
        pa.list_(pa.list_(pa.float32(), 2), 3),
        pa.fixed_shape_tensor(pa.float32(), (3, 2)),
    ],
    ids=["lists", "fixed lists", "tensor"],
)
def test_lists_of_lists_are_arrays(tmp_path, kind):
    numbers = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    if isinstance(kind, pa.FixedShapeTensorType):
        column = pa.FixedShapeTensorArray.from_numpy_ndarray(numbers)
    else:
        column = pa.array(numbers.tolist(), kind)
    pq.write_table(pa.table({"x": column}), tmp_path / "rows.parquet")

    found = all_of(fed(tmp_path, TOML, (TensorInfo("x", "float32", ("N", 3, 2)),)))["x"]

    assert np.array_equal(found, numbers)


def test_columns_of_other_names_are_named_by_the_case(tmp_path):
    pq.write_table(table().rename_columns(["features", "digit"]), tmp_path / "rows.parquet")
    toml = TOML + 'label = "digit"\ncolumns = {x = "features"}\n'

    assert opened(tmp_path, toml, (X,)).labels.tolist() == [0, 1, 2]
    assert len(fed(tmp_path, toml, (X,))) == 2


@pytest.mark.parametrize(
    ("columns", "toml", "sentence"),
    [
        ({}, 'columns = {x = "xs"}\n', 'rows.parquet: got no column "xs", should be one of: label, x.'),
        (
            {"x": pa.array([[1.0, 2.0, 3.0], None, [1.0, 2.0, 3.0]], pa.list_(pa.float32()))},
            "",
            'rows.parquet[1]: got no value in column "x", should be a value.',
        ),
        (
            {"x": pa.array([[1.0, None, 3.0]] * 3, pa.list_(pa.float32()))},
            "",
            'rows.parquet[0]: got no value within "x", should be numbers throughout.',
        ),
    ],
    ids=["missing column", "null", "null within"],
)
def test_what_is_not_there_is_named(tmp_path, columns, toml, sentence):
    pq.write_table(table(**columns), tmp_path / "rows.parquet")

    assert said(opened, tmp_path, TOML + toml, (X,)) == sentence


def test_floats_of_another_width_become_the_input_s(tmp_path):
    pq.write_table(table(x=pa.array([[1.0, 2.5, 3.0]] * 3)), tmp_path / "rows.parquet")

    found = all_of(fed(tmp_path, TOML, (X,)))

    assert found["x"].dtype == np.float32
    assert found["x"][0].tolist() == [1, 2.5, 3]


def test_numbers_beyond_the_input_s_floats_are_named(tmp_path):
    pq.write_table(table(x=pa.array([[1.0, 1e300, 3.0]] * 3)), tmp_path / "rows.parquet")

    assert said(opened, tmp_path, TOML, (X,)) == (
        'rows.parquet[0]: got numbers for "x" beyond float32, should be within it.'
    )


def test_whole_numbers_of_a_table_are_never_converted(tmp_path):
    pq.write_table(table(x=pa.array([[1, 2, 3]] * 3)), tmp_path / "rows.parquet")

    sentence = said(fed, tmp_path, TOML, (X,), code=Code.DATA_LAYOUT)

    assert sentence == 'rows.parquet[0]: "x": got int64, should be float32.'


def test_a_row_without_any_column_is_named(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"label": 1}\n')

    sentence = said(opened, tmp_path, 'test = "rows.jsonl"\n', (X,))

    assert sentence == 'rows.jsonl:1: got no column "x", should be there: it has none beside the label.'


def test_a_file_that_is_cut_short_is_named(tmp_path):
    pq.write_table(table(), tmp_path / "rows.parquet")
    content = (tmp_path / "rows.parquet").read_bytes()
    (tmp_path / "rows.parquet").write_bytes(content[: len(content) // 2])

    assert said(opened, tmp_path, TOML, (X,)).startswith("rows.parquet: got ArrowInvalid")


def test_files_of_other_columns_are_not_joined(tmp_path):
    (tmp_path / "rows").mkdir()
    pq.write_table(table(), tmp_path / "rows" / "0.parquet")
    pq.write_table(table(more=[1, 2, 3]), tmp_path / "rows" / "1.parquet")

    assert said(opened, tmp_path, 'test = "rows"\n', (X,)).startswith("1.parquet: got columns label, more, x")


def test_json_takes_the_type_of_the_input(tmp_path):
    rows = [{"x": [1, 2.5, 3], "mask": 1, "label": [0.5, 1]}, {"x": [0, 0, 0], "mask": 0, "label": [1, 2]}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    toml = 'test = "rows.jsonl"\n'

    found = all_of(fed(tmp_path, toml, (X, MASK)))

    assert (found["x"].dtype, found["mask"].dtype) == (np.float32, np.int64)
    assert opened(tmp_path, toml, (X, MASK)).labels.tolist() == [[0.5, 1.0], [1.0, 2.0]]


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (1.5, 'rows.jsonl:1: got float64 for "mask", should be numbers that are int8.'),
        (300, 'rows.jsonl:1: got numbers for "mask" beyond int8, should be within it.'),
        ([[1], [1, 2]], 'rows.jsonl:1: got lists of differing lengths for "mask", should be of one length.'),
        ("a", 'rows.jsonl:1: got <U1 for "mask", should be numbers that are int8.'),
    ],
    ids=["a fraction", "too large", "ragged", "text"],
)
def test_json_that_the_input_cannot_hold_is_refused(tmp_path, mask, sentence):
    (tmp_path / "rows.jsonl").write_text(json.dumps({"mask": mask}) + "\n")

    assert said(opened, tmp_path, 'test = "rows.jsonl"\n', (TensorInfo("mask", "int8", ("N",)),)) == sentence


class TestSavedDataSets:
    def test_rows_and_labels_are_read(self, tmp_path):
        made = datasets.Dataset.from_dict({"x": [[1.0, 2.0, 3.0]] * 70, "label": [0, 1] * 35})
        made.cast_column("x", datasets.Sequence(datasets.Value("float32"))).save_to_disk(tmp_path / "saved")

        samples = opened(tmp_path, 'test = "saved"\n', (X,))

        assert samples.labels.tolist() == [0, 1] * 35
        assert all_of(fed(tmp_path, 'test = "saved"\n', (X,)))["x"].shape == (70, 3)

    def test_the_order_is_that_of_the_data_set(self, tmp_path):
        made = datasets.Dataset.from_dict({"x": [[float(index)] * 3 for index in range(5)], "label": list(range(5))})
        made.select([3, 1]).save_to_disk(tmp_path / "saved")

        assert opened(tmp_path, 'test = "saved"\n', (X,)).labels.tolist() == [3, 1]

    def test_images_in_rows_are_the_samples_that_they_are_in_files(self, tmp_path):
        image = pytest.importorskip("PIL.Image")
        buffer = io.BytesIO()
        image.fromarray(np.full((4, 4, 3), 7, np.uint8)).save(buffer, "png")
        (tmp_path / "flat").mkdir()
        (tmp_path / "flat" / "a.png").write_bytes(buffer.getvalue())
        features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
        rows = {"image": [{"bytes": buffer.getvalue(), "path": None}], "label": [1]}
        datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "saved")
        inputs = (TensorInfo("x", "float32", ("N", 3, 4, 4)),)

        saved = opened(tmp_path, 'test = "saved"\n[image]\n', inputs)
        files = opened(tmp_path, 'test = "flat"\n[image]\n', inputs)

        assert saved.labels.tolist() == [1]
        assert list(saved.source_hashes()) == list(files.source_hashes())
        assert saved.inputs_digest == files.inputs_digest

    def test_a_folder_of_splits_is_not_one(self, tmp_path):
        made = datasets.Dataset.from_dict({"x": [[1.0] * 3]})
        datasets.DatasetDict({"train": made, "test": made}).save_to_disk(tmp_path / "saved")

        assert said(opened, tmp_path, 'test = "saved"\n', (X,)) == (
            "saved: got splits: test, train, should be one split."
        )

    def test_a_folder_that_is_not_whole_is_named(self, tmp_path):
        datasets.Dataset.from_dict({"x": [[1.0] * 3]}).save_to_disk(tmp_path / "saved")
        for path in (tmp_path / "saved").glob("*.arrow"):
            path.write_bytes(b"x")

        assert said(opened, tmp_path, 'test = "saved"\n', (X,)).startswith("saved: got ")


@pytest.mark.parametrize(
    ("package", "files", "extra"),
    [
        ("PIL", {"flat/a.png": b"x"}, "images"),
        ("soundfile", {"flat/a.wav": b"x"}, "audio"),
        ("tokenizers", {"rows.jsonl": b"{}\n"}, "text"),
        ("pyarrow", {"rows.parquet": b"x"}, "datasets"),
        ("datasets", {"saved/state.json": b"{}"}, "datasets"),
    ],
)
def test_a_library_that_is_not_installed_names_its_extra(tmp_path, monkeypatch, package, files, extra):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "tokenizer.json").write_text("{}")
    tables = {
        "PIL": "[image]\n",
        "soundfile": "[audio]\nsample_rate = 8000\n",
        "tokenizers": '[text]\ntokenizer = "tokenizer.json"\nmax_length = 4\n',
    }
    monkeypatch.setitem(sys.modules, package, None)
    source = next(iter(files)).partition("/")[0]

    with pytest.raises(Exception, match="should be installed to read it") as caught:
        opened(tmp_path, f'test = "{source}"\n' + tables.get(package, ""), (X,))

    assert caught.value.failure.code is Code.DATA_PACKAGE
    assert caught.value.failure.remedy == f'pip install "pytest-qparity[{extra}]"'
