"""Trains one network on digits in memory, read top to bottom: shuffle, batch, augment, forward,
backward, step; some batches again, if asked; then one look at the validation digits. The last
epoch's weights are the result."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn

from svhn_lab.data.augmentation import augmented, augments
from svhn_lab.data.batches import Digits, Examples, Statistics, batches, shuffled_batches
from svhn_lab.recipes import Recipe
from svhn_lab.training.checkpoints import Checkpoints, Stateful
from svhn_lab.training.device import CPU
from svhn_lab.training.mining import fed_again
from svhn_lab.training.optimizers import optimizer_for, schedule_for

EVALUATION_BATCH = 128  # larger ones leave the processor's cache and are slower


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


def computed_in(precision: str, device: torch.device = CPU) -> str:
    """The name of the type that networks compute in."""
    return str(autocast_dtype(precision, device) or torch.float32).removeprefix("torch.")


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


def seeds_apart(seed: int, number: int) -> list[int]:
    """So many seeds that follow from this one, of random numbers that have nothing to do with each
    other, nor with those that begin at `seed` itself, as fresh weights do. They have 32 bits:
    torch's generator on a processor takes no notice of more."""
    seeds: list[int] = np.random.SeedSequence(seed).generate_state(number).tolist()
    return seeds


@contextmanager
def layers_draw_from(seed: int, device: torch.device) -> Iterator[torch.Generator]:
    """Within it, layers that leave something to chance draw from this seed on; gives the generator
    that torch has for them, which afterwards is as it was before."""
    on_gpu = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_gpu else ()):
        torch.manual_seed(seed)
        yield (
            torch.cuda.default_generators[device.index or 0] if on_gpu else torch.default_generator
        )


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
    teachers: Sequence[nn.Module] = (),
) -> list[Epoch]:
    """Trains `net` in place and gives the history, one entry an epoch. A recipe that augments takes
    Digits. Network, examples and statistics are on one device.

    `seed` gives the order of the digits, and from generators of their own whatever else the recipe
    and the layers leave to chance: other augmentation does not change the order. With `checkpoints`
    it goes on from what was kept last; the history, and `on_epoch`, have the epochs before that as
    well. With `teachers`, trained networks, the probabilities that one of them gives each
    training digit, changed as the recipe says, take the place of the label in the loss (Hinton et
    al., 2015, "Distilling the knowledge in a neural network"; of the same view: Beyer et al., 2022,
    "Knowledge distillation: a good teacher is patient and consistent"). They take turns, batch by
    batch: as cross entropy is linear in the probabilities, that comes to learning the mean of what
    all say, at the cost of one. Raises Diverged as soon as an epoch's loss is no number.
    """
    device = train.labels.device
    optimizer = optimizer_for(net, recipe)
    num_batches = math.ceil(len(train) / recipe.batch_size)
    schedule = schedule_for(optimizer, recipe, recipe.epochs * num_batches)
    of_order, of_chance, of_layers = seeds_apart(seed, 3)
    order = torch.Generator().manual_seed(of_order)
    chance = torch.Generator(device).manual_seed(of_chance)
    parts: dict[str, Stateful] = {"net": net, "optimizer": optimizer, "schedule": schedule}
    checkpoints = checkpoints or Checkpoints()
    compute = torch.compile(net) if recipe.compile else net

    def step(batch: Examples, number: int) -> tuple[Tensor, Tensor]:
        """The batch's mean loss and logits (N, classes) before the step, which has this number from
        the beginning on."""
        if augments(recipe):
            assert isinstance(batch, Digits)
            batch = augmented(batch, recipe, chance)
        with autocast(device, recipe.precision):
            inputs = batch.inputs(statistics)
            targets = batch.labels
            if teachers:
                targets = taught(teachers[number % len(teachers)], inputs)
            logits = compute(*inputs)
            loss = nn.functional.cross_entropy(
                logits.float(), targets, label_smoothing=recipe.label_smoothing
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if recipe.schedule == "one-cycle":
            schedule.step()
        return loss.detach(), logits.detach()

    with layers_draw_from(of_layers, device) as layers:
        generators = {"order": order, "chance": chance, "layers": layers}
        history = [Epoch(**row) for row in checkpoints.restore(parts, generators)]
        for done in history:
            on_epoch(done)
        for epoch in range(len(history) + 1, recipe.epochs + 1):
            started = time.perf_counter()
            net.train()
            fed = list(shuffled_batches(train, recipe.batch_size, order))
            steps_before = history[-1].steps if history else 0
            results = [
                step(train.take(indices), number)
                for number, indices in enumerate(fed, steps_before)
            ]
            losses = torch.stack([loss for loss, _ in results])  # (batches,)
            train_accuracy = accuracy(
                torch.cat([logits for _, logits in results]), train.labels[torch.cat(fed)]
            )
            again = fed_again(losses, recipe, epoch, chance)
            more_losses = [
                step(train.take(fed[index]), number)[0]
                for number, index in enumerate(again, steps_before + len(fed))
            ]
            seconds = time.perf_counter() - started
            all_losses = torch.stack([*losses, *more_losses])
            if len(broken := (~all_losses.isfinite()).nonzero()):
                index = int(broken[0])
                raise Diverged(steps_before + index + 1, epoch, all_losses[index].item())
            num_steps = steps_before + len(all_losses)
            validation_logits = predict(net, validation, statistics, precision=recipe.precision)
            validation_loss = nn.functional.cross_entropy(
                validation_logits, validation.labels
            ).item()
            if not math.isfinite(validation_loss):  # the epoch's last step has broken the weights
                raise Diverged(num_steps, epoch, validation_loss)
            sizes = torch.tensor([len(indices) for indices in fed], device=device)
            history.append(
                Epoch(
                    epoch=epoch,
                    steps=num_steps,
                    learning_rate=optimizer.param_groups[0]["lr"],
                    train_loss=(losses * sizes).sum().item() / len(train),
                    train_accuracy=train_accuracy,
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


def taught(teacher: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
    """The teacher's class probabilities (N, classes) float32 of what a network takes."""
    teacher.eval()
    with torch.no_grad():
        probabilities: Tensor = teacher(*inputs).float().softmax(1)
    return probabilities


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """The fraction of rows of `logits` (N, classes) whose largest entry is at `labels` (N,)."""
    return (logits.argmax(1) == labels).double().mean().item()
