"""`report --markdown`: the results as docs/results.md, with the digits, commit and machine that
they come from. A tool, no stage of the graph: for results that one wants to keep in Git."""

import click

from svhn_lab.params import Params, load
from svhn_lab.report import page
from svhn_lab.stages import train
from svhn_lab.stages.layout import EVALUATION, RESULTS_DOC, TIMING, read_json
from svhn_lab.stages.report import tables
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_text


def circumstances(params: Params) -> dict[str, list[str]]:
    """The commits and machines that the arms' runs come from, each once."""
    runs = [
        record.read_provenance(identity)
        for arm in params.arms
        for identity in train.identities(params, arm)
    ]
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


def main() -> None:
    """Writes docs/results.md: the tables, with the digits, commit and machine they come from."""
    params = load()
    shown = tables(params, read_json(EVALUATION, "evaluate"), read_json(TIMING, "timing"))
    more = {"seeds": params.seeds, "training": params.training}
    write_text(RESULTS_DOC, page.render_markdown(shown | more | circumstances(params)))
    click.echo(f"The results: {RESULTS_DOC}")
