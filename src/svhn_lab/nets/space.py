"""The networks that the contests' search chooses among: `preact` and what can be changed of it."""

import bisect
from collections.abc import Mapping
from typing import Any

import torch

from svhn_lab.nets.blocks import BothPolarities, Declaration, Stem
from svhn_lab.nets.network import Architecture, Network, num_parameters
from svhn_lab.nets.residual import PreActivation

WIDTHS = range(2, 1025, 2)  # channels of the first block that are tried
Choice = dict[str, Any]


def architecture(
    choice: Mapping[str, Any],
    *,
    whitened: bool = False,
    pools: tuple[int, int] = (2, 2),
    about: str = "",
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
    if choice["both_polarities"]:
        blocks = (BothPolarities(blocks),)
    return Architecture(blocks, about=about)


def widened(choice: Mapping[str, Any], first: int) -> Choice:
    """The choice with so many channels in the first block, and in stem and other blocks the even
    number that comes closest to the multiple of it that was chosen."""
    others = ("stem", "second", "third")
    channels = {name: max(2, 2 * round(choice[name] * first / 2)) for name in others}
    return {"stem": channels["stem"], "first": first, **choice, **channels}


def parameters(choice: Mapping[str, Any], *, image_size: int, num_classes: int) -> int:
    """How many the network of a choice with channels has."""
    with torch.device("meta"):  # to be counted, they need no memory
        return num_parameters(Network(architecture(choice), num_classes, image_size))


def widest(choice: Mapping[str, Any], max_parameters: int, **size: int) -> Choice | None:
    """The choice with as many channels as so many parameters allow; None if they allow none. `size`
    as for `parameters`."""
    allowed = bisect.bisect_right(
        WIDTHS, max_parameters, key=lambda first: parameters(widened(choice, first), **size)
    )
    return widened(choice, WIDTHS[allowed - 1]) if allowed else None
