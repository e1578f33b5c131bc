"""The optimizers and learning rate schedules that a recipe can ask for."""

from collections.abc import Callable

import torch
from torch import nn

from svhn_lab.recipes import Recipe

WARM_UP = 0.2  # of all steps of `one-cycle`

# Each with torch's own defaults for whatever the recipe does not say, and in one fused step.
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


def optimizer_for(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer of the parameters that are not frozen."""
    trainable = [parameter for parameter in net.parameters() if parameter.requires_grad]
    options: dict[str, float | bool] = {}
    if recipe.optimizer == "sgd":
        options["momentum"] = recipe.momentum
    if recipe.weight_decay is not None:
        options["weight_decay"] = recipe.weight_decay
    if recipe.optimizer != "rmsprop":  # which torch has no fused step of
        options["fused"] = True
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
            pct_start=WARM_UP,
            cycle_momentum=False,
        )
    return torch.optim.lr_scheduler.ExponentialLR(optimizer, recipe.learning_rate_decay)
