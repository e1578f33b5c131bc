"""The networks that the contests' search chooses among: `preact` and what can be changed of it."""

from collections.abc import Mapping
from typing import Any

from svhn_lab.nets.blocks import BothPolarities, Declaration, PreActivation, Stem
from svhn_lab.nets.zoo import Architecture


def architecture(choice: Mapping[str, Any]) -> Architecture:
    """The network of one choice for every key of `contests.search.space`."""
    head = choice["head"]
    like = {
        "convs": choice["convs"],
        "convolution": choice["convolution"],
        "activation": choice["activation"],
        "squeeze": choice["squeeze"],
        "dropout": choice["dropout"],
    }
    blocks: tuple[Declaration, ...] = (
        Stem(choice["stem"]),
        PreActivation(choice["first"], **like),
        PreActivation(choice["second"], positions=choice["positions"], **like),
        PreActivation(choice["third"], pool=head, positions=choice["positions"], **like),
    )
    return Architecture((BothPolarities(blocks),) if choice["both_polarities"] else blocks)
