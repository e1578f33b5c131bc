"""How values read: on the page, in Markdown, on the terminal. Fractions are shown in percent, their
differences in percentage points."""

from collections.abc import Mapping, Sequence
from typing import Any

from svhn_lab.recipes import Arm, Recipe

ABSENT, MINUS = "–", "−"
BLOCKS = "▁▂▃▄▅▆▇█"

# The two ways in which timing.json measures fine-tuning behind a frozen front.
WAYS = {"as_is": "without caching", "frozen_features": "cached features"}


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


def mean_percent(fractions: Sequence[float]) -> str:
    """The mean of fractions as the page shows it."""
    return percent(sum(fractions) / len(fractions))


def millions(count: float) -> str:
    """A large count in millions."""
    return f"{count / 1e6:.1f}"


def chosen(value: object) -> str:
    """A choice of the search."""
    words = {None: ABSENT, True: "yes", False: "no"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def sparkline(values: Sequence[float]) -> str:
    """A curve as a row of blocks, from its lowest value to its highest."""
    low, high = min(values), max(values)
    steps = len(BLOCKS) - 1
    return "".join(
        BLOCKS[round(steps * (value - low) / (high - low)) if high > low else 0] for value in values
    )


def changes(arm: Arm, training: Recipe) -> str:
    """An arm's network, and what its recipe has otherwise than `training`."""
    changed = (f"{name.replace('_', ' ')} {to}" for name, to in arm.changes(training).items())
    return ", ".join([f"net {arm.net}", *changed])
