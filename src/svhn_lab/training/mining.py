"""Batches that are fed again at the end of an epoch: the hardest (lab report, section 1.4), or, as
the control with just as many steps, random ones."""

import torch
from torch import Tensor

from svhn_lab.recipes import Recipe


def fed_again(losses: Tensor, recipe: Recipe, epoch: int, generator: torch.Generator) -> list[int]:
    """Which of the epoch's batches are fed again, in this order: none before the epoch that mining
    starts from, then a fixed share of them. `losses` (batches,) are the mean losses that they had
    when they were fed; the hardest comes first."""
    if recipe.mining == "none" or epoch < recipe.mining_from:
        return []
    order = (
        losses.argsort(descending=True, stable=True)
        if recipe.mining == "hard"
        else torch.randperm(len(losses), generator=generator, device=generator.device)
    )
    chosen: list[int] = order[: round(recipe.mining_fraction * len(losses))].tolist()
    return chosen
