"""A small ResNet for 8-by-8 digits: training and export in float32."""

import argparse
from pathlib import Path

import numpy as np
import torch
from digits_data import Samples, split
from torch import nn
from torch.nn import functional

EPOCHS, BATCH, LEARNING_RATE = 12, 64, 3e-3
SEED = 7


class Block(nn.Module):
    """relu(convolution(relu(convolution(x))) + shortcut(x)), batch normalization after each convolution."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        same = stride == 1 and channels_in == channels
        projection = [nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)]
        self.shortcut = nn.Identity() if same else nn.Sequential(*projection)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class DigitsResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 32, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(32)
        self.blocks = nn.Sequential(Block(32, 64, 1), Block(64, 64, 1), Block(64, 96, 2))
        self.classifier = nn.Linear(96, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(functional.relu(self.bn(self.conv(x))))
        return self.classifier(x.mean((2, 3)))


def accuracy(model: nn.Module, samples: Samples) -> float:
    model.eval()
    with torch.inference_mode():
        logits = model(torch.from_numpy(samples.input)).numpy()
    return float((logits.argmax(1) == samples.labels).mean())


def fit(model: nn.Module, training: Samples, epochs: int, learning_rate: float) -> None:
    """Cross-entropy, AdamW, one cycle of the learning rate. Batch normalization follows the model's own mode."""
    images, labels = torch.from_numpy(training.input), torch.from_numpy(training.labels)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.01)
    steps = epochs * (len(labels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(labels))[: len(labels) // BATCH * BATCH].split(BATCH):
            loss = functional.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def export(model: nn.Module, path: Path) -> None:
    model.eval()
    torch.onnx.export(
        model,
        (torch.zeros(2, 1, 8, 8),),
        str(path),
        input_names=["input"],
        output_names=["logits"],
        dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )


def main() -> None:
    models = Path(__file__).parents[1] / "models"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=models / "digits_resnet.onnx")
    parser.add_argument("--weights", type=Path, help="also store the parameters here, for digits_resnet_qat.py")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)
    np.random.seed(SEED)
    training, test = split()
    model = DigitsResNet()
    fit(model, training, EPOCHS, LEARNING_RATE)
    export(model, arguments.output)
    if arguments.weights:
        torch.save(model.state_dict(), arguments.weights)
    print(f"fp32 accuracy {accuracy(model, test):.2%} of {len(test.labels)} test samples")


if __name__ == "__main__":
    main()
