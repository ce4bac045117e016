"""The calibrator beside ONNX Runtime's, on ResNet-50 with 224×224 images: CPU seconds and peak memory.

    python -m benchmarks.calibration [images …]

Each measurement is a process of its own, one after the other, with one thread, from the model's file to the ranges of
all its 123 float tensors. Nothing is asserted: a time is evidence.
"""

from __future__ import annotations

import json
import logging
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx

from benchmarks.models import images, resnet50

ROOT = Path(__file__).parent.parent
SIZES = (16, 64)
METHODS = ("minmax", "percentile", "entropy")
MAKERS = ("ours", "stock")


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measured(*sys.argv[2:])))
        return
    sizes = [int(each) for each in sys.argv[1:]] or SIZES
    print_versions()
    print("| method | images | ours, CPU s | stock, CPU s | ratio | ours, peak GiB | stock, peak GiB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        model = write_model(Path(folder))
        for method in METHODS:
            for size in sizes:
                data = Path(folder) / f"images_{size}.npy"
                np.save(data, images(size))
                mine, theirs = (in_a_process(maker, method, model, data) for maker in MAKERS)
                assert mine["tensors"] == theirs["tensors"], "both have the same work"
                seconds = f"{mine['cpu_s']:.1f} | {theirs['cpu_s']:.1f} | {mine['cpu_s'] / theirs['cpu_s']:.2f}"
                print(
                    f"| {method} | {size} | {seconds} | {mine['peak_gib']:.2f} | {theirs['peak_gib']:.2f} |", flush=True
                )


def write_model(folder: Path) -> Path:
    """With shapes, which the stock calibrators take their tensors from."""
    path = folder / "resnet50.onnx"
    onnx.save(onnx.shape_inference.infer_shapes(resnet50()), path)
    return path


def in_a_process(maker: str, method: str, model: Path, data: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.calibration", "--one", maker, method, str(model), str(data)]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    return result


def measured(maker: str, method: str, model: str, data: str) -> dict[str, float]:
    # The data stay on disk, one image in memory at a time, so that they are in no one's peak.
    mapped = np.load(data, mmap_mode="r")
    begin = time.process_time()
    tensors = {"ours": ours, "stock": stock}[maker](Path(model), mapped, method)
    return {
        "cpu_s": time.process_time() - begin,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "tensors": tensors,
    }


def ours(path: Path, data: np.ndarray, method: str) -> int:
    from pytest_qparity.precision.calibration.method import Method
    from pytest_qparity.precision.calibration.observing import Observer

    model = onnx.load(path)
    tensors = ["image", *(output for node in model.graph.node for output in node.output)]
    observer = Observer(model, tensors, Method(method))
    del model
    for image in data:
        observer.take({"image": np.array(image[np.newaxis])})
    return len(observer.ranges().tensors)


def stock(path: Path, data: np.ndarray, method: str) -> int:
    import onnxruntime
    from onnxruntime.quantization import CalibrationMethod, create_calibrator

    logging.getLogger().setLevel(logging.ERROR)

    class Reader:
        """Images as ONNX Runtime's calibrators ask for them."""

        def __init__(self) -> None:
            self._images = iter(data)

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self._images, None)
            return None if image is None else {"image": np.array(image[np.newaxis])}

        def __iter__(self) -> Reader:
            return self

        def __next__(self) -> dict[str, np.ndarray]:
            feed = self.get_next()
            if feed is None:
                raise StopIteration
            return feed

    methods = {"minmax": CalibrationMethod.MinMax, "percentile": CalibrationMethod.Percentile}
    calibrator = create_calibrator(
        path,
        None,
        str(path.with_suffix(".augmented.onnx")),
        calibrate_method=methods.get(method, CalibrationMethod.Entropy),
    )
    # The defaults of the session that it makes, with one thread as ours has.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    calibrator.infer_session = onnxruntime.InferenceSession(
        calibrator.augmented_model_path, options, providers=["CPUExecutionProvider"]
    )
    calibrator.collect_data(Reader())
    return len(calibrator.compute_data().data)


def print_versions() -> None:
    import onnxruntime

    print(f"Python {platform.python_version()}, NumPy {np.__version__}, onnxruntime {onnxruntime.__version__}\n")


if __name__ == "__main__":
    main()
