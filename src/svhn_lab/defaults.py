"""How the defaults of `training` reach the recipes of params.yaml. It decides what the stages
train, so they depend on this file."""

from typing import Any


def filled(raw: dict[str, Any]) -> dict[str, Any]:
    """The same tree with `training` as the defaults of each arm and of both transfer recipes."""
    training = raw.get("training")
    filled = dict(raw)
    if not isinstance(training, dict):
        return filled

    def over_defaults(recipe: object) -> object:
        return training | recipe if isinstance(recipe, dict) else recipe

    if isinstance(arms := raw.get("arms"), dict):
        filled["arms"] = {name: over_defaults(arm) for name, arm in arms.items()}
    if isinstance(transfer := raw.get("transfer"), dict):
        recipes = {key: over_defaults(transfer.get(key, {})) for key in ("pretrain", "finetune")}
        filled["transfer"] = transfer | recipes
    return filled
