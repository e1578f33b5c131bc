"""Random changes to training digits, drawn for every image of a batch on its own, the whole batch
at once. What comes in from outside the image is black."""

import math

import torch
from torch import Tensor


def shifted(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Random crops of (N, H, W, 3) uint8 images with `padding` black pixels around them: each is
    moved by -padding..padding pixels down and across (torchvision's `RandomCrop`)."""
    num_images, height, width, _ = images.shape
    padded = torch.nn.functional.pad(images, (0, 0, padding, padding, padding, padding))
    top, left = torch.randint(
        2 * padding + 1, (2, num_images, 1), generator=generator, device=generator.device
    ).to(images.device)
    rows = top + torch.arange(height, device=images.device)  # (N, H)
    columns = left + torch.arange(width, device=images.device)  # (N, W)
    which = torch.arange(num_images, device=images.device)
    return padded[which[:, None, None], rows[:, :, None], columns[:, None, :]]


def rotated(images: Tensor, degrees: float, generator: torch.Generator) -> Tensor:
    """(N, H, W, 3) uint8 images, each turned about its centre by a random angle of -degrees to
    degrees, with bilinear interpolation (torchvision's `RandomRotation`)."""
    angles = torch.empty(len(images), device=generator.device)
    angles.uniform_(-degrees, degrees, generator=generator).mul_(math.pi / 180)
    cosine, sine = angles.cos(), angles.sin()
    zero = torch.zeros_like(cosine)
    turns = torch.stack(
        [torch.stack([cosine, -sine, zero], 1), torch.stack([sine, cosine, zero], 1)], 1
    ).to(images.device)  # (N, 2, 3)
    pixels = images.permute(0, 3, 1, 2).float()  # (N, 3, H, W)
    grid = torch.nn.functional.affine_grid(turns, list(pixels.shape), align_corners=False)
    turned = torch.nn.functional.grid_sample(pixels, grid, align_corners=False)
    return turned.round().to(torch.uint8).permute(0, 2, 3, 1)
