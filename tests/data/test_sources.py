"""sources.py: right files are read right; every kind of wrong file is named with a remedy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from svhn_lab.data.sources import (
    SourceUnavailable,
    folder,
    mat_file,
    official_md5,
    read_mat,
    rendered,
)
from svhn_lab.errors import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 20), dtype=np.uint8)
LABELS = (np.arange(20) % 10 + 1).reshape(-1, 1).astype(np.uint8)


def write(path: Path, **changes: Any) -> Path:
    """A Format 2 file, some variables of it changed or (None) left out."""
    content = {"X": PIXELS, "y": LABELS} | changes
    scipy.io.savemat(path, {name: value for name, value in content.items() if value is not None})
    return path


def test_images_lie_one_after_the_other_and_ten_is_zero(tmp_path: Path) -> None:
    images, labels = read_mat(write(tmp_path / "a.mat"))
    assert images.shape == (20, 32, 32, 3) and images.flags.c_contiguous
    np.testing.assert_array_equal(images[7], PIXELS[..., 7])
    assert labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0] * 2


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda p: p.write_bytes(write(p).read_bytes()[:30_000]), "cannot be read"),
    "empty": (lambda p: p.write_bytes(b""), "cannot be read"),
    "foreign": (lambda p: p.write_bytes(b"no MATLAB at all " * 100), "cannot be read"),
    "other variables": (lambda p: write(p, X=None, images=PIXELS), "holds no variable X"),
    "floats": (lambda p: write(p, X=PIXELS / 255), "X is float64 of shape"),
    "grey": (lambda p: write(p, X=PIXELS[:, :, 0]), r"of shape \(32, 32, 20\)"),
    "fewer labels": (lambda p: write(p, y=LABELS[:19]), "has 20 images and 19 labels"),
    "label 0": (lambda p: write(p, y=LABELS - 1), r"has the labels \[0\], but SVHN's .* 1\.\.10"),
    "label 11": (lambda p: write(p, y=LABELS + 1), r"has the labels \[11\]"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_file_is_named_with_what_is_wrong_and_what_to_do(kind: str, tmp_path: Path) -> None:
    make, expected = WRONG[kind]
    make(tmp_path / "train_32x32.mat")
    with pytest.raises(UserError, match=f"train_32x32.mat: .*{expected}.*; get the file again"):
        read_mat(tmp_path / "train_32x32.mat")


def test_a_folder_is_named_by_itself_and_its_sums_are_recorded(tmp_path: Path) -> None:
    place = tmp_path / "Bob's digits"
    place.mkdir()
    for split in ("train", "test"):
        write(place / mat_file(split))
    source = folder(place, ("train", "test"))
    assert (source.name, source.official) == ("folder-bob-s-digits", False)
    assert len(str(source.files["train_32x32.mat"]["md5"])) == 32
    assert len(source.read("test")[1]) == 20


def test_a_folder_that_is_not_there_or_lacks_a_file_cannot_be_had(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="nowhere does not exist"):
        folder(tmp_path / "nowhere", ("train", "test"))
    write(tmp_path / mat_file("train"))
    write(tmp_path / mat_file("test"))
    with pytest.raises(SourceUnavailable, match=r"lacks extra_32x32.mat; .*data.extra: false"):
        folder(tmp_path, ("train", "test", "extra"))


def test_the_official_sums_are_those_of_svhn() -> None:
    assert official_md5("train") == "e26dedcc434d2e4c54c9b2d4a06d8373"
    assert official_md5("test") == "eb5a983be6a315427106f1b164d9cef3"
    assert official_md5("extra") == "a93ce644f1a588dc4d68dda5feec44a7"


def test_rendered_digits_are_always_to_be_had_and_differ_by_split() -> None:
    source = rendered({"train": 30, "test": 20}, variety=1, seed=0)
    train, test = source.read("train"), source.read("test")
    assert (len(train[1]), len(test[1])) == (30, 20)
    assert not np.array_equal(train[0][:20], test[0])
