"""A TensorRT calibration cache on its way to TensorRT 11: the transcript and the table of docs/calibration.md.

    python -m benchmarks.migration

No TensorRT is at hand: the cache is in its format, with ranges of `digits_resnet` that `entropy` found over the case's
128 calibration samples, and an entry that TensorRT would have named itself. The file that `qparity quantize` makes is
judged as a given one, beside what it makes of the same cache for ONNX Runtime.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx

from pytest_qparity.precision.calibration.formats import tensorrt_cache
from pytest_qparity.precision.calibration.method import Method
from pytest_qparity.precision.calibration.observing import observe

CASES = Path(__file__).parents[1] / "cases"
MODEL = "digits_resnet.onnx"
NAMED_BY_TENSORRT = "(Unnamed Layer* 31) [Constant]_output: 3c010a14\n"
COMMANDS = (
    f"qparity quantize {MODEL} --ranges calib.cache --target trt -o digits_int8.onnx",
    "qparity lint digits_int8.onnx --target trt11",
)
FOR_ORT = f"qparity quantize {MODEL} --ranges calib.cache --target ort -o digits_int8_ort.onnx"
CASE = f"""\
model = "{MODEL}"
task = "image-classification"
[data]
test = "digits_test.npz"
population = false
batch = 32
[precisions.int8]
file = "digits_int8.onnx"
[precisions.int8-ort]
file = "digits_int8_ort.onnx"
[accuracy]
metric = "top1"
"""


def write_inputs(folder: Path) -> None:
    """The float model, and its cache."""
    shutil.copyfile(CASES / "models" / MODEL, folder / MODEL)
    model = onnx.load(folder / MODEL)
    with np.load(CASES / "data" / "digits_calibration.npz") as file:
        samples = file["input"]
    tensors = ["input", *(output for node in model.graph.node for output in node.output)]
    feeds = ({"input": samples[at : at + 32]} for at in range(0, len(samples), 32))
    ranges = observe(model, tensors, feeds, Method("entropy"))
    (folder / "calib.cache").write_text(tensorrt_cache.render(ranges) + NAMED_BY_TENSORRT, encoding="utf-8")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder)
        print("\n".join((folder / "calib.cache").read_text(encoding="utf-8").splitlines()[:3]))
        for command in (*COMMANDS, FOR_ORT):
            print(f"$ {command}\n{said(command.split(), folder)}")
        shutil.copyfile(CASES / "data" / "digits_test.npz", folder / "digits_test.npz")
        (folder / "cases").mkdir()
        (folder / "cases" / "migrated.toml").write_text(CASE.replace('= "digits', '= "../digits'), encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\ntestpaths = cases\n", encoding="utf-8")
        said(["qparity", "accept", "cases/migrated.toml", "--missing"], folder)
        judged = [
            "pytest",
            "--backend=ort,openvino",
            "-q",
            "-p",
            "no:cacheprovider",
            "-k",
            "preflight or parity or accuracy",
        ]
        print(said(judged, folder))


def said(command: list[str], folder: Path) -> str:
    tool = Path(sys.executable).with_name(command[0])
    done = subprocess.run([tool, *command[1:]], cwd=folder, capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}(exit status {done.returncode})" if done.returncode else done.stdout


if __name__ == "__main__":
    main()
