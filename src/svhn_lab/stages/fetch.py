"""`fetch`: takes digits from the first source of params.yaml that can be had, and says loudly which
it is. data/raw/ is replaced as a whole, or not at all."""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from svhn_lab.data import own, sources
from svhn_lab.data.resizing import resized
from svhn_lab.data.sources import IMAGE_SIZE, Source, SourceUnavailable
from svhn_lab.errors import UserError
from svhn_lab.params import PARAMS_FILE, Data, load
from svhn_lab.stages.layout import RAW
from svhn_lab.tracking.files import write_array, write_json
from svhn_lab.training.fan_out import fan_out

# Beside the outs, as DVC may clear those: what has been downloaded is never loaded twice.
DOWNLOADS = Path(".cache/downloads")


def open_source(name: str, data: Data, splits: tuple[str, ...]) -> Source:
    """The named source. Raises SourceUnavailable if it cannot be had."""
    if name == "svhn":
        return sources.svhn(data.url, splits, DOWNLOADS)
    if name == "rendered":
        drawn = data.rendered
        sizes = {"train": drawn.train, "test": drawn.test, "extra": drawn.extra}
        return sources.rendered(sizes, variety=drawn.variety, seed=drawn.seed, map=side_by_side)
    path = Path(name).expanduser()
    if path.suffix == ".npz":
        return own.npz(path, splits, test_fraction=data.test_fraction, seed=data.seed)
    if own.has_class_folders(path):
        return own.class_folders(
            path,
            splits,
            image_size=data.image_size,
            test_fraction=data.test_fraction,
            seed=data.seed,
        )
    return sources.folder(path, splits)


def side_by_side(function: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[Any]:
    """As the built-in `map`, on all cores."""
    return iter(fan_out(function, list(tasks), unit="chunk"))


def first_available(data: Data, splits: tuple[str, ...]) -> Source:
    """The first source of the list that can be had; each that cannot is said aloud.

    Raises UserError with every source's reason if none can.
    """
    reasons = []
    for name in data.sources:
        try:
            return open_source(name, data, splits)
        except SourceUnavailable as failure:
            reasons.append(str(failure))
            click.secho(f"NOT AVAILABLE: {failure}", fg="yellow", err=True)
            click.secho("To try again later: dvc repro --force --single-item fetch", err=True)
    raise UserError(
        f"{PARAMS_FILE}: data.sources: none of {list(data.sources)} can be had:\n"
        + "\n".join(f"- {reason}" for reason in reasons)
    )


def save(source: Source, splits: tuple[str, ...], image_size: int, folder: Path) -> dict[str, Any]:
    """Writes every split's arrays below `folder`; gives the facts that source.json holds. Digits at
    another size than SVHN's are other digits, and say so in their name.

    Raises UserError if a split's digits cannot be used.
    """
    digest = hashlib.md5()
    sizes = {}
    for split in splits:
        images, labels = source.read(split)
        images = np.ascontiguousarray(resized(images, image_size))
        write_array(folder / split / "images.npy", images)
        write_array(folder / split / "labels.npy", labels)
        digest.update(split.encode())
        digest.update(images.data)
        digest.update(labels.data)
        sizes[split] = len(labels)
    at_own_size = image_size == IMAGE_SIZE
    return {
        "name": source.name if at_own_size else f"{source.name}-{image_size}px",
        "official": source.official and at_own_size,
        "digest": digest.hexdigest(),
        "classes": list(source.classes),
        "image_size": image_size,
        "splits": sizes,
        "files": source.files,
    }


def replace_folder(new: Path, target: Path) -> None:
    """Puts the folder `new` in the place of `target`, whose old content is then thrown away."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def main() -> None:
    """Makes data/raw/. Raises UserError, data/raw/ untouched, if no source can be used."""
    data = load().data
    splits = ("train", "test", "extra") if data.extra else ("train", "test")
    source = first_available(data, splits)
    new = RAW.with_name(f".{RAW.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        facts = save(source, splits, data.image_size, new)
        write_json(new / "source.json", facts)
        replace_folder(new, RAW)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    official = "" if facts["official"] else " (NOT official SVHN)"
    click.secho(f"DIGITS: {facts['name']}{official}", bold=True)
    counts = ", ".join(f"{count:,} {split}" for split, count in facts["splits"].items())
    click.echo(f"{RAW}: {counts}; md5 {facts['digest']}")
