"""Plots of the freeze-depth study."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from svhn_lab.report import plots
from svhn_lab.report.formats import WAYS

WAY_STYLES = {"as_is": (plots.ORANGE, "--"), "frozen_features": (plots.GREEN, "-")}

# Their numbers have no common factor, so that the first twenty sweeps differ without colour.
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "D", "^", "v")


def _percent(values: Sequence[float]) -> list[float]:
    return [100 * value for value in values]


def _sweeps(points: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """By sweep, its points of the study's own sample size, in the order of their numbers."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for point in sorted(points, key=lambda p: int(p["number"])):
        found.setdefault(point["sweep"], []).append(point)
    return found


def accuracy_by_depth(
    points: Sequence[Mapping[str, Any]], best_depth: int, num_units: int
) -> Figure:
    """Test accuracy over the number of frozen units; `points` as in transfer.json, of one sample
    size. A sweep of a single depth is a level to compare with."""
    figure, axes = plots.axes()
    with rc_context(plots.STYLE):
        sweeps = {
            name: of_sweep
            for name, of_sweep in _sweeps(points).items()
            if of_sweep[0]["freezing"] != "only"
        }
        for (name, of_sweep), colour, style, marker in zip(
            sweeps.items(), cycle(plots.PALETTE), cycle(STYLES), cycle(MARKERS), strict=False
        ):
            means = _percent([point["mean"] for point in of_sweep])
            intervals = [point["interval"] for point in of_sweep]
            if len(of_sweep) == 1:
                axes.axhline(means[0], color=colour, ls=style, lw=1.2, label=name)
                _band(axes, [0, num_units], intervals * 2, colour)
            else:
                positions = [point["number"] for point in of_sweep]
                axes.plot(positions, means, ls=style, marker=marker, color=colour, label=name)
                _band(axes, positions, intervals, colour)
        axes.axvline(best_depth, color=plots.TEXT, lw=0.8, ls=":")
        axes.set_xlabel(f"frozen units, of {num_units} (dotted: the depth chosen on validation)")
        axes.set_ylabel("test accuracy (%)")
        draws = len(points[0]["test_accuracy"])
        band = "; band: 95 % t interval" if draws > 1 else ", no interval"
        axes.set_title(f"Mean of {draws} draws{band}", fontsize=10)
        figure.legend(loc="outside lower center", ncols=4)
    return figure


def _band(axes: Axes, positions: list[int], intervals: list[Any], colour: str) -> None:
    """A band through the intervals, with gaps where there is none."""
    lows, highs = zip(*(each or (np.nan, np.nan) for each in intervals), strict=True)
    axes.fill_between(positions, _percent(lows), _percent(highs), color=colour, alpha=0.15, lw=0)


def accuracy_by_depth_and_size(points: Sequence[Mapping[str, Any]]) -> Figure:
    """A heat map of one sweep's mean test accuracy, over freeze depth and sample size."""
    depths = sorted({int(point["number"]) for point in points})
    sizes = sorted({int(point["size"]) for point in points})
    means = np.full((len(sizes), len(depths)), np.nan)
    for point in points:
        means[sizes.index(point["size"]), depths.index(point["number"])] = 100 * point["mean"]
    figure, axes = plots.axes()
    with rc_context(plots.STYLE):
        axes.grid(False)
        image = axes.imshow(means, cmap="cividis", aspect="auto", origin="lower")
        middle = (np.nanmin(means) + np.nanmax(means)) / 2
        for (row, column), mean in np.ndenumerate(means):
            if not np.isnan(mean):
                colour = "white" if mean < middle else "black"
                axes.text(
                    column, row, f"{mean:.1f}", ha="center", va="center", color=colour, fontsize=9
                )
        axes.set_xticks(range(len(depths)), [str(depth) for depth in depths])
        axes.set_yticks(range(len(sizes)), [str(size) for size in sizes])
        axes.set_xlabel("freeze depth (units, from the front)")
        axes.set_ylabel("digits of each class")
        num_draws = len(points[0]["test_accuracy"])
        axes.set_title(f"Mean test accuracy (%) of {num_draws} draws", fontsize=10)
        figure.colorbar(image, ax=axes)
    return figure


def time_by_depth(timing: Mapping[str, Any]) -> Figure:
    """Milliseconds per fine-tuning epoch over freeze depth, without caching and with cached
    features; `timing` as in timing.json."""
    depths = sorted(timing["depths"], key=int)
    figure, axes = plots.axes()
    with rc_context(plots.STYLE):
        positions = [int(depth) for depth in depths]
        for mode, (colour, style) in WAY_STYLES.items():
            rows = [timing["depths"][depth][mode]["seconds_per_epoch"] for depth in depths]
            lows, medians, highs = zip(*rows, strict=True)
            axes.plot(
                positions,
                [1000 * median for median in medians],
                ls=style,
                marker="o",
                color=colour,
                label=WAYS[mode],
                clip_on=False,  # what is next to 0 is shown whole
            )
            axes.fill_between(
                positions,
                [1000 * low for low in lows],
                [1000 * high for high in highs],
                color=colour,
                alpha=0.25,
                lw=0,
            )
        axes.set_ylim(bottom=0)
        axes.set_xlabel("freeze depth (units, from the front)")
        axes.set_ylabel(
            f"ms per epoch of {timing['num_digits']} digits,\n"
            f"with {timing['num_validation_digits']} of validation"
        )
        axes.set_title(
            f"Median of {timing['repeats']} interleaved epochs, one thread; band: quartiles",
            fontsize=10,
        )
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def features_by_unit(probe: Mapping[str, Any]) -> Figure:
    """What each unit's features hold; `probe` as in probe.json."""
    figure, axes = plots.axes()
    units = probe["units"]
    with rc_context(plots.STYLE):
        for figure_name, name, colour, style in (
            ("probe_accuracy", "accuracy of a linear probe", plots.BLUE, "-"),
            ("cka", "linear CKA before and after fine-tuning", plots.ORANGE, "--"),
        ):
            values = np.array([probe[figure_name][str(unit)] for unit in units])
            axes.plot(units, values.mean(1), ls=style, marker="o", color=colour, label=name)
            lows, highs = values.min(1), values.max(1)
            axes.fill_between(units, lows, highs, color=colour, alpha=0.15, lw=0)
        axes.set_xlabel("unit of the pretrained network, from the front")
        axes.set_ylabel("accuracy, or CKA, on validation digits")
        axes.set_title(f"Mean of {probe['draws']} draws; band: lowest to highest", fontsize=10)
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def flops_by_depth(timing: Mapping[str, Any]) -> Figure:
    """FLOPs of a training step for one image over freeze depth, without caching and with cached
    features; `timing` as in timing.json."""
    depths = sorted(timing["depths"], key=int)
    figure, axes = plots.axes()
    with rc_context(plots.STYLE):
        for mode, (colour, style) in WAY_STYLES.items():
            costs = [timing["depths"][depth][mode] for depth in depths]
            flops = [c["forward_flops_per_image"] + c["backward_flops_per_image"] for c in costs]
            axes.plot(
                [int(depth) for depth in depths],
                [value / 1e6 for value in flops],
                ls=style,
                marker="o",
                color=colour,
                label=WAYS[mode],
                clip_on=False,  # what is next to 0 is shown whole
            )
        axes.set_ylim(bottom=0)
        axes.set_xlabel("freeze depth (units, from the front)")
        axes.set_ylabel("MFLOP per image and step")
        axes.set_title("Forward and backward pass, counted", fontsize=10)
        figure.legend(loc="outside lower center", ncols=2)
    return figure
