"""`prepare`: cuts the raw digits into train, validation and test, picks the subsets and small
draws of the transfer study, and measures the training digits' statistics."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import click
import numpy as np
import torch
from PIL import Image

from svhn_lab.data.batches import Images, Labels, channel_statistics
from svhn_lab.data.subsets import Indices, of_classes, small_draw, stratified_split
from svhn_lab.errors import UserError
from svhn_lab.params import Params, load
from svhn_lab.stages.layout import (
    DRAWS,
    MANIFEST,
    PREPARED,
    PREVIEW,
    RAW,
    SUBSETS,
    draws_file,
    read_json,
    subset_file,
)
from svhn_lab.stages.prepared import digest_of
from svhn_lab.tracking.files import write_array, write_bytes, write_json
from svhn_lab.transfer_params import Transfer

PREVIEW_COLUMNS = 16


def load_raw(split: str) -> tuple[Images, Labels]:
    """The fetched digits of a split, mapped into memory. Raises UserError if there are none."""
    try:
        return (
            np.load(RAW / split / "images.npy", mmap_mode="r"),
            np.load(RAW / split / "labels.npy"),
        )
    except FileNotFoundError:
        raise UserError(f"{RAW / split}: not found; make it with `dvc repro fetch`") from None


def preview(images: Images, labels: Labels, num_classes: int) -> Image.Image:
    """A sheet with a row of digits for each class, from 0 on, each drawn at twice its size."""
    side = images.shape[1]
    sheet = np.zeros((num_classes * side, PREVIEW_COLUMNS * side, 3), dtype=np.uint8)
    for label in range(num_classes):
        for column, index in enumerate(np.flatnonzero(labels == label)[:PREVIEW_COLUMNS]):
            top, left = label * side, column * side
            sheet[top : top + side, left : left + side] = images[index]
    height, width, _ = sheet.shape
    return Image.fromarray(sheet).resize((2 * width, 2 * height), Image.Resampling.NEAREST)


def cut(params: Params) -> tuple[dict[str, tuple[Images, Labels]], Indices]:
    """Train, validation and test digits as params.yaml says; and which of those to train are of the
    raw `train` split, not of `extra`: indices of the first of them."""
    images, labels = load_raw("train")
    of_train = len(labels)
    if params.data.extra:
        more_images, more_labels = load_raw("extra")
        images = np.concatenate([images, more_images])
        labels = np.concatenate([labels, more_labels])
    train, validation = stratified_split(
        labels,
        params.data.validation_fraction,
        params.data.seed,
        key="data.validation_fraction",
    )
    splits = {
        "train": (images[train], labels[train]),
        "validation": (images[validation], labels[validation]),
        "test": load_raw("test"),
    }
    return splits, np.flatnonzero(train < of_train)


def subsets(
    transfer: Transfer, splits: Mapping[str, tuple[Images, Labels]], class_names: Sequence[str]
) -> dict[tuple[str, str], Indices]:
    """By (subset, split), the indices of the split's digits that the transfer study pretrains and
    fine-tunes on. Raises UserError if the data has no such class, a split no such digit, or a
    class is in both subsets though there are classes enough for two."""
    chosen = {}
    both = sorted(set(transfer.pretrain_classes) & set(transfer.finetune_classes))
    if both and len(class_names) >= 4:
        raise UserError(
            f"params.yaml: transfer: classes {both} are in pretrain_classes and in "
            "finetune_classes; with four classes or more, a class may be in one of them only"
        )
    known = ", ".join(f"{label} ({name})" for label, name in enumerate(class_names))
    for subset, classes in {
        "pretrain": transfer.pretrain_classes,
        "finetune": transfer.finetune_classes,
    }.items():
        if foreign := [label for label in classes if label >= len(class_names)]:
            raise UserError(
                f"params.yaml: transfer.{subset}_classes: the data has no class {foreign[0]}; "
                f"name two or more of {known}"
            )
        for split, (_, labels) in splits.items():
            indices = of_classes(labels, classes)
            if not len(indices):
                raise UserError(
                    f"params.yaml: transfer.{subset}_classes: the {split} split has no digit of "
                    f"{list(classes)}; name classes that the data has, or take more digits"
                )
            chosen[subset, split] = indices
    return chosen


def draws(transfer: Transfer, labels: Labels, seed: int) -> dict[int, Indices]:
    """By size, the small draws (draws, classes x size) as indices of training digits."""
    return {
        size: np.stack(
            [
                small_draw(labels, transfer.finetune_classes, size, seed=seed, draw=draw)
                for draw in range(transfer.draws)
            ]
        )
        for size in transfer.sample_sizes
    }


def manifest(
    source: Mapping[str, Any], splits: Mapping[str, tuple[Images, Labels]]
) -> dict[str, Any]:
    """What manifest.json holds. The digest is that of the digits themselves, so that other digits
    make other runs, however they came to be others."""
    statistics = channel_statistics(torch.from_numpy(splits["train"][0]))
    return {
        "name": source["name"],
        "official": source["official"],
        "digest": digest_of(splits),
        "splits": {split: len(labels) for split, (_, labels) in splits.items()},
        "image_size": source["image_size"],
        "classes": source["classes"],
        "class_counts": {
            split: np.bincount(labels, minlength=len(source["classes"])).tolist()
            for split, (_, labels) in splits.items()
        },
        "statistics": statistics._asdict(),
    }


def main() -> None:
    """Makes data/prepared/ and the preview sheet from data/raw/. Everything is worked out before
    anything is written."""
    params = load()
    source = read_json(RAW / "source.json", "fetch")
    splits, target = cut(params)
    chosen = subsets(params.transfer, splits, source["classes"]) | {("target", "train"): target}
    samples = draws(params.transfer, splits["train"][1], params.data.seed)
    facts = manifest(source, splits)
    for split, (images, labels) in splits.items():
        write_array(PREPARED / split / "images.npy", images)
        write_array(PREPARED / split / "labels.npy", labels)
    for (subset, split), indices in chosen.items():
        write_array(subset_file(split, subset), indices)
    for subset in ("pretrain", "finetune"):
        sizes = {split: len(chosen[subset, split]) for split in splits}
        write_json(SUBSETS / subset / "sizes.json", sizes)
    for size, indices in samples.items():
        write_array(draws_file(size), indices)
    # The folder stays from one preparation to the next, and should hold nothing of older ones.
    for file in set(DRAWS.iterdir()) - {draws_file(size) for size in samples}:
        file.unlink()
    sheet = io.BytesIO()
    preview(*splits["train"], len(facts["classes"])).save(sheet, format="png")
    write_bytes(PREVIEW, sheet.getvalue())
    write_json(MANIFEST, facts)
    counts = ", ".join(f"{count:,} {split}" for split, count in facts["splits"].items())
    click.echo(f"{PREPARED}: {counts}; a look at them: {PREVIEW}")
