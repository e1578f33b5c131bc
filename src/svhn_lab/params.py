"""The schema of params.yaml. Whatever passes here is complete and in range; whatever does not
is answered with the key, what is wrong with it and what would be right."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from svhn_lab.defaults import filled
from svhn_lab.errors import UserError

PARAMS_FILE = Path("params.yaml")
SCRATCH: Literal["scratch"] = "scratch"


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise ValueError("lists a value twice; state each once")
    return values


def _web_folder(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and url.endswith("/")
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"should be like http://host/folder/, with the slash; it is {url!r}")
    return url


def _depth(value: object) -> object:
    if value == SCRATCH or (type(value) is int and value >= 0):
        return value
    raise ValueError(f"a depth is a whole number from 0, or `{SCRATCH}`; it is {value!r}")


def _takes_dense_gradients(optimizer: object) -> object:
    if optimizer == "sparse-adam":
        raise ValueError(
            "sparse-adam takes sparse gradients only, as embeddings have, and the gradients of "
            "these networks are dense; take adam or adamw"
        )
    return optimizer


def _zoo_name_or_dotted_path(net: str) -> str:
    if ":" in net and not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*", net):
        raise ValueError(f"should be like package.module:name; it is {net!r}")
    return net


Whole = Annotated[int, Field(strict=True)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[Whole, Field(ge=1)]
Seed = Annotated[Whole, Field(ge=0, lt=2**32)]
Label = Annotated[Whole, Field(ge=0)]
Percent = Annotated[Real, Field(ge=0, le=100)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Net = Annotated[str, AfterValidator(_zoo_name_or_dotted_path)]
Labels = Annotated[tuple[Label, ...], Field(min_length=2), AfterValidator(_distinct)]
NormPolicy = Literal["eval", "adapt"]
Depth = Annotated[int | Literal["scratch"], BeforeValidator(_depth)]


class Section(BaseModel):
    """A part of params.yaml: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Rendered(Section):
    """How many digits the embedded stand-in draws for each split, and from which seed."""

    train: Count
    test: Count
    extra: Count
    seed: Seed


class Data(Section):
    """Where digits come from and how the validation split is cut.

    `sources` is tried in order: `svhn` (downloaded), `rendered` (drawn), or the path of a folder
    or an .npz file. `image_size` is the side in pixels that all images are brought to.
    """

    sources: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_distinct)]
    extra: Annotated[bool, Field(strict=True)]
    url: Annotated[str, AfterValidator(_web_folder)]
    rendered: Rendered
    image_size: Annotated[Whole, Field(ge=4, le=512)]
    test_fraction: Annotated[Real, Field(gt=0, le=0.5)]
    validation_fraction: Annotated[Real, Field(gt=0, le=0.5)]
    seed: Seed


class Recipe(Section):
    """How one network is trained: everything that `fit` needs besides digits and a seed."""

    epochs: Count
    batch_size: Count
    optimizer: Annotated[
        Literal["adam", "adamw", "rmsprop", "sgd"], BeforeValidator(_takes_dense_gradients)
    ]
    momentum: Annotated[Real, Field(ge=0, lt=1)]
    learning_rate: Annotated[Real, Field(gt=0, lt=1e37)]  # beyond float32 there is no step
    learning_rate_decay: Annotated[Real, Field(gt=0, le=1)]  # the factor after each epoch
    crop_padding: Annotated[Whole, Field(ge=0, le=128)]  # pixels
    rotation: Annotated[Real, Field(ge=0, le=180)]  # degrees
    mining: Literal["none", "hard", "random"]
    mining_from: Count  # epoch
    mining_fraction: Annotated[Real, Field(gt=0, le=1)]  # of an epoch's batches
    precision: Literal["auto", "bfloat16", "float32"]

    @model_validator(mode="after")
    def _momentum_has_an_effect(self) -> Self:
        if self.momentum and self.optimizer != "sgd":
            raise ValueError(
                f"momentum is {self.momentum}, but only the optimizer `sgd` has one and this is "
                f"`{self.optimizer}`; set momentum: 0, or optimizer: sgd"
            )
        return self

    @model_validator(mode="after")
    def _mining_has_an_effect(self) -> Self:
        if self.mining != "none" and self.mining_from > self.epochs:
            raise ValueError(
                f"mining starts at epoch {self.mining_from}, but there are {self.epochs} epochs; "
                "lower mining_from, or set mining: none"
            )
        return self


class Arm(Recipe):
    """One configuration of the study: a network and how it is trained."""

    net: Net


class Transfer(Section):
    """The transfer study: pretrain on some classes, fine-tune on a small sample of others."""

    net: Net
    pretrain_classes: Labels
    finetune_classes: Labels
    samples_per_class: Count
    draws: Count
    depths: Annotated[tuple[Depth, ...], Field(min_length=1), AfterValidator(_distinct)]
    norm_policy: NormPolicy
    timing_repeats: Count
    pretrain: Recipe
    finetune: Recipe

    @field_validator("depths")
    @classmethod
    def _some_depth(cls, depths: tuple[int | str, ...]) -> tuple[int | str, ...]:
        if set(depths) == {SCRATCH}:
            raise ValueError("names no freeze depth besides the control; add at least 0")
        return depths


