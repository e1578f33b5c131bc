"""The networks that the contests' search chooses among: `preact` and what can be changed of it."""

import bisect
from collections.abc import Mapping
from typing import Any

import torch

from svhn_lab.nets.blocks import BothPolarities, Declaration, Stem
from svhn_lab.nets.network import Architecture, Network, num_parameters
from svhn_lab.nets.residual import PreActivation

Choice = dict[str, Any]


def architecture(
    choice: Mapping[str, Any], *, whitened: bool = False, pools: tuple[int, int] = (2, 2)
) -> Architecture:
    """The network of one choice for every key of `contests.search.space`, with channels of stem and
    blocks; whether the stem whitens and what the first two blocks pool is not searched."""
    head = choice["head"]
    like = {
        "convs": choice["convs"],
        "convolution": choice["convolution"],
        "activation": choice["activation"],
        "squeeze": choice["squeeze"],
        "dropout": choice["dropout"],
    }
    first, second = pools
    blocks: tuple[Declaration, ...] = (
        Stem(choice["stem"], whitened),
        PreActivation(choice["first"], pool=first, **like),
        PreActivation(choice["second"], pool=second, positions=choice["positions"], **like),
        PreActivation(choice["third"], pool=head, positions=choice["positions"], **like),
    )
    return Architecture((BothPolarities(blocks),) if choice["both_polarities"] else blocks)


def widened(choice: Mapping[str, Any], first: int) -> Choice:
    """The choice with so many channels in the first block, and in stem and other blocks the even
    number that comes closest to the multiple of it that was chosen."""
    channels = {
        name: first if name == "first" else max(2, 2 * round(choice[name] * first / 2))
        for name in ("stem", "first", "second", "third")
    }
    return channels | {name: value for name, value in choice.items() if name not in channels}


def parameters(choice: Mapping[str, Any], *, image_size: int, num_classes: int) -> int:
    """How many the network of a choice with channels has."""
    with torch.device("meta"):  # to be counted, they need no memory
        return num_parameters(Network(architecture(choice), num_classes, image_size))


def widest(choice: Mapping[str, Any], max_parameters: int, **size: int) -> Choice | None:
    """The choice with as many channels as so many parameters allow; None if they allow none. `size`
    as for `parameters`."""

    def count(first: int) -> int:
        return parameters(widened(choice, first), **size)

    end = 2
    while count(end) <= max_parameters:
        end *= 2
    widths = range(2, end, 2)
    allowed = bisect.bisect_right(widths, max_parameters, key=count)
    return widened(choice, widths[allowed - 1]) if allowed else None
