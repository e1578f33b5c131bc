"""The transfer study's section of params.yaml."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from svhn_lab.recipes import FineTuning, Recipe, Sweep
from svhn_lab.schema import Count, Labels, Name, Net, Real, Section, Whole, distinct

MAIN_SWEEP = "front"


def _all_or_several(classes: object) -> object:
    if classes == "all" or (type(classes) is int and classes >= 2):
        return classes
    raise ValueError("should be `all`, or a whole number of 2 or more")


class LessPretraining(Section):
    """A pretraining on fewer digits or classes: so many classes, chosen at random, or all of them,
    and so large a share of all pretraining digits, for as many steps as the whole pretraining."""

    classes: Annotated[
        Annotated[Whole, Field(ge=2)] | Literal["all"], BeforeValidator(_all_or_several)
    ]
    """How many classes, chosen at random, or `all`."""
    share: Annotated[Real, Field(gt=0, lt=1)]
    """The share of all pretraining digits that it is pretrained on."""


class Diversity(Section):
    """What the pretraining is for: networks pretrained on less, fine-tuned at freeze depth `depth`
    as the sweep `front` is."""

    depth: Annotated[Whole, Field(ge=0)]
    """The freeze depth of fine-tuning, one of those of `sweeps.front`."""
    less: tuple[LessPretraining, ...]
    """The pretrainings on less."""

    @field_validator("less")
    @classmethod
    def _each_once(cls, less: tuple[LessPretraining, ...]) -> tuple[LessPretraining, ...]:
        return distinct(less)


class Transfer(Section):
    """The transfer study: pretrain on some classes, fine-tune on small samples of others. The sweep
    `front`, at the first of `sample_sizes` (digits of each class), is the study itself: of it times
    are measured, the best depth chosen, explanations tested."""

    net: Net
    """The network that is pretrained and fine-tuned."""
    pretrain_classes: Labels
    """Labels of the classes to pretrain on."""
    finetune_classes: Labels
    """Labels of the classes to fine-tune on."""
    sample_sizes: Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(distinct)]
    """Digits of each class in a small sample; the first is that of the study itself. Other
    sizes train for as many steps, rounded to whole epochs."""
    draws: Count
    """How often the small sample is drawn; every depth has the same draws."""
    pretrain: Recipe
    """How the network is pretrained."""
    finetune: FineTuning
    """How it is fine-tuned, where a sweep does not say otherwise."""
    sweeps: Annotated[dict[Name, Sweep], Field(min_length=1)]
    """Fine-tuning at several points each; `front` is the study itself."""
    frozen_features: Annotated[bool, Field(strict=True)]
    """Whether the output of the frozen front is cached, where that is exact."""
    margin: Annotated[Real, Field(ge=0, lt=1)]
    """The best depth is the deepest whose validation accuracy is within this of the highest."""
    timing_repeats: Annotated[Whole, Field(ge=2)]
    """How often an epoch is timed at each depth; depths take turns."""
    diversity: Diversity
    """What the pretraining is for: pretraining on less."""

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
        if too_many := [number for number in numbers if number >= most]:
            raise ValueError(
                f"diversity.less: takes {too_many[0]} classes, but pretrain_classes has {most}; "
                "take fewer, or `all`"
            )
        return self
