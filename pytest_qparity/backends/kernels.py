"""What became of a file's compute nodes in an engine: which of them run quantized, and which as floats."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from pytest_qparity.worker.protocol import Worker

MOST_NAMES = 20  # of nodes that run as floats: a failure names a few, and a ledger needs no thousand


@dataclass(frozen=True, slots=True)
class KernelCount:
    """Nodes of one kind (Conv, MatMul, …) that an engine runs.

    `quantized`: on integers or other quantized types; of these `weights_only` take float activations and quantized
    weights. `fell_back`: as floats though the file quantizes them. `left_float`: as floats, as the file says.
    `otherwise`: quantized in another precision than the run's.
    """

    quantized: int = 0
    weights_only: int = 0
    fell_back: int = 0
    left_float: int = 0
    otherwise: int = 0

    @property
    def total(self) -> int:
        return self.quantized + self.fell_back + self.left_float + self.otherwise


@dataclass(frozen=True, slots=True)
class Kernels:
    """The compute nodes that an engine runs, counted by kind.

    `float_nodes`: names of up to MOST_NAMES nodes that run as floats, those that fell back first. `hidden`: parts of
    the graph that the engine does not tell of (bodies of loops, nodes that it does not name). `remarks`: what it does
    with the file besides. `types`: of how many layers compute in a type ("int8", "fp16"), where the engine tells that.
    """

    counts: Mapping[str, KernelCount]
    float_nodes: tuple[str, ...] = ()
    hidden: int = 0
    remarks: tuple[str, ...] = ()
    types: Mapping[str, int] = field(default_factory=dict)

    @property
    def quantized(self) -> int:
        return sum(count.quantized for count in self.counts.values())

    @property
    def fell_back(self) -> int:
        return sum(count.fell_back for count in self.counts.values())

    @property
    def total(self) -> int:
        return sum(count.total for count in self.counts.values())

    @property
    def otherwise(self) -> int:
        return sum(count.otherwise for count in self.counts.values())

    def text(self, precision: str) -> str:
        """ "53/53 Conv, 1/1 Gemm int8": of each kind how many run quantized."""
        told = ", ".join(f"{count.quantized}/{count.total} {kind}" for kind, count in self.counts.items())
        return f"{told} {precision}" if told else "no compute nodes"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class NotTold:
    """Why a session does not tell which kernels run: no news is not good news."""

    reason: str


@dataclass(frozen=True, slots=True)
class ComputeNode:
    """One compute node that an engine runs. `in_file`: whether the file quantizes it; `otherwise`: quantized, and in
    another precision."""

    kind: str
    name: str
    quantized: bool
    weights_only: bool = False
    in_file: bool = False
    otherwise: bool = False


def counted(nodes: Iterable[ComputeNode], hidden: int = 0, remarks: tuple[str, ...] = ()) -> Kernels:
    """`nodes` by kind, kinds by name."""
    by_kind: dict[str, list[ComputeNode]] = {}
    for node in nodes:
        by_kind.setdefault(node.kind, []).append(node)
    floats = [node for group in by_kind.values() for node in group if not node.quantized and not node.otherwise]
    floats.sort(key=lambda node: not node.in_file)
    counts = {kind: _count(by_kind[kind]) for kind in sorted(by_kind)}
    return Kernels(counts, tuple(node.name for node in floats[:MOST_NAMES]), hidden, remarks)


def _count(nodes: list[ComputeNode]) -> KernelCount:
    otherwise = sum(node.otherwise for node in nodes)
    nodes = [node for node in nodes if not node.otherwise]
    return KernelCount(
        quantized=sum(node.quantized for node in nodes),
        weights_only=sum(node.quantized and node.weights_only for node in nodes),
        fell_back=sum(not node.quantized and node.in_file for node in nodes),
        left_float=sum(not node.quantized and not node.in_file for node in nodes),
        otherwise=otherwise,
    )


def of_precision(kernels: Kernels, *, weights_only: bool) -> Kernels:
    """Of an engine's kernels, those on packed weights alone, or those on integers alone: the others are `otherwise`.

    For files that quantize products in several precisions: it is all that engines tell of the precision of a kernel.
    """
    counts = {}
    for kind, count in kernels.counts.items():
        kept = count.weights_only if weights_only else count.quantized - count.weights_only
        counts[kind] = replace(
            count,
            quantized=kept,
            weights_only=kept if weights_only else 0,
            otherwise=count.otherwise + count.quantized - kept,
        )
    return replace(kernels, counts=counts)


def kernels_in_file(model: Path, worker: Worker, others: Collection[str] = ()) -> Kernels:
    """What a file itself says of its compute nodes, quantized or float; the worker opens it.

    `others`: first outputs of nodes that are quantized in another precision than the one that is asked for.
    """
    target, work = "pytest_qparity.backends.onnx_kernels:in_file", f"Examining {model.name}"
    arguments = {"model": str(model.absolute()), "others": list(others)}
    told = worker.call(target, arguments, {}, work, worker.limits.load).value
    return kernels_from_json(told)


def kernels_from_json(told: Mapping[str, Any]) -> Kernels:
    """What `as_json` gave, after its way through a process border."""
    counts = {kind: KernelCount(**count) for kind, count in told["counts"].items()}
    return Kernels(counts, tuple(told["float_nodes"]), told["hidden"], tuple(told["remarks"]), dict(told["types"]))
