"""The page: one HTML file that needs nothing else. Values in, text out."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def percent(fraction: float) -> str:
    """A fraction as the page shows it."""
    return f"{100 * fraction:.2f} %"


def percent_interval(interval: tuple[float, float] | None) -> str:
    """An interval of fractions as the page shows it."""
    return "n/a" if interval is None else f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f} %"


def render(context: Mapping[str, Any]) -> str:
    """The page of these values. A value that the template names and that is not there raises
    jinja2.UndefinedError."""
    environment = Environment(
        loader=PackageLoader("svhn_lab.report", ""),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "percent_interval": percent_interval,
        "count": "{:,}".format,
    }
    return environment.get_template("template.html").render(context)
