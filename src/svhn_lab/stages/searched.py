"""How others read what the search has found: as long as it was made as it would be made now."""

from collections.abc import Mapping
from typing import Any

import click

from svhn_lab.params import Params
from svhn_lab.stages.layout import SEARCH, read_json

SHOWN_TRIALS = 10


def settled(params: Params) -> dict[str, Any]:
    """All that decides what a trial is and is worth, besides digits and code."""
    return {
        **params.contests.search.model_dump(mode="json", exclude={"trials"}),
        "training": params.training.model_dump(mode="json"),
        "max_parameters": params.gate.max_parameters,
    }


def searched(params: Params, dataset: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the search has found, if there was one, on these digits and by the settings of now: the
    best networks first, and how many were tried. Says if it leaves out one of others."""
    if not SEARCH.exists():
        return None
    search = read_json(SEARCH, "contests/dvc.yaml:search")
    if (search["dataset"]["digest"], search["settled"]) != (dataset["digest"], settled(params)):
        click.echo(
            f"{SEARCH}: left out, as it is of other digits or settings than those of now; "
            "`dvc repro contests/dvc.yaml:search` searches again"
        )
        return None
    trials = search["trials"]
    return {
        "tried": len(trials),
        "trained": sum(trial["state"] != "pruned" for trial in trials),
        "choices": list(trials[0]["choice"]),
        "best": [trial for trial in trials if trial["state"] == "complete"][:SHOWN_TRIALS],
    }
