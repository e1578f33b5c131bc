"""Plots of the arms that are trained from scratch. `arms` are those of evaluation.json."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter
from matplotlib.transforms import Bbox

from svhn_lab.report import plots

MOST_COUNTED, MOST_NAMED = 15, 30  # classes whose counts, and whose names, there is room for
LABEL_TRIES, LABEL_STEP = 24, 6  # places for a label; points upwards or downwards between them

Arms = Mapping[str, Mapping[str, Any]]


def _title(arms: Arms) -> str:
    """What stands for a point and its bar."""
    [first, *_] = arms.values()
    number = len(first["test_accuracy"])
    return (
        f"Mean of {number} seeds; bar: 95 % t interval" if number > 1 else "One seed, no interval"
    )


def _bar(entry: Mapping[str, Any]) -> list[list[float]] | None:
    """How far below and above the mean the interval reaches, in percent."""
    if entry["interval"] is None:
        return None
    low, high = entry["interval"]
    return [[100 * (entry["mean"] - low)], [100 * (high - entry["mean"])]]


def accuracy_over(
    arms: Arms, cost: Mapping[str, float], front: Sequence[str], label: str
) -> Figure:
    """Test accuracy over what each arm costs, said by `label`; a line joins the Pareto front, the
    arms that nothing cheaper beats, the cheapest first."""
    figure, axes = plots.axes()
    with rc_context(plots.STYLE):
        for name, entry in arms.items():
            on_front = name in front
            colour = plots.BLUE if on_front else plots.GREY
            x, y = cost[name], 100 * entry["mean"]
            axes.errorbar(x, y, _bar(entry), fmt="o" if on_front else "s", color=colour, lw=1, ms=5)
        ends = [(cost[name], 100 * arms[name]["mean"]) for name in front]
        axes.step(*zip(*ends, strict=True), where="post", color=plots.BLUE, lw=1.2, alpha=0.6)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(x=0.12)
        axes.set_xlabel(f"{label} (log scale)")
        axes.set_ylabel("test accuracy (%)")
        axes.set_title(f"{_title(arms)}; line: Pareto front", fontsize=10)
        _label(figure, axes, {name: (cost[name], 100 * arms[name]["mean"]) for name in arms})
    return figure


def _label(figure: Figure, axes: Axes, places: Mapping[str, tuple[float, float]]) -> None:
    """Writes each name beside its place, as near as it can without covering another one."""
    figure.draw_without_rendering()  # which settles where the places are
    renderer = FigureCanvasAgg(figure).get_renderer()
    taken: list[Bbox] = []
    for name, place in places.items():
        for number in range(LABEL_TRIES):
            upwards = LABEL_STEP * ((number + 1) // 2) * (-1) ** number
            right = number % 4 < 2
            text = axes.annotate(
                name,
                place,
                (5 if right else -5, upwards),
                textcoords="offset points",
                fontsize=8,
                ha="left" if right else "right",
                va="center",
            )
            box = text.get_window_extent(renderer)
            if number + 1 == LABEL_TRIES or not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()


def differences(arms: Arms) -> Figure:
    """The paired difference of each arm to the one that it is compared with."""
    compared = {name: entry for name, entry in arms.items() if entry["reference"]}
    figure, axes = plots.axes()
    figure.set_size_inches(8.4, 1.2 + 0.28 * len(compared))
    with rc_context(plots.STYLE):
        for row, entry in enumerate(compared.values()):
            difference, interval = 100 * entry["difference"], entry["difference_interval"]
            sure = entry["p_holm"] is not None and entry["p_holm"] < 0.05
            colour = plots.BLUE if sure else plots.GREY
            if interval:
                axes.plot([100 * bound for bound in interval], [row, row], color=colour, lw=1.5)
            axes.plot(difference, row, "o" if sure else "s", color=colour, ms=5)
        axes.axvline(0, color=plots.TEXT, lw=0.8)
        axes.set_yticks(
            range(len(compared)), [f"{name} − {e['reference']}" for name, e in compared.items()]
        )
        axes.invert_yaxis()
        axes.set_xlabel("paired difference in test accuracy (percentage points)")
        axes.set_title(
            f"{_title(arms)}\nblue, round: p < 0.05 after Holm's correction", fontsize=10
        )
    return figure


def learning_curves(curves: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> Figure:
    """Validation accuracy over epochs of some arms; `curves` by arm, as `curves.seed_bands` has
    them."""
    figure, axes = plots.axes()
    with rc_context(plots.STYLE):
        for name, colour in zip(names, plots.PALETTE, strict=False):
            _draw_band(axes, curves[name], "validation_accuracy", colour, "-", name)
        axes.set_ylabel("validation accuracy (%)")
        seeds = curves[names[0]]["seeds"]
        axes.set_title(f"Mean of {seeds} seeds; band: lowest to highest", fontsize=10)
        figure.legend(loc="outside lower center", ncols=3)
    return figure


def _draw_band(
    axes: Axes, curves: Mapping[str, Any], of: str, colour: str, style: str, label: str
) -> None:
    """The mean over seeds of one curve of an arm, and its band, over epochs; accuracies in
    percent."""
    factor = 100 if of.endswith("accuracy") else 1
    low, mean, high = (
        [factor * value for value in curves[of][part]] for part in ("low", "mean", "high")
    )
    axes.plot(curves["epochs"], mean, style, marker="o", ms=4, color=colour, label=label)
    axes.fill_between(curves["epochs"], low, high, color=colour, alpha=0.15, lw=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")


def _every(classes: Sequence[str]) -> range:
    """The labels of classes that there is room to name."""
    return range(0, len(classes), 1 + len(classes) // MOST_NAMED)


def _name_classes(axes: Axes, classes: Sequence[str]) -> None:
    """Names the classes on the horizontal axis, aslant if the names are long."""
    every, long = _every(classes), max(map(len, classes)) > 3
    axes.set_xticks(
        every,
        [classes[label] for label in every],
        rotation=40 if long else 0,
        ha="right" if long else "center",
    )


def confusion(entry: Mapping[str, Any], classes: Sequence[str]) -> Figure:
    """How often images of the class of the row were taken for that of the column, in percent of the
    row; the colours leave the diagonal out."""
    figure, axes = plots.axes()
    figure.set_size_inches(6.4, 5.6)
    with rc_context(plots.STYLE):
        _draw_confusion(axes, entry, classes)
    return figure


def _draw_confusion(axes: Axes, entry: Mapping[str, Any], classes: Sequence[str]) -> None:
    counts = np.array(entry["confusion"], dtype=float)
    shares = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    wrong = np.where(np.eye(len(classes), dtype=bool), np.nan, shares)
    axes.grid(False)
    axes.imshow(wrong, cmap="Blues", vmin=0)
    highest = np.nanmax(wrong)
    for (row, column), share in np.ndenumerate(shares if len(classes) <= MOST_COUNTED else [[]]):
        on_dark = row != column and share > 0.6 * highest
        axes.text(
            column,
            row,
            f"{share:.0f}" if row == column else f"{share:.1f}" if share else "",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if on_dark else plots.TEXT if row == column else "black",
        )
    _name_classes(axes, classes)
    every = _every(classes)
    axes.set_yticks(every, [classes[label] for label in every])
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    answers, runs = int(counts.sum()), len(entry["test_accuracy"])
    axes.set_title(f"Percent of each class; {answers:,} predictions of {runs} seeds", fontsize=10)


def calibration(entry: Mapping[str, Any]) -> Figure:
    """Reliability diagram: accuracy over confidence."""
    figure, axes = plots.axes()
    with rc_context(plots.STYLE):
        _draw_calibration(axes, entry)
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def _draw_calibration(axes: Axes, entry: Mapping[str, Any]) -> None:
    found = entry["reliability"]
    filled = [bin for bin, count in enumerate(found["counts"]) if count]
    confidence = [100 * found["confidence"][bin] for bin in filled]
    accuracy = [100 * found["accuracy"][bin] for bin in filled]
    share = np.array([found["counts"][bin] for bin in filled], dtype=float)
    axes.plot([0, 100], [0, 100], color=plots.TEXT, lw=0.8, ls=":", label="perfect calibration")
    axes.plot(confidence, accuracy, color=plots.BLUE, lw=1)
    axes.scatter(
        confidence,
        accuracy,
        s=20 + 400 * share / share.sum(),
        color=plots.BLUE,
        alpha=0.6,
        label="predictions (size: their share)",
    )
    axes.set_xlabel("confidence (%)")
    axes.set_ylabel("accuracy (%)")
    runs = len(entry["test_accuracy"])
    axes.set_title(
        f"{int(share.sum()):,} predictions of {runs} seeds in {len(found['counts'])} bins",
        fontsize=10,
    )


def one_arm(
    name: str, curves: Mapping[str, Any], entry: Mapping[str, Any], classes: Sequence[str]
) -> Figure:
    """What there is to see of one arm: loss, accuracy, confusion, calibration."""
    with rc_context(plots.STYLE):
        figure = Figure(figsize=(11, 9), layout="constrained")
        (loss, accuracy), (confused, calibrated) = figure.subplots(2, 2)
        for axes, kind, label in (
            (loss, "loss", "loss (nats per digit)"),
            (accuracy, "accuracy", "accuracy (%)"),
        ):
            for split, colour in (("validation", plots.BLUE), ("train", plots.ORANGE)):
                _draw_band(axes, curves, f"{split}_{kind}", colour, "-", split)
            axes.set_ylabel(label)
            axes.set_title(f"Mean of {curves['seeds']} seeds; band: lowest to highest", fontsize=10)
            axes.legend()
        _draw_confusion(confused, entry, classes)
        _draw_calibration(calibrated, entry)
        figure.suptitle(f"{name}: {100 * entry['mean']:.2f} % test accuracy")
    return figure


def class_shares(counts: Mapping[str, Sequence[int]], classes: Sequence[str]) -> Figure:
    """The share of each class in each split; `counts` by split and label."""
    figure, axes = plots.axes()
    width = 0.8 / len(counts)
    with rc_context(plots.STYLE):
        for number, ((split, of_split), colour) in enumerate(
            zip(counts.items(), plots.PALETTE, strict=False)
        ):
            total = sum(of_split)
            places = np.arange(len(classes)) + (number - (len(counts) - 1) / 2) * width
            axes.bar(
                places,
                [100 * count / total for count in of_split],
                width,
                color=colour,
                label=f"{split}, n = {total:,}",
            )
        _name_classes(axes, classes)
        axes.set_xlabel("class")
        axes.set_ylabel("share of the split (%)")
        axes.grid(axis="x", visible=False)
        figure.legend(loc="outside lower center", ncols=3)
    return figure
