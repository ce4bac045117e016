"""int8 ResNet-50 in ONNX Runtime: convolutions on integers, speed and SQNR, of ours and of the stock quantizer.

    python -m benchmarks.resnet50 [rounds]

The model has its full architecture and seeded weights; 16 images calibrate, 8 others are compared. Ours is made as the
gate makes it, and each file is loaded by the gate's backend. A round times every file once, one after the other, so
that what else runs on the machine meets all of them; ratios are of two times of one round. Nothing is asserted.
"""

from __future__ import annotations

import itertools
import logging
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx

from benchmarks.models import images, resnet50
from pytest_qparity.backends.ort import OnnxRuntimeCpu
from pytest_qparity.backends.protocol import Optimizer, SessionOptions
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.precision.choosing import recipe_for
from pytest_qparity.precision.jobs import Calibration
from pytest_qparity.processor import this_processor
from pytest_qparity.quantmath.measures import PowerSums

OURS = {"ours, ort": "ort", "ours, any": "any"}
THREADS = (2, 1)
BATCHES = (1, 8)
CALIBRATION, TEST = 16, 8
ROUNDS = 30


def main() -> None:
    logging.getLogger().setLevel(logging.ERROR)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    print_versions()
    with tempfile.TemporaryDirectory() as folder:
        paths = written(Path(folder))
        print_fused(paths)
        print_speed(paths, rounds)


def written(folder: Path) -> dict[str, Path]:
    """The float model, ours for each target, and the stock quantizer's with two choices of types."""
    model, data = resnet50(), images(CALIBRATION)
    paths = {"fp32": folder / "fp32.onnx"}
    onnx.save(model, paths["fp32"])
    for name, target in OURS.items():
        paths[name] = folder / f"ours_{target}.onnx"
        onnx.save(ours(model, data, target), paths[name])
    for name, settings in stock_settings().items():
        paths[name] = folder / f"{name.replace(' ', '_')}.onnx"
        stock(paths["fp32"], paths[name], data, settings)
    return paths


def ours(model: onnx.ModelProto, data: np.ndarray, target: str) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    calibration = Calibration(copy, recipe_for("int8", PrecisionSpec(target=target), target, ()))
    for image in data:
        calibration.take({"image": image[np.newaxis]}, 1)
    made, _ = calibration.made()
    return made


def stock_settings() -> dict[str, dict[str, object]]:
    from onnxruntime.quantization import QuantType

    return {
        "stock, default": {},
        "stock, U8S8 per channel": {"activation_type": QuantType.QUInt8, "per_channel": True},
    }


def stock(source: Path, target: Path, data: np.ndarray, settings: dict[str, object]) -> None:
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._images = iter(data)

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self._images, None)
            return None if image is None else {"image": image[np.newaxis]}

    quantize_static(source, target, Reader(), **settings)


def print_fused(paths: dict[str, Path]) -> None:
    """SQNR: of what the optimized session gives, against the float model with the optimizer off."""
    probes = images(TEST, seed=2)
    expected = logits(paths["fp32"], probes, SessionOptions(threads=1, optimizer=Optimizer.OFF))
    print("| file | compute nodes on integers | SQNR, dB |\n| --- | --- | --- |")
    for name, path in paths.items():
        session = OnnxRuntimeCpu().load(path, SessionOptions(threads=1))
        kernels = session.kernels()
        found = np.concatenate([session.run({"image": image[np.newaxis]})["logits"] for image in probes])
        sums = PowerSums()
        sums.add(found.reshape(-1), expected.reshape(-1))
        print(f"| {name} | {kernels.text('').strip()} | {sums.sqnr_db():.1f} |", flush=True)
        for node in kernels.float_nodes if name.startswith("ours") else ():
            print(f"  as float: {node}")
    print()


def logits(path: Path, probes: np.ndarray, options: SessionOptions) -> np.ndarray:
    session = OnnxRuntimeCpu().load(path, options)
    return np.concatenate([session.run({"image": image[np.newaxis]})["logits"] for image in probes])


def print_speed(paths: dict[str, Path], rounds: int) -> None:
    print(
        "| threads | batch | file | least, ms | fp32 over it: least of rounds | median | of least times | CPU, median |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for threads, batch in itertools.product(THREADS, BATCHES):
        taken = times_ms(paths, images(batch, seed=3), threads, rounds)
        fp32, fp32_cpu = taken["fp32"].T
        for name, each in taken.items():
            wall, cpu = each.T
            ratios = fp32 / wall
            told = (ratios.min(), np.median(ratios), fp32.min() / wall.min(), np.median(fp32_cpu / cpu))
            print(
                f"| {threads} | {batch} | {name} | {wall.min():.1f} | {' | '.join(f'{ratio:.2f}' for ratio in told)} |",
                flush=True,
            )


def times_ms(paths: dict[str, Path], image: np.ndarray, threads: int, rounds: int) -> dict[str, np.ndarray]:
    """Milliseconds of a call on the clock and on CPUs, (rounds, 2) for each file.

    The time on CPUs leaves out what others took of the machine; with one thread, it is the time of the computation.
    """
    sessions = {name: OnnxRuntimeCpu().load(path, SessionOptions(threads=threads)) for name, path in paths.items()}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in paths}
    for _ in range(rounds):
        for name, session in sessions.items():
            session.run({"image": image})  # its weights are in the caches, and threads of the file before are asleep
            begin, begin_cpu = time.perf_counter(), time.process_time()
            session.run({"image": image})
            wall, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
            taken[name].append((wall * 1e3, cpu * 1e3))
    return {name: np.array(each) for name, each in taken.items()}


def print_versions() -> None:
    import onnxruntime

    print(f"Python {platform.python_version()}, NumPy {np.__version__}, onnxruntime {onnxruntime.__version__}")
    print(f"{this_processor().as_json()}\n")


if __name__ == "__main__":
    main()
