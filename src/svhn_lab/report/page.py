"""The results as one HTML file that needs nothing else, and as Markdown. Values in, text out."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

ABSENT, MINUS = "–", "−"


def percent(fraction: float | None) -> str:
    """A fraction as the page shows it."""
    return ABSENT if fraction is None else f"{100 * fraction:.2f} %"


def percent_interval(interval: tuple[float, float] | None) -> str:
    """An interval of fractions as the page shows it."""
    return ABSENT if interval is None else f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f} %"


def points(fraction: float | None) -> str:
    """A difference of fractions in percentage points, with its sign."""
    # Adding 0 makes of a negative zero a positive one.
    return (
        ABSENT if fraction is None else f"{round(100 * fraction, 2) + 0:+.2f}".replace("-", MINUS)
    )


def points_interval(interval: tuple[float, float] | None) -> str:
    """An interval of differences in percentage points."""
    return ABSENT if interval is None else f"{points(interval[0])} to {points(interval[1])}"


def p_value(p: float | None) -> str:
    """A p value; what is below a thousandth is not told from it."""
    if p is None:
        return ABSENT
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def signed(value: float | None) -> str:
    """A number with its sign, as short as it can be."""
    if value is None:
        return ABSENT
    return "0" if value == 0 else f"{value:+g}".replace("-", MINUS)


def measured(test: Mapping[str, Any], value: float | None) -> str:
    """A value of an explanation's test in its unit."""
    if value is None:
        return ABSENT
    if test["unit"] == "points":
        return f"{points(value)} points"
    return f"{value:+.3g} {test['unit']}".replace("-", MINUS)


def seconds(value: float) -> str:
    """A duration in seconds, to three figures."""
    return f"{value:.3g}"


def claimed_range(claim: Mapping[str, Any]) -> str:
    """The range that a claim says a difference lies in, in percentage points."""
    low, high = claim["at_least"], claim["at_most"]
    if high is None:
        return f"{signed(low)} or more"
    if low is None:
        return f"{signed(high)} or less"
    return f"{signed(low)} to {signed(high)}"


def seeds_to_decide(claim: Mapping[str, Any]) -> str:
    """How many seeds would decide a claim that is not decided and whose spread is known."""
    if claim["verdict"] != "not decided" or claim["p_holm"] is None:
        return ABSENT
    needed = claim["seeds_to_decide"]
    return "too many" if needed is None else f"about {needed:,}"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("svhn_lab.report", ""),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "claimed_range": claimed_range,
        "count": "{:,}".format,
        "decimal": "{:.1f}".format,
        "measured": measured,
        "p_value": p_value,
        "percent": percent,
        "percent_interval": percent_interval,
        "points": points,
        "points_interval": points_interval,
        "seconds": seconds,
        "seeds_to_decide": seeds_to_decide,
        "signed": signed,
    }
    return environment


def render(context: Mapping[str, Any]) -> str:
    """The page of these values. A value that the template names and that is not there raises
    jinja2.UndefinedError."""
    return _environment().get_template("template.html").render(context)


def render_markdown(template: str, context: Mapping[str, Any]) -> str:
    """The tables of these values as Markdown, with where they come from. Raises as `render`."""
    return _environment().get_template(template).render(context)