class Claim(Section):
    """A sentence of the lab report about two arms, as a range in percentage points that the
    difference in mean test accuracy, arm minus reference, should lie in; and the difference that
    the report has, where it has one."""

    says: Annotated[str, Field(min_length=1)]
    arm: str
    reference: str
    at_least: Real | None = None
    at_most: Real | None = None
    reported: Real | None = None

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        low, high = self.at_least, self.at_most
        if low is None and high is None:
            raise ValueError("claims nothing; add at_least or at_most, in percentage points")
        if low is not None and high is not None and low >= high:
            raise ValueError("at_least should be below at_most")
        if self.arm == self.reference:
            raise ValueError("arm and reference should be two arms")
        return self


class LabReport(Section):
    """What the original lab found: test accuracies in percent by arm, and its claims."""

    accuracy: dict[Name, Percent]
    claims: dict[Name, Claim]


class Gate(Section):
    """What a network must satisfy to be registered."""

    max_parameters: Count


class Params(Section):
    """The whole of params.yaml, with the defaults of `training` filled into every recipe."""

    data: Data
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_distinct)]
    training: Recipe
    arms: Annotated[dict[Name, Arm], Field(min_length=1)]
    references: dict[Name, str]
    lab_report: LabReport
    transfer: Transfer
    gate: Gate

    def unknown_arms(self) -> list[str]:
        """A message for every key of `references` and `lab_report` that names an arm which
        `arms` does not have, or compares an arm with itself."""
        named = [
            *((f"references.{arm}", arm) for arm in self.references),
            *((f"references.{arm}", reference) for arm, reference in self.references.items()),
            *((f"lab_report.accuracy.{arm}", arm) for arm in self.lab_report.accuracy),
            *(
                (f"lab_report.claims.{name}.{key}", getattr(claim, key))
                for name, claim in self.lab_report.claims.items()
                for key in ("arm", "reference")
            ),
        ]

        def suggestion(arm: str) -> str:
            close = difflib.get_close_matches(arm, self.arms, n=1)
            return f"did you mean `{close[0]}`?" if close else "remove this entry"

        wrong = [
            f"{key}: no arm is called {arm!r}; {suggestion(arm)}"
            for key, arm in named
            if arm not in self.arms
        ]
        return wrong + [
            f"references.{arm}: an arm cannot be its own reference; name another arm"
            for arm, reference in self.references.items()
            if arm == reference
        ]


def _inherited(raw: object, path: Sequence[int | str]) -> bool:
    """Whether the value at `path` is a default that `training` filled in, or a recipe all of whose
    values are: what is wrong with it is said of `training`, not again for each recipe that
    inherits it."""
    if path[0] not in ("arms", "transfer"):
        return False
    for key in path:
        if not isinstance(raw, dict) or key not in raw:
            return key in Recipe.model_fields or key in ("pretrain", "finetune")
        raw = raw[key]
    is_recipe = len(path) == 2 and (path[0] == "arms" or path[1] in ("pretrain", "finetune"))
    return is_recipe and isinstance(raw, dict) and not set(raw) & set(Recipe.model_fields)


def _known_keys(path: Sequence[int | str]) -> list[str]:
    """The keys that the section at `path` takes."""
    if path[:1] == ["arms"]:
        return list(Arm.model_fields)
    if path[:2] == ["lab_report", "claims"]:
        return list(Claim.model_fields)
    section: type[BaseModel] = Params
    for key in path:
        kind = section.model_fields[str(key)].annotation
        assert isinstance(kind, type) and issubclass(kind, Section)
        section = kind
    return list(section.model_fields)


def _message(error: ErrorDetails) -> str:
    *section, last = error["loc"] or ("",)
    if error["type"] == "extra_forbidden":
        known = _known_keys(section)
        close = difflib.get_close_matches(str(last), known, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(known)}"
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
    text = text.replace("Tuple", "list").replace("tuple", "list").replace("dictionary", "section")
    return f"{text}; it is {error['input']!r}"


def parse(raw: object, *, file: str = str(PARAMS_FILE)) -> Params:
    """Params from the tree that the YAML file holds.

    Raises UserError naming `file` and every key that is wrong.
    """
    if not isinstance(raw, dict):
        raise UserError(f"{file}: holds no keys; restore it from Git")
    try:
        params = Params.model_validate(filled(raw))
    except ValidationError as failure:
        errors = failure.errors()
        lines = [
            f"{file}: {'.'.join(str(key) for key in e['loc'] if key != '[key]')}: {_message(e)}"
            for e in errors
            if not _inherited(raw, e["loc"])
            # A list with a wrong entry is also too short without it; the entry says it all.
            and not any(e["loc"] == inner["loc"][:-1] for inner in errors)
        ]
        raise UserError("\n".join(dict.fromkeys(lines))) from None
    if wrong := params.unknown_arms():
        raise UserError("\n".join(f"{file}: {line}" for line in wrong))
    return params


def load(path: Path = PARAMS_FILE) -> Params:
    """Params of the file at `path`, read as YAML 1.2, which is how DVC reads it (`1e-3` is a
    number, `off` is a string). Raises UserError naming file, key and remedy."""
    try:
        raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run this in the project's top folder") from None
    except (YAMLError, UnicodeDecodeError) as failure:
        raise UserError(f"{path}: is not valid YAML: {failure}") from None
    return parse(raw, file=str(path))
