"""A case's file of ranges beside its data: asked at each verdict, since data change and a cached variant does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.precision.calibration.given import doubts_about_ranges
from pytest_qparity.precision.variants import calibration_digest
from pytest_qparity.quantmath import Range

if TYPE_CHECKING:
    from pytest_qparity.gate.case_material import CaseMaterial
    from pytest_qparity.precision.calibration.evidence import Doubt

__all__ = ["doubts_about_file"]

_CALL = "pytest_qparity.precision.making:ranges_stated"


def doubts_about_file(material: CaseMaterial, precision: str, ranges: str) -> tuple[Doubt, ...]:
    """`ranges`: the file, as the case names it. Calibration data are loaded where the file states its own."""
    path = (material.case.folder / ranges).absolute()
    names = [tensor.name for tensor in material.model.inputs]
    arguments = {"ranges": str(path), "names": names, "precision": precision}
    worker = material.worker
    stated = worker.call(_CALL, arguments, {}, f"Reading {path.name}", worker.limits.calibration).value
    compared = stated["data"] is not None and material.case.spec.data.calibration is not None
    case_data = calibration_digest(material.calibration_feeds) if compared else None
    inputs = {name: Range(*ends) for name, ends in stated["ends"].items()}
    return doubts_about_ranges(inputs, stated["data"], case_data, material.samples)
