"""The results as one HTML file that needs nothing else, and as Markdown. Values in, text out."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from svhn_lab.report import formats

FORMATS: dict[str, Callable[[Any], str]] = {
    "claimed_range": formats.claimed_range,
    "count": "{:,}".format,
    "decimal": "{:.1f}".format,
    "mean_percent": formats.mean_percent,
    "millions": formats.millions,
    "p_value": formats.p_value,
    "percent": formats.percent,
    "percent_interval": formats.percent_interval,
    "points": formats.points,
    "points_interval": formats.points_interval,
    "seconds": formats.seconds,
    "seeds_to_decide": formats.seeds_to_decide,
    "signed": formats.signed,
}


# What a value is multiplied by to be in the unit that it is shown in.
SCALES = {
    **dict.fromkeys(("percent", "mean_percent", "percent_interval"), 100),
    **dict.fromkeys(("points", "points_interval"), 100),
    "millions": 1e-6,
}


def cell(value: Any, form: str = "") -> Markup:
    """A table's cell that shows the value in a format of FORMATS; a table that is saved as CSV has
    it in the same unit with all digits, and of an interval its ends."""
    if value is None or isinstance(value, str):
        return Markup("<td>{}</td>").format(formats.ABSENT if value is None else value)
    shown = FORMATS[form](value) if form else str(value)
    if form == "mean_percent":
        value = sum(value) / len(value)
    scale = SCALES.get(form, 1)
    ends = value if isinstance(value, (list, tuple)) else [value]
    raw = " to ".join(f"{end * scale:.15g}" for end in ends)
    return Markup('<td data-value="{}">{}</td>').format(raw, shown)


def _source(name: str) -> Markup:
    """A file beside the templates, as it is: this project's own CSS and JavaScript."""
    return Markup(files("svhn_lab.report").joinpath(name).read_text(encoding="utf-8"))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("svhn_lab.report", ""),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= FORMATS | {"measured": formats.measured, "chosen": formats.chosen}
    environment.policies["json.dumps_kwargs"] = {}  # keys in the order of params.yaml
    environment.globals |= {"td": cell, "source": _source, "ways": formats.WAYS}
    return environment


def render(context: Mapping[str, Any]) -> str:
    """The page of these values. A value that the template names and that is not there raises
    jinja2.UndefinedError."""
    return _environment().get_template("template.html").render(context)


def render_markdown(template: str, context: Mapping[str, Any]) -> str:
    """The tables of these values as Markdown, with where they come from. Raises as `render`."""
    return _environment().get_template(template).render(context)
