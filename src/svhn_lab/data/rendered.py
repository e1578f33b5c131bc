"""Draws street-number digit crops in SVHN's format, for machines on which SVHN cannot be loaded.

The rule it keeps: the same arguments give the same bytes, whichever `map` draws the chunks.
"""

from collections.abc import Callable, Iterable
from functools import cache
from math import ceil
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from svhn_lab.data.glyphs import BARE_ONE, FIELD_REACH, FONT_SHARES, atlas, sample
from svhn_lab.data.resampling import interpolation, rows_to_one

Float = NDArray[np.floating[Any]]  # float32 all through, but numpy's stubs widen it
Bool = NDArray[np.bool_]
Interval = tuple[float, float]

DIGITS = tuple("0123456789")  # what is drawn, by label
SIDE = 32  # pixels, SVHN's Format 2
CHUNK = 256  # images; a part of the seed of every image, so changing it changes every image

# Cropped digits in SVHN's training split, by digit 0..9.
SVHN_TRAIN_COUNTS = (4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659)

BLEND: Interval = (0.0, 0.6)  # of a second font in each number, between the fonts' shapes
BARE_ONE_SHARE = 0.15  # of the ones, drawn as a plain vertical bar, which no font here has

# Geometry. Lengths are in digit heights unless said otherwise.
HEIGHT: Interval = (0.48, 1.0)  # of the digit, in crop sides
STRETCH: Interval = (0.45, 1.15)  # width over the font's own
SHEAR: Interval = (-0.2, 0.3)
ROTATION_STD = 0.1  # radians
PERSPECTIVE_STD = 0.06
JITTER_STD = 0.045  # of the box, in crop sides
WEIGHT: Interval = (-0.03, 0.05)  # outward shift of the glyph's edge
WEIGHT_THINNEST = 0.5  # the least part of a font's stroke that a negative weight leaves
WOBBLE_STD = 0.03  # amplitude of a smooth warp, which stands for fonts not at hand
WOBBLE_FREQUENCY: Interval = (2, 8)  # radians per digit height
GAP: Interval = (0.03, 0.35)  # between neighbouring digits
ROW_SLOPE_STD = 0.08  # rise of the row of digits over its run
LEFT_SHARE, RIGHT_SHARE = 0.6, 0.6  # of digits with a neighbour on that side

# Colour, in 0..1 of full scale.
BACKGROUND: Interval = (0.08, 0.92)
CONTRAST: Interval = (0.17, 0.85)  # drawn log-uniformly
DARK_DIGIT_SHARE = 0.5
TINT_AXES = ((-0.5, 0.0, 0.8), (0.3, -0.3, 0.3))  # daylight's blue to orange, then red to green
TINT_STD = 0.03
VIVID_SHARE, VIVID_STD = 0.12, 0.15  # painted plates, brass digits
OUTLINE_SHARE, OUTLINE_WIDTH = 0.12, (0.02, 0.08)  # width in crop sides
SHADOW_SHARE, SHADOW_REACH, SHADOW_DEPTH = 0.3, 0.1, (0.1, 0.6)  # reach in crop sides
RELIEF_SHARE = 0.06  # outlines without a fill

# Background and light.
EDGES = 2  # of plates, frames and shadows, per image
EDGE_SHARE, EDGE_STD = 0.4, 0.2
EDGE_PLACE: Interval = (0.2, 0.55)  # crop sides from the centre: frames go round a number
EDGE_TILT_STD = 0.15  # radians from upright or level
LINE_SHARE, LINE_WIDTH = 0.3, 0.08  # of the edges that are lines, not steps; in crop sides
TEXTURE_STD: Interval = (0.0, 0.06)
LIGHT_STD = 0.12

# Camera.
BLUR: Interval = (0.3, 2.3)  # standard deviation in pixels, drawn log-uniformly
BLUR_LEVELS = 24
SOURCE_SIDE = (10, 40)  # pixels of the crop in the photo before it was resized
NOISE: Interval = (0.0, 0.03)
JPEG_STEP: Interval = (0.002, 0.06)  # quantisation step of the lowest frequency, log-uniform


