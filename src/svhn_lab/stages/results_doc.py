"""`report --markdown`: the results as docs/results.md, with the digits, commit and machine that
they come from. A tool, no stage of the graph: for results that one wants to keep in Git."""

from pathlib import Path
from typing import Any

import click

from svhn_lab.errors import UserError
from svhn_lab.params import Params, load
from svhn_lab.report import page
from svhn_lab.stages import finetune, pretrain, train
from svhn_lab.stages.layout import EVALUATION, RESULTS_DOC, read_json
from svhn_lab.stages.report import tables
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_text
from svhn_lab.tracking.record import Identity


def refuse_outdated(params: Params, evaluation: dict[str, Any]) -> None:
    """Raises UserError if arms or runs are others than those that were evaluated."""
    outdated = list(params.arms) != list(evaluation["arms"]) or any(
        [record.read(run).key for run in train.identities(params, arm)] != entry["keys"]
        for arm, entry in evaluation["arms"].items()
    )
    if outdated:
        raise UserError(
            f"{EVALUATION}: is of other arms or runs than params.yaml and results/ have now; bring "
            "it up to date with `dvc repro`"
        )


def circumstances(identities: list[Identity]) -> dict[str, list[str]]:
    """The commits and machines that the runs come from, each once."""
    runs = [record.read_provenance(identity) for identity in identities]
    commits = [
        f"`{run.commit}`{', with changes' if run.dirty else ''}" if run.commit else "none"
        for run in runs
    ]
    machines = [
        f"{run.machine['system']}, {run.machine['cores']} cores, Python {run.machine['python']}, "
        + ", ".join(f"{package} {version}" for package, version in run.versions.items())
        for run in runs
    ]
    return {"commits": list(dict.fromkeys(commits)), "machines": list(dict.fromkeys(machines))}


def processor() -> str | None:
    """The name of this machine's processor, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), None)


def main() -> None:
    """Writes docs/results.md. Raises UserError if the evaluation is out of date."""
    params = load()
    evaluation = read_json(EVALUATION, "evaluate")
    refuse_outdated(params, evaluation)
    runs = [run for arm in params.arms for run in train.identities(params, arm)]
    runs += pretrain.identities(params)
    runs += [run for d in params.transfer.depths for run in finetune.identities(params, d)]
    more = {"extra": params.data.extra, "processor": processor(), **circumstances(runs)}
    write_text(RESULTS_DOC, page.render_markdown(tables(params, evaluation) | more))
    click.echo(f"The results: {RESULTS_DOC}")
