"""Every network of the lab, declared as a list of blocks; a linear layer over the flattened last
feature map follows each. A new network is one more entry."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from svhn_lab.errors import UserError
from svhn_lab.nets.blocks import Block, ConvPool, PreActivation, Stem


class Declaration(Protocol):
    """What a block is declared by: its number of output channels and how to build it."""

    @property
    def channels(self) -> int: ...

    def build(self, in_channels: int) -> Block: ...


ZOO: dict[str, tuple[Declaration, ...]] = {
    # Lab report, section 1: exactly 26,346 parameters with ten classes.
    "baseline": (ConvPool(16, kernel=5), ConvPool(32, kernel=3)),
    # Lab report, section 2, the last network: three residual blocks with BN-ReLU before each
    # convolution and after the addition, max-pooling, a fully connected layer. Its diagram is
    # lost; these widths, and a last pooling over the whole map, stay below 150,000 parameters.
    "preact": (
        Stem(32),
        PreActivation(32, convs=2),
        PreActivation(48, convs=2),
        PreActivation(64, convs=2, pool=8),
    ),
}


class Network(nn.Module):
    """Blocks, then a linear head over the flattened features: (N, 3, 32, 32) -> (N, classes).

    Modules in `held_in_eval` stay in eval mode whoever calls `.train()`: frozen normalisations
    keep their running statistics (see freezing.py).
    """

    def __init__(self, blocks: Sequence[Block], num_classes: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        with torch.no_grad():
            num_features = self.blocks.eval()(torch.zeros(1, 3, 32, 32)).numel()
        self.head = nn.Linear(num_features, num_classes)
        self.held_in_eval: tuple[nn.Module, ...] = ()
        self.train()

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.blocks(images).flatten(1))
        return logits

    def train(self, mode: bool = True) -> "Network":
        super().train(mode)
        for module in self.held_in_eval:
            module.eval()
        return self

    def freeze_units(self) -> list[tuple[nn.Module, ...]]:
        """Modules of every freeze unit, from the front; the head is in none."""
        blocks: list[Block] = [block for block in self.blocks if isinstance(block, Block)]
        return [unit for block in blocks for unit in block.freeze_units()]


def build(name: str, *, num_classes: int, seed: int) -> Network:
    """The named network with fresh weights, given by `seed` alone, in channels-last memory.

    Raises UserError if no network has this name.
    """
    if name not in ZOO:
        raise UserError(f"no network is called {name!r}; there are: {', '.join(ZOO)}")
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        blocks, channels = [], 3
        for declaration in ZOO[name]:
            blocks.append(declaration.build(channels))
            channels = declaration.channels
        net = Network(blocks, num_classes)
    return net.to(memory_format=torch.channels_last)


def with_new_head(net: Network, *, num_classes: int, seed: int) -> Network:
    """The same network (changed in place) with a fresh head for other classes."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        net.head = nn.Linear(net.head.in_features, num_classes)
    return net


def num_parameters(net: nn.Module, *, trainable_only: bool = False) -> int:
    """Number of parameters; of those that get a gradient, if asked. Buffers do not count."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad or not trainable_only)


def parameter_counts(net: nn.Module) -> dict[str, Any]:
    """`total`, `trainable`, and `layers`: the number of every module that holds some itself."""
    by_layer = {
        name: sum(p.numel() for p in module.parameters(recurse=False))
        for name, module in net.named_modules()
    }
    return {
        "total": num_parameters(net),
        "trainable": num_parameters(net, trainable_only=True),
        "layers": {name: count for name, count in by_layer.items() if count},
    }
