"""Plots of the results. Each names how many runs it stands on and what its band is; text takes the
colour of the page it is shown on."""

import io
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Stands for "the page's text colour" in SVG; near enough to black wherever it is shown as is.
TEXT = "#010203"
# Okabe and Ito's palette: told apart by colour-blind readers too.
BLUE, ORANGE, GREEN, *_ = PALETTE = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#e69f00",
)
STYLE = {
    "axes.edgecolor": TEXT,
    "axes.grid": True,
    "axes.labelcolor": TEXT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 11,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "svhn-lab",  # the same bytes for the same figure
    "text.color": TEXT,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
}


def _axes() -> tuple[Figure, Axes]:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        return figure, figure.add_subplot()


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
    figure, axes = _axes()
    with matplotlib.rc_context(STYLE):
        sweeps = {
            name: of_sweep
            for name, of_sweep in _sweeps(points).items()
            if of_sweep[0]["freezing"] != "only"
        }
        for (name, of_sweep), colour, style in zip(
            sweeps.items(), cycle(PALETTE), cycle(("-", "--", "-.", ":")), strict=False
        ):
            means = _percent([point["mean"] for point in of_sweep])
            intervals = [point["interval"] for point in of_sweep]
            if len(of_sweep) == 1:
                axes.axhline(means[0], color=colour, ls=style, lw=1.2, label=name)
                _band(axes, [0, num_units], intervals * 2, colour)
            else:
                positions = [point["number"] for point in of_sweep]
                marker = "o" if of_sweep[0]["freezing"] == "front" else "s"
                axes.plot(positions, means, ls=style, marker=marker, color=colour, label=name)
                _band(axes, positions, intervals, colour)
        axes.axvline(best_depth, color=TEXT, lw=0.8, ls=":")
        axes.set_xlabel(f"frozen units, of {num_units} (dotted: the depth chosen on validation)")
        axes.set_ylabel("test accuracy (%)")
        axes.set_title(
            f"Mean of {len(points[0]['test_accuracy'])} draws; band: 95 % t interval", fontsize=10
        )
        figure.legend(loc="outside lower center", ncols=4)
    return figure


def _band(axes: Axes, positions: list[int], intervals: list[Any], colour: str) -> None:
    if all(intervals):
        lows, highs = zip(*intervals, strict=True)
        axes.fill_between(
            positions, _percent(lows), _percent(highs), color=colour, alpha=0.15, lw=0
        )


def accuracy_by_depth_and_size(points: Sequence[Mapping[str, Any]]) -> Figure:
    """A heat map of one sweep's mean test accuracy, over freeze depth and sample size."""
    depths = sorted({int(point["number"]) for point in points})
    sizes = sorted({int(point["size"]) for point in points})
    means = np.full((len(sizes), len(depths)), np.nan)
    for point in points:
        means[sizes.index(point["size"]), depths.index(point["number"])] = 100 * point["mean"]
    figure, axes = _axes()
    with matplotlib.rc_context(STYLE):
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
    """Milliseconds per fine-tuning epoch over freeze depth, as it is and with frozen features;
    `timing` as in timing.json."""
    depths = sorted(timing["depths"], key=int)
    figure, axes = _axes()
    with matplotlib.rc_context(STYLE):
        positions = [int(depth) for depth in depths]
        for mode, name, colour, style in (
            ("as_is", "as it is", ORANGE, "--"),
            ("frozen_features", "frozen front computed once", GREEN, "-"),
        ):
            rows = [timing["depths"][depth][mode]["seconds_per_epoch"] for depth in depths]
            lows, medians, highs = zip(*rows, strict=True)
            axes.plot(
                positions,
                [1000 * median for median in medians],
                ls=style,
                marker="o",
                color=colour,
                label=name,
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
    figure, axes = _axes()
    units = probe["units"]
    with matplotlib.rc_context(STYLE):
        for figure_name, name, colour, style in (
            ("probe_accuracy", "accuracy of a linear probe", BLUE, "-"),
            ("cka", "linear CKA before and after fine-tuning", ORANGE, "--"),
        ):
            values = np.array([probe[figure_name][str(unit)] for unit in units])
            axes.plot(units, values.mean(1), ls=style, marker="o", color=colour, label=name)
            lows, highs = values.min(1), values.max(1)
            axes.fill_between(units, lows, highs, color=colour, alpha=0.15, lw=0)
        axes.set_xlabel("unit of the pretrained network, from the front")
        axes.set_ylabel("on validation digits")
        axes.set_title(f"Mean of {probe['draws']} draws; band: lowest to highest", fontsize=10)
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def svg(figure: Figure) -> str:
    """The figure as an SVG element to stand in a page, in the page's text colour."""
    text = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    element = text.getvalue()
    return element[element.index("<svg") :].replace(TEXT, "currentColor")


def png(figure: Figure) -> bytes:
    """The figure as a PNG on white."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150, metadata={"Software": None})
    return content.getvalue()
