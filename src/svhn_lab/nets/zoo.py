"""Every network of the lab, declared as a list of blocks and a head of fully connected layers. A
new network is one more entry, or an Architecture anywhere, named by its dotted path."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from svhn_lab.errors import UserError
from svhn_lab.nets.blocks import (
    Block,
    BothPolarities,
    ConvPool,
    Declaration,
    Inception,
    SeveralSizes,
    State,
    Stem,
    Unit,
    UnitByUnit,
    WhitenedStem,
)
from svhn_lab.nets.residual import PostActivation, PreActivation

IMAGE_SIZE = 32  # SVHN's

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


DEEP: tuple[Declaration, ...] = (
    Stem(32),
    PreActivation(32, convs=3, dropout=0.05),
    PreActivation(48, convs=3, dropout=0.05),
    PreActivation(48, convs=3, dropout=0.05, pool="all"),
)

ZOO: dict[str, Architecture] = {
    # Lab report, section 1: exactly 26,346 parameters with ten classes.
    "baseline": Architecture((ConvPool(16, kernel=5), ConvPool(32, kernel=3))),
    # Lab report, section 1.1: another 5x5 convolution in between, which must lose two pixels for
    # the 3x3x64 = 576 features that the report names; its own number of channels is not told.
    "deeper": Architecture(
        (ConvPool(16, kernel=5), ConvPool(32, kernel=5, padding=1), ConvPool(64, kernel=3)),
        hidden=(256,),
    ),
    # Lab report, section 2: three famous architectures, cut down to 150,000 parameters.
    "vgg": Architecture(
        (
            ConvPool(16, kernel=3, convs=2),
            ConvPool(32, kernel=3, convs=2),
            ConvPool(64, kernel=3, convs=2),
        ),
        hidden=(64,),
    ),
    "inception": Architecture(
        (
            ConvPool(32, kernel=3),
            Inception(16, three=(16, 32), five=(16, 16), pooled=16, pool=2),
            Inception(32, three=(32, 64), five=(16, 32), pooled=32),
            Inception(32, three=(32, 64), five=(16, 32), pooled=32),
        ),
        average=True,
    ),
    # Of the CIFAR family, with one block at each size: ResNet-8.
    "resnet": Architecture(
        (
            PostActivation(16, convs=1, skip=False, pool=1),
            PostActivation(16, convs=2, pool=1),
            PostActivation(32, convs=2, pool=1, stride=2),
            PostActivation(64, convs=2, pool=1, stride=2),
        ),
        average=True,
    ),
    # Lab report, section 2, the first own network: 87,290 parameters, its widths not told. These
    # are ones that give exactly that number.
    "three-blocks": Architecture(
        (
            PostActivation(16, convs=2, skip=False),
            PostActivation(16, convs=2, skip=False),
            PostActivation(48, convs=2, skip=False, pool=4),
        ),
        hidden=(256,),
    ),
    "three-blocks-skip": Architecture(
        (
            PostActivation(16, convs=2),
            PostActivation(16, convs=2),
            PostActivation(48, convs=2, pool=4),
        ),
        hidden=(256,),
    ),
    # Lab report, section 2, the last network: three residual blocks with BN-ReLU before each
    # convolution and after the addition, max-pooling, a fully connected layer. Its diagram is
    # lost; these widths, and a last pooling over the whole map, stay below 150,000 parameters.
    "preact": Architecture(
        (
            Stem(32),
            PreActivation(32, convs=2),
            PreActivation(48, convs=2),
            PreActivation(64, convs=2, pool="all"),
        )
    ),
    # The contest's under fixed settings: `preact` of an image and of its negative about the mean,
    # with GELU and a little dropout of channels.
    "polar": Architecture(
        (
            BothPolarities(
                (
                    Stem(32),
                    PreActivation(32, convs=2, activation="gelu", dropout=0.05),
                    PreActivation(48, convs=2, activation="gelu", dropout=0.05),
                    PreActivation(64, convs=2, activation="gelu", dropout=0.05, pool="all"),
                )
            ),
        )
    ),
    # The contest's for free training: `preact` with more channels, up to nearly 150,000 parameters,
    # and a little dropout of them.
    "preact-wide": Architecture(
        (
            Stem(32),
            PreActivation(32, convs=2, dropout=0.05),
            PreActivation(56, convs=2, dropout=0.05),
            PreActivation(68, convs=2, dropout=0.05, pool="all"),
        )
    ),
    # Another: a convolution more in each block, for fewer channels (multiples of 16, as a
    # processor's matrix units have it); and the same of an image and of its negative,
    # which when it answers looks at the image a little smaller and a little larger.
    "preact-deep": Architecture(DEEP),
    "polar-sizes": Architecture((SeveralSizes((BothPolarities(DEEP),), pixels=(-2, 2)),)),
    # The contests' teacher: twice the channels, which is too large to compete itself.
    "preact-twice": Architecture(
        (
            Stem(48),
            PreActivation(64, convs=2, dropout=0.05),
            PreActivation(112, convs=2, dropout=0.05),
            PreActivation(136, convs=2, dropout=0.05, pool="all"),
        )
    ),
    # `preact` with depthwise separable convolutions or fire modules for the full convolutions.
    "preact-depthwise": Architecture(
        (
            Stem(32),
            PreActivation(32, convs=2, convolution="depthwise"),
            PreActivation(48, convs=2, convolution="depthwise"),
            PreActivation(64, convs=2, convolution="depthwise", pool="all"),
        )
    ),
    "preact-fire": Architecture(
        (
            Stem(32),
            PreActivation(32, convs=2, convolution="fire"),
            PreActivation(48, convs=2, convolution="fire"),
            PreActivation(64, convs=2, convolution="fire", pool="all"),
        )
    ),
    # The same without activation after the addition, but for the last.
    "preact-identity": Architecture(
        (
            Stem(32),
            PreActivation(32, convs=2, activate_sum=False),
            PreActivation(48, convs=2, activate_sum=False),
            PreActivation(64, convs=2, pool="all"),
        )
    ),
    # The same with the activations behind the convolutions.
    "postact": Architecture(
        (
            PostActivation(32, convs=1, skip=False, pool=1),
            PostActivation(32, convs=2),
            PostActivation(48, convs=2),
            PostActivation(64, convs=2, pool="all"),
        )
    ),
}


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


def architecture(name: str) -> Architecture:
    """The architecture that params.yaml names: an entry of ZOO, or `package.module:name`.

    Raises UserError if there is none of this name.
    """
    if name in ZOO:
        return ZOO[name]
    module_name, colon, attribute = name.partition(":")
    if not colon:
        raise UserError(
            f"no network is called {name!r}; there are: {', '.join(ZOO)}, "
            "or name your own as package.module:name"
        )
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError) as failure:
        raise UserError(
            f"the network {name!r} cannot be imported ({failure}); it should be like "
            "package.module:name, importable from the project's top folder"
        ) from None
    if not isinstance(found, Architecture):
        raise UserError(
            f"{name!r} is of type {type(found).__name__}; it should be an "
            "svhn_lab.nets.zoo.Architecture"
        )
    return found


def build(name: str, *, num_classes: int, seed: int, image_size: int = IMAGE_SIZE) -> Network:
    """The named network with fresh weights, given by `seed` alone, in channels-last memory.

    Raises UserError if no network has this name, or if it cannot take images of this size.
    """
    declared = architecture(name)
    try:
        return built(declared, num_classes=num_classes, seed=seed, image_size=image_size)
    except RuntimeError as failure:
        raise UserError(
            f"the network {name!r} cannot take images of {image_size}x{image_size} pixels "
            f"({failure}); change data.image_size, or take another network"
        ) from None


def built(declared: Architecture, *, num_classes: int, seed: int, image_size: int) -> Network:
    """The same of an architecture. Raises RuntimeError if it cannot take images of this size."""
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