def render(
    num_images: int,
    *,
    seed: int,
    split: str = "train",
    variety: float = 1.0,
    map: Callable[..., Iterable[Any]] = map,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, 32, 32, 3) uint8 and labels (N,) int64 in 0..9, in SVHN's class shares.

    `seed` and `split` together choose the images. The first images of a larger set are those of
    a smaller one. `variety` is by how much they differ: 1 gives lengths, angles, colours and noise
    the spreads above, which follow SVHN's; with less, a network learns them from fewer. (Chances,
    and what is drawn as a whole number, as blur is, stay as they are.)

    `map` is called once, with a picklable function and a list of tuples, so a process pool's `map`
    may stand in for the built-in one; it must keep the order.

    Raises ValueError if num_images is below 1, seed is negative or variety not in 0..1.
    """
    if num_images < 1:
        raise ValueError(f"num_images must be at least 1, not {num_images}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, not {seed}")
    if not 0 <= variety <= 1:
        raise ValueError(f"variety must be in 0..1, not {variety}")
    tasks = [(seed, split, variety, index) for index in range(ceil(num_images / CHUNK))]
    images, labels = zip(*map(render_chunk, tasks), strict=True)
    return np.concatenate(images)[:num_images], np.concatenate(labels)[:num_images]


def render_chunk(task: tuple[int, str, float, int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """One whole chunk, from (seed, split, variety, chunk index): images (CHUNK, 32, 32, 3) and
    labels."""
    seed, split, variety, index = task
    draws = _Draws(np.random.SeedSequence((seed, crc32(split.encode()), index)), variety)
    labels = draws.choice(SVHN_TRAIN_COUNTS)
    photos = _photograph(draws, _paint(draws, _row_of_digits(draws, labels)))  # (N, 3, 32, 32)
    images = np.rint(photos.clip(0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)), labels


class _Draws:
    """Random values for one chunk, (N, channels, 1, 1) float32 unless said otherwise. `variety`
    narrows `uniform` and `normal` ones about their middle; chances and choices stay."""

    def __init__(self, seed: np.random.SeedSequence, variety: float) -> None:
        self.rng = np.random.default_rng(seed)
        self.variety = variety

    def choice(self, weights: Iterable[float]) -> NDArray[np.int64]:
        """Indices (N,), each as often as its weight says."""
        shares = np.array(list(weights), np.float64)
        return self.rng.choice(len(shares), CHUNK, p=shares / shares.sum()).astype(np.int64)

    def chance(self, share: float) -> Bool:
        return self.rng.random((CHUNK, 1, 1, 1)) < share

    def uniform(self, interval: Interval) -> Float:
        low, high = interval
        cut = (1 - self.variety) * (high - low) / 2
        low, high = low + cut, max(low + cut, high - cut)  # rounded, they may have changed places
        return self.rng.uniform(low, high, (CHUNK, 1, 1, 1)).astype(np.float32)

    def log_uniform(self, interval: Interval) -> Float:
        low, high = interval
        return low * (high / low) ** self.uniform((0, 1))

    def normal(self, std: float, rows: int = 1, channels: int = 1) -> Float:
        """Squares (N, channels, rows, rows) of independent values."""
        shape = (CHUNK, channels, rows, rows)
        return self.rng.standard_normal(shape, np.float32) * np.float32(std * self.variety)

    def tint(self) -> Float:
        """Offsets (N, 3, 1, 1) from grey, mostly faint."""
        std = np.where(self.chance(VIVID_SHARE), np.float32(VIVID_STD), np.float32(TINT_STD))
        axes = np.array(TINT_AXES, np.float32)  # (2, 3)
        strength = self.normal(1, channels=2) * std
        return (axes.T @ strength[..., 0])[..., None]

    def smooth(self, std: float, cells: int) -> Float:
        """Noise (N, 1, 32, 32) that varies over a cells-th of the side."""
        enlarge = interpolation(SIDE, cells)
        return enlarge @ self.normal(std, cells) @ enlarge.T


def _row_of_digits(draws: _Draws, labels: NDArray[np.int64]) -> Float:
    """Distances (N, 1, 32, 32) in crop sides to the edge of the nearest ink, negative inside it."""
    fonts = [draws.choice(FONT_SHARES.values()) for _ in range(2)]
    bare, blend = draws.chance(BARE_ONE_SHARE).ravel(), draws.uniform(BLEND)
    height, stretch, gap = (draws.uniform(i) for i in (HEIGHT, STRETCH, GAP))
    weight, slope = draws.uniform(WEIGHT), draws.normal(ROW_SLOPE_STD)
    x, y = (place / height for place in _wall(draws))
    x, y = x + _wobble(draws, y), y + _wobble(draws, x)
    x = x + draws.uniform(SHEAR) * y

    def blended(part: Float, digits: NDArray[np.int64]) -> Float:
        """The digits' fields, widths or strokes (N, 1, ...), between those of the two fonts."""
        bar = bare & (digits == 1)
        first, second = (part[np.where(bar, BARE_ONE, 10 * font + digits)] for font in fonts)
        return first + blend * (second - first)

    nearest = np.full((CHUNK, 1, SIDE, SIDE), FIELD_REACH, np.float32)
    fields, widths, half_strokes = atlas()
    for side, share in ((0, 1.0), (-1, LEFT_SHARE), (1, RIGHT_SHARE)):
        digits = draws.choice(SVHN_TRAIN_COUNTS) if side else labels
        reach = (blended(widths, digits) + blended(widths, labels)) / 2
        shift = side * (stretch * reach + gap)
        distance = sample(blended(fields, digits), (x - shift) / stretch, y - shift * slope)
        thinnest = (WEIGHT_THINNEST - 1) * blended(half_strokes, digits)
        distance = distance - np.maximum(weight, thinnest)
        nearest = np.where(draws.chance(share), np.minimum(nearest, distance), nearest)
    return nearest * height


