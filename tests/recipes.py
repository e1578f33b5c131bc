"""The recipe that tests train by: the shipped defaults, small."""

from pathlib import Path

from svhn_lab.params import load
from svhn_lab.recipes import Recipe

SHIPPED = load(Path(__file__).parents[1] / "params.yaml").training


def recipe(**changes: object) -> Recipe:
    """Two epochs in batches of 16, in float32, and what `changes` says."""
    small = {"epochs": 2, "batch_size": 16, "precision": "float32"}
    return Recipe.model_validate(SHIPPED.model_dump() | small | changes)
