"""own.py: folders of class subfolders and .npz files are read right, and what is wrong is named."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from svhn_lab.data.own import class_folders, class_names, has_class_folders, npz
from svhn_lab.data.sources import Source, SourceUnavailable
from svhn_lab.errors import UserError

BOTH = ("train", "test")
RANDOM = np.random.default_rng(0)


def from_folders(path: Path, splits: tuple[str, ...] = BOTH, size: int = 8) -> Source:
    return class_folders(path, splits, image_size=size, test_fraction=0.25, seed=0)


def from_npz(path: Path, splits: tuple[str, ...] = BOTH) -> Source:
    return npz(path, splits, test_fraction=0.25, seed=0)


def write_classes(place: Path, number: int = 8, classes: tuple[str, ...] = ("cat", "dog")) -> Path:
    """Images of several sizes and modes, all of one shade for each class."""
    for label, name in enumerate(classes):
        (place / name).mkdir(parents=True)
        for index in range(number):
            shade = Image.new("L" if index % 2 else "RGB", (5 + index, 9), 100 * label or "black")
            shade.save(place / name / f"{index}.png")
    return place


def test_class_folders_become_squares_labelled_in_the_order_of_their_names(tmp_path: Path) -> None:
    source = from_folders(write_classes(tmp_path / "My pets", classes=("dog", "cat", "ant")))
    assert (source.name, source.official) == ("folder-my-pets", False)
    assert source.classes == ("ant", "cat", "dog")
    images, labels = source.read("train")
    assert images.shape == (18, 8, 8, 3) and images.dtype == np.uint8
    assert np.bincount(labels).tolist() == [6, 6, 6]
    shades = {label: set(images[labels == label][..., 0].flatten()) for label in range(3)}
    assert shades == {0: {200}, 1: {100}, 2: {0}}
    assert np.bincount(source.read("test")[1]).tolist() == [2, 2, 2]


def test_folders_with_train_and_test_keep_their_split(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", number=6)
    write_classes(tmp_path / "test", number=3)
    source = from_folders(tmp_path)
    assert source.classes == ("cat", "dog")
    assert (len(source.read("train")[1]), len(source.read("test")[1])) == (12, 6)
    (tmp_path / "test" / "dog").rename(tmp_path / "test" / "cow")
    with pytest.raises(UserError, match="train and test should have the same class folders"):
        from_folders(tmp_path)


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    write_classes(tmp_path)
    (tmp_path / "cat" / "9.png").write_text("no image")
    with pytest.raises(UserError, match=r"9\.png: cannot be read as an image"):
        from_folders(tmp_path).read("train")


def test_an_image_that_is_damaged_inside_is_named(tmp_path: Path) -> None:
    write_classes(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    file = tmp_path / "cat" / "9.png"
    Image.fromarray(noise).save(file)
    content = file.read_bytes()
    last = content.rindex(b"IDAT")
    file.write_bytes(content[:last] + b"\0\1\2\3" + content[last + 4 :])
    with pytest.raises(UserError, match=r"9\.png: cannot be read as an image"):
        from_folders(tmp_path).read("train")


def test_more_than_16_bits_are_refused_and_hidden_files_do_not_count(tmp_path: Path) -> None:
    write_classes(tmp_path)
    (tmp_path / "cat" / ".DS_Store").write_text("no image")
    (tmp_path / ".cache").mkdir()
    assert len(from_folders(tmp_path).read("train")[1]) == 12
    Image.new("F", (8, 8)).save(tmp_path / "dog" / "deep.tif")
    with pytest.raises(UserError, match=r"deep\.tif: has more than 16 bits a channel"):
        from_folders(tmp_path).read("train")


@pytest.mark.parametrize("folders", [("train", "val"), ("train",), ("test", "train", "val")])
def test_a_split_of_another_layout_is_not_taken_for_classes(
    tmp_path: Path, folders: tuple[str, ...]
) -> None:
    for folder in folders:
        write_classes(tmp_path / folder)
    with pytest.raises(UserError, match="should have class folders alone, or train and test"):
        from_folders(tmp_path)


def test_a_class_without_images_is_named(tmp_path: Path) -> None:
    write_classes(tmp_path)
    (tmp_path / "emu").mkdir()
    with pytest.raises(UserError, match=r"emu: has no image; put some there"):
        from_folders(tmp_path).read("train")


def test_one_class_is_no_task(tmp_path: Path) -> None:
    write_classes(tmp_path, classes=("cat",))
    with pytest.raises(UserError, match=r"has the class folders \['cat'\]; .* two or more"):
        class_names(tmp_path)


def test_only_a_folder_with_subfolders_has_class_folders(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert not has_class_folders(tmp_path)
    assert not has_class_folders(tmp_path / "nowhere")
    (tmp_path / "cat").mkdir()
    assert has_class_folders(tmp_path)
    (tmp_path / "train_32x32.mat").touch()
    assert not has_class_folders(tmp_path), "SVHN's own files, whatever lies beside them"


def write_npz(path: Path, **changes: Any) -> Path:
    """A file of 40 images of four classes, some arrays changed or (None) left out."""
    content: dict[str, Any] = {
        "images": RANDOM.integers(0, 256, (40, 8, 12, 3), dtype=np.uint8),
        "labels": np.arange(40) % 4,
    } | changes
    np.savez(path, **{name: value for name, value in content.items() if value is not None})
    return path


def test_an_npz_is_cut_with_the_same_share_of_every_class(tmp_path: Path) -> None:
    source = from_npz(write_npz(tmp_path / "My shapes.npz"))
    assert source.name == "npz-my-shapes" and source.classes == ("0", "1", "2", "3")
    assert list(source.files) == ["My shapes.npz"]
    train, test = source.read("train"), source.read("test")
    assert train[0].shape == (30, 8, 12, 3) and test[0].shape == (10, 8, 12, 3)
    everything = {image.tobytes() for image in (*train[0], *test[0])}
    assert len(everything) == 40
    assert sorted(np.bincount(test[1])) == [2, 2, 3, 3]


@pytest.mark.parametrize("shape", [(40, 8, 8), (40, 8, 8, 1)])
def test_grey_images_get_three_equal_channels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    grey = RANDOM.integers(0, 256, shape, dtype=np.uint8)
    images, _ = from_npz(write_npz(tmp_path / "a.npz", images=grey)).read("train")
    assert images.shape == (30, 8, 8, 3)
    assert (images[..., 0] == images[..., 2]).all()


def one_array() -> bytes:
    file = BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


def damaged_inside(path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 9, (40, 8, 8, 3), dtype=np.uint8)
    np.savez_compressed(path, images=images, labels=np.arange(40) % 4)
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "foreign": (lambda p: p.write_bytes(b"no archive"), "cannot be used"),
    "truncated": (lambda p: p.write_bytes(write_npz(p).read_bytes()[:900]), "cannot be used"),
    "damaged inside": (damaged_inside, "cannot be used"),
    "empty": (lambda p: p.write_bytes(b""), "cannot be used"),
    "one array": (lambda p: p.write_bytes(one_array()), "holds one array and no names"),
    "no labels": (lambda p: write_npz(p, labels=None), "cannot be used: 'labels"),
    "pickled": (lambda p: write_npz(p, labels=np.array([{}] * 40)), "cannot be used: Object arr"),
    "floats": (lambda p: write_npz(p, images=np.zeros((40, 8, 8))), "images is float64 of shape"),
    "two channels": (
        lambda p: write_npz(p, images=np.zeros((40, 8, 8, 2), np.uint8)),
        r"of shape \(40, 8, 8, 2\); it should be uint8",
    ),
    "fewer labels": (lambda p: write_npz(p, labels=np.arange(39) % 4), r"of shape \(39,\); it"),
    "names": (lambda p: write_npz(p, labels=np.array(["a", "b"] * 20)), "labels is <U1 of shape"),
    "gap": (lambda p: write_npz(p, labels=np.arange(40) % 4 * 2), r"the values \[0, 2, 4, 6\]"),
    "one class": (lambda p: write_npz(p, labels=np.zeros(40, int)), r"the values \[0\]"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_npz_is_named_with_what_would_be_right(kind: str, tmp_path: Path) -> None:
    make, expected = WRONG[kind]
    make(tmp_path / "digits.npz")
    with pytest.raises(UserError, match=rf"digits\.npz: .*{expected}"):
        from_npz(tmp_path / "digits.npz")


def test_what_is_not_there_or_has_no_extra_cannot_be_had(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"the file .*none\.npz does not exist"):
        from_npz(tmp_path / "none.npz")
    with pytest.raises(SourceUnavailable, match=r"data\.extra: .* set data\.extra: false"):
        from_npz(write_npz(tmp_path / "a.npz"), ("train", "test", "extra"))
    with pytest.raises(SourceUnavailable, match=r"data\.extra: .* set data\.extra: false"):
        from_folders(write_classes(tmp_path / "pets"), ("train", "test", "extra"))