def _wall(draws: _Draws) -> tuple[Float, Float]:
    """Each pixel's place x, y (N, 1, 32, 32) on the wall, in crop sides from the digit's centre."""
    x, y = (centres + draws.normal(JITTER_STD) for centres in _pixels())
    angle = draws.normal(ROTATION_STD)
    depth = 1 + draws.normal(PERSPECTIVE_STD) * x + draws.normal(PERSPECTIVE_STD) * y
    right = x * np.cos(angle) - y * np.sin(angle)
    return right / depth, (x * np.sin(angle) + y * np.cos(angle)) / depth


def _wobble(draws: _Draws, across: Float) -> Float:
    wave = np.sin(draws.uniform(WOBBLE_FREQUENCY) * across + draws.uniform((0, 2 * np.pi)))
    return draws.normal(WOBBLE_STD) * wave


def _paint(draws: _Draws, distance: Float) -> Float:
    """Colours (N, 3, 32, 32) in 0..1 of digits with these distances, on a wall, in its light."""
    wall_level, contrast = draws.uniform(BACKGROUND), draws.log_uniform(CONTRAST)
    contrast = np.where(draws.chance(DARK_DIGIT_SHARE), -contrast, contrast)
    level = wall_level + contrast
    # A contrast that leaves the scale is kept by turning its sign.
    level = np.where((level < 0) | (level > 1), wall_level - contrast, level).clip(0, 1)
    cast = draws.tint()  # of the light, on everything
    wall, ink, rim = (part + cast + draws.tint() for part in (wall_level, level, 1 - level))

    coverage = _cover(distance)
    scene = (wall + _background(draws)) * (1 - _shadow(draws, coverage))
    outlined, relief = draws.chance(OUTLINE_SHARE), draws.chance(RELIEF_SHARE)
    # A border drawn in by a whole side covers nothing.
    border = np.where(outlined | relief, draws.uniform(OUTLINE_WIDTH), np.float32(-1))
    scene = scene + _cover(distance - border) * (np.where(relief, ink, rim) - scene)
    scene = scene + coverage * (np.where(relief, wall, ink) - scene)
    return scene * (1 + draws.smooth(LIGHT_STD, 3))


def _cover(distance: Float) -> Float:
    """The part of each pixel that lies inside an edge at this distance in crop sides."""
    return (0.5 - distance * SIDE).clip(0, 1)


