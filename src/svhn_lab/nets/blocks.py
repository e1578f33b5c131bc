"""The building blocks of the lab's networks. Each comes as a declaration (a frozen dataclass: data
that can be printed and compared) and the module that it builds; each module names its freeze
units: one convolution with the normalisation that belongs to it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from svhn_lab.nets.layers import ACTIVATIONS, Activation, Positions, SqueezeExcitation

# Side of the pooled square; `all` and `average` make one value of the whole map, the largest or the
# mean.
Pool = int | Literal["all", "average"]
Unit = tuple[nn.Module, ...]
State = tuple[Tensor, ...]  # (N, ...) each: what the units so far have made, and the rest needs


class Block(nn.Module, ABC):
    """A part of a network that knows its freeze units, in the order the image meets them."""

    @abstractmethod
    def freeze_units(self) -> list[Unit]:
        """Modules of each unit; together they hold every parameter of the block, once."""


class UnitByUnit(Block):
    """A block that can stop behind any of its units: what is frozen within it need not be computed
    more than once (see freezing.py)."""

    @abstractmethod
    def step(self, state: State, unit: int) -> State:
        """What the unit makes of what those before it have made, its own output first; the first
        unit takes the block's input alone, the last one leaves the block's output alone."""

    def forward(self, x: Tensor) -> Tensor:
        state: State = (x,)
        for unit in range(len(self.freeze_units())):
            state = self.step(state, unit)
        [out] = state
        return out


def pooled(x: Tensor, pool: Pool) -> Tensor:
    """(N, C, H, W) -> (N, C, H / pool, W / pool), the largest value of each square; or one value of
    the whole map."""
    if pool == "average":
        return x.mean((2, 3), keepdim=True)
    if pool == "all":
        return nn.functional.adaptive_max_pool2d(x, 1)
    return nn.functional.max_pool2d(x, pool) if pool > 1 else x


def conv3x3(in_channels: int, channels: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size; without bias, as a norm follows before it matters."""
    return nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)


def conv5x5(in_channels: int, channels: int) -> nn.Conv2d:
    """The same with 5x5."""
    return nn.Conv2d(in_channels, channels, 5, padding=2, bias=False)


def projection(in_channels: int, channels: int, stride: int = 1) -> nn.Module:
    """A shortcut: the identity, or a 1x1 convolution where shapes differ."""
    if in_channels == channels and stride == 1:
        return nn.Identity()
    return nn.Conv2d(in_channels, channels, 1, stride, bias=False)


class Declaration(Protocol):
    """What a block is declared by: its number of output channels and how to build it."""

    @property
    def channels(self) -> int: ...

    def build(self, in_channels: int) -> Block: ...


@dataclass(frozen=True)
class BothPolarities:
    """The same blocks for the input and for its negative, then the larger of each pair of values:
    the output is the same for dark digits on bright ground and bright ones on dark (TI-pooling:
    Laptev et al., 2016, over the two polarities). Twice the operations, and no parameter more."""

    blocks: "tuple[Declaration, ...]"

    @property
    def channels(self) -> int:
        return self.blocks[-1].channels

    def build(self, in_channels: int) -> Block:
        return _BothPolarities(in_channels, self)


class _BothPolarities(Block):
    def __init__(self, in_channels: int, declared: BothPolarities) -> None:
        super().__init__()
        blocks = []
        for declaration in declared.blocks:
            blocks.append(declaration.build(in_channels))
            in_channels = declaration.channels
        self.blocks = nn.Sequential(*blocks)

    def freeze_units(self) -> list[Unit]:
        blocks = [block for block in self.blocks if isinstance(block, Block)]
        return [unit for block in blocks for unit in block.freeze_units()]

    def forward(self, x: Tensor) -> Tensor:
        of_image, of_negative = self.blocks(torch.cat([x, -x])).chunk(2)
        return torch.maximum(of_image, of_negative)


@dataclass(frozen=True)
class ConvPool:
    """`convs` convolutions with bias, each with its ReLU, then 2x2 max-pooling (lab report, section
    1; with several 3x3 convolutions, VGG: Simonyan and Zisserman, 2014). `padding` keeps the size
    unless it is given."""

    channels: int
    kernel: int
    padding: int | None = None
    convs: int = 1

    def build(self, in_channels: int) -> Block:
        padding = self.kernel // 2 if self.padding is None else self.padding
        return _ConvPool([in_channels] + [self.channels] * self.convs, self.kernel, padding)


