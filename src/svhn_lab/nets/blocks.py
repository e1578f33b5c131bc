"""The building blocks of the lab's networks. Each comes as a declaration (a frozen dataclass: data
that can be printed and compared) and the module that it builds; each module names its freeze
units: one convolution with the normalisation that belongs to it."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

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


class Declaration(Protocol):
    """What a block is declared by: its number of output channels and how to build it."""

    @property
    def channels(self) -> int: ...

    def build(self, in_channels: int) -> Block: ...


@dataclass(frozen=True)
class _DeclaredOverViews:
    """Blocks that look at several views of what comes in."""

    blocks: "tuple[Declaration, ...]"

    @property
    def channels(self) -> int:
        return self.blocks[-1].channels


class _OverViews(Block):
    def __init__(self, in_channels: int, declared: _DeclaredOverViews) -> None:
        super().__init__()
        blocks = []
        for declaration in declared.blocks:
            blocks.append(declaration.build(in_channels))
            in_channels = declaration.channels
        self.blocks = nn.Sequential(*blocks)

    def freeze_units(self) -> list[Unit]:
        blocks = [block for block in self.blocks if isinstance(block, Block)]
        return [unit for block in blocks for unit in block.freeze_units()]


@dataclass(frozen=True)
class BothPolarities(_DeclaredOverViews):
    """The same blocks for the input x and for -x, then the larger of each pair of values: of a
    normalised image and its negative about the training mean, a dark digit on bright ground and a
    bright one on dark, the output is the same (TI-pooling: Laptev et al., 2016, over the two
    polarities). Twice the operations, and no parameter more."""

    def build(self, in_channels: int) -> Block:
        return _BothPolarities(in_channels, self)


class _BothPolarities(_OverViews):
    def forward(self, x: Tensor) -> Tensor:
        of_image, of_negative = self.blocks(torch.cat([x, -x])).chunk(2)
        return torch.maximum(of_image, of_negative)


@dataclass(frozen=True)
class SeveralViews(_DeclaredOverViews):
    """Trained, the blocks alone. After that, the mean of what they make of several views of the
    image: at several sizes about its centre, wider and higher by twice `pixels`, of 32 each way;
    and if there is a `shift`, at each size moved by so many pixels, of 32, left, right, up and
    down. What then lies outside is cut off, and what is missing filled with the outermost pixels.
    As many times the operations, and no parameter more; before a fully connected layer, which is
    linear, it is the mean of logits (multi-scale and multi-crop testing: Simonyan and Zisserman,
    2014, there of probabilities)."""

    pixels: tuple[int, ...]
    shift: int = 0

    @property
    def views(self) -> list[tuple[int, int, int]]:
        """How much larger, to the right and down."""
        by = self.shift
        places = [(by, 0), (-by, 0), (0, by), (0, -by)] if by else [(0, 0)]
        return [(pixels, *place) for pixels in self.pixels for place in places]

    def build(self, in_channels: int) -> Block:
        return _SeveralViews(in_channels, self)


class _SeveralViews(_OverViews):
    def __init__(self, in_channels: int, declared: SeveralViews) -> None:
        super().__init__(in_channels, declared)
        self.views = declared.views

    def forward(self, x: Tensor) -> Tensor:
        # Its own mode is not asked: a frozen network's units are held in that of evaluation.
        if any(module.training for unit in self.freeze_units() for module in unit):
            out: Tensor = self.blocks(x)
            return out
        views = []
        for view in self.views:
            larger, right, down = (round(by * x.shape[-1] / 32) for by in view)
            views.append(enlarged(moved(x, right, down), larger))
        return torch.stack(self.blocks(torch.cat(views)).chunk(len(views))).mean(0)


def answer_by_one_view(net: nn.Module) -> None:
    """Has a network (changed in place) answer by the image as it is, as it does in training."""
    for block in net.modules():
        if isinstance(block, _SeveralViews):
            block.views = [(0, 0, 0)]


def views_of(declaration: Declaration) -> int:
    """By how many views of what comes in a block answers; both polarities count as one."""
    views = len(declaration.views) if isinstance(declaration, SeveralViews) else 1
    within = declaration.blocks if isinstance(declaration, _DeclaredOverViews) else ()
    return views * math.prod(views_of(block) for block in within)


def moved(x: Tensor, right: int, down: int) -> Tensor:
    """Images (N, C, H, W), moved by so many pixels, or to the left and up if below 0."""
    if right == down == 0:
        return x
    height, width = x.shape[2:]
    left, top = max(right, 0), max(down, 0)
    padded = nn.functional.pad(x, (left, left - right, top, top - down), mode="replicate")
    return padded[:, :, top - down : top - down + height, left - right : left - right + width]


def enlarged(x: Tensor, by: int) -> Tensor:
    """Images (N, C, H, W), wider and higher by `by` pixels at each edge, or less so if it is below
    0, and then of the same shape as before."""
    if by == 0:
        return x
    height, width = x.shape[2:]
    sized = nn.functional.interpolate(
        x, (height + 2 * by, width + 2 * by), mode="bilinear", align_corners=False
    )
    if by > 0:
        return sized[..., by:-by, by:-by]
    return nn.functional.pad(sized, (-by,) * 4, mode="replicate")


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
    (He et al., 2016, "Identity mappings in deep residual networks", appendix). If it is `whitened`,
    the stages that train on all classes set its weights by the training digits (`whiten`)."""

    channels: int
    whitened: bool = False

    def build(self, in_channels: int) -> Block:
        return (
            WhitenedStem(in_channels, self.channels)
            if self.whitened
            else _Stem(in_channels, self.channels)
        )


class _Stem(Block):
    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv = conv3x3(in_channels, channels)

    def freeze_units(self) -> list[Unit]:
        return [(self.conv,)]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return out


class WhitenedStem(_Stem):
    """A stem that can begin as the whitening of what it looks at (Jordan, 2024, "94% on CIFAR-10 in
    3.29 seconds", there with 2x2 and never trained)."""

    def whiten(self, images: Tensor) -> None:
        """The filters become the principal directions of the 3x3 patches of (N, 3, H, W) images,
        with a variance of 1 each, the largest first, and then their negatives, as far as there are
        channels; more channels than that stay as they are."""
        patches = nn.functional.unfold(images.float(), 3).transpose(1, 2).flatten(0, 1).double()
        patches = patches - patches.mean(0)  # (N * places, 27)
        variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (directions / (variances + 1e-4).sqrt()).T.flip(0)
        filters = torch.cat([filters, -filters])[: self.conv.out_channels]
        with torch.no_grad():
            self.conv.weight[: len(filters)] = filters.reshape(-1, *self.conv.weight.shape[1:])


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
