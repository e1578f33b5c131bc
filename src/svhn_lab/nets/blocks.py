"""The building blocks of the lab's networks. Each comes as a declaration (a frozen dataclass: data
that can be printed and compared) and the module that it builds; each module names its freeze
units: one convolution with the normalisation that belongs to it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn


class Block(nn.Module, ABC):
    """A part of a network that knows its freeze units, in the order the image meets them."""

    @abstractmethod
    def freeze_units(self) -> list[tuple[nn.Module, ...]]:
        """Modules of each unit; together they hold every parameter of the block, once."""


@dataclass(frozen=True)
class ConvPool:
    """Convolution that keeps the size, ReLU, 2x2 max-pooling (lab report, section 1)."""

    channels: int
    kernel: int

    def build(self, in_channels: int) -> Block:
        return _ConvPool(in_channels, self.channels, self.kernel)


class _ConvPool(Block):
    def __init__(self, in_channels: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel, padding=kernel // 2)

    def freeze_units(self) -> list[tuple[nn.Module, ...]]:
        return [(self.conv,)]

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.max_pool2d(torch.relu(self.conv(x)), 2)


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

    def freeze_units(self) -> list[tuple[nn.Module, ...]]:
        return [(self.conv,)]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return out


@dataclass(frozen=True)
class PreActivation:
    """`convs` units of BN-ReLU-convolution beside a shortcut, BN-ReLU after the addition, then
    max-pooling over `pool` x `pool` (lab report, section 2). The shortcut is the identity, or a
    1x1 convolution where the number of channels changes."""

    channels: int
    convs: int
    pool: int = 2

    def build(self, in_channels: int) -> Block:
        return _PreActivation(in_channels, self.channels, self.convs, self.pool)


class _PreActivation(Block):
    def __init__(self, in_channels: int, channels: int, convs: int, pool: int) -> None:
        super().__init__()
        self.pool = pool
        widths = [in_channels] + [channels] * convs
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[:-1])
        self.convs = nn.ModuleList(conv3x3(before, after) for before, after in pairwise(widths))
        self.shortcut: nn.Module = (
            nn.Identity()
            if in_channels == channels
            else nn.Conv2d(in_channels, channels, 1, bias=False)
        )
        self.norm_after = nn.BatchNorm2d(channels)

    def freeze_units(self) -> list[tuple[nn.Module, ...]]:
        # The shortcut's convolution has no norm of its own and feeds on the block's input, so it
        # goes with the first unit; the norm after the addition goes with the last.
        units: list[tuple[nn.Module, ...]] = list(zip(self.norms, self.convs, strict=True))
        units[0] = (*units[0], self.shortcut)
        units[-1] = (*units[-1], self.norm_after)
        return units

    def forward(self, x: Tensor) -> Tensor:
        branch = x
        for norm, conv in zip(self.norms, self.convs, strict=True):
            branch = conv(torch.relu(norm(branch)))
        out = torch.relu(self.norm_after(branch + self.shortcut(x)))
        return nn.functional.max_pool2d(out, self.pool)


def conv3x3(in_channels: int, channels: int) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size; without bias, as a norm follows before it matters."""
    return nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
