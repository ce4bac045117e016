"""Metrics of arrays against their targets: mean absolute error, and of images PSNR, SSIM and mean IoU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.checks.metrics.border import (
    Array,
    Outputs,
    finite_numbers,
    labels_given,
    named,
    no_package,
    unfit,
    wrong_labels,
)
from pytest_qparity.checks.scores import Direction, Scores

if TYPE_CHECKING:
    from pytest_qparity.checks.scores import CountArray

__all__ = ["mae", "miou", "psnr", "ssim"]

_TARGETS = "add an array `labels` to the test data: the target of each sample, of the output's shape"
_MASKS = "add an array `labels` to the test data: the class of each pixel"


def mae(outputs: Outputs, labels: Array | None, *, output: str | None = None) -> Scores:
    """mean |output − label| of each sample, in the output's own unit; lower is better."""
    values, targets = _pair(outputs, labels, output)
    errors = np.abs(values - targets).reshape(len(values), -1).mean(axis=1)
    return Scores(errors, Direction.LOWER, percent=False, bounds=(0.0, np.inf))


def psnr(outputs: Outputs, labels: Array | None, *, output: str | None = None, data_range: float = 1.0) -> Scores:
    """10·log10(range² / mean squared error) of each sample in dB; scikit-image's peak_signal_noise_ratio.

    A sample without any error has no finite one, and is refused: no mean could be taken.
    """
    try:
        from skimage.metrics import peak_signal_noise_ratio
    except ImportError:
        raise no_package("scikit-image", "psnr") from None
    values, targets = _pair(outputs, labels, output)
    equal = np.flatnonzero((values == targets).reshape(len(values), -1).all(axis=1))
    if equal.size:
        got = f"sample {equal[0]} equal to its label"
        remedy = "see that the labels are not the model's outputs; mae and ssim take samples without an error"
        raise unfit(got, "samples with an error, however small", remedy)
    pairs = zip(targets, values, strict=True)
    found = [peak_signal_noise_ratio(target, value, data_range=data_range) for target, value in pairs]
    return Scores(np.array(found, np.float64), percent=False)


def ssim(outputs: Outputs, labels: Array | None, *, output: str | None = None, data_range: float = 1.0) -> Scores:
    """Structural similarity of each sample, from −1 to 1, with the window of 11 and σ of 1.5 of Wang et al. 2004;
    scikit-image's structural_similarity.

    Images (samples, channels, height, width), with the channels last, or (samples, height, width); channels are on the
    shorter of the two places.
    """
    try:
        from skimage.metrics import structural_similarity
    except ImportError:
        raise no_package("scikit-image", "ssim") from None
    values, targets = _pair(outputs, labels, output)
    if values.ndim not in (3, 4):
        raise unfit(f"outputs {list(values.shape)}", "images [samples, channels, height, width]")
    channel = None if values.ndim == 3 else (0 if values.shape[1] <= values.shape[3] else 2)
    sides = [size for axis, size in enumerate(values.shape[1:]) if axis != channel]
    if min(sides) < 11:
        raise unfit(f"images of {sides[0]} x {sides[1]}", "at least 11 x 11, the window of SSIM")
    found = [
        structural_similarity(
            target,
            value,
            data_range=data_range,
            channel_axis=channel,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for target, value in zip(targets, values, strict=True)
    ]
    return Scores(np.array(found, np.float64), bounds=(-1.0, 1.0))


def miou(outputs: Outputs, labels: Array | None, *, output: str | None = None, ignore_index: int = 255) -> Scores:
    """Mean over classes of pixels in both / pixels in either, summed over all samples (PASCAL VOC's and Cityscapes').

    Output: class scores (samples, classes, height, width), or classes (samples, height, width) as integers; labels:
    classes (samples, height, width), `ignore_index` where none counts. Classes that neither labels nor outputs have are
    left out, of a resample those that it lacks. A sample's own score is the mean over its own classes.
    """
    wanted = labels_given(labels, "a class for each pixel", _MASKS)
    name, values = named(outputs, output, "classes of pixels")
    if values.ndim == 4:
        predicted = finite_numbers(name, values, "class scores").argmax(axis=1)
    elif values.ndim == 3 and values.dtype.kind in "iu":
        predicted = values
    else:
        expected = "class scores [samples, classes, height, width] or classes [samples, height, width]"
        raise unfit(f"output {name!r} {values.dtype}{list(values.shape)}", expected)
    if wanted.shape != predicted.shape or wanted.dtype.kind not in "iu":
        got = f"labels {wanted.dtype}{list(wanted.shape)}"
        raise wrong_labels(got, f"integers {list(predicted.shape)}", _MASKS)
    counted = wanted != ignore_index
    if not counted.any(axis=(1, 2)).all():
        raise wrong_labels("a sample without a pixel that counts", "one or more", "remove it, or correct ignore_index")
    most = int(max(wanted[counted].max(), predicted[counted].max()))
    if min(wanted[counted].min(), predicted[counted].min()) < 0:
        raise wrong_labels("a negative class", "classes from 0", "correct ignore_index, or the labels")
    if values.ndim == 4 and most >= values.shape[1]:
        raise wrong_labels(f"labels up to {most}", f"classes from 0 to {values.shape[1] - 1}", "correct ignore_index")
    both, either = (np.zeros((len(wanted), most + 1), np.int64) for _ in range(2))
    for index, counts in enumerate(counted):
        truth, guess = wanted[index][counts], predicted[index][counts]
        both[index] = np.bincount(truth[truth == guess], minlength=most + 1)
        either[index] = np.bincount(truth, minlength=most + 1) + np.bincount(guess, minlength=most + 1) - both[index]

    def whole(counts: CountArray) -> float:
        return _mean_share(counts @ both, counts @ either)

    own = np.array([_mean_share(each, all_) for each, all_ in zip(both, either, strict=True)])
    return Scores(own, whole=whole)


def _mean_share(both: Array, either: Array) -> float:
    there = either > 0
    return float((both[there] / either[there]).mean())


def _pair(outputs: Outputs, labels: Array | None, output: str | None) -> tuple[Array, Array]:
    """Outputs and targets of one shape, float64."""
    targets = labels_given(labels, "a target for each sample", _TARGETS)
    name, values = named(outputs, output, "numbers")
    numbers = finite_numbers(name, values, "numbers").astype(np.float64)
    if targets.shape != numbers.shape and numbers.shape == (*targets.shape, 1):
        numbers = numbers[..., 0]
    if targets.dtype.kind not in "iuf" or targets.shape != numbers.shape:
        raise wrong_labels(f"labels {targets.dtype}{list(targets.shape)}", f"numbers {list(numbers.shape)}", _TARGETS)
    if not numbers.size:
        raise unfit(f"output {name!r} without elements", "one or more")
    if not np.isfinite(targets).all():
        raise wrong_labels("NaN or Inf", "finite labels", "remove the samples, or what made them so")
    return numbers, targets.astype(np.float64)
