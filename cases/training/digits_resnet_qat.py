"""Quantization-aware training of digits_resnet: int8 weights per channel, int8 activations per tensor, symmetric."""

import argparse
import copy
from pathlib import Path

import numpy as np
import onnx
import torch
from constants import constants_as_initializers
from digits_data import split
from digits_resnet import BATCH, Block, DigitsResNet, accuracy, export
from onnx import numpy_helper
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

EPOCHS, LEARNING_RATE = 6, 1e-4
SEED = 11


class FakeQuantize(nn.Module):
    """clip(round(x / scale), -128, 127) · scale with scale = max |x| / 127; gradients pass straight through.

    Symmetric int8, since TensorRT takes no zero point but 0. ONNX Runtime's fast kernels on x64 want uint8, so the
    same values are stored a second time with zero point 128.
    """

    largest: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("largest", torch.tensor(0.0))

    def observe(self, x: torch.Tensor) -> None:
        if self.training:
            largest = x.detach().abs().max()
            self.largest = largest if self.largest == 0 else 0.9 * self.largest + 0.1 * largest

    def quantize(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fake_quantize_per_tensor_affine(x, float(self.largest) / 127.0, 0, -128, 127)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.observe(x)
        return self.quantize(x)


class QuantizedRelu(FakeQuantize):
    """Relu between two quantizers of one scale, which equals one quantizer after it.

    Both are written, since ONNX Runtime runs a convolution in int8 only if QuantizeLinear follows it at once.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.observe(functional.relu(x))
        return self.quantize(functional.relu(self.quantize(x)))


class QuantizedWeights(nn.Module):
    """A convolution or linear layer with int8 weights, a scale for each output channel; the bias stays float."""

    scale: torch.Tensor
    zero_point: torch.Tensor

    def __init__(self, layer: nn.Conv2d | nn.Linear) -> None:
        super().__init__()
        self.layer = layer
        self.register_buffer("scale", torch.ones(layer.weight.shape[0]))
        self.register_buffer("zero_point", torch.zeros(layer.weight.shape[0], dtype=torch.int32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.layer.weight
        if self.training:
            self.scale = weight.detach().abs().flatten(1).amax(1) / 127.0
        weight = torch.fake_quantize_per_channel_affine(weight, self.scale, self.zero_point, 0, -128, 127)
        if isinstance(self.layer, nn.Linear):
            return functional.linear(x, weight, self.layer.bias)
        return functional.conv2d(x, weight, self.layer.bias, self.layer.stride, self.layer.padding)


class QuantizedBlock(nn.Module):
    def __init__(self, block: Block) -> None:
        super().__init__()
        self.conv1 = QuantizedWeights(fuse_conv_bn_eval(block.conv1, block.bn1))
        self.conv2 = QuantizedWeights(fuse_conv_bn_eval(block.conv2, block.bn2))
        self.relu1, self.quantize, self.relu2 = QuantizedRelu(), FakeQuantize(), QuantizedRelu()
        self.shortcut: nn.Module = nn.Identity()
        if isinstance(block.shortcut, nn.Sequential):
            self.shortcut = nn.Sequential(QuantizedWeights(fuse_conv_bn_eval(*block.shortcut)), FakeQuantize())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu1(self.conv1(x))
        return self.relu2(self.quantize(self.conv2(y)) + self.shortcut(x))


class QuantizedResNet(nn.Module):
    def __init__(self, model: DigitsResNet) -> None:
        super().__init__()
        model = copy.deepcopy(model).eval()  # batch normalization is folded with its running averages
        self.quantize_input, self.quantize_mean = FakeQuantize(), FakeQuantize()
        self.conv, self.relu = QuantizedWeights(fuse_conv_bn_eval(model.conv, model.bn)), QuantizedRelu()
        self.blocks = nn.Sequential(*(QuantizedBlock(block) for block in model.blocks))
        self.classifier = QuantizedWeights(model.classifier)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.relu(self.conv(self.quantize_input(x))))
        return self.classifier(self.quantize_mean(x.mean((2, 3))))


def distil(model: QuantizedResNet, teacher: DigitsResNet, images: torch.Tensor) -> None:
    """Mean squared difference to the float model's logits: labels alone would let the logits drift away from it."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, total_iters=EPOCHS * (len(images) // BATCH))
    teacher.eval()
    model.train()
    for epoch in range(EPOCHS):
        for batch in torch.randperm(len(images))[: len(images) // BATCH * BATCH].split(BATCH):
            with torch.no_grad():
                goal = teacher(images[batch])
            loss = functional.mse_loss(model(images[batch]), goal)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}: mean squared difference {loss.item():.5f}")


def weights_as_int8(graph: onnx.GraphProto) -> int:
    """Put int8 values in place of each float weight and its QuantizeLinear; returns how many."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    quantized = [n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] in tensors]
    for node in quantized:
        weight, scale = (numpy_helper.to_array(tensors[name]) for name in node.input[:2])
        steps = np.rint(weight / scale.reshape(-1, *[1] * (weight.ndim - 1)))  # one scale for each output channel
        integers = np.clip(steps, -128, 127).astype(np.int8)
        tensors[node.input[0]].CopyFrom(numpy_helper.from_array(integers, node.output[0]))
        graph.node.remove(node)
    return len(quantized)


def activations_as_uint8(graph: onnx.GraphProto) -> None:
    """Zero point 128 of uint8 in place of 0 of int8: each dequantized value stays what it was."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for name in {n.input[2] for n in graph.node if n.op_type == "QuantizeLinear"}:
        tensors[name].CopyFrom(numpy_helper.from_array(np.array(128, np.uint8), name))


def export_integers(model: QuantizedResNet, symmetric: Path, output: Path) -> int:
    export(model, symmetric)
    file = onnx.load(symmetric)
    constants_as_initializers(file.graph)
    count = weights_as_int8(file.graph)
    onnx.checker.check_model(file, full_check=True)
    onnx.save(file, symmetric)
    activations_as_uint8(file.graph)
    onnx.checker.check_model(file, full_check=True)
    onnx.save(file, output)
    return count


def main() -> None:
    models = Path(__file__).parents[1] / "models"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="what digits_resnet.py --weights stored")
    parser.add_argument("--output", type=Path, default=models / "digits_resnet_qat.onnx", help="uint8 activations")
    parser.add_argument("--symmetric", type=Path, default=models / "digits_resnet_qat_symmetric.onnx", help="int8 ones")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)
    training, test = split()
    float_model = DigitsResNet()
    float_model.load_state_dict(torch.load(arguments.weights, weights_only=True))
    model = QuantizedResNet(float_model)
    distil(model, float_model, torch.from_numpy(training.input))
    count = export_integers(model, arguments.symmetric, arguments.output)
    before, after = accuracy(float_model, test), accuracy(model, test)
    print(f"fp32 accuracy {before:.2%}, int8 {after:.2%} of {len(test.labels)} test samples; {count} int8 weights")


if __name__ == "__main__":
    main()
