"""Residual blocks: convolutions beside a shortcut, activated before them or after."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from svhn_lab.nets.blocks import Block, Pool, State, Unit, UnitByUnit, conv3x3, pooled
from svhn_lab.nets.layers import ACTIVATIONS, Activation, Positions, SqueezeExcitation


def conv5x5(in_channels: int, channels: int) -> nn.Conv2d:
    """A 5x5 convolution that keeps the map's size, without bias."""
    return nn.Conv2d(in_channels, channels, 5, padding=2, bias=False)


def projection(in_channels: int, channels: int, stride: int = 1) -> nn.Module:
    """A shortcut: the identity, or a 1x1 convolution where shapes differ."""
    if in_channels == channels and stride == 1:
        return nn.Identity()
    return nn.Conv2d(in_channels, channels, 1, stride, bias=False)


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
        fewer = max(1, channels // 4)
        self.squeeze = nn.Conv2d(in_channels, fewer, 1, bias=False)
        self.expand1x1 = nn.Conv2d(fewer, channels // 2, 1, bias=False)
        self.expand3x3 = conv3x3(fewer, channels - channels // 2)

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
