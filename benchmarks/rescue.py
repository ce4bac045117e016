"""`qparity rescue` beside the greedy search of one layer at a time and ONNX Runtime's qdq_loss_debug, judged alike.

    python benchmarks/rescue.py rescue.json MODEL_FOLDER …

A folder holds model.onnx, inputs.npz and calibration.npz, as case data are laid out; states that are fed back are known
by the names below. `cases`, of this repository, is textbert. Each model gets ONNX Runtime's `quantize_static` (MinMax,
per channel, uint8 activations, int8 weights; textbert its committed file) as a given file, and the int8 that is made
here. All three judge by the gate (preflight, parity, accuracy) and by nothing else; the greedy search judges each node
float alone and then adds them one by one, most gain first; qdq_loss_debug ranks tensors by their error, and the
shortest prefix of the nodes that read them is looked for.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, qdq_loss_debug, quantize_static

from pytest_qparity.case.loading import load_case
from pytest_qparity.gate import CaseMaterial, Run, default_settings, plan
from pytest_qparity.rescue.candidate import Candidate
from pytest_qparity.rescue.journal import Journal
from pytest_qparity.rescue.judging import Budget, GateJudge
from pytest_qparity.rescue.rescuing import rescue
from pytest_qparity.rescue.result import Limits, Rescue
from pytest_qparity.rescue.searching import Spent, smallest_prefix

MOST_EVALUATIONS, BASELINE_MINUTES = 200, 7.0  # of a baseline
TEXTBERT = """
model = "model.onnx"
task = "text-classification"
[data]
test = "{cases}/data/textbert_test.npz"
calibration = "calibration.npz"
batch = 32
[precisions.fp32]
[precisions.int8]
target = "ort"
[precisions.int8-stock]
file = "stock.onnx"
[parity.int8]
sqnr_db = 25.0
[accuracy]
metric = "top1"
margin = 0.5
"""
STATES = {  # output that is fed back, input
    "silero_vad": {"stateN": "state"},
    "dtln_1": {"tf_op_layer_stack_2": "input_3"},
    "dtln_2": {"tf_op_layer_stack_5": "input_5"},
}


class Reader(CalibrationDataReader):
    def __init__(self, path: Path, model: Path) -> None:
        names = [value.name for value in onnx.load(model, load_external_data=False).graph.input]
        with np.load(path) as archive:
            arrays = {name: archive[name] for name in names if name in archive.files}
        first = arrays[names[0]]
        size = 32 if "attention_mask" in arrays else None  # batches, where samples have no batch axis of their own
        places = [slice(at, at + size) for at in range(0, len(first), size)] if size else range(len(first))
        self._feeds = [{name: np.asarray(array[at]) for name, array in arrays.items()} for at in places]
        self.rewind()

    def rewind(self) -> None:
        self._rest = iter(self._feeds)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._rest, None)


def stock(folder: Path, project: Path) -> None:
    model = onnx.load(folder / "model.onnx")
    initializers = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in initializers]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    if next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")) < 13:
        model = onnx.version_converter.convert_version(model, 17)
    base = project / "base.onnx"
    onnx.save(model, base)
    types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
    reader = Reader(project / "calibration.npz", base)
    quantize_static(base, project / "stock.onnx", reader, QuantFormat.QDQ, per_channel=True, **types)


def project_of(folder: Path, project: Path) -> Path:
    """The case file of a model; of this repository's cases folder that of textbert with its stock file."""
    if folder.name == "cases":
        for name, source in (("base", "textbert"), ("model", "textbert"), ("stock", "textbert_stock_int8")):
            shutil.copyfile(folder / "models" / f"{source}.onnx", project / f"{name}.onnx")
        shutil.copyfile(folder / "data" / "textbert_calibration.npz", project / "calibration.npz")
        case = project / "textbert.toml"
        case.write_text(TEXTBERT.replace("{cases}", str(folder.resolve())))
        return case
    for name in ("model.onnx", "inputs.npz", "calibration.npz"):
        shutil.copyfile(folder / name, project / name)
    stock(folder, project)
    state = STATES.get(folder.name)
    stated = "" if state is None else "state = {" + ", ".join(f'{a} = "{b}"' for a, b in state.items()) + "}\n"
    agreement = '[accuracy]\nmetric = "agreement"\n' if folder.name == "magika" else ""
    case = project / f"{folder.name}.toml"
    case.write_text(
        f'model = "model.onnx"\n{stated}[data]\ntest = "inputs.npz"\ncalibration = "calibration.npz"\n'
        f'[precisions.fp32]\n[precisions.int8]\ntarget = "ort"\n'
        f'[precisions.int8-stock]\nfile = "stock.onnx"\n{agreement}'
    )
    return case


def greedy(judge: GateJudge, names: Sequence[str], most: int) -> tuple[str, ...] | None:
    """Every node float alone, then one by one together, most gain first."""
    gains = {name: judge.evaluate(Candidate(keep_float=(name,))).nearness for name in names}
    order = sorted(names, key=gains.__getitem__, reverse=True)
    for count in range(1, min(most, len(order)) + 1):
        if judge.suffices(Candidate(keep_float=tuple(sorted(order[:count])))):
            return tuple(order[:count])
    return None


