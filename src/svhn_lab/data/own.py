"""Data sets of one's own: a folder with a subfolder of images for every class, or one .npz file.
What has no test split of its own has one cut off, the same share of every class."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from PIL import Image

from svhn_lab.data.batches import Images, Labels
from svhn_lab.data.sources import Source, SourceUnavailable, file_facts, plain
from svhn_lab.data.subsets import stratified_split
from svhn_lab.errors import UserError


def has_class_folders(path: Path) -> bool:
    """Whether the folder has subfolders, and none of SVHN's own files."""
    return path.is_dir() and any(
        entry.is_dir() and not entry.name.startswith(".") for entry in path.iterdir()
    )


def class_folders(
    path: Path, splits: tuple[str, ...], *, image_size: int, test_fraction: float, seed: int
) -> Source:
    """A folder of class subfolders with images of any size, each brought to a square; or a folder
    with two of those, `train` and `test`. Labels follow the sorted names of the subfolders.

    Raises SourceUnavailable if `splits` has more than these two, UserError on what is no image.
    """
    _no_extra(path, splits)
    name = f"folder-{plain(path.resolve().name)}"
    if not all((path / split).is_dir() for split in ("train", "test")):
        classes = class_names(path)
        read = cut_off_test(lambda: read_class_folders(path, image_size), test_fraction, seed)
        return Source(name, official=False, files={}, read=read, classes=classes)
    classes = class_names(path / "train")
    if class_names(path / "test") != classes:
        raise UserError(
            f"{path}: train and test should have the same class folders; train has {classes}, "
            f"test has {class_names(path / 'test')}"
        )
    return Source(
        name,
        official=False,
        files={},
        read=lambda split: read_class_folders(path / split, image_size),
        classes=classes,
    )


def class_names(path: Path) -> tuple[str, ...]:
    """The names of the class folders, sorted: label 0 first. Raises UserError on fewer than two."""
    names = sorted(entry.name for entry in path.iterdir() if entry.is_dir())
    if len(names) < 2:
        raise UserError(f"{path}: has the class folders {names}; it should have two or more")
    return tuple(names)


def read_class_folders(path: Path, image_size: int) -> tuple[Images, Labels]:
    """Every image below the class folders of `path`, as torchvision's ImageFolder finds them.

    Raises UserError if a class has no image, or a file is none.
    """
    from torchvision.datasets import ImageFolder

    def read_image(file: str) -> Images:
        with Image.open(file) as image:
            square = image.convert("RGB").resize(
                (image_size, image_size), Image.Resampling.BILINEAR
            )
        return np.asarray(square)

    try:
        listed = ImageFolder(str(path), loader=read_image)
        images = np.stack([image for image, _ in listed])
    except OSError as failure:  # a class without images, a file that is no image
        raise UserError(
            f"{path}: cannot be used: {failure}; every class folder should have images in it, and "
            "nothing that only looks like one"
        ) from None
    return images, np.array(listed.targets, dtype=np.int64)


def npz(path: Path, splits: tuple[str, ...], *, test_fraction: float, seed: int) -> Source:
    """One .npz file with `images` (N, H, W) or (N, H, W, 3) uint8 and `labels` (N,), 0, 1, 2, ...

    Raises SourceUnavailable if there is no such file or `splits` has more than train and test,
    UserError if it holds something else.
    """
    if not path.is_file():
        raise SourceUnavailable(
            f"params.yaml: data.sources: the file {path} does not exist; put it there, or name "
            "another source"
        )
    _no_extra(path, splits)
    images, labels = read_npz(path)
    return Source(
        f"npz-{plain(path.stem)}",
        official=False,
        files={path.name: file_facts(path)},
        read=cut_off_test(lambda: (images, labels), test_fraction, seed),
        classes=tuple(str(label) for label in range(labels.max() + 1)),
    )


def read_npz(path: Path) -> tuple[Images, Labels]:
    """Images (N, H, W, 3) and labels of the file. Raises UserError naming what is wrong with it."""
    remedy = "write it with numpy.savez(path, images=images, labels=labels)"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            images, labels = content["images"], content["labels"]
    except (OSError, ValueError, KeyError, BadZipFile) as failure:
        raise UserError(f"{path}: cannot be used: {failure}; {remedy}") from None
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
        raise UserError(
            f"{path}: images is {images.dtype} of shape {images.shape}; it should be uint8, 0 to "
            f"255, of shape (N, H, W) or (N, H, W, 3); {remedy}"
        )
    if labels.dtype.kind not in "iu" or labels.shape != (len(images),):
        raise UserError(
            f"{path}: labels is {labels.dtype} of shape {labels.shape}; it should be whole "
            f"numbers of shape ({len(images)},), one for each image; {remedy}"
        )
    present = np.unique(labels).tolist()
    if present != list(range(len(present))) or len(present) < 2:
        raise UserError(
            f"{path}: labels has the values {present[:12]}; the classes should be numbered 0, 1, "
            "2, ... without a gap, two or more of them"
        )
    return np.broadcast_to(images, (*images.shape[:3], 3)), labels.astype(np.int64)


def cut_off_test(
    read_all: Callable[[], tuple[Images, Labels]], fraction: float, seed: int
) -> Callable[[str], tuple[Images, Labels]]:
    """What reads a split of digits that come as one."""

    @cache
    def parts() -> dict[str, tuple[Images, Labels]]:
        images, labels = read_all()
        train, test = stratified_split(labels, fraction, seed, key="data.test_fraction")
        return {"train": (images[train], labels[train]), "test": (images[test], labels[test])}

    return lambda split: parts()[split]


def _no_extra(path: Path, splits: tuple[str, ...]) -> None:
    if "extra" in splits:
        raise SourceUnavailable(
            f"params.yaml: data.extra: {path} has no extra split; set data.extra: false"
        )
