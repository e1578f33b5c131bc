"""augmentation.py: every image of a batch has a change of its own, within its limits, and the same
generator gives the same changes."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recipes import recipe
from torch import Tensor

from svhn_lab.data.augmentation import (
    augmented,
    blurred,
    cut_out,
    inverted,
    recoloured,
    rotated,
    shifted,
    warped,
    with_noise,
)
from svhn_lab.data.batches import Digits


def random_images(number: int, side: int = 32) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(1, 256, (number, side, side, 3), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize(
    ("change", "directly"),
    [
        ({"crop_padding": 3}, lambda images, g: shifted(images, 3, g)),
        ({"rotation": 20}, lambda images, g: rotated(images, 20, g)),
        (
            {"shift": 3, "scale": 0.2, "shear": 15},
            lambda images, g: warped(images, shift=3, scale=0.2, shear=15, generator=g),
        ),
        ({"shear": 15}, lambda i, g: warped(i, shift=0, scale=0, shear=15, generator=g)),
        ({"colour": 0.7}, lambda images, g: recoloured(images, 0.7, g)),
        ({"inversion": 0.5}, lambda images, g: inverted(images, 0.5, g)),
        ({"cutout": 8}, lambda images, g: cut_out(images, 8, g)),
        ({"blur": 2}, lambda images, g: blurred(images, 2, g)),
        ({"noise": 0.1}, lambda images, g: with_noise(images, 0.1, g)),
    ],
    ids=lambda value: " and ".join(value) if isinstance(value, dict) else "directly",
)
def test_each_setting_asks_for_its_own_change(
    change: dict[str, float], directly: Callable[[Tensor, torch.Generator], Tensor]
) -> None:
    digits = Digits(random_images(16), torch.arange(16))
    found = augmented(digits, recipe(**change), generator(5))
    assert torch.equal(found.images, directly(digits.images, generator(5)))
    assert not torch.equal(found.images, digits.images)
    assert torch.equal(found.labels, digits.labels)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(padding=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_each_image_is_moved_by_whole_pixels_within_the_padding(padding: int, seed: int) -> None:
    images = random_images(8, side=12)
    for before, after in zip(images, shifted(images, padding, generator(seed)), strict=True):
        padded = torch.zeros(12 + 2 * padding, 12 + 2 * padding, 3, dtype=torch.uint8)
        padded[padding:-padding, padding:-padding] = before
        windows = [
            padded[top : top + 12, left : left + 12]
            for top in range(2 * padding + 1)
            for left in range(2 * padding + 1)
        ]
        assert sum(torch.equal(after, window) for window in windows) == 1


def test_all_shifts_occur_and_images_move_independently() -> None:
    white = torch.full((2000, 8, 8, 3), 255, dtype=torch.uint8)
    moved = shifted(white, 2, generator())
    rows = moved[:, :, 4, 0].eq(0).sum(1) * torch.where(moved[:, 0, 4, 0] == 0, 1, -1)
    columns = moved[:, 4, :, 0].eq(0).sum(1) * torch.where(moved[:, 4, 0, 0] == 0, 1, -1)
    counts = torch.zeros(5, 5)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        counts[row + 2, column + 2] += 1
    assert counts.min() > 40  # of 80 expected


def test_rotation_turns_within_the_angle_and_keeps_the_centre() -> None:
    images = torch.zeros(200, 33, 33, 3, dtype=torch.uint8)
    images[:, 16, 16:, :] = 255  # a ray from the centre to the right
    turned = rotated(images, 30, generator())[..., 0].float()
    rows = torch.arange(33) - 16.0
    heights = (turned[:, :, 28] * rows).sum(1) / turned[:, :, 28].sum(1)  # at 12 pixels
    angles = torch.rad2deg(torch.atan2(heights, torch.tensor(12.0)))
    assert angles.abs().max() < 31
    assert angles.min() < -25 and angles.max() > 25 and angles.std() > 10
    assert (turned[:, 16, 16] > 120).all()


def test_corners_that_turn_in_from_outside_are_black() -> None:
    white = torch.full((1, 32, 32, 3), 255, dtype=torch.uint8)
    turned = rotated(white, 45, generator(1))
    assert turned[0, 16, 16, 0] == 255 and turned[0, 0, 0].max() == 0


def test_nothing_turned_is_nothing_changed() -> None:
    images = random_images(4)
    assert torch.equal(rotated(images, 0, generator()), images)


def spot(row: int, column: int, number: int = 400) -> Tensor:
    """Black images with one white pixel, far from the edges."""
    images = torch.zeros(number, 33, 33, 3, dtype=torch.uint8)
    images[:, row, column] = 255
    return images


def where(images: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of each image's centre of brightness, counted from the middle."""
    weights = images[..., 0].double()
    places = torch.arange(images.shape[1]).double() - images.shape[1] // 2
    total = weights.sum((1, 2))
    rows = (weights.sum(2) * places).sum(1) / total
    columns = (weights.sum(1) * places).sum(1) / total
    return rows, columns


