"""Random changes to training digits, drawn for every image of a batch on its own, the whole batch
at once. None makes another digit of a digit, as a flip would."""

import math

import torch
from torch import Tensor

from svhn_lab.data.batches import Digits
from svhn_lab.recipes import Recipe

# What changes digits at random, when it is not 0.
CHANGES = (
    *("crop_padding", "rotation"),
    *("shift", "scale", "shear", "colour", "inversion", "cutout"),
    *("blur", "noise"),
)


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
    # Last, as in a camera: it blurs and disturbs whatever is before it.
    if recipe.blur:
        images = blurred(images, recipe.blur, generator)
    if recipe.noise:
        images = with_noise(images, recipe.noise, generator)
    return Digits(images, digits.labels)


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
    degrees, with bilinear interpolation and black around it (torchvision's `RandomRotation`)."""
    angles = _uniform(len(images), degrees * math.pi / 180, generator)
    cosine, sine = angles.cos(), angles.sin()
    return _resampled(images, [cosine, -sine, sine, cosine], outside="zeros")


def warped(
    images: Tensor, *, shift: float, scale: float, shear: float, generator: torch.Generator
) -> Tensor:
    """(N, H, W, 3) uint8 images, each moved by up to `shift` pixels down and across, resized about
    its centre by a factor of 1 - scale to 1 + scale, and slanted by up to `shear` degrees, with
    bilinear interpolation in one go; the outermost pixels go on outside."""
    number, height, width, _ = images.shape
    factor = 1 / (1 + _uniform(number, scale, generator))
    slant = _uniform(number, shear * math.pi / 180, generator).tan()
    across = _uniform(number, 2 * shift / width, generator)
    down = _uniform(number, 2 * shift / height, generator)
    turns = [factor, factor * slant, torch.zeros_like(factor), factor]
    return _resampled(images, turns, offsets=(across, down), outside="border")


def recoloured(images: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """(N, H, W, 3) uint8 images; the contrast of each is changed by a factor of 1 - strength to
    1 + strength about its mean, then each of its channels is made brighter or darker by up to
    strength / 4 of the whole range."""
    number = len(images)
    contrast = 1 + _uniform(number, strength, generator).to(images.device)
    offsets = _uniform((number, 3), 255 * strength / 4, generator).to(images.device)
    pixels = images.float()
    mean = pixels.mean((1, 2, 3), keepdim=True)
    pixels = (pixels - mean) * contrast[:, None, None, None] + mean + offsets[:, None, None, :]
    return _to_uint8(pixels)


def inverted(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """(N, H, W, 3) uint8 images, each with this probability as its negative: house numbers are
    bright on dark or dark on bright."""
    chosen = torch.rand(len(images), generator=generator, device=generator.device) < probability
    return torch.where(chosen.to(images.device)[:, None, None, None], 255 - images, images)


def cut_out(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """(N, H, W, 3) uint8 images, a square of `side` pixels of each, centred anywhere in it, filled
    with the image's mean colour (DeVries and Taylor, 2017, "Cutout")."""
    number, height, width, _ = images.shape
    device = images.device

    def within(length: int) -> Tensor:  # (N, length)
        centre = torch.randint(
            length, (number, 1), generator=generator, device=generator.device
        ).to(device)
        places = torch.arange(length, device=device)
        return (places >= centre - side // 2) & (places < centre - side // 2 + side)

    square = within(height)[:, :, None, None] & within(width)[:, None, :, None]
    mean = _to_uint8(images.float().mean((1, 2), keepdim=True))
    return torch.where(square, mean, images)


def blurred(images: Tensor, blur: float, generator: torch.Generator) -> Tensor:
    """(N, H, W, 3) uint8 images, each blurred by a Gaussian with a standard deviation of up to
    `blur` pixels; what lies outside does not count."""
    number, height, width, _ = images.shape
    stds = _uniform(number, blur, generator).abs().to(images.device)

    def weights(length: int) -> Tensor:  # (N, length, length), of each place for each place
        places = torch.arange(length, device=images.device)
        distances = (places[:, None] - places) / stds.clamp(min=1e-3)[:, None, None]
        return (-distances.square() / 2).softmax(2)

    pixels = images.permute(0, 3, 1, 2).float()  # (N, 3, H, W)
    down, across = weights(height)[:, None], weights(width)[:, None].transpose(2, 3)
    return _to_uint8(down @ pixels @ across).permute(0, 2, 3, 1)


def with_noise(images: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """(N, H, W, 3) uint8 images, each with normal noise, of each value its own, with a standard
    deviation of up to `noise` of the whole range."""
    stds = 255 * _uniform((len(images), 1, 1, 1), noise, generator).abs()
    values = torch.empty(images.shape, device=generator.device).normal_(generator=generator)
    return _to_uint8(images + (stds * values).to(images.device))


def _uniform(shape: int | tuple[int, ...], limit: float, generator: torch.Generator) -> Tensor:
    """Values between -limit and limit, on the generator's device."""
    return torch.empty(shape, device=generator.device).uniform_(-limit, limit, generator=generator)


def _resampled(
    images: Tensor,
    turns: list[Tensor],
    *,
    outside: str,
    offsets: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Images (N, H, W, 3) whose pixel at (x, y), the centre at 0 and the edges at -1 and 1, is what
    was at (a x + b y + p, c x + d y + q); `turns` are a, b, c, d, `offsets` p, q, each (N,)."""
    a, b, c, d = turns
    p, q = offsets or (torch.zeros_like(a), torch.zeros_like(a))
    matrices = torch.stack([torch.stack([a, b, p], 1), torch.stack([c, d, q], 1)], 1)  # (N, 2, 3)
    pixels = images.permute(0, 3, 1, 2).float()  # (N, 3, H, W)
    grid = torch.nn.functional.affine_grid(
        matrices.to(images.device), list(pixels.shape), align_corners=False
    )
    moved = torch.nn.functional.grid_sample(pixels, grid, padding_mode=outside, align_corners=False)
    return _to_uint8(moved).permute(0, 2, 3, 1)


def _to_uint8(pixels: Tensor) -> Tensor:
    return pixels.round().clamp(0, 255).to(torch.uint8)
