"""Ledgers of many runs for benchmarks and tests: seeded, with all that a session's evidence and provenance hold.

Held against a real session by tests/e2e/test_made_ledgers.py: no key less, and no smaller.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from random import Random
from typing import Any

PRECISIONS = ("fp32", "fp16", "int8", "int8-fast", "int8-mixed", "int8-dynamic", "int16", "int4", "fp8", "nvfp4")
BACKENDS = {"ort": ("onnxruntime", "1.32.0"), "openvino": ("openvino", "2026.4.1")}
SAMPLES, BATCH = 1000, 32
LIBRARIES = {
    "pytest-qparity": "0.1.0",
    "numpy": "2.4.6",
    "onnx": "1.23.2",
    "onnxruntime": "1.32.0",
    "openvino": "2026.4.1",
    "pytest": "9.2.0",
    "pytest-benchmark": "5.3.1",
}
FEATURES = ["avx2", "avx512f", "avx512_vnni", "avx512_bf16"]
FAILURE = {
    "code": "QP-PAR-002",
    "title": "signal-to-quantization-noise ratio below its limit",
    "sentence": 'SQNR of output "logits" is 12.4 dB, should be at least 20 dB (10,000 values; the worst is at [7, 3]).',
    "likely": "calibration inputs are not scaled as the test inputs are",
    "remedy": "check that calibration data are prepared as the test data are, or keep sensitive nodes float",
}


def many_runs(cases: int, precisions: int, fails_each: int) -> str:
    """The text of a ledger with `cases` × `precisions` × 2 runs of six checks; of each `fails_each` one fails."""
    verdicts: list[dict[str, Any]] = []
    for case in range(cases):
        for index in range(precisions):
            name = PRECISIONS[index % len(PRECISIONS)] + (f"-{index}" if precisions > len(PRECISIONS) else "")
            for backend in BACKENDS:
                is_bad = len(verdicts) // 6 % fails_each == fails_each - 1
                verdicts += run_events(f"model_{case:03d}", backend, name, is_bad=is_bad)
    plan = {
        "event": "plan",
        "node_ids": [event["node_id"] for event in verdicts],
        "case_files": {f"cases/model_{case:03d}.toml": _digest("file", case) for case in range(cases)},
    }
    whole = [_start(), plan, *verdicts, {"event": "end", "exit_status": 1}]
    return '{"format": 1, "events": [\n' + ",\n".join(json.dumps(event) for event in whole) + "\n]}\n"


def run_events(case: str, backend: str, precision: str, *, is_bad: bool = False) -> Iterator[dict[str, Any]]:
    """The six verdicts on a run."""
    random = Random(f"{case} {backend} {precision}")
    provenance = _provenance(case, backend, precision)
    for check, evidence in _evidence(random, precision).items():
        fails = is_bad and check == "parity"
        node_id = f"cases/{case}.toml::{backend}-{precision}::{check}"
        yield {
            "event": "verdict",
            "node_id": node_id,
            "case": case,
            "run": f"{backend}-{precision}",
            "backend": backend,
            "precision": precision,
            "emulated": False,
            "check": check,
            "outcome": "accuracy-fail" if fails else "pass",
            "deciding": "34.2 dB",
            "evidence": evidence,
            "failures": [FAILURE] if fails else [],
            "notes": _notes(check),
            "waiver": None,
            "reproduce": f"pytest {node_id} --backend={backend}",
            "provenance": provenance,
            "seconds": round(random.uniform(0.05, 3.0), 6),
        }


def _notes(check: str) -> list[str]:
    if check in ("latency", "memory"):
        return ["recorded, no budget"]
    return ["not tried: padding (the case states none)"] if check == "invariance" else []


def _digest(*of: object) -> str:
    return hashlib.sha256(repr(of).encode()).hexdigest()


def _evidence(random: Random, precision: str) -> dict[str, dict[str, Any]]:
    """By check."""
    is_float = precision.startswith("fp32")
    return {
        "preflight": _preflight(random, precision),
        "parity": _parity(random),
        "accuracy": _accuracy(random),
        "invariance": _invariance(random),
        "latency": _latency(random, is_float=is_float),
        "memory": _memory(random),
    }


def _preflight(random: Random, precision: str) -> dict[str, Any]:
    quantized = random.randrange(2, 24)
    nothing = {"weights_only": 0, "left_float": 0, "otherwise": 0}
    return {
        "precision": precision,
        "nodes": random.randrange(150, 200),
        "quantized_nodes": 3 * quantized,
        "opset": 19,
        "bad_scales": [],
        "expected_placement": "CPUExecutionProvider",
        "placement": {"CPUExecutionProvider": random.randrange(150, 260)},
        "equal_to_float": False,
        "kernels": f"0/2 Gemm, {quantized}/24 MatMul int8",
        "kernel_counts": {
            "Gemm": {"quantized": 0, "fell_back": 2, **nothing},
            "MatMul": {"quantized": quantized, "fell_back": 24 - quantized, **nothing},
        },
        "float_kernels": [
            f"/layers.{layer}/attention/{part}/MatMul" for layer in range(3) for part in ("key", "value")
        ],
        "faster_with": 'target = "backend" in the precision\'s table makes the file that this engine is fastest with',
    }


def _parity(random: Random) -> dict[str, Any]:
    output = {
        "elements": 10 * SAMPLES,
        "nonfinite": 0,
        "mismatched": random.randrange(9000, 10_000),
        "max_abs": random.uniform(0.1, 0.3),
        "max_rel": random.uniform(10.0, 1000.0),
        "sqnr_db": random.uniform(30.0, 60.0),
        "cosine": 1.0 - random.uniform(1e-5, 1e-3),
        "worst_index": [random.randrange(SAMPLES), random.randrange(10)],
        "worst_output": random.uniform(-8.0, 8.0),
        "worst_golden": random.uniform(-8.0, 8.0),
        "identical": False,
    }
    closeness = {"atol": 1e-08, "rtol": 1e-05}
    limit = {"sqnr_db": 25.0, "cosine": None, "agreement": 0.96, "max_mismatched": None, "closeness": closeness}
    return {"limit": {**limit, "implausible_db": 90.0}, "outputs": {"logits": output}}


def _accuracy(random: Random) -> dict[str, Any]:
    lost, gained = random.randrange(1, 12), random.randrange(12)
    drop = 100 * (lost - gained) / SAMPLES
    bits = base64.b64encode(random.randbytes(SAMPLES // 8)).decode()
    return {
        "metric": "top1",
        "direction": "higher",
        "samples": SAMPLES,
        "float_percent": 78.7,
        "variant_percent": 78.7 - drop,
        "drop_points": drop,
        "margin_points": 1.5,
        "lost": lost,
        "gained": gained,
        "discordance": (lost + gained) / SAMPLES,
        "method": "census",
        "worst_samples": [[f"data/test.npz[{random.randrange(SAMPLES)}]", 1.0] for _ in range(min(lost, 5))],
        "class_drops": [
            {"label": random.randrange(10), "samples": 100, "lost": 2, "gained": 1, "drop": 0.01, "p": 0.5}
            for _ in range(lost // 4)
        ],
        "float_calibration_error_percent": 9.026341147720814,
        "variant_calibration_error_percent": random.uniform(8.0, 10.0),
        "score_bits": f"{SAMPLES}:{bits}",
    }


def _invariance(random: Random) -> dict[str, Any]:
    own_db = random.uniform(30.0, 60.0)
    relations = {}
    for name, elements in (("repeat", 160), ("order", 160), ("batch", 320), ("shape", 40)):
        moves = name == "batch" and random.random() < 0.5
        relations[name] = {
            "logits": {
                "elements": elements,
                "differing": random.randrange(1, elements) if moves else 0,
                "fp32_differing": 0,
                "sqnr_db": random.uniform(130.0, 140.0) if moves else "inf",
                "least_sqnr_db": own_db + 12.0,
                "fp32_sqnr_db": "inf",
                "max_abs": random.uniform(1e-6, 3e-6) if moves else 0.0,
            }
        }
    return {
        "feeds": 16,
        "samples": 16,
        "copies": 0,
        "calls": 56,
        "limit": {"error_share": 0.25, "fp32_sqnr_db": 80.0},
        "own_error_db": {"logits": own_db},
        "relations": relations,
        "left_out": {"padding": "the case states none"},
    }


def _latency(random: Random, *, is_float: bool) -> dict[str, Any]:
    ms = random.uniform(1.0, 20.0)
    quantiles = sorted(round(ms * random.lognormvariate(0.0, 0.1), 6) for _ in range(21))
    bounds = {"low": 1.9, "estimate": 2.0123456789, "high": 2.1, "decision": "faster"}
    return {
        "median_ms": quantiles[10],
        "calls": random.randrange(50, 400),
        "batch": BATCH,
        "clock": "host",
        "speed_up_over": {} if is_float else {"fp32": bounds},
        "budgets": {},
        "threads": 1,
        "samples_per_s": BATCH / quantiles[10] * 1e3,
        "quantiles_ms": quantiles,
        "percentiles_ms": {"p50": quantiles[10], "p90": quantiles[18]},
        "batches": {},
        "conditions": {
            "cpus": 2,
            "runs": random.randrange(57, 407),
            "others_percent": round(random.uniform(0.0, 90.0), 1),
            "stolen_percent": 0.0,
            "load": round(random.uniform(0.0, 8.0), 2),
            "cpu_mhz_low": 2596,
            "cpu_mhz_high": 2596,
            "interrupted_percent": round(random.uniform(0.0, 90.0), 1),
            "counterpart_interrupted_percent": round(random.uniform(0.0, 90.0), 1),
            "waited_percent": round(random.uniform(0.0, 9.0), 1),
            "warm_up_calls": 7,
            "warm_up_stable": True,
            "drift_percent": round(random.uniform(0.0, 3.0), 1),
            "alone": True,
        },
        "shape": {"input_ids": [BATCH, 32], "attention_mask": [BATCH, 32]},
    }


def _memory(random: Random) -> dict[str, Any]:
    peak_mb = random.uniform(10.0, 300.0)
    return {
        "peak_mb": peak_mb,
        "size_mb": random.uniform(0.3, 30.0),
        "method": "VmHWM",
        "allocator": "glibc, blocks from 128 KiB mapped",
        "sampled_peak_mb": peak_mb,
        "runs": 10,
        "activation_mb": 1.671168,
        "load_ms": random.uniform(5.0, 80.0),
        "first_run_ms": random.uniform(5.0, 80.0),
        "untold": {
            "engine_mb": "the backend builds none, or does not tell of it",
            "joule_per_sample": "/sys/class/powercap cannot be read (No such file or directory)",
        },
        "budgets": {},
        "shape": {"input_ids": [BATCH, 32], "attention_mask": [BATCH, 32]},
    }


def _provenance(case: str, backend: str, precision: str) -> dict[str, Any]:
    engine, version = BACKENDS[backend]
    device = f"a CPU ({', '.join(FEATURES)})"
    settings = {"threads": 1, "inter_op_threads": 1, "execution": "sequential", "optimizer": "all"}
    resting = ("case", "model", "data", "calibration", "files", "golden")
    return {
        "cpu": {"name": "a CPU", "features": FEATURES},
        "variant": {"sha256": _digest(case, precision), "given": False, "recipe": _recipe(case, precision)},
        "variant_cache": "made",
        "engine": {
            "engine": engine,
            "version": version,
            "device": device,
            "settings": {**settings, "providers": "CPUExecutionProvider"},
            "placement": {"CPUExecutionProvider": 100 + len(precision)},
            "expected_placement": "CPUExecutionProvider",
        },
        "hardware": "a-cpu-2c-346bdc18",
        "golden_key": {"model": _digest(case), "data": _digest(case, "data"), "recipe": _digest("recipe")},
        "canaries": {"planned": 10, "caught": 10, "sha256": _digest("canaries")},
        "basis": {
            **{name: _digest(case, name)[:32] for name in resting},
            **{name: _digest(name)[:32] for name in ("code", "environment", "settings")},
        },
    }


def _recipe(case: str, precision: str) -> dict[str, Any]:
    if precision.startswith("fp32"):
        return {"method": "float model"}
    makers = ("numpy", "onnx", "onnxruntime", "pytest-qparity")
    return {
        "base": precision,
        "keep_float": [],
        "target": "any",
        "activation": "int8",
        "weight": "int8",
        "symmetric": True,
        "types": [],
        "granularity": "channel",
        "bias": "float",
        "weight_bits": 8,
        "calibration": "percentile",
        "percentile": 99.999,
        "ranges": None,
        "format": "qdq",
        "equalize": False,
        "smooth": None,
        "smooth_mul": False,
        "bias_correction": False,
        "extend": False,
        "method": "static",
        "version": 6,
        "calibration_data": f"{_digest(case, 'calibration')}-32",
        "makers": {"ml_dtypes": "0.6.0", "onnx-ir": "1.1.0", **{name: LIBRARIES[name] for name in makers}},
        "notes": ["converted from opset 17 to 19 before quantization"],
    }


def _start() -> dict[str, Any]:
    return {
        "event": "start",
        "session": _digest("session")[:32],
        "command": ["--backend=ort,openvino"],
        "backends": [*BACKENDS],
        "precisions": None,
        "canaries": ["cases/canaries/canary.toml"],
        "commit": _digest("commit")[:40],
        "time": "2026-11-26T09:00:00+00:00",
        "python": "3.11.7",
        "libraries": LIBRARIES,
        "system": "Linux x86_64",
        "cores": 2,
        "hardware": "a-cpu-2c-346bdc18",
        "processor": "a CPU",
        "cpu_features": FEATURES,
    }
