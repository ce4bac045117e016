"""Faults around the file: data, goldens, calibration, the machine, and what the variant costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from benchmarks.peers import graph_edits as edit
from benchmarks.peers.fault import BATCH, Arrays, Fault, Need, Pair
from benchmarks.peers.file_faults import _dropping
from benchmarks.peers.pair import outputs_of, quantized


def _test(change: Callable[[Arrays], Arrays]) -> Callable[[Pair], Pair]:
    return lambda pair: replace(pair, test=change(pair.test))


def _tested_by_20(pair: Pair) -> Pair:
    """A variant that loses 2 points, judged by 20 samples of which it loses none."""
    worse = _dropping(2.0)(pair)
    before, after = (
        outputs_of(model, pair.test["input"])["logits"].argmax(1) for model in (pair.float_model, worse.variant)
    )
    same = np.flatnonzero(before == after)[:20]
    return replace(worse, test={name: array[same] for name, array in pair.test.items()}, population=True)


def _shuffled_labels(test: Arrays) -> Arrays:
    return {**test, "labels": np.random.default_rng(9).permutation(test["labels"])}


def _population(pair: Pair) -> Pair:
    """540 samples without a loss show that a population loses less than 0.6 points; 54 show less than 5.4."""
    return replace(pair, population=True, margin_points=2.0)


def _repeated(pair: Pair) -> Pair:
    """540 samples that are 54, ten times."""
    test = {name: np.concatenate([array[:BATCH]] * 10) for name, array in pair.test.items()}
    return replace(_population(pair), test=test)


def _nan_input(test: Arrays) -> Arrays:
    inputs = test["input"].copy()
    inputs[7, 0, 3, 3] = np.nan
    return {**test, "input": inputs}


def _golden(change: Callable[[Arrays], Arrays]) -> Callable[[Pair], Pair]:
    return lambda pair: replace(pair, golden=change(outputs_of(pair.float_model, pair.test["input"])))


def _short(pair: Pair) -> Pair:
    """Stored when the test set had as many samples as one batch."""
    first = {name: array[:BATCH] for name, array in pair.test.items()}
    return replace(pair, golden=outputs_of(pair.float_model, first["input"]), golden_test=first)


def _partial(pair: Pair) -> Pair:
    """Stored when the model had one output."""
    model = edit.without_output(pair.float_model, "values")
    return replace(pair, golden=outputs_of(model, pair.test["input"]), golden_model=model)


def _nan_on_both_sides(pair: Pair) -> Pair:
    spoiled = [helper.make_node("Mul", ["sound", "bad"], ["logits"])]
    constants = {"bad": np.array(np.nan, np.float32)}
    variant, model = (edit.behind(each, "logits", spoiled, constants) for each in (pair.variant, pair.float_model))
    return replace(pair, variant=variant, golden=outputs_of(model, pair.test["input"]), golden_model=model)


def _stale(pair: Pair) -> Pair:
    """The float model was trained on since its outputs were stored; the variant was quantized before that, too."""
    random = np.random.default_rng(4)
    newer = edit.with_constant(
        pair.float_model, "classifier.weight", lambda weight: weight + 0.1 * random.standard_normal(weight.shape)
    )
    stored = outputs_of(pair.float_model, pair.test["input"])
    return replace(pair, float_model=newer, golden=stored, golden_model=pair.float_model)


def _calibrated(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Pair], Pair]:
    """Samples changed before calibration, and the file that ONNX Runtime's quantizer makes of them."""

    def plant(pair: Pair) -> Pair:
        samples = change(pair.calibration["input"]).astype(np.float32)
        try:
            variant: onnx.ModelProto | bytes = quantized(pair.float_model, samples)
        except (ValueError, RuntimeError):  # it refuses: then there is a recipe and no file
            variant = b""
        return replace(pair, calibration={"input": samples}, variant=variant, recipe={})

    return plant


def _calibrated_on_the_test(pair: Pair) -> Pair:
    samples = pair.test["input"][:256]
    return replace(pair, calibration={"input": samples}, variant=quantized(pair.float_model, samples), recipe={})


def _misspelt(pair: Pair) -> Pair:
    """The first convolution should stay float; its name is misspelt."""
    return replace(pair, recipe={"keep_float": ["/conv/Konv"]})


def _large_file(pair: Pair) -> Pair:
    variant = edit.copied(pair.variant)
    ballast = np.random.default_rng(6).standard_normal(500_000).astype(np.float32)
    variant.graph.initializer.append(numpy_helper.from_array(ballast, "ballast"))
    return replace(pair, variant=variant, budgets={"size_mb": 0.5})


def _large_activation(pair: Pair) -> Pair:
    """200 MB that are made and summed at each call."""
    make = helper.make_node
    nodes = [
        make("ReduceMean", ["sound"], ["mean"], keepdims=0),
        make("Expand", ["mean", "shape"], ["large"]),
        make("Exp", ["large"], ["larger"]),
        make("ReduceMean", ["larger"], ["one"], keepdims=0),
        make("Mul", ["one", "nothing"], ["none"]),
        make("Add", ["sound", "none"], ["logits"]),
    ]
    constants = {"shape": np.array([5000, 5000]), "nothing": np.array(1e-30, np.float32)}
    return replace(pair, variant=edit.behind(pair.variant, "logits", nodes, constants), budgets={"memory_mb": 64.0})