def _shadow(draws: _Draws, coverage: Float) -> Float:
    """Darkening (N, 1, 32, 32) by a copy of the digits, moved by whole pixels."""
    reach = round(SHADOW_REACH * SIDE)
    moves = draws.rng.integers(-reach, reach + 1, (2, CHUNK, 1))
    rows, columns = (np.arange(SIDE) - moves).clip(0, SIDE - 1)  # (N, 32) each
    image = np.arange(CHUNK)[:, None, None]
    moved = coverage[image, 0, rows[:, :, None], columns[:, None, :]][:, None]
    depth = draws.uniform(SHADOW_DEPTH) * draws.chance(SHADOW_SHARE)
    darkening: Float = moved * depth
    return darkening


def _background(draws: _Draws) -> Float:
    """What is added to the wall's colour (N, 3, 32, 32): steps, lines and texture."""
    x, y = _pixels()
    added = (draws.smooth(1, 4) + draws.smooth(1, 12)) * draws.uniform(TEXTURE_STD)
    for _ in range(EDGES):
        quarter = draws.rng.integers(0, 4, (CHUNK, 1, 1, 1)).astype(np.float32)
        angle = quarter * np.float32(np.pi / 2) + draws.normal(EDGE_TILT_STD)
        beyond = x * np.cos(angle) + y * np.sin(angle) - draws.uniform(EDGE_PLACE)
        line = np.abs(beyond) - np.float32(LINE_WIDTH / 2)
        colour = (draws.normal(EDGE_STD) + draws.tint()) * draws.chance(EDGE_SHARE)
        added = added + colour * _cover(np.where(draws.chance(LINE_SHARE), line, -beyond))
    return added


def _photograph(draws: _Draws, scene: Float) -> Float:
    """The scene (N, 3, 32, 32) blurred, noisy, compressed, and resized from its source side."""
    blurs, resizes = _blurs(), _resizes()
    # The blur differs a little between the directions, as it does when the camera moves.
    level = draws.rng.integers(0, len(blurs), CHUNK) + draws.rng.integers(-2, 3, (2, CHUNK))
    rows, columns = blurs[level.clip(0, len(blurs) - 1)][:, :, None]  # (N, 1, 32, 32) each
    photo = rows @ scene @ columns.swapaxes(-1, -2)
    photo = photo + draws.normal(1, SIDE, 3) * draws.uniform(NOISE)
    photo = _compress(photo, draws.log_uniform(JPEG_STEP))
    source = draws.rng.integers(SOURCE_SIDE[0], SOURCE_SIDE[1] + 1, CHUNK)
    resize = resizes[source.clip(max=SIDE) - SOURCE_SIDE[0], None]
    return resize @ photo @ resize.swapaxes(-1, -2)


def _compress(photo: Float, step: Float) -> Float:
    """JPEG's artefacts: rounds the cosine transforms of 8 x 8 blocks, more in high frequencies."""
    block = fft.dct(np.eye(8), axis=0, norm="ortho")
    transform = np.kron(np.eye(SIDE // 8), block).astype(np.float32)
    frequency = (np.arange(SIDE) % 8).astype(np.float32)
    steps = step * (1 + frequency[:, None] + frequency)
    rounded = np.rint(transform @ photo @ transform.T / steps) * steps
    restored: Float = transform.T @ rounded @ transform
    return restored


@cache
def _blurs() -> Float:
    """Gaussian blurs of one axis (B, 32, 32), over the standard deviations of BLUR."""
    offset = np.arange(SIDE)[:, None] - np.arange(SIDE)
    stds = np.geomspace(*BLUR, BLUR_LEVELS)[:, None, None]
    return rows_to_one(np.exp(-((offset / stds) ** 2) / 2))


@cache
def _resizes() -> Float:
    """Reductions of one axis to s pixels and back (S, 32, 32), for s in SOURCE_SIDE up to 32."""
    sides = range(SOURCE_SIDE[0], SIDE + 1)
    return np.stack([interpolation(SIDE, s) @ interpolation(s, SIDE) for s in sides])


@cache
def _pixels() -> tuple[Float, Float]:
    """Pixel centres x (1, 1, 1, 32) and y (1, 1, 32, 1), in crop sides from the crop's centre."""
    centres = ((np.arange(SIDE) + 0.5) / SIDE - 0.5).astype(np.float32)
    return centres[None, None, None, :], centres[None, None, :, None]
