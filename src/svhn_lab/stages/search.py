"""`search` (contests/dvc.yaml): looks for a good small network under the fixed settings, by
Optuna's tree-structured Parzen estimator, on validation digits alone. Each trial is a run like any
other. The study lies in SQLite: a search that was killed goes on with the trials that it was at."""

import contextlib
import shutil
from collections.abc import Sequence
from typing import Any

import click
import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from svhn_lab.contest_params import Search
from svhn_lab.errors import UserError
from svhn_lab.nets import space
from svhn_lab.nets.network import built
from svhn_lab.nets.space import Choice
from svhn_lab.params import PARAMS_FILE, Params, load
from svhn_lab.recipes import Recipe
from svhn_lab.report.formats import percent
from svhn_lab.report.tables import table
from svhn_lab.stages.layout import RESULTS, SEARCH, SEARCH_STUDY
from svhn_lab.stages.mirroring import mirror_all
from svhn_lab.stages.prepared import Manifest, load_digits, load_manifest
from svhn_lab.stages.runs import RunsDiverged, run, run_all
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import Identity

# As many as `searched.py` shows, which is no dep of the search: to show others, none is run again.
SHOWN_TRIALS = 10
START_UP = 10  # trials at random before the estimator has something to go by
Task = tuple[Identity, Choice, Recipe]


def identities(number: int, settings: Search) -> list[Identity]:
    """The runs of a trial, one per seed."""
    return [Identity(record.SEARCH, f"trial-{number:03}", seed) for seed in settings.seeds]


def train_one(task: Task) -> Identity:
    """One seed of a trial's network."""
    identity, choice, recipe = task
    assert identity.seed is not None
    manifest = load_manifest()
    net = built(space.architecture(choice), seed=identity.seed, **manifest.network_size)
    about = {"stage": identity.stage, "arm": identity.arm, **choice}
    return run(
        identity, net, recipe, about, load_digits("train"), load_digits("validation"), manifest
    )


def study_of(key: str) -> optuna.Study:
    """The study of this key, as far as it has come; the results of any other are removed, and it is
    said."""
    storage = f"sqlite:///{SEARCH_STUDY}"
    if not SEARCH_STUDY.exists() or key not in optuna.get_all_study_names(storage):
        if SEARCH_STUDY.exists():
            click.echo(
                "search: begins anew; the trials so far were of other settings, digits or code"
            )
        for folder in (SEARCH_STUDY.parent, RESULTS / record.SEARCH, record.MODELS / record.SEARCH):
            shutil.rmtree(folder, ignore_errors=True)
        SEARCH_STUDY.parent.mkdir(parents=True)
    return optuna.create_study(
        storage=storage, study_name=key, direction="maximize", load_if_exists=True
    )


def asked(study: optuna.Study, settings: Search) -> list[FrozenTrial]:
    """The next trials: those that a killed search was at, or new ones. Trials come in batches of
    `side_by_side`, and what is chosen for one depends on its number, the batches before and those
    before it in its own: it is the same wherever the search was interrupted. A number of trials
    that is no multiple cuts the last batch short; a larger one later goes on behind it."""
    choices = settings.space.model_dump()
    distributions: dict[str, BaseDistribution] = {
        name: CategoricalDistribution(each) for name, each in choices.items()
    }
    finished = sum(trial.state.is_finished() for trial in study.trials)
    end_of_batch = (finished // settings.side_by_side + 1) * settings.side_by_side
    for number in range(len(study.trials), min(end_of_batch, settings.trials)):
        study.sampler = optuna.samplers.TPESampler(
            seed=settings.seed + number,
            n_startup_trials=START_UP,
            multivariate=True,
            constant_liar=True,
        )
        study.ask(distributions)
    return study.get_trials(states=(TrialState.RUNNING,))


def accuracy(runs: Sequence[Identity]) -> float | None:
    """The mean validation accuracy of a trial's runs; None if one of them failed."""
    records = [record.read(each) for each in runs]
    if any(each.failure for each in records):
        return None
    return float(np.mean([each.metrics["validation_accuracy"] for each in records]))


def advance(study: optuna.Study, params: Params) -> None:
    """Trains the next trials, but for those that cannot be small enough, and tells the study."""
    settings, manifest = params.contests.search, load_manifest()
    trials = asked(study, settings)
    size, largest = manifest.network_size, params.gate.max_parameters
    networks = {trial.number: space.widest(trial.params, largest, **size) for trial in trials}
    tasks: list[Task] = [
        (identity, choice, params.training)
        for number, choice in networks.items()
        if choice is not None
        for identity in identities(number, settings)
    ]
    with contextlib.suppress(RunsDiverged):  # which is an answer too
        run_all(train_one, tasks, params.compute)
    for trial in trials:
        if networks[trial.number] is None:
            study.tell(trial.number, state=TrialState.PRUNED)
            continue
        value = accuracy(identities(trial.number, settings))
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        study.tell(trial.number, value, state=state)


def found(trials: Sequence[FrozenTrial], largest: int, manifest: Manifest) -> list[dict[str, Any]]:
    """What each trial is, the best first; those that were not trained come last. `choice` is what
    was chosen, `network` the same with numbers of channels for multiples."""
    rows = []
    for trial in trials:
        network = space.widest(trial.params, largest, **manifest.network_size)
        count = None if network is None else space.parameters(network, **manifest.network_size)
        rows.append(
            {
                "trial": trial.number,
                "choice": trial.params,
                "network": network,
                "parameters": count,
                "validation_accuracy": trial.value,
                "state": trial.state.name.lower(),
            }
        )
    return sorted(rows, key=lambda row: -(row["validation_accuracy"] or 0))


def main() -> None:
    """Writes results/search.json, and the runs of all trials."""
    params, manifest = load(), load_manifest()
    settings = params.contests.search
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    settled = params.contests.settles_search(params.training, params.gate.max_parameters)
    code = record.code_digest(record.SEARCH)
    key = record.content_key(Identity(record.SEARCH, ""), settled, manifest.digest, code)
    study = study_of(key)
    while sum(trial.state.is_finished() for trial in study.trials) < settings.trials:
        advance(study, params)
    trials = study.trials[: settings.trials]  # of a search that once was for more
    states = {trial.state for trial in trials}
    if states == {TrialState.PRUNED}:
        raise UserError(
            f"{PARAMS_FILE}: contests.search.space: none of {len(trials)} networks can have at "
            f"most {params.gate.max_parameters:,} parameters (gate.max_parameters); name smaller "
            "ones, or try more (contests.search.trials)"
        )
    if TrialState.COMPLETE not in states:
        raise UserError(
            f"{PARAMS_FILE}: training: none of the networks that the search has tried could be "
            "trained to the end, as said above; mend it, a smaller learning_rate for one"
        )
    rows = found(trials, params.gate.max_parameters, manifest)
    write_json(SEARCH, {"dataset": manifest.dataset(), "settled": settled, "trials": rows})
    shown = [
        (
            f"trial-{row['trial']:03}",
            f"{row['parameters']:,}",
            percent(row["validation_accuracy"]),
            ", ".join(f"{name} {value}" for name, value in row["network"].items()),
        )
        for row in rows[:SHOWN_TRIALS]
        if row["state"] == "complete"
    ]
    click.echo(table(("the best", "parameters", "validation", "network"), shown))
    mirror_all()
