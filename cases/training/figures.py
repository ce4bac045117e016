"""What the README's table says of a model: stock int8 and fp16 beside fp32 on ONNX Runtime's CPU provider."""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.transformers.float16 import convert_float_to_float16

Feed = dict[str, np.ndarray]


class Feeds(CalibrationDataReader):
    def __init__(self, feeds: list[Feed]) -> None:
        self.feeds = iter(feeds)

    def get_next(self) -> Feed | None:
        return next(self.feeds, None)


def load(path: Path, model: onnx.ModelProto, batch: int) -> list[Feed]:
    """An array of the input's rank counts samples on its first axis; of one rank more, each sample is a feed."""
    with np.load(path) as archive:
        arrays = {i.name: archive[i.name] for i in model.graph.input if i.name in archive.files}
    rank = {i.name: len(i.type.tensor_type.shape.dim) for i in model.graph.input}
    count = len(next(iter(arrays.values())))
    if any(array.ndim > rank[name] for name, array in arrays.items()):
        return [{name: array[i] for name, array in arrays.items()} for i in range(count)]
    return [{name: array[i : i + batch] for name, array in arrays.items()} for i in range(0, count, batch)]


def session(model: Path, optimize: bool) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def outputs(model: Path, feeds: list[Feed], optimize: bool) -> list[np.ndarray]:
    opened = session(model, optimize)
    runs = [opened.run(None, feed) for feed in feeds]
    return [np.concatenate(each) for each in zip(*runs, strict=True)]


def sqnr_db(golden: np.ndarray, output: np.ndarray) -> float:
    """10·log10(Σ golden² / Σ (golden - output)²)"""
    golden, output = golden.astype(np.float64), output.astype(np.float64)
    noise = float(((golden - output) ** 2).sum())
    return 10.0 * float(np.log10((golden**2).sum() / noise)) if noise else float("inf")


def speedup(fast: Path, slow: Path, feed: Feed, rounds: int = 200) -> tuple[float, float]:
    """Median of the ratio slow / fast, one thread, the two run by turns; and the fast one's median in milliseconds."""
    sessions = [session(path, True) for path in (fast, slow)]
    seconds = np.empty((rounds, 2))
    for turn in range(-10, rounds):
        for column, opened in enumerate(sessions):
            started = time.perf_counter()
            opened.run(None, feed)
            if turn >= 0:
                seconds[turn, column] = time.perf_counter() - started
    return float(np.median(seconds[:, 1] / seconds[:, 0])), float(np.median(seconds[:, 0]) * 1e3)


def variants(model: Path, calibration: list[Feed], exclude: list[str], folder: Path) -> dict[str, Path]:
    """fp32, fp16 and stock int8 files; quantizing per channel needs opset 13 at least.

    Initializers that are inputs too leave the inputs: ONNX Runtime folds nothing that a caller may override, so such
    a file is slow, and whatever is made from it looks fast. Hence fp32 "as converted" stands beside fp32.
    """
    loaded = onnx.load(model)
    initializers = {tensor.name for tensor in loaded.graph.initializer}
    for value in [i for i in loaded.graph.input if i.name in initializers]:
        loaded.graph.input.remove(value)
    if next(o.version for o in loaded.opset_import if o.domain in ("", "ai.onnx")) < 13:
        loaded = onnx.version_converter.convert_version(loaded, 17)
    onnx.save(loaded, folder / "base.onnx")
    paths = {
        "fp32": model,
        "fp32, as converted": folder / "base.onnx",
        "fp16": folder / "fp16.onnx",
        "int8": folder / "int8.onnx",
    }
    if exclude:
        paths["int8, nodes kept float"] = folder / "int8_mixed.onnx"
    onnx.save(convert_float_to_float16(loaded, keep_io_types=True), paths["fp16"])
    for name in [n for n in paths if n.startswith("int8")]:
        quantize_static(
            folder / "base.onnx",
            paths[name],
            Feeds(calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=exclude if name != "int8" else [],
        )
    return paths


def report(name: str, path: Path, test: list[Feed], golden: list[np.ndarray], labels: np.ndarray | None) -> None:
    nodes = onnx.load(path).graph.node
    quantize = sum(n.op_type == "QuantizeLinear" for n in nodes)
    print(f"{name}: {len(nodes)} nodes, {quantize} QuantizeLinear, {path.stat().st_size / 1e6:.2f} MB")
    for optimize in (False, True):
        got = outputs(path, test, optimize)
        decibels = ", ".join(f"{sqnr_db(g, o):.1f}" for g, o in zip(golden, got, strict=True))
        top1 = "" if labels is None else f", top-1 {(got[0].argmax(1) == labels).mean():.2%}"
        print(f"  optimizer {'on' if optimize else 'off'}: {decibels} dB{top1}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("calibration", type=Path)
    parser.add_argument("--given", type=Path, help="a quantized file that exists")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--speed-batches", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--exclude", nargs="+", default=[], help="names of nodes to keep float")
    arguments = parser.parse_args()
    model = onnx.load(arguments.model)
    test = load(arguments.test, model, arguments.batch)
    calibration = load(arguments.calibration, model, arguments.batch)
    with np.load(arguments.test) as archive:
        labels = archive["labels"] if "labels" in archive.files else None
    golden = outputs(arguments.model, test, optimize=False)
    with tempfile.TemporaryDirectory() as folder:
        paths = variants(arguments.model, calibration, arguments.exclude, Path(folder))
        if arguments.given:
            paths["given"] = arguments.given
        for name, path in paths.items():
            report(name, path, test, golden, labels)
        for batch in arguments.speed_batches:
            feed = load(arguments.test, model, batch)[0]
            for name, path in list(paths.items())[1:]:
                ratio, milliseconds = speedup(path, arguments.model, feed)
                print(f"batch {batch}: {name} is {ratio:.2f} times as fast as fp32 ({milliseconds:.2f} ms)", flush=True)


if __name__ == "__main__":
    main()
