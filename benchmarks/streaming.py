"""What streaming adds to an engine's own time: a class tree of JPEGs, decoded while the engine runs.

python -m benchmarks.streaming           # about a minute

The same feeds are run by ONNX Runtime on one thread from memory and streamed, in turn, so that what else the machine
does meets both alike. Images are decoded in a thread of their own: where a core is free, the engine's thread alone
decides, whose CPU time is told beside the time that went by. The first pass over the records (ids, labels, hashes) is
told apart: it is made once a source.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.case.data_loading import feeds_of, open_samples
from pytest_qparity.case.data_spec import DataSpec, ImageSpec
from pytest_qparity.case.feeding import Feed, FeedSource
from pytest_qparity.case.model import TensorInfo
from pytest_qparity.case.reach import Reach

IMAGES, CLASSES, SIDE, BATCH, ROUNDS = 128, 4, 96, 8, 7
INPUT = TensorInfo("input", "float32", ("N", 3, 64, 64))


def write_tree(folder: Path) -> None:
    from PIL import Image

    random = np.random.default_rng(0)
    for index in range(IMAGES):
        place = folder / f"class {index % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (12, 12, 3), np.uint8))
        coarse.resize((SIDE, SIDE)).save(place / f"{index}.jpg", quality=90)


def convolutions(width: int, depth: int) -> bytes:
    random = np.random.default_rng(0)
    nodes, weights, name, channels = [], [], "input", 3
    for layer in range(depth):
        weight = random.normal(0, 0.05, (width, channels, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{layer}"))
        nodes.append(helper.make_node("Conv", [name, f"w{layer}"], [f"c{layer}"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"c{layer}"], [f"r{layer}"]))
        name, channels = f"r{layer}", width
    nodes.append(helper.make_node("GlobalAveragePool", [name], ["output"]))
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, 64, 64])]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", width, 1, 1])]
    graph = helper.make_graph(nodes, "convolutions", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def main() -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_tree(folder / "tree")
        spec = DataSpec(test="tree", batch=BATCH, image=ImageSpec(resize=72, crop=64, mean=(0.5,) * 3, std=(0.25,) * 3))
        start = time.perf_counter()
        samples = open_samples("tree", spec, Reach.of(folder, [folder]), lambda: (INPUT,), 1000.0)
        first_ms = 1000 * (time.perf_counter() - start)
        feeds = feeds_of(samples, (INPUT,), BATCH)
        held = list(feeds)
        decode_ms = _decoding_cpu_ms(feeds)
        each = f"first pass {first_ms / IMAGES:.2f} ms, decoding {decode_ms:.2f} ms of CPU time"
        print(f"{IMAGES} JPEGs of {SIDE} x {SIDE}, each: {each}; a batch of {BATCH}, medians of {ROUNDS} pairs:")
        print("| model | engine's thread, CPU ms | streamed | added | time, ms | streamed | added |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for width, depth in ((48, 3), (64, 3), (96, 3)):
            session = onnxruntime.InferenceSession(convolutions(width, depth), options, ["CPUExecutionProvider"])
            pairs = [(_run_ms(session, held), _run_ms(session, feeds)) for _ in range(ROUNDS + 1)][1:]
            told = []
            for kind in (1, 0):
                own, streamed = (float(np.median([pair[side][kind] for pair in pairs])) for side in (0, 1))
                added = 100 * float(np.median([pair[1][kind] / pair[0][kind] - 1 for pair in pairs]))
                told.append(f"{own:.1f} | {streamed:.1f} | {added:+.1f} %")
            print(f"| {depth} convolutions of {width} | {' | '.join(told)} |", flush=True)


def _run_ms(session: onnxruntime.InferenceSession, feeds: Sequence[Feed] | FeedSource) -> tuple[float, float]:
    """Of one batch, on average: the time that went by, and this thread's CPU time."""
    start, cpu = time.perf_counter(), time.thread_time()
    for feed in feeds:
        session.run(None, dict(feed.arrays))
    ended = time.perf_counter() - start, time.thread_time() - cpu
    return 1000 * ended[0] / len(feeds), 1000 * ended[1] / len(feeds)


def _decoding_cpu_ms(feeds: FeedSource) -> float:
    start = time.process_time()
    for _ in feeds:
        pass
    return 1000 * (time.process_time() - start) / IMAGES


if __name__ == "__main__":
    main()
