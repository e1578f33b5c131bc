"""Brings images to the size that the lab works at."""

import numpy as np
from PIL import Image

from svhn_lab.data.batches import Images


def squared(image: Images) -> Images:
    """(H, W, 3) -> (S, S, 3), S the longer side: the outermost pixels are repeated on either side,
    as a digit that is stretched is another one."""
    height, width, _ = image.shape
    side = max(height, width)
    above, left = (side - height) // 2, (side - width) // 2
    margins = ((above, side - height - above), (left, side - width - left), (0, 0))
    return np.pad(image, margins, mode="edge")


def resized(images: Images, size: int) -> Images:
    """(N, H, W, 3) -> (N, size, size, 3), made square first, averaging where it reduces; those that
    have the size already are given as they are."""
    if images.shape[1:3] == (size, size):
        return images
    result = np.empty((len(images), size, size, 3), dtype=np.uint8)
    for index, image in enumerate(images):
        small = Image.fromarray(squared(image)).resize((size, size), Image.Resampling.BILINEAR)
        result[index] = np.asarray(small)
    return result
