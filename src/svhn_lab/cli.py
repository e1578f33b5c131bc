"""The command line: one command per stage, and the tools around them. Commands import what they
need when they run, so that `--help` answers at once."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import click
from click.shell_completion import get_completion_class

from svhn_lab import __version__
from svhn_lab.errors import UserError

COMPLETION = "_SVHN_LAB_COMPLETE"
EPILOG = """\b
Exit codes: 0 all went well; 1 something is wrong that the message says, or that
`doctor` found; 2 the command was not understood."""


def arm_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The arms of params.yaml that begin so, for the shell; none where it cannot be read. Those of
    the contests are trained by a command of their own."""
    from svhn_lab.params import load

    try:
        params = load()
    except UserError:
        return []
    arms = params.arms if ctx.command.name == "train" else params.arms | params.contests.competing
    return [name for name in arms if name.startswith(incomplete)]


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.version_option(__version__)
def cli() -> None:
    """A laboratory for small convolutional networks and transfer learning on SVHN.

    `dvc repro` runs every stage that is out of date; each command here that is called as a stage
    runs it, in the project's top folder, whether it is out of date or not.
    """


def run_stage(name: str, *arguments: str | int) -> None:
    """Runs the stage of that name."""
    from svhn_lab.stages.durations import timed
    from svhn_lab.stages.preloaded import run_in_fork

    if (code := run_in_fork()) is not None:
        sys.exit(code)

    with timed("@".join(filter(None, [name, "-".join(map(str, arguments))]))):
        import_module(f"svhn_lab.stages.{name}").main(*arguments)


@cli.command()
def check() -> None:
    """Validate params.yaml."""
    run_stage("check")


@cli.command()
def fetch() -> None:
    """Download, copy or render digits: the first source that can be had."""
    run_stage("fetch")


@cli.command()
def prepare() -> None:
    """Make the splits, subsets and small samples."""
    run_stage("prepare")


@cli.command()
@click.argument("arm", shell_complete=arm_names)
def train(arm: str) -> None:
    """Train one ARM of the study, once per seed."""
    run_stage("train", arm)


@cli.command()
@click.argument("arm")
@click.argument("seed", type=int)
def compete(arm: str, seed: int) -> None:
    """Train one ARM of the contests with one SEED."""
    run_stage("compete", arm, seed)


@cli.command()
@click.argument("arm")
@click.argument("seed", type=int)
def distil(arm: str, seed: int) -> None:
    """Train one distilled ARM of the contests with one SEED."""
    run_stage("distil", arm, seed)


@cli.command()
@click.argument("arm")
@click.argument("seed", type=int)
def adapt(arm: str, seed: int) -> None:
    """Fine-tune one adapted ARM of the contests with one SEED."""
    run_stage("adapt", arm, seed)


@cli.command()
def search() -> None:
    """Search for a good small network, on validation digits."""
    if find_spec("optuna") is None:
        raise UserError("search: needs Optuna; install it with `pip install 'svhn-lab[contests]'`")
    run_stage("search")


@cli.command()
def contests() -> None:
    """Test the arms of the contests on the test digits."""
    run_stage("contests")


@cli.command()
def pretrain() -> None:
    """Train the transfer study's network on the classes to pretrain on."""
    run_stage("pretrain")


@cli.command()
@click.argument("sweep")
def finetune(sweep: str) -> None:
    """Fine-tune on every draw of the small sample, at every point of a SWEEP."""
    run_stage("finetune", sweep)


@cli.command()
def diversity() -> None:
    """Pretrain on fewer digits and classes, then fine-tune."""
    run_stage("diversity")


@cli.command()
def probe() -> None:
    """Probe every unit's features, and compare them before and after fine-tuning."""
    run_stage("probe")


@cli.command()
def timing() -> None:
    """Measure time, FLOPs and memory of fine-tuning at each freeze depth."""
    run_stage("timing")


@cli.command()
def evaluate() -> None:
    """Test every trained network on the test digits."""
    run_stage("evaluate")


@cli.command()
@click.option(
    "--markdown",
    type=click.Choice(["arms", "transfer", "all", "contests"]),
    is_flag=False,
    flag_value="all",
    help="Write docs/results.md (arms), docs/freeze-depth.md (transfer), "
    "docs/small-networks.md (contests), or what there is of them (all), instead.",
)
def report(markdown: str | None) -> None:
    """Write the page and the plots."""
    if markdown:
        from svhn_lab.stages import results_doc

        results_doc.main(markdown)
    else:
        run_stage("report")


@cli.command()
def register() -> None:
    """Register the best small network in MLflow."""
    run_stage("register")


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
    """Do what `dvc repro` does, with independent stages in parallel."""
    from svhn_lab.stages import repro

    repro.main(targets, jobs)


@cli.command()
@click.argument("targets", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the stages as JSON.")
def status(targets: tuple[str, ...], as_json: bool) -> None:
    """Say what is done, what would run, and how long it took: of TARGETS and what they need, or
    without any of dvc.yaml."""
    from svhn_lab.stages import status

    status.main(targets, as_json=as_json)


@cli.command()
@click.argument("arms", nargs=-1, required=True, shell_complete=arm_names)
@click.option("--json", "as_json", is_flag=True, help="Print runs and curves as JSON.")
def show(arms: tuple[str, ...], as_json: bool) -> None:
    """Show the runs of each ARM, with their curves."""
    from svhn_lab.stages import show

    show.main(arms, as_json=as_json)


@cli.command()
@click.argument("arm", shell_complete=arm_names)
@click.argument("other", shell_complete=arm_names)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare(arm: str, other: str, as_json: bool) -> None:
    """Compare ARM with OTHER, paired by seed."""
    from svhn_lab.stages import compare

    compare.main(arm, other, as_json=as_json)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes a SHELL complete commands and arms.

    \b
    bash, in ~/.bashrc: eval "$(svhn-lab completion bash)"
    zsh, in ~/.zshrc:   eval "$(svhn-lab completion zsh)"
    fish:               svhn-lab completion fish > ~/.config/fish/completions/svhn-lab.fish
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(cli, {}, "svhn-lab", COMPLETION).source())


@cli.command()
def reference() -> None:
    """Write docs/params.md, the reference of params.yaml."""
    from svhn_lab.stages import reference

    reference.main()


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
    """Serve the MLflow UI of the lab's store, on loopback."""
    from svhn_lab.stages import ui

    ui.main(port)


@cli.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--model", help="A model URI, such as models:/svhn-small/3; else the champion.")
@click.option("--json", "as_json", is_flag=True, help="Print every class's probability as JSON.")
def predict(files: tuple[Path, ...], model: str | None, as_json: bool) -> None:
    """Classify each image FILE with the champion."""
    from svhn_lab.stages import predict

    predict.main(list(files), model, as_json)


def main() -> None:
    """Runs the command line. What the user can mend ends with a message and exit code 1. Networks
    that params.yaml names are imported from the working folder, as `python -m svhn_lab` does."""
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
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
