"""The recipes of params.yaml: how networks are trained, arms, sweeps of fine-tuning."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from svhn_lab.schema import Count, Depths, Net, Real, Section, Units, Whole

NormPolicy = Literal["eval", "adapt"]


def _takes_dense_gradients(optimizer: object) -> object:
    if optimizer == "sparse-adam":
        raise ValueError(
            "sparse-adam takes sparse gradients only, as embeddings have, and the gradients of "
            "these networks are dense; take adam or adamw"
        )
    return optimizer


class Recipe(Section):
    """How one network is trained: everything that `fit` needs besides digits and a seed."""

    epochs: Count
    """Passes over the training digits."""
    batch_size: Count
    """Digits of a step; the last batch of an epoch may be smaller."""
    optimizer: Annotated[
        Literal["adam", "adamw", "muon", "rmsprop", "sgd"], BeforeValidator(_takes_dense_gradients)
    ]
    """With its own defaults for whatever is not said here. All are torch's but `muon`, which is
    timm's (`pip install 'svhn-lab[contests]'`)."""
    momentum: Annotated[Real, Field(ge=0, lt=1)]
    """The momentum of `sgd`; no other optimizer has one here."""
    learning_rate: Annotated[Real, Field(gt=0, lt=1e37)]
    """That of the first epoch; with `one-cycle`, the highest."""
    schedule: Literal["decay", "one-cycle"]
    """`decay`: by `learning_rate_decay`; `one-cycle`: up to the learning rate over the first part
    of the steps, then down to nothing along a cosine (Smith and Topin, 2017)."""
    learning_rate_decay: Annotated[Real, Field(gt=0, le=1)]
    """The learning rate's factor from one epoch to the next."""
    weight_decay: Annotated[Real, Field(ge=0)] | None
    """Null is the optimizer's default: 0.01 of `adamw`, 0 of the others."""
    label_smoothing: Annotated[Real, Field(ge=0, lt=1)]
    """The share of a label's mass that is spread evenly over all classes."""
    crop_padding: Annotated[Whole, Field(ge=0, le=128)]
    """Pixels; random crop of the image's own size after zero-padding by so many."""
    rotation: Annotated[Real, Field(ge=0, le=180)]
    """Degrees; random rotation up to this, either way."""
    shift: Annotated[Real, Field(ge=0, le=128)]
    """Pixels; random translation up to this, either way, edges replicated."""
    scale: Annotated[Real, Field(ge=0, lt=1)]
    """Random scaling by up to this share, either way."""
    shear: Annotated[Real, Field(ge=0, lt=90)]
    """Degrees; random shear up to this, either way."""
    colour: Annotated[Real, Field(ge=0, le=1)]
    """Strength of random changes of the image's contrast and of each channel's brightness."""
    inversion: Annotated[Real, Field(ge=0, le=1)]
    """The probability with which an image is replaced by its negative."""
    cutout: Annotated[Whole, Field(ge=0, le=512)]
    """Pixels; the side of a random square filled with the image's mean colour."""
    blur: Annotated[Real, Field(ge=0, le=128)]
    """Pixels; Gaussian blur with a random standard deviation up to this."""
    noise: Annotated[Real, Field(ge=0, le=1)]
    """Gaussian noise with a random standard deviation up to this share of the pixel range."""
    mining: Literal["none", "hard", "random"]
    """Which batches are repeated at an epoch's end: those with the highest loss, or as many at
    random."""
    mining_from: Count
    """The first epoch that repeats batches."""
    mining_fraction: Annotated[Real, Field(gt=0, le=1)]
    """The share of an epoch's batches that is repeated."""
    precision: Literal["auto", "bfloat16", "float32"]
    """What networks compute in; `auto` is bfloat16 where the processor has it, float32 else."""
    compile: Annotated[bool, Field(strict=True)]
    """By torch.compile, which pays on a GPU; the results are others."""

    @model_validator(mode="after")
    def _momentum_has_an_effect(self) -> Self:
        if self.momentum and self.optimizer != "sgd":
            raise ValueError(
                f"momentum is {self.momentum}, and only the optimizer `sgd` has one; set "
                "momentum: 0, or optimizer: sgd"
            )
        return self

    @model_validator(mode="after")
    def _schedule_has_its_steps(self) -> Self:
        if self.schedule == "one-cycle" and self.learning_rate_decay != 1:
            raise ValueError(
                f"learning_rate_decay is {self.learning_rate_decay}, which schedule `one-cycle` "
                "does not use; set learning_rate_decay: 1, or schedule: decay"
            )
        if self.schedule == "one-cycle" and self.mining != "none":
            raise ValueError(
                "schedule `one-cycle` is cut for the steps of plain epochs, and mining adds some; "
                "set mining: none, or schedule: decay"
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
    """A network of `nets/zoo.py`, or one of your own as `package.module.name`."""
    rendered: Annotated[Whole, Field(ge=0)] = 0
    """Synthetic digits, with all variety, that are trained on besides; other ones for each seed."""

    def changes(self, training: Recipe) -> dict[str, Any]:
        """What it has otherwise than `training`, besides its network."""
        own = {name: field.default for name, field in type(self).model_fields.items()}
        usual = own | training.model_dump() | {"net": self.net}
        return {name: value for name, value in self.model_dump().items() if value != usual[name]}


class FineTuning(Recipe):
    """How the pretrained network is fine-tuned, besides what is frozen."""

    start: Literal["pretrained", "random"]
    """The network before: pretrained, or with fresh weights."""
    direction: Literal["front", "back"]
    """The end from which depths count."""
    norm_policy: NormPolicy
    """Whether frozen norms keep their running statistics, or let them move."""
    sample: Literal["small", "all"]
    """What is trained on: the small draws, or all digits of the classes."""
    sizes: Literal["first", "every"]
    """Which small draws: those of the first of `sample_sizes`, or of every one."""


class Sweep(FineTuning):
    """Fine-tuning at several freeze depths, or with single units left to train (the head always
    trains). Either `depths`, how many units are frozen, or `only`, which unit trains, from 1."""

    depths: Depths | None = None
    """How many units are frozen, a point each."""
    only: Units | None = None
    """The one unit that trains, a point each; units count from 1."""

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
