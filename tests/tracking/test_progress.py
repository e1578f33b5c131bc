"""progress.py: what is told while a run goes on is what is left at its end."""

from pathlib import Path

from svhn_lab.tracking import progress, record
from svhn_lab.tracking.progress import Progress
from svhn_lab.tracking.record import Identity, Record

STARTED = Record(
    identity=Identity("finetune", "front", 0, draw=1, condition="depth-3/size-50"),
    key="k" * 32,
    params={"net": "preact"},
    dataset={"name": "rendered", "digest": "d" * 32, "splits": {"train": 10}},
    num_parameters={"total": 5, "trainable": 3, "layers": {"head": 5}, "buffers": 2},
)
ROWS = [{"epoch": 1.0, "train_loss": 0.5}, {"epoch": 2.0, "train_loss": 1 / 3}]


def test_a_run_is_told_epoch_by_epoch_and_leaves_its_record(project: Path) -> None:
    identity = STARTED.identity
    assert progress.read(identity) is None
    run = Progress(STARTED, ("c" * 40, []))
    told = progress.read(identity)
    assert told is not None and told[0] == STARTED
    for number, row in enumerate(ROWS, start=1):
        run.epoch(row, seconds=2.0 * number)
        told = progress.read(identity)
        assert told is not None
        assert told[0].curves == ROWS[:number]
        assert told[1].seconds_per_epoch == [2.0, 4.0][:number]
        assert told[1].commit == "c" * 40
        assert not record.exists(identity)
    run.end(failure=None, metrics={"train_loss": 1 / 3})
    left = record.read(identity)
    assert left.curves == ROWS and left.metrics == {"train_loss": 1 / 3}
    circumstances = record.read_provenance(identity)
    assert circumstances.seconds_per_epoch == [2.0, 4.0]
    assert circumstances.seconds == 6, "no less than its epochs took, whoever began with them"
    assert progress.read(identity) is None
    assert [p.name for p in Path("results/provenance").rglob("*") if p.is_file()] == ["draw-1.json"]


def test_a_run_that_failed_before_its_first_epoch_says_why(project: Path) -> None:
    Progress(STARTED, (None, None)).end("the loss became nan at step 1 (epoch 1)", {})
    left = record.read(STARTED.identity)
    assert left.failure == "the loss became nan at step 1 (epoch 1)"
    assert left.curves == [] and left.metrics == {}
