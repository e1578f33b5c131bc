"""Brings images to the size that the lab works at."""

import numpy as np
from PIL import Image

from svhn_lab.data.batches import Images


def resized(images: Images, size: int) -> Images:
    """(N, H, W, 3) -> (N, size, size, 3), averaging where it reduces; those that have the size
    already are given as they are."""
    if images.shape[1:3] == (size, size):
        return images
    result = np.empty((len(images), size, size, 3), dtype=np.uint8)
    for index, image in enumerate(images):
        small = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR)
        result[index] = np.asarray(small)
    return result
