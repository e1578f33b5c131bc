"""What it costs to start: the command line, importing each stage, and a lab in which nothing is out
of date. Run it where `make lab` has been run."""

import subprocess
import sys
import time

import click
import numpy as np

REPEATS = 5
STAGES = ("check", "fetch", "prepare", "train", "pretrain", "finetune", "diversity", "probe")
LATE_STAGES = ("timing", "evaluate", "register", "report")
PYTHON = {
    "bare Python": ["-c", "pass"],
    "`import torch`": ["-c", "import torch"],
    "`svhn-lab --help`": ["-m", "svhn_lab", "--help"],
    **{
        f"import of the stage `{stage}`": ["-c", f"import svhn_lab.stages.{stage}"]
        for stage in (*STAGES, *LATE_STAGES)
    },
    "`svhn-lab check`": ["-m", "svhn_lab", "check"],
    "`svhn-lab repro`, nothing out of date": ["-m", "svhn_lab", "repro"],
    "`svhn-lab sync`, nothing to do": ["-m", "svhn_lab", "sync"],
    "`dvc repro`, nothing out of date": ["-m", "dvc", "repro"],
}


def seconds(arguments: list[str]) -> float:
    """Of one process. Raises ClickException if it fails or runs a stage."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    passed = time.perf_counter() - started
    if done.returncode or "Running stage" in done.stdout:
        raise click.ClickException(
            f"{' '.join(arguments)}: failed or ran a stage; run `make lab` first\n{done.stderr}"
        )
    return passed


@click.command()
def main() -> None:
    """Print seconds, medians with quartiles."""
    found: dict[str, list[float]] = {name: [] for name in PYTHON}
    for _ in range(REPEATS + 1):  # in turn; the first to warm up
        for name, arguments in PYTHON.items():
            found[name].append(seconds(arguments))
    for name, values in found.items():
        low, median, high = np.percentile(values[1:], [25, 50, 75])
        click.echo(f"startup: {name}: {median:.2f} s ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
