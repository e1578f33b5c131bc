"""What stages leave behind: the manifest of the digits, runs on disk."""

from datetime import UTC, datetime
from typing import Any

from svhn_lab.data.batches import Statistics
from svhn_lab.stages.prepared import Manifest
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity, Record

DATASET = {"name": "rendered", "digest": "d" * 32}


def manifest(*, image_size: int = 32, classes: str = "0123456789") -> Manifest:
    return Manifest(
        name="some",
        official=False,
        digest="",
        splits={},
        image_size=image_size,
        classes=[*classes],
        class_counts={},
        statistics=Statistics((0, 0, 0), (1, 1, 1)),
    )


def leave_run(identity: Identity, params: dict[str, Any], key: str) -> None:
    """A run with these params."""
    run = Record(
        identity=identity,
        key=key,
        params=params | {"stage": identity.stage},
        dataset=DATASET,
        num_parameters={"total": 5, "trainable": 5, "layers": {}, "buffers": 0},
        metrics={"validation_accuracy": 0.75},
    )
    began = datetime(2026, 1, 2, tzinfo=UTC)
    record.write(run, record.provenance(began, 1.0, [1.0], ("c" * 40, [])))
