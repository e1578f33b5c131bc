"""What computing in bfloat16 costs in accuracy: the lab's own recipe in float32 and in bfloat16,
same seeds, on SVHN's own files in `--svhn FOLDER` or SVHN_FOLDER, else on rendered digits."""

from functools import partial
from pathlib import Path

import click
import numpy as np

from benchmarks.rendered import as_digits
from svhn_lab.data.batches import Digits, channel_statistics
from svhn_lab.data.rendered import render
from svhn_lab.data.sources import folder
from svhn_lab.evidence.statistics import mean_interval
from svhn_lab.nets import zoo
from svhn_lab.params import load
from svhn_lab.training.fan_out import fan_out
from svhn_lab.training.fit import accuracy, fit, predict

PRECISIONS = ("float32", "bfloat16")
NUM_DRAWN = {"train": 4_000, "test": 2_000}


def digits(svhn: Path | None, split: str) -> Digits:
    """Digits to train on or to test."""
    if svhn is None:
        return as_digits(render(NUM_DRAWN[split], seed=0, split=split))
    return as_digits(folder(svhn, ("train", "test")).read(split))


def tested(task: tuple[str, str, int], svhn: Path | None) -> float:
    """Test accuracy of one run."""
    net_name, precision, seed = task
    recipe = load().training.model_copy(update={"precision": precision})
    train, test = digits(svhn, "train"), digits(svhn, "test")
    statistics = channel_statistics(train.images)
    net = zoo.build(net_name, num_classes=10, seed=seed)
    fit(net, recipe, train, test.take(slice(0, 128)), statistics, seed=seed)
    return accuracy(predict(net, test, statistics, precision=precision), test.labels)


def described(values: np.ndarray, unit: str) -> str:
    """Mean and 95 % t interval of fractions, in percent or points."""
    interval = mean_interval(list(100 * values))
    band = f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else ""
    return f"{100 * values.mean():.2f}{band} {unit}"


@click.command()
@click.option("--svhn", envvar="SVHN_FOLDER", type=click.Path(path_type=Path))
@click.option("--seeds", default=10, show_default=True)
@click.option("--net", "nets", multiple=True, default=("baseline",), show_default=True)
def main(svhn: Path | None, seeds: int, nets: tuple[str, ...]) -> None:
    """Print both accuracies and their paired difference, of every network."""
    click.echo(
        f"precision: test accuracy, mean and 95 % t interval over {seeds} seeds, on "
        f"{svhn or 'rendered digits'}"
    )
    for net in nets:
        tasks = [(net, precision, seed) for precision in PRECISIONS for seed in range(seeds)]
        accuracies = fan_out(partial(tested, svhn=svhn), tasks)
        single, half = np.array(accuracies).reshape(2, seeds)
        click.echo(
            f"{net}: float32 {described(single, '%')}, bfloat16 {described(half, '%')}, "
            f"bfloat16 minus float32 {described(half - single, 'points')}"
        )


if __name__ == "__main__":
    main()
