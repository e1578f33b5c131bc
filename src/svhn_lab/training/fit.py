"""Trains one network on digits in memory, read top to bottom: shuffle, batch, augment, forward,
backward, step; some batches again, if asked; then one look at the validation digits. The last
epoch's weights are the result."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from svhn_lab.data.augmentation import (
    cut_out,
    inverted,
    recoloured,
    rotated,
    shifted,
    warped,
)
from svhn_lab.data.batches import Digits, Examples, Statistics, batches, shuffled_batches
from svhn_lab.recipes import Recipe
from svhn_lab.training.checkpoints import Checkpoints, Stateful
from svhn_lab.training.device import CPU
from svhn_lab.training.mining import fed_again

EVALUATION_BATCH = 128  # larger ones leave the processor's cache and are slower

WARM_UP = 0.2  # of all steps of `one-cycle`

# What changes digits at random, when it is not 0.
CHANGES = (
    *("crop_padding", "rotation"),
    *("shift", "scale", "shear", "colour", "inversion", "cutout"),
)

# Each with torch's own defaults for whatever the recipe does not say, and in one fused step.
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


class Diverged(ArithmeticError):
    """The loss is no number any more."""

    def __init__(self, step: int, epoch: int, loss: float) -> None:
        super().__init__(step, epoch, loss)
        self.step, self.epoch, self.loss = step, epoch, loss

    def __str__(self) -> str:
        return f"the loss became {self.loss} at step {self.step} (epoch {self.epoch})"


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training digits gave. Training figures are running means over the
    pass, in training mode, batches fed again left out; losses are nats per digit, accuracies
    fractions."""

    epoch: int
    steps: int  # of the optimizer, since the beginning
    learning_rate: float  # of its steps; of `one-cycle`, after the last
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float  # of training alone, validation excluded


def autocast_dtype(precision: str, device: torch.device = CPU) -> torch.dtype | None:
    """The type to compute in: None means float32 throughout. `auto` takes bfloat16 where the
    device multiplies in it."""
    if precision == "auto":
        capable = torch.cpu.get_capabilities()
        fast = capable.get("avx512_bf16") or capable.get("amx_bf16") or capable.get("bf16")
        if device.type == "cuda":
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
        precision = "bfloat16" if fast else "float32"
    return torch.bfloat16 if precision == "bfloat16" else None


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Within it, networks compute in the type that `precision` asks for."""
    dtype = autocast_dtype(precision, device)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)


def predict(
    net: nn.Module, examples: Examples, statistics: Statistics, *, precision: str
) -> Tensor:
    """Logits (N, classes) float32 of all examples, in their order, in eval mode."""
    training = net.training
    net.eval()
    with torch.inference_mode(), autocast(examples.labels.device, precision):
        logits = [
            net(*batch.inputs(statistics)).float() for batch in batches(examples, EVALUATION_BATCH)
        ]
    net.train(training)
    return torch.cat(logits)


def optimizer_for(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer of the parameters that are not frozen."""
    trainable = [parameter for parameter in net.parameters() if parameter.requires_grad]
    options: dict[str, float | bool] = {}
    if recipe.optimizer == "sgd":
        options["momentum"] = recipe.momentum
    if recipe.weight_decay is not None:
        options["weight_decay"] = recipe.weight_decay
    if recipe.optimizer != "rmsprop":  # which torch has no fused step of
        options["fused"] = True
    return OPTIMIZERS[recipe.optimizer](trainable, lr=recipe.learning_rate, **options)


def schedule_for(
    optimizer: torch.optim.Optimizer, recipe: Recipe, num_steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """The recipe's schedule, which counts epochs if it is `decay`, else steps, of which there are
    so many in all."""
    if recipe.schedule == "one-cycle":
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=recipe.learning_rate,
            total_steps=num_steps,
            pct_start=WARM_UP,
            cycle_momentum=False,
        )
    return torch.optim.lr_scheduler.ExponentialLR(optimizer, recipe.learning_rate_decay)


def augments(recipe: Recipe) -> bool:
    """Whether the recipe changes the digits from one epoch to the next."""
    return any(getattr(recipe, change) for change in CHANGES)


