"""Plots of the results. Each names how many runs it stands on and what its band is; text takes the
colour of the page it is shown on."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Stands for "the page's text colour" in SVG; near enough to black wherever it is shown as is.
TEXT = "#010203"
# Okabe and Ito's palette: told apart by colour-blind readers too.
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"
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


def accuracy_by_depth(transfer: Mapping[str, Any], num_units: int) -> Figure:
    """Test accuracy over freeze depth, with the from-scratch control; `transfer` as in
    evaluation.json."""
    pretrained, scratch = transfer["pretrained"], transfer["scratch"]
    depths = sorted(pretrained, key=int)
    entries = [pretrained[depth] for depth in depths]
    num_draws = len(entries[0]["test_accuracy"])
    figure, axes = _axes()
    with matplotlib.rc_context(STYLE):
        positions = [int(depth) for depth in depths]
        axes.plot(
            positions, _percent([e["mean"] for e in entries]), "o-", color=BLUE, label="pretrained"
        )
        _band(axes, positions, [e["interval"] for e in entries], BLUE)
        if scratch:
            axes.axhline(100 * scratch["mean"], color=ORANGE, ls="--", label="from scratch")
            _band(axes, [positions[0], positions[-1]], [scratch["interval"]] * 2, ORANGE)
        axes.set_xlabel(f"freeze depth (of {num_units} units, from the front)")
        axes.set_ylabel("test accuracy (%)")
        axes.set_title(f"Mean of {num_draws} draws; band: 95 % t interval", fontsize=10)
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def _band(axes: Axes, positions: list[int], intervals: list[Any], colour: str) -> None:
    if all(intervals):
        lows, highs = zip(*intervals, strict=True)
        axes.fill_between(
            positions, _percent(lows), _percent(highs), color=colour, alpha=0.18, lw=0
        )


def time_by_depth(timing: Mapping[str, Any]) -> Figure:
    """Milliseconds per fine-tuning epoch over freeze depth; `timing` as in timing.json."""
    depths = sorted(timing["depths"], key=int)
    entries = [timing["depths"][depth] for depth in depths]
    figure, axes = _axes()
    with matplotlib.rc_context(STYLE):
        positions = [int(depth) for depth in depths]
        axes.plot(positions, [1000 * e["seconds_per_epoch"] for e in entries], "o-", color=GREEN)
        lows, highs = zip(*(e["seconds_per_epoch_quartiles"] for e in entries), strict=True)
        axes.fill_between(
            positions,
            [1000 * low for low in lows],
            [1000 * high for high in highs],
            color=GREEN,
            alpha=0.25,
            lw=0,
        )
        axes.set_ylim(bottom=0)
        axes.set_xlabel("freeze depth (units, from the front)")
        axes.set_ylabel(f"ms per epoch of {timing['num_digits']} digits")
        axes.set_title(
            f"Median of {timing['repeats']} interleaved epochs, one thread; band: quartiles",
            fontsize=10,
        )
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
