"""A small BERT that names the class of a WordNet definition: training and export."""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from constants import constants_as_initializers
from textbert_data import CLASSES, LENGTH, VOCABULARY, Samples, licence, split
from torch import nn
from torch.nn import functional

LAYERS, WIDTH, HEADS, HIDDEN = 3, 96, 4, 384
EPOCHS, BATCH, LEARNING_RATE, DROPOUT = 8, 128, 1e-3, 0.1
SEED = 7


class Attention(nn.Module):
    """softmax(Q·Kᵀ / √d + mask)·V, in plain operators, so that the ONNX graph shows each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.dropout = nn.Dropout(DROPOUT)

    def heads(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(-1, LENGTH, HEADS, WIDTH // HEADS).transpose(1, 2)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        query, key, value = self.heads(self.query(x)), self.heads(self.key(x)), self.heads(self.value(x))
        scores = query @ key.transpose(2, 3) / math.sqrt(WIDTH // HEADS) + mask
        mixed = self.dropout(scores.softmax(-1)) @ value
        return self.output(mixed.transpose(1, 2).reshape(-1, LENGTH, WIDTH))


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention, self.attention_norm = Attention(), nn.LayerNorm(WIDTH)
        self.up, self.down, self.norm = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH), nn.LayerNorm(WIDTH)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.attention_norm(x + self.dropout(self.attention(x, mask)))
        return self.norm(x + self.dropout(self.down(functional.gelu(self.up(x)))))


class TextBert(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Parameter(torch.randn(1, LENGTH, WIDTH) * 0.02)
        self.norm, self.dropout = nn.LayerNorm(WIDTH), nn.Dropout(DROPOUT)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.pooler, self.classifier = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, len(CLASSES))
        nn.init.normal_(self.words.weight, std=0.02)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        x = self.dropout(self.norm(self.words(input_ids) + self.positions))
        mask = (1.0 - attention_mask[:, None, None, :].float()) * -10000.0  # as BERT's own code has it
        for layer in self.layers:
            x = layer(x, mask)
        return self.classifier(self.dropout(torch.tanh(self.pooler(x[:, 0]))))


def accuracy(model: nn.Module, samples: Samples) -> float:
    model.eval()
    with torch.inference_mode():
        logits = model(torch.from_numpy(samples.input_ids), torch.from_numpy(samples.attention_mask)).numpy()
    return float((logits.argmax(1) == samples.labels).mean())


def train(model: TextBert, training: Samples, test: Samples) -> None:
    ids, mask, labels = (torch.from_numpy(a) for a in (training.input_ids, training.attention_mask, training.labels))
    steps = EPOCHS * (len(labels) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1)
    for epoch in range(EPOCHS):
        model.train()
        started = time.perf_counter()
        for batch in torch.randperm(len(labels))[: len(labels) // BATCH * BATCH].split(BATCH):
            loss = functional.cross_entropy(model(ids[batch], mask[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        seconds = time.perf_counter() - started
        print(
            f"epoch {epoch + 1}: loss {loss.item():.3f}, test {accuracy(model, test):.2%}, {seconds:.0f} s", flush=True
        )


def export(model: TextBert, example: Samples, path: Path) -> None:
    model.eval()
    arguments = (torch.from_numpy(example.input_ids[:2]), torch.from_numpy(example.attention_mask[:2]))
    names = ["input_ids", "attention_mask"]
    # The older exporter traces, and so writes one ONNX node for each operator above.
    torch.onnx.export(
        model,
        arguments,
        str(path),
        input_names=names,
        output_names=["logits"],
        dynamic_axes={name: {0: "batch"} for name in [*names, "logits"]},
        opset_version=17,
        dynamo=False,
    )
    file = onnx.load(path)
    constants_as_initializers(file.graph)
    onnx.checker.check_model(file, full_check=True)
    onnx.save(file, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder with WordNet 3.0's data.noun and data.verb")
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "models" / "textbert.onnx")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)
    np.random.seed(SEED)
    training, test, _ = split(arguments.wordnet)
    model = TextBert()
    train(model, training, test)
    export(model, test, arguments.output)
    (arguments.output.parent / "LICENSE.wordnet").write_text(licence(arguments.wordnet))
    print(f"fp32 accuracy {accuracy(model, test):.2%} of {len(test.labels)} test samples")


if __name__ == "__main__":
    main()
