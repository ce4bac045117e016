"""The package's own canaries, for projects that have none: a project of their own in the cache, judged as any is."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity import canary_set
from pytest_qparity.digest import canonical_json, file_digest, json_digest
from pytest_qparity.environment import version_of
from pytest_qparity.gate.canaries import Canaries
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.gate.settings import Settings

RECORD = "record.json"
MAKERS = ("numpy", "onnx")  # their versions decide about the bytes
LARGEST_DATA_MB = 1.0


def own_canaries() -> Canaries:
    """Canaries that are written into the cache when a backend is first judged."""
    return Canaries(prepare=settings_of_own)


def settings_of_own(settings: Settings) -> Settings:
    """`settings` as they are in the project of the package's own canaries, which is written where it is not there or
    not whole. Raises CannotJudge where it cannot be written."""
    key = json_digest({"source": file_digest(Path(canary_set.__file__)), **{name: version_of(name) for name in MAKERS}})
    root = settings.cache.absolute() / "canaries" / key
    if not _is_whole(root):
        _write(root, settings)
    return replace(
        settings,
        golden_root=root / "golden",
        roots=(root,),
        accept=None,
        canaries=Canaries(root, [root / canary_set.OWN]),
        largest_data_mb=LARGEST_DATA_MB,
    )


def _write(root: Path, settings: Settings) -> None:
    """Whole or not at all: in a folder beside, which then takes the place of whatever is there."""
    from filelock import FileLock

    with _writing(root):
        root.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{root}.lock"):
            if _is_whole(root):  # another process has written it meanwhile
                return
            for leftover in root.parent.glob(f".{root.name}.*.tmp"):  # of a writer that was killed
                shutil.rmtree(leftover, ignore_errors=True)
            scratch = Path(tempfile.mkdtemp(prefix=f".{root.name}.", suffix=".tmp", dir=root.parent))
            try:
                _fill(scratch, settings)
                scratch.chmod(0o755)  # a cache may be shared
                shutil.rmtree(root, ignore_errors=True)
                scratch.rename(root)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)


def _fill(root: Path, settings: Settings) -> None:
    """Write the files, in a worker, since it takes onnx to make a model; their golden; a record of it all."""
    case_file = root / canary_set.OWN
    with contextlib.closing(settings.worker(settings.limits)) as worker:
        arguments = {"folder": str(case_file.parent)}
        answer = worker.call("pytest_qparity.canary_set:written", arguments, {}, "Writing canaries", worker.limits.load)
    _write_golden(root, case_file, answer.arrays)
    record = {path.relative_to(root).as_posix(): file_digest(path) for path in _files(root)}
    (root / RECORD).write_text(canonical_json(record), encoding="utf-8")


def _write_golden(root: Path, case_file: Path, outputs: Mapping[str, np.ndarray]) -> None:
    """The golden that `outputs` are. They come from the formula of the model and not from an engine: whoever has
    TensorRT alone has canaries too."""
    from pytest_qparity.case.data_loading import load_samples
    from pytest_qparity.case.loading import load_case
    from pytest_qparity.case.model import stored_bytes
    from pytest_qparity.gate.reference import recipe_digest
    from pytest_qparity.golden.store import Golden, GoldenKey, write_golden

    case = load_case(case_file, (root,))
    if not isinstance(case.spec.model, str):
        raise ValueError(f"got model {case.spec.model!r} in the package's own canary file, should be a file")
    samples = load_samples(case.spec.data.test, case.folder, LARGEST_DATA_MB)
    key = GoldenKey(
        model=stored_bytes(case.folder / case.spec.model, ()).digest,
        data=samples.digest,
        recipe=recipe_digest(case.spec.data.batch, case.spec.state),
    )
    provenance = {"engine": "numpy", "engine_version": version_of("numpy") or "unknown"}
    write_golden(root / "golden" / case.name, Golden(key, outputs, canary_set.SAMPLES, provenance))


def _is_whole(root: Path) -> bool:
    """Whether each file that was written is there, and as it was."""
    try:
        record = json.loads((root / RECORD).read_text(encoding="utf-8"))
        return bool(record) and all(file_digest(root / name) == digest for name, digest in record.items())
    except (OSError, ValueError, AttributeError, TypeError):
        return False


def _files(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".lock")


@contextlib.contextmanager
def _writing(root: Path) -> Iterator[None]:
    """What the disk refuses becomes one clear failure."""
    try:
        yield
    except OSError as error:
        raise CannotJudge(
            Failure(
                Code.CANARY_UNPROVEN,
                f"The package's own canaries: got {type(error).__name__} ({error.strerror}) at {root.parent}, should "
                "be a folder to write in.",
                "see to room and permission to write there, or name another folder: --qparity-cache",
            )
        ) from None
