"""The shapes of digits in many fonts, as signed distance fields: from a field any stroke weight,
any outline and any shape between two fonts can be had without drawing again."""

from functools import cache
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from svhn_lab.data.resampling import interpolation

Float = NDArray[np.floating[Any]]  # float32 all through, but numpy's stubs widen it
Bool = NDArray[np.bool_]

# Fonts that come with matplotlib, and how often each is drawn; None is Pillow's own (Aileron).
FONT_SHARES: dict[str | None, float] = {
    None: 5.0,
    "DejaVuSans": 2.0,
    "DejaVuSans-Bold": 2.0,
    "DejaVuSans-Oblique": 0.5,
    "DejaVuSans-BoldOblique": 0.5,
    "DejaVuSansMono-Bold": 0.5,
    "DejaVuSerif": 1.0,
    "DejaVuSerif-Bold": 1.0,
    "DejaVuSerif-Italic": 0.5,
    "STIXGeneral": 1.5,
    "STIXGeneralBol": 2.0,
    "STIXGeneralItalic": 0.5,
    "STIXGeneralBolIta": 1.0,
    "cmb10": 1.0,
    "cmss10": 2.0,
    "cmtt10": 0.5,
}

# The atlas: each glyph as a signed distance field in units of the glyph's height, negative inside.
GLYPH_PIXELS = 128  # height at which a glyph is drawn before its distances are taken
FIELD_SIDE = 64  # pixels of a stored field
FIELD_REACH = 0.75  # a field covers [-FIELD_REACH, FIELD_REACH] glyph heights both ways

BARE_ONE = 10 * len(FONT_SHARES)  # the last glyph of the atlas


@cache
def atlas() -> tuple[Float, Float, Float]:
    """Fields (G, 1, FIELD_SIDE, FIELD_SIDE), widths and half strokes (G, 1, 1, 1).

    Glyph 10 font + digit is that font's digit, glyph BARE_ONE a bar.
    """
    glyphs = [_glyph(font, digit) for font in FONT_SHARES for digit in range(10)]
    bar = np.ones((GLYPH_PIXELS, GLYPH_PIXELS // 7), np.bool_)
    fields, widths, strokes = zip(*(_field(glyph) for glyph in [*glyphs, bar]), strict=True)
    sizes = np.array([widths, strokes], np.float32).reshape(2, -1, 1, 1, 1)
    return np.stack(fields)[:, None], sizes[0], sizes[1]


def _glyph(font: str | None, digit: int) -> Bool:
    """The digit's mask, cropped to its ink and GLYPH_PIXELS high."""
    size = 1.4 * GLYPH_PIXELS  # figures are about 0.7 of a font's size
    folder = f"{matplotlib.get_data_path()}/fonts/ttf"
    own = f"{folder}/{font}.ttf"
    face = ImageFont.truetype(own, size) if font else ImageFont.load_default(size)
    canvas = Image.new("L", (3 * GLYPH_PIXELS, 3 * GLYPH_PIXELS))
    ImageDraw.Draw(canvas).text((GLYPH_PIXELS, GLYPH_PIXELS), str(digit), fill=255, font=face)
    ink = canvas.crop(canvas.getbbox())
    width = round(ink.width * GLYPH_PIXELS / ink.height)
    return np.asarray(ink.resize((width, GLYPH_PIXELS))) > 127


def _field(glyph: Bool) -> tuple[Float, float, float]:
    """The glyph's distance field, its width and half its stroke's width."""
    side = round(2 * FIELD_REACH * GLYPH_PIXELS)
    height, width = glyph.shape
    top, left = (side - height) // 2, (side - width) // 2
    mask = np.pad(glyph, ((top, side - height - top), (left, side - width - left)))
    distance = ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask)
    distance = np.asarray(distance / height, np.float32)
    reduce = interpolation(FIELD_SIDE, side)
    return reduce @ distance @ reduce.T, width / height, float(-np.percentile(distance[mask], 10))


def sample(fields: Float, x: Float, y: Float) -> Float:
    """Bilinear values of fields[n] at x[n], y[n], in glyph heights from the centre."""
    column, row = (
        ((place / (2 * FIELD_REACH) + 0.5) * FIELD_SIDE - 0.5).clip(0, FIELD_SIDE - 1.001)
        for place in (x, y)
    )
    left, top = column.astype(np.int32), row.astype(np.int32)
    right_part, low_part = column - left, row - top
    start = np.arange(len(fields), dtype=np.int32)[:, None, None, None] * FIELD_SIDE**2
    corner = start + top * FIELD_SIDE + left
    upper, lower = (
        fields.take(first) * (1 - right_part) + fields.take(first + 1) * right_part
        for first in (corner, corner + FIELD_SIDE)
    )
    return upper * (1 - low_part) + lower * low_part