class _ConvPool(UnitByUnit):
    def __init__(self, widths: list[int], kernel: int, padding: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, kernel, padding=padding) for before, after in pairwise(widths)
        )

    def freeze_units(self) -> list[Unit]:
        return [(conv,) for conv in self.convs]

    def step(self, state: State, unit: int) -> State:
        out = torch.relu(self.convs[unit](state[0]))
        return (pooled(out, 2) if unit == len(self.convs) - 1 else out,)


@dataclass(frozen=True)
class Stem:
    """A bare 3x3 convolution from pixels to channels, as pre-activation networks begin with
    (He et al., 2016, "Identity mappings in deep residual networks", appendix)."""

    channels: int

    def build(self, in_channels: int) -> Block:
        return _Stem(in_channels, self.channels)


class _Stem(Block):
    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv = conv3x3(in_channels, channels)

    def freeze_units(self) -> list[Unit]:
        return [(self.conv,)]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return out


class _DepthwiseSeparable(nn.Sequential):
    """A 3x3 convolution within each channel, then a 1x1 one across them (Howard et al., 2017,
    "MobileNets"), in the place of a full 3x3 convolution."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False),
            nn.Conv2d(in_channels, channels, 1, bias=False),
        )


class _Fire(nn.Module):
    """A 1x1 convolution down to a quarter of the channels and a ReLU, then a 1x1 and a 3x3
    convolution side by side, half of the channels each (Iandola et al., 2016, "SqueezeNet")."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, channels // 4, 1, bias=False)
        self.expand1x1 = nn.Conv2d(channels // 4, channels // 2, 1, bias=False)
        self.expand3x3 = conv3x3(channels // 4, channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        squeezed = torch.relu(self.squeeze(x))
        return torch.cat([self.expand1x1(squeezed), self.expand3x3(squeezed)], dim=1)


CONVOLUTIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "full": conv3x3,
    "5x5": conv5x5,
    "depthwise": _DepthwiseSeparable,
    "fire": _Fire,
}


@dataclass(frozen=True)
class PreActivation:
    """`convs` units of BN-ReLU-convolution beside a shortcut, then max-pooling. With
    `activate_sum`, BN-ReLU after the addition (lab report, section 2); without, the shortcut is a
    pure identity mapping (He et al., 2016), or a 1x1 convolution where the channels change.

    What comes out of the last convolution can be weighted by squeeze-and-excitation (`squeeze` is
    its reduction) and loses whole channels at random with probability `dropout` (Tompson et al.,
    2014); `positions` is the side of the grid of learned offsets before the last activation."""

    channels: int
    convs: int
    pool: Pool = 2
    activate_sum: bool = True
    convolution: Literal["full", "5x5", "depthwise", "fire"] = "full"
    activation: Activation = "relu"
    squeeze: int | None = None
    dropout: float = 0
    positions: int | None = None

    def build(self, in_channels: int) -> Block:
        return _PreActivation(in_channels, self)


class _PreActivation(UnitByUnit):
    def __init__(self, in_channels: int, declared: PreActivation) -> None:
        super().__init__()
        self.pool = declared.pool
        self.activate = ACTIVATIONS[declared.activation]
        channels = declared.channels
        widths = [in_channels] + [channels] * declared.convs
        convolution = CONVOLUTIONS[declared.convolution]
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[:-1])
        self.convs = nn.ModuleList(convolution(before, after) for before, after in pairwise(widths))
        self.shortcut = projection(in_channels, channels)
        self.on_branch = nn.Sequential()
        if declared.squeeze is not None:
            self.on_branch.append(SqueezeExcitation(channels, declared.squeeze))
        if declared.dropout:
            self.on_branch.append(nn.Dropout2d(declared.dropout))
        self.on_sum = nn.Sequential()
        self.activate_sum = declared.activate_sum
        if declared.activate_sum:
            self.on_sum.append(nn.BatchNorm2d(channels))
        if declared.positions is not None:
            self.on_sum.append(Positions(channels, declared.positions))

    def freeze_units(self) -> list[Unit]:
        # The shortcut's convolution has no norm of its own and feeds on the block's input, so it
        # goes with the first unit; what follows the last convolution goes with the last.
        units: list[Unit] = list(zip(self.norms, self.convs, strict=True))
        units[0] = (*units[0], self.shortcut)
        units[-1] = (*units[-1], *(part for part in (self.on_branch, self.on_sum) if len(part)))
        return units

    def step(self, state: State, unit: int) -> State:
        x, *beside = state
        shortcut = beside[0] if beside else self.shortcut(x)
        branch = self.convs[unit](self.activate(self.norms[unit](x)))
        if unit < len(self.convs) - 1:
            return branch, shortcut
        out = self.on_sum(self.on_branch(branch) + shortcut)
        return (pooled(self.activate(out) if self.activate_sum else out, self.pool),)


