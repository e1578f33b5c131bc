"""resizing.py: images come to the size that is asked for, and stay what they show."""

import numpy as np

from svhn_lab.data.resizing import resized


def test_images_of_the_size_are_given_as_they_are() -> None:
    images = np.zeros((2, 32, 32, 3), dtype=np.uint8)
    assert resized(images, 32) is images


def test_what_is_no_square_is_made_one_and_not_stretched() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 40, 21, 3), dtype=np.uint8)
    square = resized(images, 40)
    assert (square[:, :, 9:30] == images).all()
    assert (square[:, :, :9] == images[:, :, :1]).all()
    assert (square[:, :, 30:] == images[:, :, -1:]).all()


def test_halves_stay_halves_whatever_the_size() -> None:
    images = np.zeros((2, 40, 20, 3), dtype=np.uint8)
    images[:, :20] = 200
    for size in (8, 64):
        small = resized(images, size)
        assert small.shape == (2, size, size, 3) and small.dtype == np.uint8
        assert (small[:, : size // 4] == 200).all() and (small[:, -(size // 4) :] == 0).all()
