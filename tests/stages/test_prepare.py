"""prepare.py: the sheet shows every class in its row."""

import numpy as np

from svhn_lab.stages.prepare import PREVIEW_COLUMNS, preview


def test_the_sheet_has_a_row_for_each_class_and_stays_black_where_digits_are_few() -> None:
    labels = np.array([3] * 20 + [0], dtype=np.int64)
    images = np.full((21, 32, 32, 3), 10, dtype=np.uint8)
    images[-1] = 200
    sheet = np.asarray(preview(images, labels, 10))
    assert sheet.shape == (10 * 64, PREVIEW_COLUMNS * 64, 3)
    assert (sheet[3 * 64 : 4 * 64] == 10).all()
    assert (sheet[:64, :64] == 200).all()
    assert sheet[:64, 64:].max() == 0
    assert sheet[64 : 3 * 64].max() == 0 and sheet[4 * 64 :].max() == 0
