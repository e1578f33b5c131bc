"""augmentation.py: every image of a batch has a change of its own, black comes in from outside, and
the same generator gives the same changes."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from svhn_lab.data.augmentation import rotated, shifted


def random_images(number: int, side: int = 32) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(1, 256, (number, side, side, 3), dtype=torch.uint8, generator=generator)


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


@pytest.mark.parametrize("change", [lambda x, g: shifted(x, 4, g), lambda x, g: rotated(x, 15, g)])
def test_the_generator_decides_alone(
    change: Callable[[Tensor, torch.Generator], Tensor],
) -> None:
    images = random_images(6)
    first = change(images, generator(3))
    assert first.dtype == torch.uint8 and first.shape == images.shape
    assert torch.equal(first, change(images, generator(3)))
    assert not torch.equal(first, change(images, generator(4)))
