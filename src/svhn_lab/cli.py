"""The command line: one command per stage. Commands import what they need when they run, so that
`--help` answers at once."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from svhn_lab import __version__
from svhn_lab.errors import UserError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """A laboratory for small convolutional networks and transfer learning on SVHN.

    `dvc repro` runs every stage that is out of date; each command here runs one stage, in the
    project's top folder, whether it is out of date or not.
    """


@cli.command()
def check() -> None:
    """Say whether params.yaml is right."""
    from svhn_lab.stages import check

    check.main()


@cli.command()
def fetch() -> None:
    """Get digits from the first source that can be had."""
    from svhn_lab.stages import fetch

    fetch.main()


@cli.command()
def prepare() -> None:
    """Cut splits, subsets and small draws."""
    from svhn_lab.stages import prepare

    prepare.main()


@cli.command()
@click.argument("arm")
def train(arm: str) -> None:
    """Train one ARM of the study, once per seed."""
    from svhn_lab.stages import train

    train.main(arm)


@cli.command()
def pretrain() -> None:
    """Train the transfer study's network on the classes to pretrain on."""
    from svhn_lab.stages import pretrain

    pretrain.main()


@cli.command()
@click.argument("sweep")
def finetune(sweep: str) -> None:
    """Fine-tune on the small draws at every point of a SWEEP."""
    from svhn_lab.stages import finetune

    finetune.main(sweep)


@cli.command()
def diversity() -> None:
    """Pretrain on fewer digits and classes, then fine-tune."""
    from svhn_lab.stages import diversity

    diversity.main()


@cli.command()
def probe() -> None:
    """Look at what the units' features hold, and how they change."""
    from svhn_lab.stages import probe

    probe.main()


@cli.command()
def timing() -> None:
    """Measure how long fine-tuning takes at each freeze depth."""
    from svhn_lab.stages import timing

    timing.main()


@cli.command()
def evaluate() -> None:
    """Test every trained network on the test digits."""
    from svhn_lab.stages import evaluate

    evaluate.main()


@cli.command()
@click.option(
    "--markdown",
    type=click.Choice(["arms", "transfer", "all"]),
    is_flag=False,
    flag_value="all",
    help="Write docs/results.md (arms), docs/freeze-depth.md (transfer) or both instead.",
)
def report(markdown: str | None) -> None:
    """Write the page and the plots."""
    if markdown:
        from svhn_lab.stages import results_doc

        results_doc.main(markdown)
    else:
        from svhn_lab.stages import report

        report.main()


@cli.command()
def register() -> None:
    """Register the best small network in MLflow."""
    from svhn_lab.stages import register

    register.main()


@cli.command()
@click.argument("targets", nargs=-1)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="How many stages run at once; each takes its share of the cores.",
)
def repro(targets: tuple[str, ...], jobs: int) -> None:
    """As `dvc repro`, with independent stages side by side."""
    from svhn_lab.stages import repro

    repro.main(targets, jobs)


@cli.command()
@click.option("--dry-run", is_flag=True, help="Say what differs, and change nothing.")
@click.option(
    "--prune",
    is_flag=True,
    help="Mark runs in MLflow superseded that have no record here. On a store that others write to "
    "as well, they may be theirs.",
)
def sync(dry_run: bool, prune: bool) -> None:
    """Make MLflow equal to the runs on disk."""
    from svhn_lab.stages import sync

    sync.main(dry_run=dry_run, prune=prune)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Say what is wrong with the lab, and what to do. Exit code 1 if anything is."""
    from svhn_lab.stages import doctor

    sys.exit(doctor.main(as_json=as_json))


@cli.command()
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535))
def ui(port: int) -> None:
    """Open MLflow's pages of the lab's store, on loopback."""
    from svhn_lab.stages import ui

    ui.main(port)


@cli.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", help="A model URI, such as models:/svhn-small/3; else the champion.")
@click.option("--json", "as_json", is_flag=True, help="Print every class's probability as JSON.")
def predict(files: tuple[Path, ...], model: str | None, as_json: bool) -> None:
    """Say which digit is on each picture FILE."""
    from svhn_lab.stages import predict

    predict.main(list(files), model, as_json)


def main() -> None:
    """Runs the command line. What the user can mend ends with a message and exit code 1."""
    try:
        cli()
    except (UserError, OSError) as failure:
        _fail([failure])
    except ExceptionGroup as group:
        mendable, bugs = group.split((UserError, OSError))
        if bugs is not None or mendable is None:
            raise
        _fail(mendable.exceptions)


def _fail(failures: Sequence[Exception]) -> NoReturn:
    messages = dict.fromkeys(_message(failure) for failure in failures)
    click.secho("Error: " + "\n".join(messages), fg="red", err=True)
    sys.exit(1)


def _message(failure: Exception) -> str:
    if not isinstance(failure, OSError):
        return str(failure)
    what = failure.strerror or str(failure)
    where = f"{failure.filename}: {what}" if failure.filename else what
    return f"{where}; make sure that the place exists, has room and can be written to; run again"
