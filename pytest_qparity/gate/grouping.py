"""What a population's draws are where they are no samples: recordings, groups that the data state, or labels of a
metric that compares samples."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_qparity.checks.statistics.copies import IndexArray
    from pytest_qparity.checks.statistics.groups import Grouping, Unit
    from pytest_qparity.gate.case_material import CaseMaterial

__all__ = ["grouping_of", "is_grouped"]


def is_grouped(material: CaseMaterial) -> bool:
    """Whether samples share the fate of a recording, a group or a label."""
    return bool(_ways(material))


def grouping_of(material: CaseMaterial) -> Grouping | None:
    """Of all test samples. Where they come in groups in more than one way (recordings of labels), what shares any of
    them is together. None where each sample is drawn by itself."""
    import numpy as np

    from pytest_qparity.checks.statistics.groups import Grouping, joined

    ways = _ways(material)
    if not ways:
        return None
    of = reduce(joined, ways.values())
    same = (unit for unit, each in ways.items() if each.max() == of.max())
    return Grouping(of, np.asarray(_firsts(material), np.int64), next(same, "groups"))


def _ways(material: CaseMaterial) -> dict[Unit, IndexArray]:
    """Groups of all samples by what they are, numbered from 0 on. Labels that are not one a sample are none: the metric
    refuses them."""
    from pytest_qparity.checks.statistics.groups import numbered

    ways: dict[Unit, IndexArray] = {}
    if material.recordings is not None:
        ways["recordings"] = material.recordings.of_each
    if material.samples.groups is not None:
        ways["groups"] = numbered(material.samples.groups)
    labels = material.samples.labels
    if labels is not None and labels.shape == (material.feeds.samples,) and _draws_labels(material):
        ways["labels"] = numbered(labels)
    return ways


def _draws_labels(material: CaseMaterial) -> bool:
    from pytest_qparity.gate.metrics import chosen_metric

    spec = material.case.spec.accuracy
    if spec is None or spec.metric is None:
        return False
    return chosen_metric(spec.metric, material.settings.metrics, material.case.folder)[0].draws_labels


def _firsts(material: CaseMaterial) -> IndexArray:
    """Samples that are no copies; of recordings, which are copied as a whole, the steps of those that are none."""
    import numpy as np

    from pytest_qparity.case.sequence import recording_hashes
    from pytest_qparity.checks.statistics.copies import first_alike

    recordings = material.recordings
    if recordings is None:
        assert material.alike_samples is not None
        return np.unique(material.alike_samples)
    first = np.unique(first_alike(recording_hashes(material.feeds, recordings)))
    return np.flatnonzero(np.isin(recordings.of_each, first))
