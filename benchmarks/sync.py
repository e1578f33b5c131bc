"""How `sync` scales: made-up records into a new SQLite store, and once more when nothing is left to
do. Claim: linear in the number of records, and the second time at least ten times faster."""

import io
import os
import tempfile
import time
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

import click

from svhn_lab.stages import sync
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity, Record

EPOCHS = 5
LAYERS = {f"blocks.{number}.weight": 1000 for number in range(12)}
FIGURES = ("learning_rate", "train_loss", "train_accuracy", "validation_loss")


def leave_records(number: int) -> None:
    """So many runs on disk, of about the size that an arm's run has."""
    curves = [
        {"epoch": float(epoch), **dict.fromkeys(FIGURES, 1 / epoch)}
        for epoch in range(1, EPOCHS + 1)
    ]
    where = record.provenance(datetime.now(UTC), 10.0, [2.0] * EPOCHS, ("c" * 40, []))
    for seed in range(number):
        run = Record(
            identity=Identity("train", f"arm-{seed // 10}", seed),
            key=f"{seed:032x}",
            params={f"setting-{index}": index for index in range(18)},
            dataset={"name": "made-up", "digest": "d" * 32, "splits": {"train": 100}},
            num_parameters={"total": 12_000, "trainable": 12_000, "layers": LAYERS},
            metrics={name: curves[-1][name] for name in FIGURES},
            curves=curves,
        )
        record.write(run, where)


def seconds(number: int) -> tuple[float, float]:
    """How long the first and the second `sync` of so many records take, imports not counted."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            Path("dvc.yaml").touch()
            leave_records(number)
            taken = []
            for _ in range(2):
                started = time.perf_counter()
                with redirect_stdout(io.StringIO()):
                    sync.main()
                taken.append(time.perf_counter() - started)
        finally:
            os.chdir(here)
    return taken[0], taken[1]


@click.command()
@click.option("--records", default=2000, show_default=True)
def main(records: int) -> None:
    """Print how long `sync` takes of a quarter, a half and all of so many records."""
    rows = [(number, *seconds(number)) for number in (records // 4, records // 2, records)]
    click.echo("\nrecords  first (s)  per record (ms)  again (s)  first / again")
    for number, first, again in rows:
        per_record = 1000 * first / number
        click.echo(
            f"{number:7,}  {first:9.1f}  {per_record:15.1f}  {again:9.2f}  {first / again:13.1f}"
        )


if __name__ == "__main__":
    main()
