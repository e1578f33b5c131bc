"""Writes a file beside its place and renames it there: what is there is always whole."""

import json
import os
from pathlib import Path
from typing import Any


def write_bytes(path: Path, content: bytes) -> None:
    """Makes the file at `path` hold `content`, at once, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    """As `write_bytes`, in UTF-8."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:
    """As `write_bytes`: indented JSON, keys in the order given, no NaN."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
