from __future__ import annotations

import json
import mmap
import shutil
import subprocess
import sys
from types import MappingProxyType

import ml_dtypes
import numpy as np
import pytest

from pytest_qparity.digest import bytes_digest, json_digest
from pytest_qparity.golden import Golden, read_golden, remove_golden, store, write_golden
from pytest_qparity.golden.manifest import ELEMENT_TYPES
from pytest_qparity.verdict import CannotJudge, Code
from tests.golden.goldens import ACCEPT, files_of, golden, key, same

MOST_DIMENSIONS = 33 if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else 32


@pytest.fixture
def folder(tmp_path):
    """A golden of seed 0 in golden/digits."""
    write_golden(tmp_path / "golden" / "digits", golden())
    return tmp_path / "golden" / "digits"


def failure_of(folder, made_of=None):
    with pytest.raises(CannotJudge) as stop:
        read_golden(folder, made_of or key(), ACCEPT)
    return stop.value.failure


def array_file(folder, output="logits"):
    (path,) = folder.glob(f"*_{output}.*.npy")
    return path


def rewrite_manifest(folder, change):
    """Edit the manifest's content and make its digest anew, as no hand does."""
    content = json.loads((folder / "manifest.json").read_text())
    change(content)
    del content["digest"]
    (folder / "manifest.json").write_text(json.dumps({**content, "digest": json_digest(content)}))


def single_output(array):
    return Golden(key(), {"logits": array}, 1, {})


# what is written is read


def test_a_golden_is_read_as_it_was_written(folder):
    assert same(read_golden(folder, key(), ACCEPT), golden())


def test_outputs_keep_the_order_of_the_model(folder):
    assert list(read_golden(folder, key(), ACCEPT).outputs) == ["logits", "label/ids:0"]


def test_arrays_cannot_be_written_to(folder):
    with pytest.raises(ValueError, match="read-only"):
        read_golden(folder, key(), ACCEPT).outputs["logits"][0, 0] = 1


@pytest.mark.parametrize(
    "dtype", [*sorted(set(ELEMENT_TYPES) - {"bfloat16"}), ml_dtypes.bfloat16, ">f4", ">i8"], ids=str
)
@pytest.mark.parametrize("shape", [(), (1,), (3, 2, 1)], ids=str)
def test_every_element_type_comes_back_bit_for_bit(tmp_path, dtype, shape):
    array = (np.arange(int(np.prod(shape))).reshape(shape) % 2).astype(dtype)

    write_golden(tmp_path / "x", single_output(array))
    read = read_golden(tmp_path / "x", key(), ACCEPT).outputs["logits"]

    assert read.dtype == np.dtype(dtype).newbyteorder("<")
    assert read.shape == shape
    assert np.array_equal(read, array)


def test_subnormals_and_negative_zero_come_back(tmp_path):
    array = np.array([-0.0, 1e-45, np.finfo(np.float32).max, -np.finfo(np.float32).max], np.float32)

    write_golden(tmp_path / "x", single_output(array))

    assert read_golden(tmp_path / "x", key(), ACCEPT).outputs["logits"].tobytes() == array.tobytes()


def test_float64_at_its_end_has_a_mean(tmp_path):
    write_golden(tmp_path / "x", single_output(np.full(4, 1.5e308)))

    (output,) = json.loads((tmp_path / "x" / "manifest.json").read_text())["outputs"]
    assert (output["min"], output["max"], output["mean"]) == (1.5e308, 1.5e308, 1.5e308)


def test_the_manifest_states_range_and_mean(tmp_path):
    write_golden(tmp_path / "x", single_output(np.array([1, 2, 4], np.float16)))

    (output,) = json.loads((tmp_path / "x" / "manifest.json").read_text())["outputs"]
    assert (output["min"], output["max"], output["mean"]) == (1.0, 4.0, 2.33333)


def test_an_array_that_does_not_lie_in_c_order_comes_back(tmp_path):
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1)[::2]

    write_golden(tmp_path / "x", single_output(array))

    assert np.array_equal(read_golden(tmp_path / "x", key(), ACCEPT).outputs["logits"], array)