def augmented(digits: Digits, recipe: Recipe, generator: torch.Generator) -> Digits:
    """Training digits, changed as the recipe says."""
    images = digits.images
    if recipe.crop_padding:
        images = shifted(images, recipe.crop_padding, generator)
    if recipe.rotation:
        images = rotated(images, recipe.rotation, generator)
    if recipe.shift or recipe.scale or recipe.shear:
        images = warped(
            images,
            shift=recipe.shift,
            scale=recipe.scale,
            shear=recipe.shear,
            generator=generator,
        )
    if recipe.colour:
        images = recoloured(images, recipe.colour, generator)
    if recipe.inversion:
        images = inverted(images, recipe.inversion, generator)
    if recipe.cutout:
        images = cut_out(images, recipe.cutout, generator)
    return Digits(images, digits.labels)


def fit(
    net: nn.Module,
    recipe: Recipe,
    train: Examples,
    validation: Examples,
    statistics: Statistics,
    *,
    seed: int,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    checkpoints: Checkpoints | None = None,
) -> list[Epoch]:
    """Trains `net` in place and gives the history, one entry an epoch. A recipe that augments takes
    Digits. Network, examples and statistics are on one device.

    `seed` gives the order of the digits, and from a generator of its own whatever else the recipe
    leaves to chance: other augmentation does not change the order. With `checkpoints` it goes on
    from what was kept last; the history, and `on_epoch`, have the epochs before that as well.
    Raises Diverged as soon as an epoch's loss is no number.
    """
    device = train.labels.device
    optimizer = optimizer_for(net, recipe)
    num_batches = math.ceil(len(train) / recipe.batch_size)
    schedule = schedule_for(optimizer, recipe, recipe.epochs * num_batches)
    order = torch.Generator().manual_seed(seed)
    chance = torch.Generator(device).manual_seed(seed + 2**32)  # seeds are smaller than that
    parts: dict[str, Stateful] = {"net": net, "optimizer": optimizer, "schedule": schedule}
    generators = {"order": order, "chance": chance}
    checkpoints = checkpoints or Checkpoints()
    history = [Epoch(**row) for row in checkpoints.restore(parts, generators)]
    for done in history:
        on_epoch(done)
    compute = torch.compile(net) if recipe.compile else net

    def step(batch: Examples) -> tuple[Tensor, Tensor]:
        """The batch's mean loss and number of hits before the step."""
        if augments(recipe):
            assert isinstance(batch, Digits)
            batch = augmented(batch, recipe, chance)
        with autocast(device, recipe.precision):
            logits = compute(*batch.inputs(statistics))
            loss = nn.functional.cross_entropy(
                logits.float(), batch.labels, label_smoothing=recipe.label_smoothing
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if recipe.schedule == "one-cycle":
            schedule.step()
        return loss.detach(), (logits.detach().argmax(1) == batch.labels).sum()

    for epoch in range(len(history) + 1, recipe.epochs + 1):
        started = time.perf_counter()
        net.train()
        fed = list(shuffled_batches(train, recipe.batch_size, order))
        results = [step(train.take(indices)) for indices in fed]
        losses = torch.stack([loss for loss, _ in results])  # (batches,)
        again = fed_again(losses, recipe, epoch, chance)
        more_losses = [step(train.take(fed[index]))[0] for index in again]
        seconds = time.perf_counter() - started
        all_losses = torch.stack([*losses, *more_losses])
        steps_before = history[-1].steps if history else 0
        if len(broken := (~all_losses.isfinite()).nonzero()):
            index = int(broken[0])
            raise Diverged(steps_before + index + 1, epoch, all_losses[index].item())
        num_steps = steps_before + len(all_losses)
        validation_logits = predict(net, validation, statistics, precision=recipe.precision)
        validation_loss = nn.functional.cross_entropy(validation_logits, validation.labels).item()
        if not math.isfinite(validation_loss):  # the epoch's last step has broken the weights
            raise Diverged(num_steps, epoch, validation_loss)
        sizes = torch.tensor([len(indices) for indices in fed], device=device)
        history.append(
            Epoch(
                epoch=epoch,
                steps=num_steps,
                learning_rate=optimizer.param_groups[0]["lr"],
                train_loss=(losses * sizes).sum().item() / len(train),
                train_accuracy=torch.stack([hits for _, hits in results]).sum().item() / len(train),
                validation_loss=validation_loss,
                validation_accuracy=accuracy(validation_logits, validation.labels),
                seconds=seconds,
            )
        )
        if recipe.schedule == "decay":
            schedule.step()
        checkpoints.save(
            parts, generators, [asdict(done) for done in history], at_end=epoch == recipe.epochs
        )
        on_epoch(history[-1])
    return history


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """The fraction of rows of `logits` (N, classes) whose largest entry is at `labels` (N,)."""
    return (logits.argmax(1) == labels).double().mean().item()
