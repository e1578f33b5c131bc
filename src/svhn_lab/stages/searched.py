"""How others read what the search has found: as long as it was made as it would be made now."""

from collections.abc import Mapping
from typing import Any

import click

from svhn_lab.params import Params
from svhn_lab.stages.layout import SEARCH, SEARCH_STAGE, read_json

SHOWN_TRIALS = 10


def searched(params: Params, dataset: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the search has found, if there was one, on these digits and by the settings of now: the
    best networks first, and how many were tried. Says if it leaves out one of others."""
    if not SEARCH.exists():
        return None
    search = read_json(SEARCH, SEARCH_STAGE)
    now = params.contests.settles_search(params.training, params.gate.max_parameters)
    if (search["dataset"]["digest"], search.get("settled")) != (dataset["digest"], now):
        click.echo(
            f"{SEARCH}: left out, as it is of other digits or settings than those of now; "
            "`make contests` searches again"
        )
        return None
    trials = search["trials"]
    best = [trial for trial in trials if trial["state"] == "complete"][:SHOWN_TRIALS]
    return {
        "tried": len(trials),
        "trained": sum(trial["state"] != "pruned" for trial in trials),
        "choices": list(best[0]["network"]),
        "best": best,
    }
