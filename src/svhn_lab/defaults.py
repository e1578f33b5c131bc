"""How the defaults of `training` reach the recipes of params.yaml. It decides what the stages
train, so they depend on this file."""

from typing import Any


def filled(raw: dict[str, Any]) -> dict[str, Any]:
    """The same tree with `training` as the defaults of each arm, of those of the contests, and of
    the transfer study's recipes, and `transfer.finetune` as those of its sweeps."""
    training = raw.get("training")
    filled = dict(raw)
    if not isinstance(training, dict):
        return filled
    if isinstance(arms := raw.get("arms"), dict):
        filled["arms"] = {name: over(training, arm) for name, arm in arms.items()}
    if isinstance(contests := raw.get("contests"), dict):
        filled["contests"] = dict(contests)
        for key in ("arms", "distilled", "adapted"):
            if isinstance(arms := contests.get(key), dict):
                filled["contests"][key] = {name: over(training, arm) for name, arm in arms.items()}
    if isinstance(transfer := raw.get("transfer"), dict):
        recipes = {key: over(training, transfer.get(key, {})) for key in ("pretrain", "finetune")}
        filled["transfer"] = transfer | recipes
        if isinstance(sweeps := transfer.get("sweeps"), dict):
            filled["transfer"]["sweeps"] = {
                name: over(recipes["finetune"], sweep) for name, sweep in sweeps.items()
            }
    return filled


def over(defaults: object, recipe: object) -> object:
    """The recipe with defaults for what it does not say; as it is if one of them is no section."""
    if isinstance(defaults, dict) and isinstance(recipe, dict):
        return defaults | recipe
    return recipe
