"""Writes a file beside its place and renames it there: what is there is always whole."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place to write to, which takes the place of `path` at the end; the folders above are made.
    If the body raises, `path` stays as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield beside
        beside.replace(path)
    except OSError as failure:  # a full disk does not say whose bytes had no room
        failure.filename = failure.filename or str(path)
        raise
    finally:
        beside.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Makes the file at `path` hold `content`, at once, with the folders above it."""
    with replacing(path) as beside:
        beside.write_bytes(content)


def write_array(path: Path, array: NDArray[Any]) -> None:
    """As `write_bytes`: the array as a .npy file."""
    with replacing(path) as beside, beside.open("wb") as file:
        np.save(file, array)


def write_text(path: Path, content: str) -> None:
    """As `write_bytes`, in UTF-8."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:
    """As `write_bytes`: indented JSON, keys in the order given, no NaN."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
