"""scikit-learn's handwritten digits, split into training, test and calibration samples."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

TEST, CALIBRATION = 540, 256
SEED = 20261124


@dataclass(frozen=True)
class Samples:
    input: np.ndarray  # (samples, 1, 8, 8) float32 in 0..1; a pixel is k/16
    labels: np.ndarray  # (samples,) int64


def split() -> tuple[Samples, Samples]:
    """Training and test samples, each digit in equal shares."""
    digits = load_digits()
    images = (digits.images / 16.0).astype(np.float32)[:, None]
    parts = train_test_split(images, digits.target, test_size=TEST, stratify=digits.target, random_state=SEED)
    training_images, test_images, training_labels, test_labels = parts
    return (
        Samples(training_images, training_labels.astype(np.int64)),
        Samples(test_images, test_labels.astype(np.int64)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "data")
    output: Path = parser.parse_args().output
    training, test = split()
    np.savez_compressed(output / "digits_test.npz", input=test.input, labels=test.labels)
    np.savez_compressed(output / "digits_calibration.npz", input=training.input[:CALIBRATION])
    print(f"{len(training.labels)} training and {len(test.labels)} test samples, {CALIBRATION} for calibration")


if __name__ == "__main__":
    main()
