"""WordNet definitions as token ids: the sentence a dictionary gives, and the lexicographer's class of its word."""

import argparse
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LENGTH = 32  # tokens; a definition has 10 on average, so nearly every sample carries padding
VOCABULARY = 8000
PAD, UNKNOWN, CLASSIFY = 0, 1, 2
TEST, CALIBRATION = 2000, 128
SEED = 20261124

# Lexicographer files 4 to 43 (lexnames(5WN)); 3, noun.Tops, holds 51 roots of the hierarchy and no subject.
NOUNS = (
    "act animal artifact attribute body cognition communication event feeling food group location motive object person"
    " phenomenon plant possession process quantity relation shape state substance time"
)
VERBS = (
    "body change cognition communication competition consumption contact creation emotion motion perception possession"
    " social stative weather"
)
CLASSES = [*(f"noun.{name}" for name in NOUNS.split()), *(f"verb.{name}" for name in VERBS.split())]
FIRST_FILE = 4


@dataclass(frozen=True)
class Samples:
    input_ids: np.ndarray  # (samples, LENGTH) int64
    attention_mask: np.ndarray  # (samples, LENGTH) int64, 1 where there is a token
    labels: np.ndarray  # (samples,) int64, an index into CLASSES


def definitions(wordnet: Path) -> list[tuple[tuple[str, ...], int]]:
    """Words and class of each definition; what several synsets share comes once, so test and training stay apart."""
    found: dict[tuple[str, ...], int] = {}
    for name in ("data.noun", "data.verb"):
        for line in (wordnet / name).read_text("ascii").splitlines():
            file_number = int(line[9:11]) if line[:8].isdigit() else 0  # the licence's lines begin with spaces
            if file_number < FIRST_FILE:
                continue
            gloss = line.split(" | ", 1)[1]
            words = tuple(re.findall(r"[a-z]+|[0-9]+", gloss.split('"')[0].lower()))  # examples stand in quotes
            if words:
                found.setdefault(words, file_number - FIRST_FILE)
    return sorted(found.items())


def vocabulary(sentences: list[tuple[str, ...]]) -> list[str]:
    """The most frequent words of the training sentences, after the three special ones; ties in alphabetical order."""
    counts = Counter(word for words in sentences for word in words)
    frequent = sorted(counts, key=lambda word: (-counts[word], word))
    return ["[PAD]", "[UNK]", "[CLS]", *frequent][:VOCABULARY]


def encode(pairs: list[tuple[tuple[str, ...], int]], words: list[str]) -> Samples:
    index = {word: number for number, word in enumerate(words)}
    ids = np.full((len(pairs), LENGTH), PAD, np.int64)
    for row, (sentence, _) in enumerate(pairs):
        tokens = [CLASSIFY, *(index.get(word, UNKNOWN) for word in sentence)][:LENGTH]
        ids[row, : len(tokens)] = tokens
    return Samples(ids, (ids != PAD).astype(np.int64), np.array([label for _, label in pairs], np.int64))


def split(wordnet: Path) -> tuple[Samples, Samples, list[str]]:
    """Training samples, test samples, vocabulary."""
    pairs = definitions(wordnet)
    order = np.random.default_rng(SEED).permutation(len(pairs))
    test = [pairs[i] for i in order[:TEST]]
    training = [pairs[i] for i in order[TEST:]]
    words = vocabulary([sentence for sentence, _ in training])
    return encode(training, words), encode(test, words), words


def calibration(training: Samples, test: Samples) -> np.ndarray:
    """Rows of the first training samples whose ids no test sample has; different words can be equally unknown."""
    seen = {row.tobytes() for row in test.input_ids}
    return np.array([i for i, row in enumerate(training.input_ids) if row.tobytes() not in seen][:CALIBRATION])


def licence(wordnet: Path) -> str:
    """The notice that WordNet's files begin with, which must go with every copy."""
    lines = (wordnet / "data.noun").read_text("ascii").splitlines()
    return "\n".join(line[4:].rstrip() for line in lines if line.startswith("  ")).strip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder with WordNet 3.0's data.noun and data.verb")
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "data")
    arguments = parser.parse_args()
    training, test, words = split(arguments.wordnet)
    output: Path = arguments.output
    np.savez_compressed(
        output / "textbert_test.npz",
        input_ids=test.input_ids,
        attention_mask=test.attention_mask,
        labels=test.labels,
    )
    rows = calibration(training, test)
    np.savez_compressed(
        output / "textbert_calibration.npz",
        input_ids=training.input_ids[rows],
        attention_mask=training.attention_mask[rows],
    )
    (output / "textbert_vocabulary.txt").write_text("\n".join(words) + "\n")
    (output / "textbert_classes.txt").write_text("\n".join(CLASSES) + "\n")
    (output / "LICENSE.wordnet").write_text(licence(arguments.wordnet))
    padded = (test.attention_mask[:, -1] == 0).mean()
    print(f"{len(training.labels)} training and {len(test.labels)} test samples, {padded:.1%} of these with padding")


if __name__ == "__main__":
    main()
