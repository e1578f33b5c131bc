"""A run that goes on, from its first moment to the record that it leaves. How far it has come is
told on disk by the process that trains, epoch by epoch, and read there by the one that puts it into
MLflow. That file is gone when the record is there, so no out of DVC has it."""

import json
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import PROVENANCE, Identity, Provenance, Record


def file(identity: Identity) -> Path:
    """Where it is told while the run goes on."""
    return PROVENANCE / f"{identity.path}.running.json"


class Progress:
    """What is known of the run so far. `started` is all that is known at its first moment;
    `checkout` as `record.checkout_state` has it."""

    def __init__(self, started: Record, checkout: record.Checkout) -> None:
        self._record = started
        self._circumstances = record.provenance(datetime.now(UTC), 0, [], checkout)
        self._clock = time.perf_counter()
        self._tell()

    def epoch(self, row: dict[str, float], seconds: float) -> None:
        """One more epoch is done: its row of the curves, and how long it took."""
        self._record = replace(self._record, curves=[*self._record.curves, row])
        self._circumstances = replace(
            self._circumstances,
            seconds_per_epoch=[*self._circumstances.seconds_per_epoch, seconds],
        )
        self._tell()

    def end(self, failure: str | None, metrics: dict[str, float]) -> None:
        """Leaves the record."""
        ended = replace(self._record, failure=failure, metrics=metrics)
        record.write(ended, self._until_now())
        clear(ended.identity)

    def _until_now(self) -> Provenance:
        epochs = self._circumstances.seconds_per_epoch
        # Of a run that went on from a checkpoint, epochs before that are longer ago than the clock.
        seconds = max(time.perf_counter() - self._clock, sum(epochs))
        return replace(self._circumstances, seconds=seconds)

    def _tell(self) -> None:
        content = {"record": asdict(self._record), "provenance": asdict(self._until_now())}
        write_json(file(self._record.identity), content)


def clear(identity: Identity) -> None:
    """Nothing goes on any more."""
    file(identity).unlink(missing_ok=True)


def read(identity: Identity) -> tuple[Record, Provenance] | None:
    """What was told last; None before the run has begun and after its end."""
    try:
        content = json.loads(file(identity).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    told = content["record"] | {"identity": identity}
    return Record(**told), Provenance(**content["provenance"])