@dataclass(frozen=True)
class PostActivation:
    """`convs` units of convolution-BN-ReLU, then max-pooling. With `skip`, a shortcut is added
    before the last ReLU (He et al., 2015, "Deep residual learning"): the identity, or a 1x1
    convolution where shapes differ. `stride` is that of the first convolution."""

    channels: int
    convs: int
    pool: Pool = 2
    skip: bool = True
    stride: int = 1

    def build(self, in_channels: int) -> Block:
        return _PostActivation(in_channels, self)


class _PostActivation(UnitByUnit):
    def __init__(self, in_channels: int, declared: PostActivation) -> None:
        super().__init__()
        self.pool = declared.pool
        widths = [in_channels] + [declared.channels] * declared.convs
        self.convs = nn.ModuleList(
            conv3x3(before, after, declared.stride if index == 0 else 1)
            for index, (before, after) in enumerate(pairwise(widths))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:])
        self.shortcut = (
            projection(in_channels, declared.channels, declared.stride) if declared.skip else None
        )

    def freeze_units(self) -> list[Unit]:
        units: list[Unit] = list(zip(self.convs, self.norms, strict=True))
        if self.shortcut is not None:
            units[0] = (*units[0], self.shortcut)
        return units

    def step(self, state: State, unit: int) -> State:
        x, *shortcut = state
        if unit == 0 and self.shortcut is not None:
            shortcut = [self.shortcut(x)]
        out = self.norms[unit](self.convs[unit](x))
        if unit < len(self.convs) - 1:
            return torch.relu(out), *shortcut
        if shortcut:
            out = out + shortcut[0]
        return (pooled(torch.relu(out), self.pool),)


@dataclass(frozen=True)
class Inception:
    """Four branches side by side, concatenated, then max-pooling: 1x1; 1x1 then 3x3; 1x1 then 5x5;
    3x3 max-pooling then 1x1; a ReLU after every convolution (Szegedy et al., 2014, "Going deeper
    with convolutions"). A pair is (channels of the 1x1 before, channels of the convolution)."""

    one: int
    three: tuple[int, int]
    five: tuple[int, int]
    pooled: int
    pool: Pool = 1

    @property
    def channels(self) -> int:
        return self.one + self.three[1] + self.five[1] + self.pooled

    def build(self, in_channels: int) -> Block:
        return _Inception(in_channels, self)


class _Inception(Block):
    def __init__(self, in_channels: int, declared: Inception) -> None:
        super().__init__()
        self.pool = declared.pool
        self.one = nn.Conv2d(in_channels, declared.one, 1)
        self.before_three = nn.Conv2d(in_channels, declared.three[0], 1)
        self.three = nn.Conv2d(*declared.three, 3, padding=1)
        self.before_five = nn.Conv2d(in_channels, declared.five[0], 1)
        self.five = nn.Conv2d(*declared.five, 5, padding=2)
        self.pooled = nn.Conv2d(in_channels, declared.pooled, 1)

    def freeze_units(self) -> list[Unit]:
        return [
            (self.one,),
            (self.before_three,),
            (self.three,),
            (self.before_five,),
            (self.five,),
            (self.pooled,),
        ]

    def forward(self, x: Tensor) -> Tensor:
        branches = [
            self.one(x),
            self.three(torch.relu(self.before_three(x))),
            self.five(torch.relu(self.before_five(x))),
            self.pooled(nn.functional.max_pool2d(x, 3, stride=1, padding=1)),
        ]
        return pooled(torch.relu(torch.cat(branches, dim=1)), self.pool)