def test_a_large_array_is_mapped_and_hashed_once(tmp_path, monkeypatch):
    array = np.arange(2**19, dtype=np.float32)
    write_golden(tmp_path / "x", single_output(array))
    hashed = []
    monkeypatch.setattr(store, "bytes_digest", lambda content: hashed.append(len(content)) or bytes_digest(content))

    read = read_golden(tmp_path / "x", key(), ACCEPT).outputs["logits"]

    assert hashed == [array.nbytes + 128]
    base = read
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(getattr(base, "obj", base), mmap.mmap)


def test_the_same_golden_gives_the_same_files(tmp_path):
    for name in "ab":
        write_golden(tmp_path / name, golden())

    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    for name in files_of(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_provenance_may_be_any_mapping(tmp_path):
    write_golden(tmp_path / "x", Golden(key(), golden().outputs, 6, MappingProxyType({"engine": "ort"})))

    assert read_golden(tmp_path / "x", key(), ACCEPT).provenance == {"engine": "ort"}


# missing and stale


def test_no_golden_is_missing_and_the_remedy_is_to_accept(tmp_path):
    failure = failure_of(tmp_path / "nowhere")

    assert failure.code is Code.GOLDEN_MISSING
    assert failure.remedy == f"{ACCEPT} --missing"


def test_arrays_without_a_manifest_are_no_golden(folder):
    (folder / "manifest.json").unlink()

    assert failure_of(folder).code is Code.GOLDEN_MISSING


@pytest.mark.parametrize(
    ("part", "words"),
    [("model", "model"), ("data", "test data"), ("recipe", "reference recipe (engine, threads, optimizer, batch)")],
)
def test_a_golden_of_another_model_data_or_recipe_is_stale_and_says_which(folder, part, words):
    failure = failure_of(folder, key(**{part: "another"}))

    was, now = bytes_digest(part.encode())[:12], bytes_digest(b"another")[:12]
    assert failure.code is Code.GOLDEN_STALE
    assert failure.sentence == f"got a golden of {words} {was}, should be {now}"
    assert ("draws without a seed" in (failure.likely or "")) == (part == "data")
    assert failure.remedy == f"{ACCEPT} --changed"


def test_all_that_changed_is_named(folder):
    failure = failure_of(folder, key("another", "another", "another"))

    assert failure.sentence.count("should be") == 3


# corrupt


@pytest.mark.parametrize("output", ["logits", "label-ids-0"])
def test_no_flipped_byte_of_an_array_is_read(folder, output):
    path = array_file(folder, output)
    content = path.read_bytes()

    for position in range(len(content)):
        path.write_bytes(
            content[:position] + bytes([content[position] ^ (1 << position % 8)]) + content[position + 1 :]
        )
        assert failure_of(folder).code is Code.GOLDEN_CORRUPT


def test_no_truncated_array_is_read(folder):
    path = array_file(folder)
    content = path.read_bytes()

    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert failure_of(folder).code is Code.GOLDEN_CORRUPT


def test_no_changed_or_truncated_manifest_is_read(folder):
    path = folder / "manifest.json"
    content = path.read_bytes()

    for position in range(0, len(content) - 1, 5):  # without its last newline it is whole
        path.write_bytes(content[:position])
        assert failure_of(folder).code is Code.GOLDEN_CORRUPT
        if not content[position : position + 1].isspace():
            path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
            assert failure_of(folder).code is Code.GOLDEN_CORRUPT


def test_a_missing_array_is_named(folder):
    path = array_file(folder)
    path.unlink()

    failure = failure_of(folder)

    assert failure.code is Code.GOLDEN_CORRUPT
    assert failure.sentence == f"got No such file or directory, should be a file of the golden: {path}"
    assert failure.remedy == f"{ACCEPT} --changed"


@pytest.mark.parametrize("name", ["manifest.json", "logits"])
def test_a_pointer_of_git_lfs_is_fetched_not_accepted(folder, name):
    path = folder / name if name == "manifest.json" else array_file(folder)
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")

    failure = failure_of(folder)

    assert failure.code is Code.GOLDEN_CORRUPT
    assert "Git LFS pointer" in failure.sentence
    assert failure.remedy == "git lfs pull"


def test_an_array_that_is_a_link_to_elsewhere_is_not_read(folder, tmp_path):
    path = array_file(folder)
    shutil.move(path, tmp_path / "elsewhere.npy")
    path.symlink_to(tmp_path / "elsewhere.npy")

    failure = failure_of(folder)

    assert failure.code is Code.GOLDEN_CORRUPT
    assert "symbolic link" in failure.sentence


def test_an_array_outside_the_folder_is_not_read(folder):
    path = array_file(folder)
    shutil.move(path, folder.parent / "x.npy")
    rewrite_manifest(folder, lambda content: content["outputs"][0].update(file="../x.npy"))

    assert failure_of(folder).code is Code.GOLDEN_CORRUPT


@pytest.mark.parametrize(
    "wrong", [{"dtype": "int32"}, {"dtype": "float64"}, {"shape": [4, 6]}, {"shape": [24]}], ids=str
)
def test_an_array_of_another_type_or_shape_than_the_manifest_says_is_not_read(folder, wrong):
    rewrite_manifest(folder, lambda content: content["outputs"][0].update(wrong))

    failure = failure_of(folder)

    assert failure.code is Code.GOLDEN_CORRUPT
    assert "as in manifest.json" in failure.sentence


def test_a_file_that_is_not_npy_is_not_read_even_where_the_manifest_names_its_digest(folder):
    content = b"not an array"

    def change(manifest):
        digest = bytes_digest(content)
        manifest["outputs"][0].update(sha256=digest, file=f"000_logits.{digest[:12]}.npy")
        (folder / manifest["outputs"][0]["file"]).write_bytes(content)

    rewrite_manifest(folder, change)

    assert failure_of(folder).code is Code.GOLDEN_CORRUPT


def test_a_manifest_merged_from_two_goldens_is_not_read(folder, tmp_path):
    """Git's union of two branches: the key of one golden, an array of the other."""
    write_golden(tmp_path / "other", golden(seed=1, made_of=key(model="another")))
    mine = json.loads((folder / "manifest.json").read_text())
    other = json.loads((tmp_path / "other" / "manifest.json").read_text())
    shutil.copy(array_file(tmp_path / "other"), folder)

    (folder / "manifest.json").write_text(json.dumps({**mine, "outputs": [other["outputs"][0], mine["outputs"][1]]}))

    assert failure_of(folder).code is Code.GOLDEN_CORRUPT


def test_a_file_in_place_of_the_folder_is_no_golden(tmp_path):
    (tmp_path / "digits").write_text("x")

    assert failure_of(tmp_path / "digits").code is Code.GOLDEN_CORRUPT


def test_a_folder_in_place_of_the_manifest_is_no_golden(tmp_path):
    (tmp_path / "digits" / "manifest.json").mkdir(parents=True)

    assert failure_of(tmp_path / "digits").code is Code.GOLDEN_CORRUPT


def test_reading_writes_nothing(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.parent.rglob("*")}
    folder.chmod(0o555)

    read_golden(folder, key(), ACCEPT)

    assert {path: path.stat().st_mtime_ns for path in folder.parent.rglob("*")} == before
    folder.chmod(0o755)


# what cannot be a reference


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize(
    "dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64], ids=lambda d: np.dtype(d).name
)
def test_nan_and_inf_are_never_a_reference(folder, value, dtype):
    array = np.zeros((3, 2), dtype)
    array[2, 1] = value

    with pytest.raises(CannotJudge) as stop:
        write_golden(folder, single_output(array))

    assert stop.value.failure.code is Code.GOLDEN_NOT_FINITE
    assert 'of output "logits"' in stop.value.failure.sentence
    assert same(read_golden(folder, key(), ACCEPT), golden())


def test_nan_in_a_golden_from_elsewhere_is_found_on_reading(tmp_path, monkeypatch):
    array = np.zeros(2**20 + 5, np.float32)
    array[-1] = np.nan
    with monkeypatch.context() as patch:
        patch.setattr(store, "_require_finite", lambda *_: None)
        patch.setattr(store, "_statistics", lambda _: (0.0, 0.0, 0.0))
        write_golden(tmp_path / "x", single_output(array))

    failure = failure_of(tmp_path / "x")

    assert failure.code is Code.GOLDEN_NOT_FINITE
    assert failure.sentence.startswith(f"got 1 NaN and 0 Inf among {array.size} elements")
    assert "float model" in failure.remedy


@pytest.mark.parametrize(
    ("outputs", "samples", "code"),
    [
        pytest.param({}, 1, Code.GOLDEN_WRITE, id="no outputs"),
        pytest.param({"": np.ones(1)}, 1, Code.GOLDEN_WRITE, id="no name"),
        pytest.param({"x": np.ones(1)}, 0, Code.DATA_EMPTY, id="no samples"),
        pytest.param({"x": np.ones((0, 4))}, 1, Code.PARITY_EMPTY, id="no elements"),
        pytest.param({"x": np.array(["cat"])}, 1, Code.GOLDEN_WRITE, id="texts"),
        pytest.param({"x": np.array([{}])}, 1, Code.GOLDEN_WRITE, id="objects"),
        pytest.param({"x": np.ones(1, np.complex64)}, 1, Code.GOLDEN_WRITE, id="complex"),
        pytest.param({"x": np.ones(1, ml_dtypes.float8_e4m3fn)}, 1, Code.GOLDEN_WRITE, id="float8"),
        pytest.param(
            {"x": np.ones((1,) * MOST_DIMENSIONS)},
            1,
            Code.GOLDEN_WRITE,
            id="33 dimensions",
            marks=pytest.mark.skipif(MOST_DIMENSIONS < 33, reason="this NumPy has no array of 33 dimensions"),
        ),
    ],
)
def test_what_cannot_be_compared_with_is_refused_before_anything_is_written(tmp_path, outputs, samples, code):
    with pytest.raises(CannotJudge) as stop:
        write_golden(tmp_path / "golden" / "x", Golden(key(), outputs, samples, {}))

    assert stop.value.failure.code is code
    assert not (tmp_path / "golden").exists()


def test_a_golden_that_could_not_be_read_is_not_written(folder):
    with pytest.raises(CannotJudge) as stop:
        write_golden(folder, Golden(key(), golden(seed=1).outputs, 6, {"threads": 1}))

    assert stop.value.failure.code is Code.GOLDEN_WRITE
    assert same(read_golden(folder, key(), ACCEPT), golden())


# replacing and removing


def test_a_new_golden_leaves_nothing_of_the_old_one(folder):
    old = set(files_of(folder))

    write_golden(folder, golden(seed=1))

    assert same(read_golden(folder, key(), ACCEPT), golden(seed=1))
    assert len(files_of(folder)) == 3
    assert old & set(files_of(folder)) == {"manifest.json"}


def test_files_of_others_in_the_folder_stay(folder):
    for name in ("README.md", "torch_outputs.npz", "mine.npy", ".gitattributes", ".notes.md.tmp"):
        (folder / name).write_text("x")

    write_golden(folder, golden(seed=1))
    remove_golden(folder)

    assert files_of(folder) == [".gitattributes", ".notes.md.tmp", "README.md", "mine.npy", "torch_outputs.npz"]


def test_a_link_in_place_of_an_array_is_replaced_not_written_through(folder, tmp_path):
    path = array_file(folder)
    path.unlink()
    (tmp_path / "elsewhere").write_text("mine")
    path.symlink_to(tmp_path / "elsewhere")

    write_golden(folder, golden())

    assert (tmp_path / "elsewhere").read_text() == "mine"
    assert same(read_golden(folder, key(), ACCEPT), golden())


def test_removing_takes_the_folder_with_it(folder):
    remove_golden(folder)
    remove_golden(folder)

    assert not folder.exists()
    assert failure_of(folder).code is Code.GOLDEN_MISSING


def test_removing_where_nothing_is_creates_nothing(tmp_path):
    remove_golden(tmp_path / "golden" / "digits")

    assert not (tmp_path / "golden").exists()


def test_importing_the_room_is_cheap():
    program = "import pytest_qparity.golden.accept, sys; print('numpy' in sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "False"
