"""What this process computes on: the processor, or a GPU where `compute` gives each run one or a
share of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

from svhn_lab.errors import UserError
from svhn_lab.params import Compute

CPU = torch.device("cpu")
_DEVICE: ContextVar[torch.device] = ContextVar("device", default=CPU)


def device_of(compute: Compute) -> torch.device:
    """The device that `compute` asks for. Raises UserError if that is a GPU and there is none."""
    if not compute.gpus_per_run:
        return CPU
    if not torch.cuda.is_available():
        raise UserError(
            f"params.yaml: compute.gpus_per_run: is {compute.gpus_per_run}, but torch finds no GPU "
            "here; set it to 0"
        )
    return torch.device("cuda")


@contextmanager
def computing_on(device: torch.device) -> Iterator[None]:
    """Within it, runs are computed on the device."""
    token = _DEVICE.set(device)
    try:
        yield
    finally:
        _DEVICE.reset(token)


def device() -> torch.device:
    """What runs are computed on here."""
    return _DEVICE.get()
