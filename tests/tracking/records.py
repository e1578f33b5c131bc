"""Made-up records of runs, for tests of what is done with them."""

from datetime import UTC, datetime
from typing import Any

from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity, Provenance, Record

RUN = Record(
    identity=Identity("train", "preact", 3),
    key="1" * 32,
    params={"net": "preact", "epochs": 2},
    dataset={"name": "rendered", "digest": "d" * 32, "splits": {"train": 10, "test": 5}},
    num_parameters={"total": 5, "trainable": 3, "layers": {"head": 5}, "buffers": 2},
    metrics={"train_loss": 0.25, "validation_accuracy": 0.75},
    curves=[
        {"epoch": 1.0, "train_loss": 0.5, "validation_accuracy": 0.5},
        {"epoch": 2.0, "train_loss": 0.25, "validation_accuracy": 0.75},
    ],
)


def circumstances(**changes: Any) -> Provenance:
    """When and where it was, on a day of 2026."""
    started = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    plain = record.provenance(started, 12.5, [6.0, 6.25], ("c" * 40, []))
    return Provenance(**(vars(plain) | changes))