def spread(values: Tensor, limit: float) -> bool:
    """Whether the values go nearly up to the limit, either way, and not beyond (but for what
    interpolation blurs)."""
    lowest, highest = float(values.min()), float(values.max())
    within = max(-lowest, highest) < limit * 1.02 + 0.15
    return within and lowest < -0.85 * limit and highest > 0.85 * limit


def test_a_warp_shifts_down_and_across_each_on_its_own() -> None:
    rows, columns = where(warped(spot(16, 16), shift=3, scale=0, shear=0, generator=generator()))
    assert spread(rows, 3) and spread(columns, 3)
    assert abs(torch.corrcoef(torch.stack([rows, columns]))[0, 1]) < 0.2


def test_a_warp_resizes_about_the_centre_and_alike_down_and_across() -> None:
    rows, columns = where(warped(spot(24, 24), shift=0, scale=0.25, shear=0, generator=generator()))
    assert spread(rows - 8, 2) and torch.allclose(rows, columns, atol=0.01)


def test_a_warp_slants_rows_and_keeps_their_height() -> None:
    rows, columns = where(warped(spot(24, 16), shift=0, scale=0, shear=20, generator=generator()))
    assert torch.allclose(rows, torch.full_like(rows, 8), atol=0.01)
    assert spread(columns, 8 * math.tan(math.radians(20)))


def test_what_a_warp_brings_in_are_the_outermost_pixels() -> None:
    grey = torch.full((20, 16, 16, 3), 77, dtype=torch.uint8)
    moved = warped(grey, shift=5, scale=0.3, shear=30, generator=generator())
    assert torch.equal(moved, grey)


def test_colours_change_within_the_strength_and_each_channel_on_its_own() -> None:
    grey = torch.full((500, 4, 4, 3), 128, dtype=torch.uint8)
    offsets = (recoloured(grey, 0.4, generator()).float() - 128)[:, 0, 0]  # (500, 3)
    assert all(spread(offsets[:, channel], 25.5) for channel in range(3))
    assert torch.corrcoef(offsets.T).fill_diagonal_(0).abs().max() < 0.2
    striped = grey.clone()
    striped[:, ::2] = 108
    changed = recoloured(striped, 0.4, generator()).float()
    contrasts = (changed[:, 1, 0, 0] - changed[:, 0, 0, 0]) / 20
    assert spread(contrasts - 1, 0.4)


def test_bright_and_dark_end_at_the_range_and_do_not_wrap_around() -> None:
    images = torch.tensor([0, 255], dtype=torch.uint8)[:, None, None, None].expand(2, 8, 8, 3)
    for seed in range(20):
        dark, bright = recoloured(images, 1.0, generator(seed))
        assert dark.max() <= 64 and bright.min() >= 191


