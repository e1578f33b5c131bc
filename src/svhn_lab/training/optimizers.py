"""The optimizers and learning rate schedules that a recipe can ask for."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from svhn_lab.errors import UserError
from svhn_lab.recipes import Recipe

WARM_UP = 0.2  # of all steps of `one-cycle`
# Methods that torch keeps its compiler away from, which it imports to do so.
KEPT_FROM_COMPILER = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


def uncompiled(kind: type[torch.optim.Optimizer]) -> Callable[..., torch.optim.Optimizer]:
    """The same optimizer to the bit, for steps that are not compiled, as none of the lab's are:
    torch's own imports the compiler as soon as one is made, and to take a step, which takes a
    process about as long as importing torch itself."""
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in KEPT_FROM_COMPILER}
    methods["step"] = torch.no_grad()(inspect.unwrap(kind.step))
    return type(kind.__name__, (kind,), methods)


def muon(parameters: list[nn.Parameter], **options: Any) -> torch.optim.Optimizer:
    """timm's, whose step of each convolution and matrix is made orthogonal, with Nesterov momentum
    (Jordan et al., 2024, "Muon"; torch's own takes matrices alone). Norms, biases, depthwise
    weights and what has a side of fewer than four take NAdamW's step. Raises UserError if timm is
    not there."""
    try:
        from timm.optim.muon import Muon
    except ImportError:
        raise UserError(
            "the optimizer muon needs timm; install it with `pip install 'svhn-lab[contests]'`"
        ) from None
    return uncompiled(Muon)(parameters, nesterov=True, **options)


# Each with its own defaults for whatever the recipe does not say; torch's in one fused step.
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": partial(uncompiled(torch.optim.Adam), fused=True),
    "adamw": partial(uncompiled(torch.optim.AdamW), fused=True),
    "muon": muon,
    "rmsprop": uncompiled(torch.optim.RMSprop),  # which torch has no fused step of
    "sgd": partial(uncompiled(torch.optim.SGD), fused=True),
}


def optimizer_for(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer of the parameters that are not frozen."""
    trainable = [parameter for parameter in net.parameters() if parameter.requires_grad]
    options: dict[str, float] = {}
    if recipe.optimizer == "sgd":
        options["momentum"] = recipe.momentum
    if recipe.weight_decay is not None:
        options["weight_decay"] = recipe.weight_decay
    return OPTIMIZERS[recipe.optimizer](trainable, lr=recipe.learning_rate, **options)


def schedule_for(
    optimizer: torch.optim.Optimizer, recipe: Recipe, num_steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """The recipe's schedule, which counts epochs if it is `decay`, else steps, of which there are
    so many in all."""
    if recipe.schedule == "one-cycle":
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=recipe.learning_rate,
            total_steps=num_steps,
            pct_start=max(WARM_UP, 1.5 / max(num_steps, 2)),  # torch fails on exactly one step
            cycle_momentum=False,
        )
    return torch.optim.lr_scheduler.ExponentialLR(optimizer, recipe.learning_rate_decay)
