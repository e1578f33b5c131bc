"""Where digits come from: SVHN downloaded and checked, a folder with SVHN's own files, or drawn
by the lab (own.py has data sets of one's own). Whatever is handed on has been read whole and
checked: nothing foreign passes."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from svhn_lab.data.batches import Images, Labels
from svhn_lab.data.download import download, file_md5
from svhn_lab.data.rendered import DIGITS, render
from svhn_lab.errors import UserError


class SourceUnavailable(UserError):
    """This source cannot be had here; the next one of the list may be."""


IMAGE_SIZE = 32  # pixels, of SVHN's Format 2


@dataclass(frozen=True)
class Source:
    """A dataset that can be had: its name, what is known of its files, how to read a split, and
    the names of its classes by label."""

    name: str
    official: bool
    files: dict[str, dict[str, str | int]]
    read: Callable[[str], tuple[Images, Labels]]
    classes: tuple[str, ...] = DIGITS


def mat_file(split: str) -> str:
    """SVHN's own name for the Format 2 file of a split."""
    return f"{split}_32x32.mat"


def official_md5(split: str) -> str:
    """The md5 of the official file, as torchvision knows it."""
    from torchvision.datasets import SVHN

    return str(SVHN.split_list[split][2])


def read_mat(path: Path) -> tuple[Images, Labels]:
    """Digits of an SVHN Format 2 file, the label 10 turned into the digit 0.

    Raises UserError if the file is truncated, is no .mat file, or holds something else.
    """
    remedy = "get the file again, or name another folder in params.yaml: data.sources"
    try:
        content: dict[str, Any] = scipy.io.loadmat(path, variable_names=("X", "y"))
    # The parser answers damaged bytes with whatever breaks first: zlib, struct, index errors.
    except Exception as failure:
        raise UserError(
            f"{path}: cannot be read as a MATLAB 5 file ({failure}); {remedy}"
        ) from None
    if missing := [key for key in ("X", "y") if key not in content]:
        raise UserError(f"{path}: holds no variable {' and no '.join(missing)}; {remedy}")
    pixels, labels = content["X"], content["y"].reshape(-1)
    if (
        pixels.dtype != np.uint8
        or pixels.ndim != 4
        or pixels.shape[:3] != (IMAGE_SIZE, IMAGE_SIZE, 3)
    ):
        raise UserError(
            f"{path}: X is {pixels.dtype} of shape {pixels.shape}, "
            f"but SVHN's Format 2 is uint8 of shape (32, 32, 3, N); {remedy}"
        )
    num_images = pixels.shape[3]
    if num_images == 0 or len(labels) != num_images:
        raise UserError(f"{path}: has {num_images} images and {len(labels)} labels; {remedy}")
    if foreign := sorted(set(np.unique(labels).tolist()) - set(range(1, 11))):
        raise UserError(
            f"{path}: has the labels {foreign[:5]}, but SVHN's labels are 1..10 "
            f"(10 is the digit 0); {remedy}"
        )
    images = np.ascontiguousarray(pixels.transpose(3, 0, 1, 2))  # (N, 32, 32, 3)
    return images, labels.astype(np.int64) % 10


def file_facts(path: Path) -> dict[str, str | int]:
    """md5 and size in bytes of a file."""
    return {"md5": file_md5(path), "bytes": path.stat().st_size}


def folder(path: Path, splits: tuple[str, ...]) -> Source:
    """SVHN's own files in a folder. Their md5 sums are recorded; they need not be the official
    ones, but only with those is the dataset called `svhn`.

    Raises SourceUnavailable if the folder or a file is missing.
    """
    if not path.is_dir():
        problem = "is no folder" if path.exists() else "does not exist"
        raise SourceUnavailable(
            f"params.yaml: data.sources: the folder {path} {problem}; make it with "
            f"{' and '.join(mat_file(s) for s in splits)} or class subfolders in it, name an .npz "
            "file, or name another source"
        )
    if missing := [mat_file(s) for s in splits if not (path / mat_file(s)).is_file()]:
        hint = " (or set data.extra: false)" if missing == [mat_file("extra")] else ""
        raise SourceUnavailable(
            f"params.yaml: data.sources: the folder {path} lacks {', '.join(missing)}; "
            f"put it there (or class subfolders with images), or name another source{hint}"
        )
    files = {mat_file(split): file_facts(path / mat_file(split)) for split in splits}
    official = all(files[mat_file(split)]["md5"] == official_md5(split) for split in splits)
    name = "svhn" if official else f"folder-{plain(path.resolve().name)}"
    return Source(name, official, files, lambda split: read_mat(path / mat_file(split)))


def plain(name: str) -> str:
    """The name in letters, digits and hyphens, as the registry takes no others."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "unnamed"


def svhn(url: str, splits: tuple[str, ...], cache: Path) -> Source:
    """The official files, downloaded into `cache` (what is there already is not loaded again).

    Raises SourceUnavailable if the site cannot be reached, UserError on a wrong md5.
    """
    for split in splits:
        name = mat_file(split)
        try:
            download(url + name, cache / name, md5=official_md5(split))
        except ConnectionError as failure:
            raise SourceUnavailable(
                f"params.yaml: data.sources: svhn: {failure}; try again later (what was loaded is "
                f"kept), set data.url to a mirror, name a folder that holds {name}, "
                "or add `rendered` to the list"
            ) from None
    return folder(cache, splits)


def rendered(
    sizes: dict[str, int],
    *,
    variety: float,
    seed: int,
    map: Callable[..., Iterator[Any]] = map,
) -> Source:
    """The lab's own drawn digits: `sizes` images for each split; always to be had."""

    def read(split: str) -> tuple[Images, Labels]:
        return render(sizes[split], seed=seed, split=split, variety=variety, map=map)

    return Source("rendered", official=False, files={}, read=read)
