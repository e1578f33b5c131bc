"""What is said of a params.yaml that the schema refuses: every wrong key once, with what would be
right."""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from svhn_lab.errors import did_you_mean

NUMBERS = {"int_type": int, "float_type": float}


def lines(errors: Sequence[ErrorDetails], root: type[BaseModel]) -> list[str]:
    """A line for each error that pydantic found in the schema `root`: the key, then the message."""
    return [
        f"{'.'.join(str(key) for key in e['loc'] if key != '[key]')}: {_message(e, root)}"
        for e in errors
        if not _inherited(e, errors)
        # A list with a wrong entry is also too short without it; the entry says it all.
        and not any(e["loc"] == inner["loc"][:-1] for inner in errors)
    ]


def _inherited(error: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Whether the error is that of a default which the recipe inherits: it is said of the defaults,
    not again for each recipe."""
    path = error["loc"]
    defaults: list[tuple[int | str, ...]] = []
    alone = (("transfer", "pretrain"), ("transfer", "finetune"))
    if path[:1] == ("arms",) or path[:2] in alone:
        own, defaults = path[2:], [("training",)]
    elif path[:1] == ("contests",) and path[1:2] in (("arms",), ("distilled",), ("adapted",)):
        own, defaults = path[3:], [("training",)]
    elif path[:2] == ("transfer", "sweeps"):
        own, defaults = path[3:], [("transfer", "finetune"), ("training",)]
    return any(
        (other["loc"] == (*section, *own) and other["msg"] == error["msg"])
        # Where the defaults are no section at all, every recipe lacks what it would inherit.
        or (other["loc"] == section and error["type"] == "missing")
        for section in defaults
        for other in errors
    )


def known_section(root: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    """The section at `path`: each key is one of a section, or of a dictionary or list of them."""
    place: object = root
    for key in path:
        if isinstance(place, type) and issubclass(place, BaseModel):
            place = place.model_fields[str(key)].annotation
        else:
            place = next(kind for kind in get_args(place) if hasattr(kind, "model_fields"))
    assert isinstance(place, type) and issubclass(place, BaseModel)
    return place


def _message(error: ErrorDetails, root: type[BaseModel]) -> str:
    """What is wrong with one value, and what would be right."""
    *section, last = error["loc"] or ("",)
    if error["type"] == "extra_forbidden":
        known = list(known_section(root, section).model_fields)
        hint = did_you_mean(str(last), known, f"known here: {', '.join(known)}")
        return f"unknown key; {hint}"
    if error["type"] == "missing":
        return "is missing; add it"
    text = error["msg"].removeprefix("Value error, ")
    if error["type"] == "string_pattern_mismatch" and last == "[key]":
        return "is no name; use lower-case letters, digits and single hyphens"
    if error["type"] == "value_error":
        return text
    if error["type"] == "model_type":
        return f"should be a section with keys of its own; it is {error['input']!r}"
    text = text.removeprefix("Input ").replace(" after validation", "")
    text = text.replace("Tuple", "list").replace("tuple", "list")
    text = re.sub("[Dd]ictionary", "section", text)
    return f"{text}; it is {error['input']!r}{_quotes(error)}"


def _quotes(error: ErrorDetails) -> str:
    """What to do if quotes are all that is wrong."""
    kind, value = error["type"], error["input"]
    if kind == "string_type" and isinstance(value, int | float):
        return "; put it into quotes"
    if kind in NUMBERS and isinstance(value, str):
        with suppress(ValueError):
            NUMBERS[kind](value)
            return "; remove the quotes"
    return ""
