"""Retrieval by embeddings: whether the nearest neighbours of a sample are of its kind."""

from __future__ import annotations

import numpy as np

from pytest_qparity.checks.metrics.border import (
    Array,
    Outputs,
    finite_numbers,
    labels_given,
    named,
    unfit,
    wrong_labels,
)
from pytest_qparity.checks.scores import Scores

__all__ = ["recall_at_k"]

ROWS_AT_A_TIME = 512
_GROUPS = "add an array `labels` to the test data: one number for each sample, the same for those that belong together"


def recall_at_k(outputs: Outputs, labels: Array | None, *, k: int = 5, output: str | None = None) -> Scores:
    """1 where one of the `k` samples nearest by cosine, itself left out, has the sample's label, else 0.

    Embeddings (samples, dimensions); labels: integers (samples,). A sample without another of its label can hit
    nothing and is refused. Neighbours that are equally near count in the order of samples.
    """
    wanted = labels_given(labels, "a group for each sample", _GROUPS)
    name, values = named(outputs, output, "embeddings")
    vectors = finite_numbers(name, values, "embeddings").astype(np.float64)
    vectors = vectors.reshape(len(vectors), -1) if vectors.ndim > 1 else vectors
    if vectors.ndim != 2 or not vectors.size:
        raise unfit(f"output {name!r} {list(values.shape)}", "embeddings [samples, dimensions]")
    if wanted.shape != (len(vectors),) or wanted.dtype.kind not in "iuU":
        raise wrong_labels(f"labels {wanted.dtype}{list(wanted.shape)}", f"integers [{len(vectors)}]", _GROUPS)
    _, group, size = np.unique(wanted, return_inverse=True, return_counts=True)
    alone = np.flatnonzero(size[group] < 2)
    if alone.size:
        got = f"{alone.size} samples without another of their label, the first {alone[0]}"
        raise wrong_labels(got, "two or more of each label", "remove them")
    if k >= len(vectors):
        raise unfit(f"k = {k} of {len(vectors)} samples", "fewer than there are others", "lower k in [accuracy]")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.all():
        raise unfit(f"an embedding of zeros, sample {int(np.flatnonzero(lengths == 0)[0])}", "vectors with a direction")
    vectors /= lengths
    found = np.zeros(len(vectors))
    for start in range(0, len(vectors), ROWS_AT_A_TIME):
        rows = np.arange(start, min(start + ROWS_AT_A_TIME, len(vectors)))
        near = vectors[rows] @ vectors.T
        near[np.arange(len(rows)), rows] = -np.inf
        nearest = np.argsort(-near, axis=1, kind="stable")[:, :k]
        found[rows] = (group[nearest] == group[rows, None]).any(axis=1)
    return Scores(found)