@given(probability=st.sampled_from([0.0, 0.3, 1.0]), seed=st.integers(0, 2**32 - 1))
def test_an_image_is_itself_or_its_negative(probability: float, seed: int) -> None:
    images = random_images(200, side=4)
    changed = inverted(images, probability, generator(seed))
    negative = (changed == 255 - images).all((1, 2, 3))
    same = (changed == images).all((1, 2, 3))
    assert (negative ^ same).all()
    assert abs(negative.double().mean() - probability) < 0.17  # five deviations


@given(side=st.integers(1, 12), seed=st.integers(0, 2**32 - 1))
def test_a_square_of_the_mean_is_cut_out_and_nothing_else_changes(side: int, seed: int) -> None:
    images = torch.full((6, 12, 12, 3), 10, dtype=torch.uint8)
    images[:, 0] = 130  # so that the mean, 20, is nowhere
    changed = cut_out(images, side, generator(seed))
    for before, after in zip(images, changed, strict=True):
        square = (after == 20).all(2)
        assert torch.equal(after[~square], before[~square])
        rows, columns = square.any(1), square.any(0)
        assert torch.equal(square, rows[:, None] & columns[None])
        for inside in (rows, columns):
            assert 1 <= inside.sum() <= side  # less where it hangs over an edge
            assert inside.nonzero().flatten().diff().eq(1).all()


def test_a_blur_spreads_alike_down_and_across_up_to_its_deviation() -> None:
    images = spot(16, 16)
    images[:] = images // 255 * 200 + 50  # so that what is far from the spot is not rounded to it
    light = blurred(images, 2, generator())[..., 0].double() - 50
    places = torch.arange(33).double() - 16
    rows, columns = (light.sum(axis) for axis in (2, 1))  # (N, 33)
    assert torch.equal(rows, columns)
    peaks = light[:, 16, 16]
    widest = 200 / (2 * math.pi * 2**2)  # of a Gaussian of 2 pixels
    assert widest - 1 < peaks.min() < 1.4 * widest and peaks.max() > 199
    assert (rows * places).sum(1).abs().max() < 1, "and stays where it is"


def test_what_is_of_one_colour_is_not_changed_by_a_blur_up_to_its_edges() -> None:
    grey = torch.full((20, 16, 12, 3), 77, dtype=torch.uint8)
    assert torch.equal(blurred(grey, 5, generator()), grey)


def test_noise_is_of_each_value_its_own_and_each_image_has_a_deviation_up_to_the_limit() -> None:
    grey = torch.full((300, 16, 16, 3), 128, dtype=torch.uint8)
    added = with_noise(grey, 0.1, generator()).double() - 128
    deviations = added.std((1, 2, 3))
    assert deviations.min() < 1 and 24 < deviations.max() < 27
    assert abs(deviations.mean() - 12.75) < 1.5
    assert torch.corrcoef(added.reshape(-1, 3).T).fill_diagonal_(0).abs().max() < 0.02


def test_noise_ends_at_the_range_and_does_not_wrap_around() -> None:
    dark, bright = with_noise(
        torch.tensor([[0], [255]], dtype=torch.uint8)[:, None, None].expand(2, 8, 8, 3),
        0.2,
        generator(),
    )
    assert dark.max() < 200 and bright.min() > 55


@pytest.mark.parametrize(
    "change",
    [
        lambda x, g: shifted(x, 4, g),
        lambda x, g: rotated(x, 15, g),
        lambda x, g: warped(x, shift=2, scale=0.1, shear=10, generator=g),
        lambda x, g: recoloured(x, 0.5, g),
        lambda x, g: inverted(x, 0.5, g),
        lambda x, g: cut_out(x, 8, g),
        lambda x, g: blurred(x, 1.5, g),
        lambda x, g: with_noise(x, 0.1, g),
    ],
)
def test_the_generator_decides_alone(
    change: Callable[[Tensor, torch.Generator], Tensor],
) -> None:
    images = random_images(6)
    first = change(images, generator(3))
    assert first.dtype == torch.uint8 and first.shape == images.shape
    assert torch.equal(first, change(images, generator(3)))
    assert not torch.equal(first, change(images, generator(4)))
