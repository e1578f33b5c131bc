"""What the schema of params.yaml is made of: kinds of values, and sections."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values; raises ValueError if one is there twice."""
    if len(set(values)) < len(values):
        raise ValueError("lists a value twice; state each once")
    return values


def _zoo_name_or_dotted_path(net: str) -> str:
    # A dot, not the colon of entry points: unquoted between braces, libyaml refuses a colon, and
    # so it is that DVC writes what is set in a line such as `crop: {net: ...}`.
    if not re.fullmatch(r"[\w-]+|([^\W\d]\w*\.)+[^\W\d]\w*", net):
        raise ValueError(f"should be a name, or like package.module.name; it is {net!r}")
    return net


Whole = Annotated[int, Field(strict=True)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[Whole, Field(ge=1)]
Seed = Annotated[Whole, Field(ge=0, lt=2**32)]
Label = Annotated[Whole, Field(ge=0)]
Percent = Annotated[Real, Field(ge=0, le=100)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Net = Annotated[str, AfterValidator(_zoo_name_or_dotted_path)]
Labels = Annotated[tuple[Label, ...], Field(min_length=2), AfterValidator(distinct)]
Depths = Annotated[
    tuple[Annotated[Whole, Field(ge=0)], ...], Field(min_length=1), AfterValidator(distinct)
]
Units = Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(distinct)]


class Section(BaseModel):
    """A part of params.yaml: frozen, and closed to keys it does not know. What stands below a field
    is its description in docs/params.md."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