def loss_debug(judge: GateJudge, project: Path, names: Sequence[str], most: int) -> tuple[str, ...] | None:
    """By ONNX Runtime's error of each activation, worst first; the nodes that read it."""
    tapped = [project / f"tapped_{name}.onnx" for name in ("base", "stock")]
    for name, path in zip(("base", "stock"), tapped, strict=True):
        qdq_loss_debug.modify_model_output_intermediate_tensors(project / f"{name}.onnx", path)
    reader = Reader(project / "calibration.npz", project / "base.onnx")
    collected = []
    for path in tapped:
        reader.rewind()
        collected.append(qdq_loss_debug.collect_activations(path, reader))
    matched = qdq_loss_debug.create_activation_matching(collected[1], collected[0])
    errors = qdq_loss_debug.compute_activation_error(matched)
    readers: dict[str, list[str]] = {}
    for node in onnx.load(project / "model.onnx").graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node.name)
    worst = sorted(errors, key=lambda name: errors[name]["qdq_err"])
    order = [node for name in worst for node in readers.get(name, ()) if node in names]
    order = list(dict.fromkeys(order))
    length = smallest_prefix(order, min(most, len(order)), lambda few: judge.suffices(Candidate(keep_float=tuple(few))))
    return None if length is None else tuple(order[:length])


def shown(evaluation: object) -> str:
    drop = getattr(evaluation, "drop_points", None)
    sqnr = getattr(evaluation, "sqnr_db", None)
    return f"{'none' if sqnr is None else f'{sqnr:.1f} dB'}" + ("" if drop is None else f", -{drop:.1f} pt")


def measured(folder: Path, limits: Limits, baselines: Sequence[str]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch)
        case = load_case(project_of(folder, project))
        settings = replace(default_settings(project, latency_seconds=0.3))
        for precision in ("int8-stock", "int8"):
            (run,) = plan(case, settings, ["ort"], [precision])
            with contextlib.closing(CaseMaterial(case, settings, str(case.path))) as material:
                material.accept_golden()
                found, row = rescued(material, run, project, limits)
                rows.append(row)
                print(json.dumps(row), flush=True)
                if found.passes_already or found.quantized is None or found.most is None:
                    continue
                names = tuple(next(iter(Journal(found.journal).rankings.values()))["own"])
                for by in baselines:
                    if by == "qdq_loss_debug" and precision != "int8-stock":
                        continue
                    rows.append(row := searched_by(by, material, run, project, names, found.most))
                    print(json.dumps(row), flush=True)
    return rows


def rescued(material: CaseMaterial, run: Run, project: Path, limits: Limits) -> tuple[Rescue, dict[str, object]]:
    started = time.monotonic()
    found, judge = rescue(material, run, project / "journals", limits)
    seconds = time.monotonic() - started
    return found, {
        "model": material.case.name,
        "run": run.precision,
        "by": "rescue",
        "before": shown(judge.seen[Candidate().key]),
        "after": shown(found.best),
        "rescued": found.rescued,
        "float": len(found.best.candidate.keep_float),
        "quantized": found.quantized,
        "most": found.most,
        "changes": dict(found.best.candidate.changes),
        "evaluations": found.evaluations,
        "seconds": round(seconds, 1),
        "told": list(found.told),
        "proof": None if found.proof is None else found.proof.sentence,
        "warnings": list(found.warnings),
        "table": found.text,
    }


def searched_by(
    by: str, material: CaseMaterial, run: Run, project: Path, names: Sequence[str], most: int
) -> dict[str, object]:
    """A row of another search, judged by the same gate."""
    journal = Journal(project / f"{by}-{run.precision}.jsonl")
    judge = GateJudge(material, run, journal, Budget(MOST_EVALUATIONS, 60.0 * BASELINE_MINUTES), lambda _, __: None)
    started = time.monotonic()
    try:
        kept = greedy(judge, names, most) if by == "greedy" else loss_debug(judge, project, names, most)
        outcome = "passes" if kept is not None else "none passes"
    except Spent:
        kept, outcome = None, "budget spent"
    except Exception as error:  # noqa: BLE001  # ONNX Runtime's own tool fails as it will
        kept, outcome = None, f"{type(error).__name__}: {error}"[:160]
    return {
        "model": material.case.name,
        "run": run.precision,
        "by": by,
        "outcome": outcome,
        "float": None if kept is None else len(kept),
        "evaluations": len(judge.seen),
        "seconds": round(time.monotonic() - started, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--baselines", nargs="*", default=["greedy", "qdq_loss_debug"])
    arguments = parser.parse_args()
    rows = []
    for folder in arguments.folders:
        rows += measured(folder, Limits(minutes=arguments.minutes), arguments.baselines)
        arguments.output.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
