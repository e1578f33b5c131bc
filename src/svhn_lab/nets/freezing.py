"""Freezes the first units of a network for fine-tuning. A frozen unit gets no gradient; under the
norm policy `eval` nothing in it changes at all: weights and running statistics keep their bits."""

from svhn_lab.errors import UserError
from svhn_lab.nets.zoo import Network
from svhn_lab.params import NormPolicy


def freeze(net: Network, depth: int, norm_policy: NormPolicy = "eval") -> Network:
    """The same network (changed in place) with its first `depth` units frozen and the rest not.

    `norm_policy` says what frozen BatchNorms do: `eval` keeps their running statistics and
    normalises by them, `adapt` lets the statistics follow the batches.
    Raises UserError if the network has fewer than `depth` units.
    """
    units = net.freeze_units()
    if not 0 <= depth <= len(units):
        raise UserError(
            f"freeze depth {depth} is beyond the network, which has {len(units)} freeze units; "
            f"params.yaml: transfer.depths takes 0..{len(units)}"
        )
    net.requires_grad_(True)
    frozen = [module for unit in units[:depth] for module in unit]
    for module in frozen:
        module.requires_grad_(False)
    net.held_in_eval = tuple(frozen) if norm_policy == "eval" else ()
    net.train(net.training)
    return net
