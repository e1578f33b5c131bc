"""The contests' section of params.yaml, which contests/dvc.yaml uses."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field

from svhn_lab.recipes import Arm, Recipe
from svhn_lab.schema import Count, Name, Real, Section, Seed, distinct

Multiple = Annotated[Real, Field(gt=0)]
Alternative = TypeVar("Alternative")
Alternatives = Annotated[tuple[Alternative, ...], Field(min_length=1), AfterValidator(distinct)]


class Space(Section):
    """What the search chooses among: lists of alternatives, for networks like `preact`. The first
    block gets as many channels, an even number, as `gate.max_parameters` allows."""

    stem: Alternatives[Multiple]
    """Channels of the first convolution, as multiples of those of the first block."""
    second: Alternatives[Multiple]
    """Those of the second block."""
    third: Alternatives[Multiple]
    """Those of the third."""
    convs: Alternatives[Count]
    """Convolutions of each block."""
    convolution: Alternatives[Literal["full", "5x5", "depthwise", "fire"]]
    """Their kind."""
    activation: Alternatives[Literal["relu", "gelu", "silu"]]
    """The activation function."""
    squeeze: Alternatives[Count | None]
    """The reduction of squeeze-and-excitation; null is without."""
    dropout: Alternatives[Annotated[Real, Field(ge=0, lt=1)]]
    """The probability with which a channel of a block is dropped."""
    positions: Alternatives[Count | None]
    """Side of the grid of learned position embeddings in the last two blocks; null is without."""
    head: Alternatives[Literal["all", "average"]]
    """Global pooling of the last feature map: maximum (`all`) or average."""
    both_polarities: Alternatives[Annotated[bool, Field(strict=True)]]
    """Whether features are the maximum over the image and its negative (TI-pooling)."""


class Search(Section):
    """The search for a network, on validation digits, by the recipe of `training`."""

    trials: Count
    """Networks that are tried; more later go on from those before."""
    side_by_side: Count
    """So many are chosen at once, whatever number of processors then trains them."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)]
    """Each network is trained once per seed; their mean counts."""
    seed: Seed
    """Of the sampler."""
    space: Space
    """What is chosen among."""


class AdaptedArm(Arm):
    """An arm that starts from a pretrained network and is fine-tuned."""

    digits: Literal["target", "any"] = "target"
    """`target`: the training digits of the dataset's own `train` split, without those of `extra`
    (all, if `data.extra` is false); `any`: as many of all training digits, others for each seed,
    which is the control."""


class Contests(Section):
    """Which network of at most `gate.max_parameters` is the best: under the fixed settings of
    `training` (arms `fixed-*`), and however it is trained (arms `free-*`)."""

    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)]
    """Each arm is trained once per seed, each in a stage of its own."""
    arms: Annotated[dict[Name, Arm], Field(min_length=1)]
    """Who competes, with `training` as defaults."""
    teachers: str
    """Knowledge distillation: the arm of `arms` whose networks, of all seeds, teach those of
    `distilled`; with one more seed, all distilled networks are trained again."""
    distilled: dict[Name, Arm]
    """Distilled arms, `{}` if none: trained on the probabilities that the teachers predict, not on
    labels."""
    pretrained: str
    """Domain adaptation: the arm of `arms` whose networks those of `adapted` start from, each from
    that of its seed."""
    adapted: dict[Name, AdaptedArm]
    """Adapted arms, `{}` if none: pretrained networks that are fine-tuned."""
    references: dict[Name, str]
    """Which arm each arm is compared with."""
    about: dict[Name, str]
    """What tables say of an arm besides its settings; of one that does not compete, nothing."""
    search: Search
    """The search for a network."""

    @property
    def competing(self) -> dict[str, Arm]:
        """All arms."""
        return self.arms | self.distilled | self.adapted

    def settles_search(self, training: Recipe, max_parameters: int) -> dict[str, Any]:
        """All that decides what a trial of the search is and is worth, besides digits and code."""
        return {
            **self.search.model_dump(mode="json", exclude={"trials"}),
            "training": training.model_dump(mode="json"),
            "max_parameters": max_parameters,
        }
