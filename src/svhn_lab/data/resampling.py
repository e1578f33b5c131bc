"""Linear resizing of one image axis as a matrix, so that whole batches are resized by a product."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.floating[Any]]  # float32 all through, but numpy's stubs widen it


@cache
def interpolation(size: int, source: int) -> Float:
    """The linear resizing (size, source) of an axis, averaging where it reduces."""
    centres = (np.arange(size) + 0.5) * source / size - 0.5
    offset = (centres[:, None] - np.arange(source)) / max(1, source / size)
    return rows_to_one((1 - np.abs(offset)).clip(0))


def rows_to_one(weights: NDArray[np.float64]) -> Float:
    """The same weights, each row scaled to a sum of 1."""
    normalised: Float = (weights / weights.sum(-1, keepdims=True)).astype(np.float32)
    return normalised
