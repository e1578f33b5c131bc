"""What blocks are made of besides convolutions and norms."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["relu", "gelu", "silu"]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "gelu": nn.functional.gelu,
    "silu": nn.functional.silu,
}


class SqueezeExcitation(nn.Module):
    """Each channel is multiplied by a factor between 0 and 2 that follows from the means of all
    channels (Hu et al., 2017, "Squeeze-and-excitation networks", there between 0 and 1):
    (N, C, H, W) -> the same."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        fewer = max(1, channels // reduction)
        self.squeeze = nn.Linear(channels, fewer)
        self.excite = nn.Linear(fewer, channels)

    def forward(self, x: Tensor) -> Tensor:
        squeezed = torch.relu(self.squeeze(x.mean((2, 3))))
        factors: Tensor = 2 * torch.sigmoid(self.excite(squeezed))
        return x * factors[:, :, None, None]


class Positions(nn.Module):
    """A learned offset for each channel and place, as a grid of `side` x `side` that is stretched
    over the map, 0 at first: (N, C, H, W) -> the same. With it a network can prefer the digit in
    the middle to its neighbours at the edges, which convolutions alone cannot tell apart."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.grid = nn.Parameter(torch.zeros(1, channels, side, side))

    def forward(self, x: Tensor) -> Tensor:
        grid: Tensor = self.grid
        if grid.shape[2:] != x.shape[2:]:
            grid = nn.functional.interpolate(
                grid, x.shape[2:], mode="bilinear", align_corners=False
            )
        return x + grid.to(x.dtype)
