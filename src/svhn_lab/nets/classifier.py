"""A network as others use it: raw pixels in, class probabilities out. Normalisation is part of the
module, so what serves cannot differ from what was trained; so is the temperature that calibrates
it."""

import torch
from torch import Tensor, nn

from svhn_lab.data.batches import Statistics, normalised


class Classifier(nn.Module):
    """(N, H, W, 3) uint8 -> (N, classes) float32 probabilities: softmax(logits / temperature)."""

    def __init__(self, net: nn.Module, statistics: Statistics, temperature: float) -> None:
        super().__init__()
        self.net = net
        self.statistics = statistics
        self.temperature = temperature
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.net(normalised(images, self.statistics))
        return torch.softmax(logits / self.temperature, dim=1)
