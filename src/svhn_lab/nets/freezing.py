"""Freezes units of a network for fine-tuning. A frozen unit gets no gradient; under the norm
policy `eval` nothing in it changes at all: weights and running statistics keep their bits. What is
fixed at the front of a network can be split off, and computed once."""

from collections.abc import Collection, Sequence
from typing import Literal

from torch import Tensor, nn

from svhn_lab.errors import UserError
from svhn_lab.nets.blocks import State, Unit
from svhn_lab.nets.network import Network, Step
from svhn_lab.recipes import NormPolicy

Freezing = Literal["front", "back", "only"]


def frozen_units(freezing: Freezing, number: int, num_units: int) -> range | list[int]:
    """The units to freeze of so many, counted from 0: the first or the last `number` ones, or all
    `only` without unit `number`, counted from 1. Raises UserError if there are not so many."""
    if not (freezing == "only") <= number <= num_units:
        what = f"unit {number}" if freezing == "only" else f"freeze depth {number}"
        raise UserError(
            f"{what} is beyond the network, which has {num_units} freeze units; "
            f"take {int(freezing == 'only')}..{num_units}"
        )
    if freezing == "front":
        return range(number)
    if freezing == "back":
        return range(num_units - number, num_units)
    return [unit for unit in range(num_units) if unit != number - 1]


def freeze(net: Network, units: Collection[int], norm_policy: NormPolicy = "eval") -> Network:
    """The same network (changed in place) with these of its units, counted from 0, frozen and the
    rest not.

    `norm_policy` says what frozen BatchNorms do: `eval` keeps their running statistics and
    normalises by them, `adapt` lets the statistics follow the batches.
    Raises IndexError if the network has no such unit.
    """
    all_units = net.freeze_units()
    if wrong := [unit for unit in units if not 0 <= unit < len(all_units)]:
        raise IndexError(f"units {wrong} of a network that has {len(all_units)}")
    net.requires_grad_(True)
    frozen = [module for unit in sorted(units) for module in all_units[unit]]
    for module in frozen:
        module.requires_grad_(False)
    net.held_in_eval = tuple(frozen) if norm_policy == "eval" else ()
    net.train(net.training)
    return net


class Front(nn.Module):
    """The fixed steps at the front of a network: (N, 3, H, W) -> State."""

    def __init__(self, net: Network, steps: Sequence[Step]) -> None:
        super().__init__()
        self.steps = steps
        self.units = nn.ModuleList(
            module for unit in net.freeze_units()[: units_passed(steps)] for module in unit
        )

    def __len__(self) -> int:
        return len(self.steps)

    def forward(self, images: Tensor) -> State:
        state: State = (images,)
        for step in self.steps:
            state = step.run(state)
        return state


class Rest(nn.Module):
    """What is behind the front, sharing the network's modules: State -> (N, classes)."""

    def __init__(self, net: Network, front: Front, steps: Sequence[Step]) -> None:
        super().__init__()
        self.steps = steps
        behind = net.freeze_units()[units_passed(front.steps) :]
        self.units = nn.ModuleList(module for unit in behind for module in unit)
        self.head = net.head
        self.held_in_eval = [module for module in self.units if module in net.held_in_eval]

    def forward(self, *state: Tensor) -> Tensor:
        for step in self.steps:
            state = step.run(state)
        [features] = state
        logits: Tensor = self.head(features)
        return logits

    def train(self, mode: bool = True) -> "Rest":
        super().train(mode)
        for module in self.held_in_eval:
            module.eval()
        return self


def units_passed(steps: Sequence[Step]) -> int:
    """The number of units that lie in these steps, the first ones of a network."""
    return steps[-1].units if steps else 0


def split(net: Network) -> tuple[Front, Rest]:
    """The network in two: the steps from the images on whose units are all fixed, and the rest.
    The front may be empty."""
    fixed = [is_fixed(unit, net) for unit in net.freeze_units()]
    num_fixed = fixed.index(False) if False in fixed else len(fixed)
    steps = net.steps()
    front = Front(net, [step for step in steps if step.units <= num_fixed])
    return front, Rest(net, front, steps[len(front) :])


def is_fixed(unit: Unit, net: Network) -> bool:
    """Whether training changes nothing in the unit, and its output is always the same: no parameter
    has a gradient, and what keeps running statistics or leaves something to chance is held in eval
    mode."""
    return all(
        not any(p.requires_grad for p in module.parameters())
        and (module in net.held_in_eval or not _depends_on_mode(module))
        for module in unit
    )


def _depends_on_mode(module: nn.Module) -> bool:
    """Whether it does something else while training."""
    return any(True for _ in module.buffers()) or any(
        isinstance(part, nn.modules.dropout._DropoutNd) for part in module.modules()
    )
