"""What every network of the lab is: blocks, then a head of fully connected layers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from svhn_lab.nets.blocks import (
    Block,
    Declaration,
    State,
    Unit,
    UnitByUnit,
    WhitenedStem,
    views_of,
)

# How weights of convolutions begin: torch's own way is uniform, with a sixth of the variance that
# keeps that of the activations behind a ReLU (He et al., 2015, "Delving deep into rectifiers").
Initialisation = Literal["torch", "he", "orthogonal"]
INITIALISATIONS: dict[Initialisation, Callable[[Tensor], Any]] = {
    "torch": lambda weight: weight,
    "he": partial(nn.init.kaiming_normal_, nonlinearity="relu"),
    "orthogonal": nn.init.orthogonal_,
}


@dataclass(frozen=True)
class Architecture:
    """A network as data: its blocks, whether the last map is averaged to one value a channel, the
    widths of the hidden fully connected layers before the output layer, and how the weights of its
    convolutions begin."""

    blocks: tuple[Declaration, ...]
    average: bool = False
    hidden: tuple[int, ...] = ()
    initialisation: Initialisation = "torch"

    @property
    def num_views(self) -> int:
        """By how many views of an image it answers."""
        return math.prod(views_of(block) for block in self.blocks)


class Network(nn.Module):
    """Blocks, then a head over the flattened features: (N, 3, H, W) -> (N, classes).

    Modules in `held_in_eval` stay in eval mode whoever calls `.train()`: frozen normalisations
    keep their running statistics (see freezing.py).
    """

    def __init__(self, architecture: Architecture, num_classes: int, image_size: int) -> None:
        super().__init__()
        blocks, channels = [], 3
        for declaration in architecture.blocks:
            blocks.append(declaration.build(channels))
            channels = declaration.channels
        self.blocks = nn.Sequential(*blocks)
        self.average, self.hidden = architecture.average, architecture.hidden
        self.held_in_eval: tuple[nn.Module, ...] = ()
        self.eval()
        with torch.no_grad():
            features = self.features(torch.zeros(1, 3, image_size, image_size))
        self.num_features = features.shape[1]
        self.head = head(self.num_features, self.hidden, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                INITIALISATIONS[architecture.initialisation](module.weight)
        self.train()

    def features(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, features): what the head looks at."""
        return self.flattened(self.blocks(images))

    def flattened(self, maps: Tensor) -> Tensor:
        """(N, C, H, W), the last block's output -> (N, features)."""
        return (maps.mean((2, 3), keepdim=True) if self.average else maps).flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(images))
        return logits

    def train(self, mode: bool = True) -> "Network":
        super().train(mode)
        for module in self.held_in_eval:
            module.eval()
        return self

    def whitens(self) -> bool:
        """Whether a stem begins as the whitening of what it looks at."""
        return any(isinstance(module, WhitenedStem) for module in self.modules())

    def whiten(self, images: Tensor) -> None:
        """Such stems do so: (N, 3, H, W), normalised."""
        for module in self.modules():
            if isinstance(module, WhitenedStem):
                module.whiten(images)

    def freeze_units(self) -> list[Unit]:
        """Modules of every freeze unit, from the front; the head is in none."""
        return [unit for block in self._blocks() for unit in block.freeze_units()]

    def steps(self) -> "list[Step]":
        """What `features` does, from the images on, in the smallest steps that the blocks allow."""
        steps, units = [], 0
        for block in self._blocks():
            count = len(block.freeze_units())
            if isinstance(block, UnitByUnit):
                steps += [
                    Step(units + unit + 1, partial(block.step, unit=unit)) for unit in range(count)
                ]
            else:
                steps.append(Step(units + count, partial(_alone, block)))
            units += count
        return [*steps, Step(units, partial(_alone, self.flattened))]

    def _blocks(self) -> list[Block]:
        return [block for block in self.blocks if isinstance(block, Block)]


class Step(NamedTuple):
    """A part of the way from the images to the features."""

    units: int  # freeze units that are passed once it is done
    run: Callable[[State], State]


def _alone(function: Callable[[Tensor], Tensor], state: State) -> State:
    [x] = state
    return (function(x),)


def head(num_features: int, hidden: Sequence[int], num_classes: int) -> nn.Module:
    """Fully connected layers with ReLUs between them."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(num_features, width), nn.ReLU()]
        num_features = width
    output = nn.Linear(num_features, num_classes)
    return nn.Sequential(*layers, output) if layers else output


def built(declared: Architecture, *, num_classes: int, seed: int, image_size: int) -> Network:
    """A network of this architecture with fresh weights, given by `seed` alone, in channels-last
    memory. Raises RuntimeError if it cannot take images of this size."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        net = Network(declared, num_classes, image_size)
    return net.to(memory_format=torch.channels_last)


def with_new_head(net: Network, *, num_classes: int, seed: int) -> Network:
    """The same network (changed in place) with a fresh head for other classes."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        net.head = head(net.num_features, net.hidden, num_classes)
    return net


def num_parameters(net: nn.Module, *, trainable_only: bool = False) -> int:
    """Number of parameters; of those that get a gradient, if asked. Buffers do not count."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad or not trainable_only)


def parameter_counts(net: nn.Module) -> dict[str, Any]:
    """`total`, `trainable`, and `layers`: the number of every module that holds some itself; and
    `buffers`, which are counted apart: values that a network keeps besides, as norms do."""
    by_layer = {
        name: sum(p.numel() for p in module.parameters(recurse=False))
        for name, module in net.named_modules()
    }
    return {
        "total": num_parameters(net),
        "trainable": num_parameters(net, trainable_only=True),
        "layers": {name: count for name, count in by_layer.items() if count},
        "buffers": sum(buffer.numel() for buffer in net.buffers()),
    }
