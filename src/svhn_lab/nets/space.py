"""The networks that the contests' search chooses among: `preact` and what can be changed of it."""

from collections.abc import Mapping
from typing import Any

from svhn_lab.nets.blocks import BothPolarities, Declaration, Stem
from svhn_lab.nets.network import Architecture
from svhn_lab.nets.residual import PreActivation


def architecture(
    choice: Mapping[str, Any], *, whitened: bool = False, pools: tuple[int, int] = (2, 2)
) -> Architecture:
    """The network of one choice for every key of `contests.search.space`; its stem and what the
    first two blocks pool are not among what is searched."""
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
