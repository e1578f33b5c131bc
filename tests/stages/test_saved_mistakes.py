"""saved_mistakes.py: what is saved is read again, with its images."""

from pathlib import Path

import numpy as np
import pytest

from svhn_lab.errors import UserError
from svhn_lab.evidence.mistakes import most_confident
from svhn_lab.stages.saved_mistakes import MOST_SHOWN, read_mistakes, save_mistakes

NUMBER = MOST_SHOWN + 5
LABELS = np.arange(NUMBER) % 3
IMAGES = np.arange(NUMBER * 12, dtype=np.uint8).reshape(NUMBER, 2, 2, 3)


def test_what_is_saved_is_read_with_its_images(tmp_path: Path) -> None:
    file = tmp_path / "mistakes.npz"
    right = np.eye(3, dtype=np.float32)[LABELS]
    wrong = right.copy()
    wrong[[4, 7]] = [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]
    found = {"a": most_confident(wrong, LABELS), "right": most_confident(right, LABELS)}
    save_mistakes(file, found, IMAGES, LABELS)
    first, second = read_mistakes(file, "a", "evaluate")
    assert (first["image"] == IMAGES[7]).all() and (second["image"] == IMAGES[4]).all()
    assert (first["label"], first["taken_for"]) == (1, 2)
    assert (second["label"], second["taken_for"]) == (1, 0)
    assert first["confidence"] == pytest.approx(0.8)
    assert read_mistakes(file, "right", "evaluate") == []
    with pytest.raises(UserError, match=r"has nothing of 'b'; make it with `dvc repro evaluate`"):
        read_mistakes(file, "b", "evaluate")


def test_only_the_first_are_saved(tmp_path: Path) -> None:
    file = tmp_path / "mistakes.npz"
    all_wrong = most_confident(np.eye(3, dtype=np.float32)[(LABELS + 1) % 3], LABELS)
    assert len(all_wrong.images) == NUMBER
    save_mistakes(file, {"a": all_wrong}, IMAGES, LABELS)
    assert len(read_mistakes(file, "a", "evaluate")) == MOST_SHOWN