def _speeds(pair: Pair, *variants: onnx.ModelProto) -> list[float]:
    """How many times faster than the float model each runs, on one thread, by medians of calls in turns."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = [
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        for model in (pair.float_model, *variants)
    ]
    feed = {"input": pair.test["input"][:BATCH]}
    times: list[list[float]] = [[] for _ in sessions]
    for _ in range(40):
        for index, session in enumerate(sessions):
            start = time.perf_counter()
            session.run(None, feed)
            times[index].append(time.perf_counter() - start)
    medians = [float(np.median(each)) for each in times]
    return [medians[0] / each for each in medians[1:]]


def _budgeted(pair: Pair) -> Pair:
    """90 % of the speed that the sound variant has here; what one would set having measured once."""
    (speed,) = _speeds(pair, pair.variant)
    return replace(pair, budgets={"speedup": round(0.9 * speed, 2), "size_mb": 0.5, "memory_mb": 64.0})


def _slower(pair: Pair) -> Pair:
    """The variant with work added until it is a fifth slower, against the budget of `_budgeted`."""
    width = 64
    for products in range(2, 400, 2):
        slow = edit.slowed(pair.variant, width, products)
        sound, speed = _speeds(pair, pair.variant, slow)
        if speed <= sound / 1.2:
            return replace(pair, variant=slow, budgets={"speedup": round(0.9 * sound, 2)})
    raise ValueError("no slower variant")


CONTROLS = (
    Fault(
        "sound-budgets",
        "controls",
        "sound, with budgets of size, memory and speed that it keeps",
        _budgeted,
        (Need.LATENCY, Need.MEMORY, Need.SIZE),
        is_sound=True,
    ),
    Fault(
        "sound-golden", "controls", "sound, with a golden that was stored of it", _golden(dict), (Need.GOLDEN,), True
    ),
    Fault(
        "sound-population",
        "controls",
        "sound, with 540 samples of a population that may lose 2 points",
        _population,
        (Need.LABELS,),
        True,
    ),
)

FAULTS = (
    Fault(
        "no-samples", "data", "a test set of 0 samples", _test(lambda test: {name: a[:0] for name, a in test.items()})
    ),
    Fault(
        "labels-short",
        "data",
        "539 labels for 540 samples",
        _test(lambda test: {**test, "labels": test["labels"][:-1]}),
        (Need.LABELS,),
    ),
    Fault(
        "labels-shuffled",
        "data",
        "labels of other samples: both models are at chance",
        _test(_shuffled_labels),
        (Need.LABELS,),
    ),
    Fault(
        "inputs-unscaled",
        "data",
        "test inputs 0 to 16 where the models want 0 to 1",
        _test(lambda test: {**test, "input": test["input"] * 16}),
    ),
    Fault("nan-input", "data", "NaN in one test input", _test(_nan_input)),
    Fault(
        "twenty",
        "data",
        "a variant that loses 2 points, on 20 samples that do not show it",
        _tested_by_20,
        (Need.LABELS,),
    ),
    Fault(
        "repeated",
        "data",
        "540 test samples that are 54, ten times, as a population that may lose 2 points",
        _repeated,
        (Need.LABELS,),
    ),
    Fault("golden-stale", "golden", "the float model has changed since", _stale, (Need.GOLDEN,)),
    Fault(
        "golden-short",
        "golden",
        f"holds the first {BATCH} of 540 samples",
        _short,
        (Need.GOLDEN,),
    ),
    Fault(
        "golden-partial",
        "golden",
        "holds one of two outputs",
        _partial,
        (Need.GOLDEN,),
    ),
    Fault("golden-nan", "golden", "holds NaN, and so does the variant", _nan_on_both_sides, (Need.GOLDEN,)),
    Fault(
        "calibration-unscaled",
        "calibration",
        "calibrated on 0 to 16, not 0 to 1",
        _calibrated(lambda samples: samples * 16),
    ),
    Fault(
        "calibration-tenth",
        "calibration",
        "calibrated on inputs scaled once too often (÷ 10)",
        _calibrated(lambda samples: samples / 10),
    ),
    Fault("calibration-zeros", "calibration", "calibrated on zeros", _calibrated(lambda samples: samples * 0)),
    Fault(
        "calibration-empty",
        "calibration",
        "no calibration samples",
        _calibrated(lambda samples: samples[:0]),
        (Need.CALIBRATION,),
    ),
    Fault(
        "calibration-nan",
        "calibration",
        "NaN in a calibration sample",
        _calibrated(lambda samples: np.where(np.arange(samples.size).reshape(samples.shape) == 77, np.nan, samples)),
        (Need.CALIBRATION,),
    ),
    Fault(
        "calibration-test",
        "calibration",
        "calibrated on the test samples",
        _calibrated_on_the_test,
        (Need.CALIBRATION,),
    ),
    Fault(
        "misspelt-node", "calibration", "the name of the node to keep float is misspelt", _misspelt, (Need.CALIBRATION,)
    ),
    Fault(
        "no-gpu",
        "machine",
        "CUDA is asked for, there is none",
        lambda pair: replace(pair, provider="CUDAExecutionProvider"),
        (Need.PROVIDER,),
    ),
    Fault("large-file", "costs", "a file of 2.3 MB, budget 0.5", _large_file, (Need.SIZE,)),
    Fault("large-activation", "costs", "200 MB a call, budget 64", _large_activation, (Need.MEMORY,)),
    Fault("slower", "costs", "20 % slower than the sound variant, budget 10 %", _slower, (Need.LATENCY,)),
)
