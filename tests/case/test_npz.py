from __future__ import annotations

import contextlib
import io
import tracemalloc
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_qparity.case.npz import read_npz
from pytest_qparity.verdict import CannotJudge, Code

if TYPE_CHECKING:
    from pathlib import Path


LARGEST_MB = 1.0


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def npy(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(CannotJudge) as caught:
        read_npz(path, LARGEST_MB)
    assert caught.value.failure.code is Code.DATA_UNREADABLE
    assert caught.value.failure.remedy
    return caught.value.failure.sentence


NUMBERS = hnp.arrays(
    st.sampled_from(["<f4", ">f4", "<f8", "|i1", "|u1", ">i8", "<u2", "|b1", "<f2", "<U3", "<c8"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)


@given(st.dictionaries(st.sampled_from(["input", "labels", "a.b", "x/y"]), NUMBERS, min_size=1), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_numpy_writes_is_read_back_to_the_bit_in_native_order(
    tmp_path: Path, arrays: dict[str, np.ndarray[Any, Any]], fortran: bool
) -> None:
    arrays = {name: np.asfortranarray(array) if fortran else array for name, array in arrays.items()}
    path = tmp_path / "x.npz"
    np.savez_compressed(path, **arrays)

    read = read_npz(path, LARGEST_MB)

    assert list(read) == list(arrays)
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype.newbyteorder("=")
        assert read[name].shape == array.shape
        assert read[name].tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes()


def test_pickled_objects_are_refused_and_not_loaded(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("unpickled",))

    path = saved(tmp_path / "x.npz", input=np.array([Bomb()], dtype=object))

    assert refusal(path) == 'x.npz: got "input.npy" of dtype object, should be numbers or text.'


@pytest.mark.parametrize("dtype", [[("a", "<f4")], "V2", "datetime64[s]", "S3"])
def test_arrays_that_are_no_numbers_or_text_are_refused(tmp_path: Path, dtype: Any) -> None:
    path = saved(tmp_path / "x.npz", input=np.zeros(2, dtype))

    assert "should be numbers or text" in refusal(path)


@given(st.floats(0, 1, exclude_max=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path, part: float) -> None:
    whole = saved(tmp_path / "x.npz", input=np.arange(100.0), labels=np.arange(100))
    content = whole.read_bytes()
    cut = tmp_path / "cut.npz"
    cut.write_bytes(content[: int(len(content) * part)])

    assert refusal(cut).startswith("cut.npz: got ")


def test_one_flipped_bit_in_the_values_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.npz", input=np.zeros(1000))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    assert refusal(path).startswith("x.npz: got BadZipFile: Bad CRC-32")


def test_values_of_another_count_than_the_header_says_are_refused(tmp_path: Path) -> None:
    for change in (b"", b"more"):
        content = npy(np.zeros(4, np.float32))
        path = zipped(tmp_path / "x.npz", ("input.npy", content + change if change else content[:-4]))

        assert refusal(path) == (
            f'x.npz: got {20 if change else 12} bytes of values in "input.npy", should be 16 for float32 (4,).'
        )


def test_a_name_twice_and_a_member_that_is_no_array_are_refused(tmp_path: Path) -> None:
    content = npy(np.zeros(4))
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zipped(tmp_path / "x.npz", ("input.npy", content), ("input.npy", content))

    assert refusal(twice) == 'x.npz: got "input.npy" twice, should be one .npy for each array.'
    assert refusal(zipped(tmp_path / "x.npz", ("notes.txt", b"x"))) == (
        'x.npz: got "notes.txt" in it, should be one .npy for each array.'
    )


def test_a_version_of_the_format_that_is_not_known_is_refused(tmp_path: Path) -> None:
    content = bytearray(npy(np.zeros(4)))
    content[6] = 3

    assert refusal(zipped(tmp_path / "x.npz", ("a.npy", bytes(content)))) == (
        'x.npz: got "a.npy" in .npy version (3, 0), should be 1.0 or 2.0.'
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "x.npz: got BadZipFile: File is not a zip file, should be a whole .npz."),
        (b"a,b\n1,2\n", "x.npz: got BadZipFile: File is not a zip file, should be a whole .npz."),
        (npy(np.zeros(2)), "x.npz: got one array without a name (.npy), should be an .npz."),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
            "x.npz: got a Git LFS pointer, should be the data itself.",
        ),
    ],
    ids=["empty", "text", "npy", "git-lfs"],
)
def test_a_file_that_is_no_npz_is_named_for_what_it_is(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "x.npz").write_bytes(content)

    assert refusal(tmp_path / "x.npz") == sentence


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "x.npz") == 'x.npz: got "No such file or directory", should be an .npz that can be read.'


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"not an array", "ValueError: the magic string is not correct"),
        (npy(np.zeros(4)).replace(b"'descr'", b"'desrc'"), "ValueError: Header does not contain the correct keys"),
        (npy(np.zeros(4)).replace(b"'descr'", b"1234567"), "TypeError: "),
        (npy(np.zeros(4)).replace(b"(4,)", b"(4,("), "TokenError: "),
    ],
    ids=["magic", "key", "key-of-another-type", "shape"],
)
def test_a_member_whose_header_is_broken_is_refused(tmp_path: Path, content: bytes, got: str) -> None:
    assert refusal(zipped(tmp_path / "x.npz", ("a.npy", content))).startswith(f"x.npz: got {got}")


