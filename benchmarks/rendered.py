"""How fast digits are rendered, and how like SVHN's they are: `preact`, trained on rendered digits
alone, is tested on the real ones of `--svhn FOLDER` or SVHN_FOLDER (SVHN's own files)."""

import time
from pathlib import Path

import click
import numpy as np
import torch

from svhn_lab.data.batches import Digits, Images, Labels, channel_statistics
from svhn_lab.data.rendered import render
from svhn_lab.data.sources import folder
from svhn_lab.evidence.statistics import mean_interval
from svhn_lab.nets import zoo
from svhn_lab.params import load
from svhn_lab.stages.fetch import side_by_side
from svhn_lab.training.fan_out import fan_out
from svhn_lab.training.fit import accuracy, fit, predict

NUM_TRAIN, NUM_VALIDATION, NUM_TIMED = 20_000, 2_000, 10_240


def images_per_second() -> float:
    """Median rate of five drawings on all cores, as `fetch` draws: workers start, load fonts."""
    rates = []
    for repeat in range(5):
        started = time.perf_counter()
        render(NUM_TIMED, seed=repeat, map=side_by_side)
        rates.append(NUM_TIMED / (time.perf_counter() - started))
    return float(np.median(rates))


def as_digits(arrays: tuple[Images, Labels]) -> Digits:
    """Digits of a source's arrays."""
    images, labels = arrays
    return Digits(torch.from_numpy(images), torch.from_numpy(labels))


def likeness(task: tuple[int, Path]) -> float:
    """Accuracy on real test digits of `preact` trained on rendered ones; the lab's own recipe."""
    seed, svhn = task
    recipe = load().training
    train = as_digits(render(NUM_TRAIN, seed=0))
    validation = as_digits(render(NUM_VALIDATION, seed=0, split="validation"))
    test = as_digits(folder(svhn, ("test",)).read("test"))
    statistics = channel_statistics(train.images)
    net = zoo.build("preact", num_classes=10, seed=seed)
    fit(net, recipe, train, validation, statistics, seed=seed)
    return accuracy(predict(net, test, statistics, precision=recipe.precision), test.labels)


@click.command()
@click.option("--svhn", envvar="SVHN_FOLDER", type=click.Path(path_type=Path))
@click.option("--seeds", default=2, show_default=True)
def main(svhn: Path | None, seeds: int) -> None:
    """Print the rate of drawing and, where real digits are at hand, the likeness."""
    click.echo(f"rendered: {images_per_second():,.0f} images/s on all cores (median of 5)")
    if svhn is None:
        click.echo("likeness: not measured; name a folder with SVHN's files: SVHN_FOLDER=...")
        return
    try:
        accuracies = fan_out(likeness, [(seed, svhn) for seed in range(seeds)])
    except ExceptionGroup as failures:
        raise click.ClickException(str(failures.exceptions[0])) from None
    interval = mean_interval(accuracies)
    band = f", 95 % t interval {interval[0]:.1%} to {interval[1]:.1%}" if interval else ""
    click.echo(
        f"likeness: {np.mean(accuracies):.1%} on {svhn}/test_32x32.mat, trained on "
        f"{NUM_TRAIN:,} rendered digits (n = {seeds} seeds{band})"
    )


if __name__ == "__main__":
    main()
