"""What all plots share: their style, and how they become PNG, and SVG with text in the colour of
the page it is shown on. Each plot names how many runs it stands on and what its band is."""

import io

import matplotlib
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
GREY = "#808080"
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


def axes() -> tuple[Figure, Axes]:
    """An empty figure in the lab's style."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        return figure, figure.add_subplot()


def nothing(says: str) -> Figure:
    """In the place of a plot that has nothing to show."""
    figure, empty = axes()
    with matplotlib.rc_context(STYLE):
        empty.axis("off")
        empty.text(0.5, 0.5, says, ha="center", va="center", transform=empty.transAxes)
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
