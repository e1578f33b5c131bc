"""Trains one network on digits in memory, read top to bottom: shuffle, batch, forward, backward,
step; then one look at the validation digits. The last epoch's weights are the result."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from svhn_lab.data.batches import Digits, Statistics, batches, normalised, shuffled_batches
from svhn_lab.params import Recipe

EVALUATION_BATCH = 128  # larger ones leave the processor's cache and are slower

OPTIMIZERS = {"adam": torch.optim.Adam}


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
    epoch's batches, in training mode; losses are nats per digit, accuracies fractions."""

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float  # of training alone, validation excluded


def autocast_dtype(precision: str) -> torch.dtype | None:
    """The type to compute in: None means float32 throughout. `auto` takes bfloat16 where the
    processor multiplies in it."""
    if precision == "auto":
        capable = torch.cpu.get_capabilities()
        fast = capable.get("avx512_bf16") or capable.get("amx_bf16") or capable.get("bf16")
        precision = "bfloat16" if fast else "float32"
    return torch.bfloat16 if precision == "bfloat16" else None


def predict(net: nn.Module, digits: Digits, statistics: Statistics, *, precision: str) -> Tensor:
    """Logits (N, classes) float32 of all digits, in their order, in eval mode."""
    dtype = autocast_dtype(precision)
    training = net.training
    net.eval()
    with (
        torch.inference_mode(),
        torch.autocast(digits.images.device.type, dtype=dtype, enabled=dtype is not None),
    ):
        logits = [
            net(normalised(batch.images, statistics)).float()
            for batch in batches(digits, EVALUATION_BATCH)
        ]
    net.train(training)
    return torch.cat(logits)


def fit(
    net: nn.Module,
    recipe: Recipe,
    train: Digits,
    validation: Digits,
    statistics: Statistics,
    *,
    seed: int,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> list[Epoch]:
    """Trains `net` in place and gives the history, one entry an epoch.

    `seed` gives the order of the digits and nothing else. Raises Diverged as soon as an epoch's
    loss is no number.
    """
    device = train.images.device
    dtype = autocast_dtype(recipe.precision)
    trainable = [parameter for parameter in net.parameters() if parameter.requires_grad]
    optimizer = OPTIMIZERS[recipe.optimizer](trainable, lr=recipe.learning_rate)
    order = torch.Generator().manual_seed(seed)
    num_steps = math.ceil(len(train) / recipe.batch_size)
    history = []
    for epoch in range(1, recipe.epochs + 1):
        started = time.perf_counter()
        losses = torch.zeros(num_steps, device=device)
        hits = torch.zeros((), dtype=torch.int64, device=device)
        net.train()
        for step, batch in enumerate(shuffled_batches(train, recipe.batch_size, order)):
            with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
                logits = net(normalised(batch.images, statistics))
                loss = nn.functional.cross_entropy(logits.float(), batch.labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses[step] = loss.detach() * len(batch)
            hits += (logits.detach().argmax(1) == batch.labels).sum()
        seconds = time.perf_counter() - started
        if len(broken := (~losses.isfinite()).nonzero()):
            step = int(broken[0])
            raise Diverged((epoch - 1) * num_steps + step + 1, epoch, losses[step].item())
        validation_logits = predict(net, validation, statistics, precision=recipe.precision)
        validation_loss = nn.functional.cross_entropy(validation_logits, validation.labels).item()
        if not math.isfinite(validation_loss):  # the epoch's last step has broken the weights
            raise Diverged(epoch * num_steps, epoch, validation_loss)
        history.append(
            Epoch(
                epoch=epoch,
                learning_rate=optimizer.param_groups[0]["lr"],
                train_loss=losses.sum().item() / len(train),
                train_accuracy=hits.item() / len(train),
                validation_loss=validation_loss,
                validation_accuracy=accuracy(validation_logits, validation.labels),
                seconds=seconds,
            )
        )
        on_epoch(history[-1])
    return history


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """The fraction of rows of `logits` (N, classes) whose largest entry is at `labels` (N,)."""
    return (logits.argmax(1) == labels).double().mean().item()
