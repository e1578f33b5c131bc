"""uint8 digits in memory -> normalised batches. Pixels stay uint8 until the batch is made; a batch
is floated, normalised and channels-last at once, with no work per image."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, Protocol, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Images = NDArray[np.uint8]  # (N, H, W, 3); H = W = 32 for SVHN
Labels = NDArray[np.int64]  # (N,), 0..number of classes - 1


class Statistics(NamedTuple):
    """Mean and standard deviation of each colour channel over the training digits, in 0..255."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class Digits:
    """Images with their classes, in memory (or mapped into it) and on one device."""

    images: Tensor  # (N, H, W, 3) uint8
    labels: Tensor  # (N,) int64, 0..number of classes - 1

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Tensor | slice) -> "Digits":
        """The digits at `indices`: (M,), copied, or a slice, not copied."""
        if isinstance(indices, slice):
            return Digits(self.images[indices], self.labels[indices])
        # Faster than indexing, on rows as long as an image.
        return Digits(self.images.index_select(0, indices), self.labels.index_select(0, indices))

    def to(self, device: torch.device) -> "Digits":
        """The digits on the device; as they are, if they are there."""
        return Digits(self.images.to(device), self.labels.to(device))

    def inputs(self, statistics: Statistics) -> tuple[Tensor, ...]:
        """What a network takes: normalised images (N, 3, H, W), in autocast's type within it."""
        width = self.images.shape[2]
        return (_normalised(self.images, *_kept_on(self.images.device, statistics, width)),)


class Examples(Protocol):
    """What a network can be trained on: digits, or what a frozen front makes of them."""

    @property
    def labels(self) -> Tensor: ...

    def __len__(self) -> int: ...

    def take(self, indices: Tensor | slice) -> Self: ...

    def inputs(self, statistics: Statistics) -> tuple[Tensor, ...]: ...


E = TypeVar("E", bound=Examples)


def channel_statistics(images: Tensor) -> Statistics:
    """Statistics of (N, H, W, 3) uint8 images, from the counts of the 256 values. Of a channel that
    never changes the standard deviation is given as 1: normalised it is 0 everywhere."""
    counts = torch.stack(
        [torch.bincount(images[..., channel].flatten(), minlength=256) for channel in range(3)]
    ).double()  # (3, 256)
    values = torch.arange(256, dtype=torch.float64)
    mean = (counts @ values) / counts.sum(1)
    deviations = (values - mean[:, None]).square()  # (3, 256)
    variance = (counts * deviations).sum(1) / counts.sum(1)
    variance[variance == 0] = 1
    r, g, b = mean.tolist()
    sr, sg, sb = variance.sqrt().tolist()
    return Statistics((r, g, b), (sr, sg, sb))


def normalised(images: Tensor, statistics: Statistics) -> Tensor:
    """(N, H, W, 3) uint8 -> (N, 3, H, W) float32 (autocast's type within it) in channels-last
    memory, each channel with mean 0 and standard deviation 1 over the training digits."""
    return _normalised(images, *_row_of(images.device, statistics, images.shape[2]))


def _normalised(images: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """`mean` and `variance` are those of a whole row of pixels (3 W,), as if each were a feature
    for batch normalisation: a vector of three, repeated for every pixel, is slower. Within autocast
    all is in its type at once, in which 0..255 are exact; what is computed in float32 and rounded
    once is what the first convolution would round to, later, out of colder memory."""
    device = images.device.type
    within = torch.is_autocast_enabled(device)
    pixels = images.to(torch.get_autocast_dtype(device) if within else torch.float32)
    rows = torch.nn.functional.batch_norm(pixels.reshape(-1, len(mean)), mean, variance, eps=0)
    return rows.view(images.shape).permute(0, 3, 1, 2)


def _row_of(device: torch.device, statistics: Statistics, width: int) -> tuple[Tensor, Tensor]:
    mean, std = (torch.tensor(values, device=device) for values in statistics)
    return mean.repeat(width), std.square().repeat(width)


@cache
def _kept_on(device: torch.device, statistics: Statistics, width: int) -> tuple[Tensor, Tensor]:
    """Made once for all batches: each costs a transfer where the device has memory of its own."""
    with torch.inference_mode(False):
        return _row_of(device, statistics, width)


def shuffled_batches(
    examples: Examples, batch_size: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """One epoch as the indices of its batches: every example once, in the order that `generator`
    gives; the last batch may be smaller."""
    order = torch.randperm(len(examples), generator=generator).to(examples.labels.device)
    yield from order.split(batch_size)


def batches(examples: E, batch_size: int) -> Iterator[E]:
    """Every example once, in the order they lie in memory."""
    for start in range(0, len(examples), batch_size):
        yield examples.take(slice(start, start + batch_size))
