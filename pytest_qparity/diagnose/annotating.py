"""A copy of the variant that says of its nodes what was found: Netron shows the metadata of a node."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.precision.graph import float_graph

if TYPE_CHECKING:
    from onnx import ModelProto

    from pytest_qparity.diagnose.diagnosing import Diagnosis
    from pytest_qparity.diagnose.measures import Distance
    from pytest_qparity.worker.protocol import Worker

__all__ = ["annotated", "properties_of", "save_annotated"]

_IR_VERSION = 10  # in which nodes got metadata (ONNX 1.16)
_PREFIX = "qparity."


def save_annotated(diagnosis: Diagnosis, variant: Path, target: Path, worker: Worker) -> None:
    """Write the copy to `target` (weights that fit no message to a file beside it)."""
    arguments = {
        "model": str(variant.absolute()),
        "target": str(target.absolute()),
        "properties": {node: dict(each) for node, each in properties_of(diagnosis).items()},
    }
    call = "pytest_qparity.diagnose.serving:annotate"
    worker.call(call, arguments, {}, f"Writing {target.name}", worker.limits.calibration)


def properties_of(diagnosis: Diagnosis) -> dict[str, dict[str, str]]:
    """By node of the variant: errors of layers, what quantizers meet, causes with their rank."""
    found: dict[str, dict[str, str]] = {}
    places = {layer.node: layer.counterpart for layer in diagnosis.measured.layers if layer.counterpart}
    for layer in diagnosis.measured.layers:
        said = {"own_sqnr_db": _db(layer.own), "cumulative_sqnr_db": _db(layer.cumulative)}
        if layer.counterpart:
            found.setdefault(layer.counterpart, {}).update({k: v for k, v in said.items() if v})
    for measure in diagnosis.measured.activations:
        found.setdefault(measure.name, {}).update(
            {
                "clipped_percent": f"{100 * measure.clipped_share:.4g}",
                "bits_used": f"{measure.bits_used:.2f} of {measure.bits}",
                "data": f"{measure.smallest:.6g} to {measure.largest:.6g}",
                "codes": f"{measure.low:.6g} to {measure.high:.6g}",
            }
        )
    for rank, finding in reversed(list(enumerate(diagnosis.findings, start=1))):
        suspect = finding.suspect
        if finding.impact is None and rank > 1:
            continue
        node = places.get(suspect.node)
        for name in (*([node] if node else []), *suspect.change.activations[:1]):
            found.setdefault(name, {}).update(
                {
                    "rank": str(rank),
                    "cause": suspect.cause.value,
                    "impact": "" if finding.impact is None else f"{100 * finding.impact:.1f} %",
                    "evidence": suspect.sentence,
                }
            )
    return found


def annotated(model: Path, properties: Mapping[str, Mapping[str, str]]) -> ModelProto:
    """The model with its nodes named as a diagnosis names them, and `properties` in their metadata."""
    copy = float_graph(model)
    copy.ir_version = max(copy.ir_version, _IR_VERSION)
    for node in copy.graph.node:
        for key, value in properties.get(node.name, {}).items():
            if value:
                node.metadata_props.add(key=f"{_PREFIX}{key}", value=value)
    return copy


def _db(distance: Distance | None) -> str:
    return "" if distance is None else f"{distance.sqnr_db:.2f}"
