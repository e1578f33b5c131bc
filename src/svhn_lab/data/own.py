"""Data sets of one's own: a folder with a subfolder of images for every class, or one .npz file.
What has no test split of its own has one cut off, the same share of every class."""

import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from PIL import Image, ImageOps

from svhn_lab.data.batches import Images, Labels
from svhn_lab.data.resizing import resized
from svhn_lab.data.sources import Source, SourceUnavailable, file_facts, mat_file, plain
from svhn_lab.data.subsets import stratified_split
from svhn_lab.errors import UserError


def has_class_folders(path: Path) -> bool:
    """Whether the folder has subfolders, and none of SVHN's own files."""
    return path.is_dir() and bool(_subfolders(path)) and not any(path.glob(mat_file("*")))


def class_folders(
    path: Path, splits: tuple[str, ...], *, image_size: int, test_fraction: float, seed: int
) -> Source:
    """A folder of class subfolders with images of any size, each brought to a square; or a folder
    with two of those, `train` and `test`. Labels follow the sorted names of the subfolders.

    Raises SourceUnavailable if `splits` has more than these two, UserError on what is no image.
    """
    _no_extra(path, splits)
    name = f"folder-{plain(path.resolve().name)}"
    if not {"train", "test"} & set(_subfolders(path)):
        classes = class_names(path)
        read = cut_off_test(lambda: read_class_folders(path, image_size), test_fraction, seed)
        return Source(name, official=False, files={}, read=read, classes=classes)
    if _subfolders(path) != ["test", "train"]:
        raise UserError(
            f"{path}: has the folders {_subfolders(path)}; it should have class folders alone, or "
            "train and test alone, with class folders in both (validation digits are cut from "
            "train: data.validation_fraction)"
        )
    classes = class_names(path / "train")
    if class_names(path / "test") != classes:
        raise UserError(
            f"{path}: train and test should have the same class folders; train has "
            f"{list(classes)}, test has {list(class_names(path / 'test'))}"
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
    names = _subfolders(path)
    if len(names) < 2:
        raise UserError(f"{path}: has the class folders {names}; it should have two or more")
    return tuple(names)


def read_class_folders(path: Path, image_size: int) -> tuple[Images, Labels]:
    """Every file in the class folders of `path`; hidden ones do not count.

    Raises UserError if a class has no image, or a file is none that can be used.
    """
    images, labels = [], []
    for label, name in enumerate(class_names(path)):
        files = sorted(file for file in (path / name).iterdir() if not file.name.startswith("."))
        if not files:
            raise UserError(f"{path / name}: has no image; put some there, or remove the folder")
        images += [read_square(file, image_size) for file in files]
        labels += [label] * len(files)
    return np.stack(images), np.array(labels, dtype=np.int64)


def read_square(file: Path, image_size: int) -> Images:
    """One image file as (image_size, image_size, 3), as `resized` makes it. Raises UserError as
    `read_pixels`."""
    square: Images = resized(read_pixels(file)[None], image_size)[0]
    return square


def read_pixels(file: Path) -> Images:
    """One image file as (H, W, 3), upright as its camera says, of 16 bits the upper 8, what is
    transparent white. Raises UserError if it is no image, or its pixels have no known range."""
    try:
        with Image.open(file) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I;16"):
                upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
            if upright.mode in ("I", "F"):
                raise UserError(f"{file}: has more than 16 bits a channel; save it with 8")
            if upright.has_transparency_data:
                white = Image.new("RGBA", upright.size, "white")
                upright = Image.alpha_composite(white, upright.convert("RGBA"))
            return np.asarray(upright.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as failure:
        raise UserError(
            f"{file}: cannot be read as an image ({failure}); mend it, or take it away"
        ) from None


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
        with path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            if not isinstance(content, NpzFile):
                raise UserError(f"{path}: holds one array and no names; {remedy}")
            images, labels = content["images"], content["labels"]
    except (OSError, EOFError, ValueError, KeyError, BadZipFile, zlib.error) as failure:
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


def _subfolders(path: Path) -> list[str]:
    """The names of the folders in a folder, sorted, hidden ones left out."""
    return sorted(e.name for e in path.iterdir() if e.is_dir() and not e.name.startswith("."))


def _no_extra(path: Path, splits: tuple[str, ...]) -> None:
    if "extra" in splits:
        raise SourceUnavailable(
            f"params.yaml: data.extra: {path} has no extra split; set data.extra: false"
        )
