"""How long each stage took when it last ran here: `.cache/`, which may be deleted at any time."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from svhn_lab.tracking.files import write_json

FOLDER = Path(".cache/durations")


class Duration(NamedTuple):
    """Of a stage's last run: when it ended (ISO 8601, UTC), and what it took."""

    ended: str
    seconds: float


@contextmanager
def timed(stage: str) -> Iterator[None]:
    """Keeps how long the stage takes, unless it fails."""
    began = time.monotonic()
    yield
    now = datetime.now(UTC).isoformat(timespec="seconds")
    lasted = Duration(now, time.monotonic() - began)
    write_json(FOLDER / f"{stage}.json", lasted._asdict())


def last(stage: str) -> Duration | None:
    """How long the stage took last, if anything tells. DVC puts the file before the names of stages
    that are not of dvc.yaml itself."""
    name = stage.rpartition(":")[2]
    try:
        return Duration(**json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
