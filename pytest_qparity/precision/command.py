"""Makers from outside: a command line, in an environment of its own, or a function in a process of its own, writes the
variant."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.case.functions import find_function, source_digest
from pytest_qparity.digest import file_digest, json_digest
from pytest_qparity.environment import installed
from pytest_qparity.import_graph import code_digest, module_files
from pytest_qparity.precision.calling_maker import takes_calibration
from pytest_qparity.precision.recipes import CommandRecipe
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_qparity.case.feeding import FeedSource
    from pytest_qparity.case.precision_spec import PrecisionSpec
    from pytest_qparity.worker.protocol import Worker

__all__ = ["command_recipe", "execute", "make_by_command"]

_TARGET = "pytest_qparity.precision.command:execute"
_GATHER = "pytest_qparity.precision.making:gather"
_CALLING = "pytest_qparity.precision.calling_maker"
_TAIL = 400  # characters that a failing command wrote last, in a failure's sentence


def command_recipe(spec: PrecisionSpec, folder: Path, place: str, worker: Worker) -> CommandRecipe:
    """The recipe, with the version that the maker states now. Raises CannotJudge where it does not run."""
    if spec.maker is not None:
        return _recipe_of_function(spec.maker, folder)
    command = tuple(spec.command or ())
    if not any("{output}" in word for word in command):
        sentence = f"{place}: got a command without {{output}}, should be told where to write the variant."
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, 'add "{output}" where the command takes its path'))
    stated = ""
    if spec.command_version is not None:
        arguments = _arguments(spec.command_version, folder, place)
        work = f"Asking {spec.command_version[0]} for its version"
        stated = str(worker.call(_TARGET, arguments, {}, work, worker.limits.load).value).strip()
    return CommandRecipe(command, stated, str(folder.absolute()), _files_of(command, folder))


def _files_of(command: Sequence[str], folder: Path) -> tuple[tuple[str, str], ...]:
    """Each word that is a file, and what stands there; of a Python script, and of a module behind "-m", all local code
    that importing it may execute."""
    digests: dict[str, str] = {}
    for before, word in zip(("", *command), command, strict=False):
        path = folder / word
        if path.is_file():
            digests[word] = code_digest([path], [folder]) if path.suffix == ".py" else file_digest(path)
        elif before == "-m" and (files := module_files(f"{word}.__main__", [folder])):
            digests[word] = code_digest(files, [folder])
    return tuple(digests.items())


def _recipe_of_function(maker: str, folder: Path) -> CommandRecipe:
    """A maker in this environment: the local code that its imports reach and all that is installed decide upon the
    bytes."""
    data = ("{calibration}",) if takes_calibration(maker, folder) else ()
    command = ("{python}", "-P", "-m", _CALLING, maker, "{model}", "{output}", *data)
    files = (
        (maker, source_digest(find_function(maker, folder), folder)),
        ("installed", json_digest({"python": sys.version, "packages": installed()})),
    )
    return CommandRecipe(command, "", str(folder.absolute()), files, maker=maker)


def make_by_command(
    recipe: CommandRecipe, model: Path, feeds: FeedSource | None, target: Path, folder: Path, place: str, worker: Worker
) -> tuple[str, ...]:
    """Run the maker in the case's folder, without a shell; a note of who made it.

    `{model}` and `{output}` become paths, `{calibration}` that of an .npz file with an array for each input, as the
    case's own. It runs below a worker, whose deadline ends it and all that it starts. Raises CannotJudge where it fails
    or writes no file. Weights that it wrote into files beside the output are taken along.
    """
    places = {"{model}": str(model.absolute()), "{output}": str(target.absolute())}
    arguments = _arguments([_filled(word, places) for word in recipe.command], folder, place)
    arguments |= {"calibration": None if feeds is None else str(target.parent / "calibration.npz")}
    if recipe.maker:
        arguments |= {"words": [_filled(word, {"{python}": sys.executable}) for word in arguments["words"]]}
        arguments |= {"who": recipe.maker, "path": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)}
    arrays = {} if feeds is None else feeds.whole()
    worker.call(_TARGET, arguments, arrays, f"Making {model.name} by {recipe.who}", worker.limits.calibration)
    if not target.is_file():
        sentence = f"{place}: got no file from {recipe.who}, should be one at {{output}}."
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, "let it write the ONNX file to {output}"))
    gathering = {"model": str(target.absolute()), "precision": place}
    worker.call(_GATHER, gathering, {}, f"Reading {target.name}", worker.limits.calibration)
    said = f", which says: {recipe.stated_version.splitlines()[0]}" if recipe.stated_version else ""
    return (f"made by {recipe.who}{said}",)


def execute(
    held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[str, Mapping[str, np.ndarray]]:
    """A worker's call: what a command wrote to its standard output. `arrays`: its calibration data."""
    words, place = list(arguments["words"]), arguments["place"]
    who = arguments.get("who", words[0])
    # Where this process finds modules is its own business: a maker may run another Python, with packages of its own.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if arguments["path"] is not None:
        environment["PYTHONPATH"] = arguments["path"]
    calibration = arguments["calibration"]
    if calibration is not None:
        _save(arrays, calibration)
        words = [_filled(word, {"{calibration}": calibration}) for word in words]
    try:
        done = subprocess.run(words, cwd=arguments["folder"], env=environment, capture_output=True, check=False)
    except OSError as error:
        sentence = f"{place}: got {error.strerror} from the command {words[0]}, should be a program."
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, "correct the first word of command")) from None
    finally:
        if calibration is not None:
            Path(calibration).unlink(missing_ok=True)
    if done.returncode:
        tail = " ".join(done.stderr.decode(errors="replace").split())[-_TAIL:] or "nothing on stderr"
        sentence = f"{place}: got exit status {done.returncode} from {who} ({tail}), should be 0."
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, f"run it by hand: {' '.join(words)}"))
    return done.stdout.decode(errors="replace"), {}


def _save(arrays: Mapping[str, np.ndarray], path: str) -> None:
    """An .npz file. `numpy.savez` takes names as keywords, and some for its own: inputs may be named `file`."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def _arguments(words: Sequence[str], folder: Path, place: str) -> dict[str, Any]:
    told = {"words": list(words), "folder": str(folder.absolute()), "place": place, "calibration": None}
    return told | {"path": os.environ.get("PYTHONPATH")}  # as whoever called pytest set it


def _filled(word: str, places: Mapping[str, str]) -> str:
    for name, path in places.items():
        word = word.replace(name, path)
    return word
