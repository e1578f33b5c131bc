"""The schema of params.yaml. Whatever passes here is complete and in range; whatever does not
is answered with the key, what is wrong with it and what would be right."""

import difflib
import re
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
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from svhn_lab import wrong_params
from svhn_lab.defaults import filled
from svhn_lab.errors import UserError

PARAMS_FILE = Path("params.yaml")
MAIN_SWEEP = "front"


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
Depths = Annotated[
    tuple[Annotated[Whole, Field(ge=0)], ...], Field(min_length=1), AfterValidator(_distinct)
]
Units = Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(_distinct)]


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
    compile: Annotated[bool, Field(strict=True)]  # by torch.compile

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


class FineTuning(Recipe):
    """How the pretrained network is fine-tuned, besides what is frozen.

    `start` is the network before: pretrained, or with fresh weights. `direction` is the end from
    which depths count. `norm_policy` says whether frozen norms keep their running statistics.
    `sample` is what is trained on: the small draws, or all digits of the classes. `sizes` says
    whether the small draws have the first of `sample_sizes` only, or every one.
    """

    start: Literal["pretrained", "random"]
    direction: Literal["front", "back"]
    norm_policy: NormPolicy
    sample: Literal["small", "all"]
    sizes: Literal["first", "every"]


class Sweep(FineTuning):
    """Fine-tuning at several freeze depths, or with single units left to train (the head always
    trains). Either `depths`, how many units are frozen, or `only`, which unit trains, from 1."""

    depths: Depths | None = None
    only: Units | None = None

    @model_validator(mode="after")
    def _either_depths_or_only(self) -> Self:
        if (self.depths is None) == (self.only is None):
            raise ValueError("should have either `depths` or `only`, and not both; name one")
        return self

    @model_validator(mode="after")
    def _sizes_are_of_small_draws(self) -> Self:
        if self.sample == "all" and self.sizes == "every":
            raise ValueError("has `sample: all`, which has one size; set sizes: first")
        return self


class LessPretraining(Section):
    """A pretraining on fewer digits or classes: so many classes, chosen at random, or all of them,
    and so large a share of all pretraining digits, for as many steps as the whole pretraining."""

    classes: Annotated[Whole, Field(ge=2)] | Literal["all"]
    share: Annotated[Real, Field(gt=0, lt=1)]


class Diversity(Section):
    """What the pretraining is for: networks pretrained on less, fine-tuned at freeze depth `depth`
    as the sweep `front` is."""

    depth: Annotated[Whole, Field(ge=0)]
    less: tuple[LessPretraining, ...]

    @field_validator("less")
    @classmethod
    def _each_once(cls, less: tuple[LessPretraining, ...]) -> tuple[LessPretraining, ...]:
        return _distinct(less)


class Transfer(Section):
    """The transfer study: pretrain on some classes, fine-tune on small samples of others. The sweep
    `front`, at the first of `sample_sizes` (digits of each class), is the study itself: of it times
    are measured, the best depth chosen, explanations tested."""

    net: Net
    pretrain_classes: Labels
    finetune_classes: Labels
    sample_sizes: Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(_distinct)]
    draws: Count
    pretrain: Recipe
    finetune: FineTuning
    sweeps: Annotated[dict[Name, Sweep], Field(min_length=1)]
    frozen_features: Annotated[bool, Field(strict=True)]
    margin: Annotated[Real, Field(ge=0, lt=1)]
    timing_repeats: Annotated[Whole, Field(ge=2)]
    diversity: Diversity

    @model_validator(mode="after")
    def _the_study_itself(self) -> Self:
        sweep = self.sweeps.get(MAIN_SWEEP)
        if sweep is None:
            raise ValueError(f"sweeps has no `{MAIN_SWEEP}`, which is the study itself; add it")
        depths = sweep.depths or ()
        usual = (sweep.start, sweep.direction, sweep.sample) == ("pretrained", "front", "small")
        if not usual or len(depths) < 2 or 0 not in depths:
            raise ValueError(
                f"sweeps.{MAIN_SWEEP} is the study itself: it should start from the pretrained "
                "network, freeze from the front at two depths or more, 0 among them, and train on "
                "the small draws; give any other sweep another name"
            )
        if self.diversity.depth not in depths:
            raise ValueError(
                f"diversity.depth is {self.diversity.depth}, which is none of the depths of "
                f"sweeps.{MAIN_SWEEP}; take one of {', '.join(map(str, depths))}"
            )
        most = len(self.pretrain_classes)
        numbers = [each.classes for each in self.diversity.less if each.classes != "all"]
        if too_many := [number for number in numbers if number > most]:
            raise ValueError(
                f"diversity.less: takes {too_many[0]} classes, but pretrain_classes has {most}; "
                "take fewer"
            )
        return self


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


class Compute(Section):
    """Where runs are computed, which changes no result on a processor: in processes of this machine
    (`local`), or as tasks of a Ray cluster at `address` (null: one that is started here). Each run
    has `cpus_per_run` threads; other numbers of them round otherwise. With `gpus_per_run`, which
    may be a share of one, it is computed on a GPU."""

    backend: Literal["local", "ray"]
    address: str | None
    cpus_per_run: Count
    gpus_per_run: Annotated[Real, Field(ge=0)]


class Gate(Section):
    """What the best network must satisfy to be the registry's champion. One with more parameters
    is no candidate at all; `min_test_accuracy` is for the lower end of the accuracy's interval,
    `level` what the p value of being no worse than the champion must reach."""

    max_parameters: Count
    min_test_accuracy: Annotated[Real, Field(ge=0, le=1)]
    max_calibration_error: Annotated[Real, Field(ge=0, le=1)]
    level: Annotated[Real, Field(gt=0, lt=1)]


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
    compute: Compute

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


def parse(raw: object, *, file: str = str(PARAMS_FILE)) -> Params:
    """Params from the tree that the YAML file holds.

    Raises UserError naming `file` and every key that is wrong.
    """
    if not isinstance(raw, dict):
        raise UserError(f"{file}: holds no keys; restore it from Git")
    try:
        params = Params.model_validate(filled(raw))
    except ValidationError as failure:
        wrong = wrong_params.lines(failure.errors(), Params)
        raise UserError("\n".join(dict.fromkeys(f"{file}: {line}" for line in wrong))) from None
    if unknown := params.unknown_arms():
        raise UserError("\n".join(f"{file}: {line}" for line in unknown))
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