HEADER_BYTES = st.sampled_from(b"\x00\x01\x02\xff (){}[],:'\"-0129OVfi#\\\n") | st.integers(0, 255)


@given(st.dictionaries(st.integers(0, 127), HEADER_BYTES, min_size=1, max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.filterwarnings("ignore:Reading .* required additional header parsing")
def test_a_header_with_bytes_changed_is_read_or_refused_and_nothing_else(
    tmp_path: Path, changes: dict[int, int]
) -> None:
    content = bytearray(npy(np.zeros((2, 2), np.float32)))
    for position, byte in changes.items():
        content[position] = byte

    with contextlib.suppress(CannotJudge):
        assert read_npz(zipped(tmp_path / "x.npz", ("a.npy", bytes(content))), LARGEST_MB)["a"].nbytes == 16


def test_damaged_compression_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", npy(np.zeros(1000)))
    content = bytearray(path.read_bytes())
    content[30 + len("a.npy")] = 0xFF  # the first byte after the member's header: a kind of block that there is not
    path.write_bytes(content)

    assert refusal(path).startswith("x.npz: got error: Error -3 while decompressing data")


def test_a_member_that_is_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.npz", ("a.npy", npy(np.zeros(4))))
    content = bytearray(path.read_bytes())
    sizes = content.rindex(b"PK\x01\x02") + 20
    content[sizes : sizes + 8] = (10_000).to_bytes(4, "little") * 2
    path.write_bytes(content)

    assert refusal(path).startswith("x.npz: got ")


def test_a_disk_that_fails_while_reading_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise OSError(5, "Input/output error")

    path = saved(tmp_path / "x.npz", input=np.zeros(4))
    monkeypatch.setattr(zipfile, "ZipFile", failing)

    assert refusal(path) == "x.npz: got OSError: [Errno 5] Input/output error, should be a whole .npz."


def test_a_shape_that_only_the_header_claims_takes_no_memory(tmp_path: Path) -> None:
    content = npy(np.zeros(4, np.float32)).replace(b"(4,), }      ", b"(999999999,),}")

    assert refusal(zipped(tmp_path / "x.npz", ("a.npy", content))).endswith(
        "should be 3,999,999,996 for float32 (999999999,)."
    )


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.npz", input=np.zeros(4))
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)

    assert refusal(path).startswith("x.npz: got RuntimeError: ")


def test_an_archive_that_declares_more_than_the_limit_is_refused_before_anything_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "x.npz", a=np.zeros(75_000), b=np.zeros(75_000))
    assert list(read_npz(tmp_path / "x.npz", 1.3)) == ["a", "b"]
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("unpacked"))

    assert refusal(tmp_path / "x.npz") == "x.npz: got 1.2 MB of arrays, should be at most 1 MB."


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_a_member_that_declares_less_than_it_holds_is_not_unpacked_beyond_what_it_declares(
    tmp_path: Path, compression: int
) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("a.npy", npy(np.zeros(8_000_000, np.int8)).replace(b"(8000000,)", b"(99872,)  "))
    content = bytearray(path.read_bytes())
    size = content.rindex(b"PK\x01\x02") + 24
    content[size : size + 4] = (100_000).to_bytes(4, "little")
    path.write_bytes(content)

    tracemalloc.start()
    said = refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert said.startswith("x.npz: got BadZipFile: ")
    assert peak < 1_000_000


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
def test_compressions_whose_size_zipfile_does_not_bound_are_refused(tmp_path: Path, compression: int) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w", compression) as archive:
        archive.writestr("a.npy", npy(np.zeros(4)))

    assert refusal(tmp_path / "x.npz") == (
        f'x.npz: got "a.npy" in zip compression {compression}, should be stored or deflated.'
    )


def test_more_members_than_a_model_could_have_inputs_are_refused(tmp_path: Path) -> None:
    content = npy(np.zeros(1, np.int8))
    members = [(f"{number}.npy", content) for number in range(1_001)]

    assert len(read_npz(zipped(tmp_path / "most.npz", *members[:1_000]), LARGEST_MB)) == 1_000
    assert refusal(zipped(tmp_path / "x.npz", *members)) == "x.npz: got 1,001 arrays, should be at most 1,000."


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_a_long_header_does_not_get_to_numpys_evaluator(
    tmp_path: Path, version: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(width: int) -> Path:
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }".ljust(width - 1) + b"\n"
        start = b"\x93NUMPY" + bytes(version) + width.to_bytes(2 * version[0], "little")
        return zipped(tmp_path / "x.npz", ("a.npy", start + header + bytes(4)))

    assert read_npz(written(4_096), LARGEST_MB)["a"].shape == (1,)
    monkeypatch.setattr("ast.literal_eval", lambda _: pytest.fail("evaluated"))

    assert refusal(written(4_097)) == 'x.npz: got a header of 4,097 bytes in "a.npy", should be at most 4,096.'
