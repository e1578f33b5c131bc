"""reconcile.py against a real SQLite store: every kind of difference is found, named, and mended
once; what is not this checkout's to judge is left alone."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.entities import Run
from records import RUN, circumstances

from svhn_lab.tracking import record
from svhn_lab.tracking.mirror import Mirror
from svhn_lab.tracking.process import this_process
from svhn_lab.tracking.reconcile import Extras, differences
from svhn_lab.tracking.record import Identity, Record
from svhn_lab.tracking.roles import KEY, NAME, PROCESS, SUPERSEDED

NOTHING = Extras({}, {})


@pytest.fixture
def mirror(store: None) -> Mirror:
    record.write(RUN, circumstances())
    return Mirror()


def found(
    mirror: Mirror, extras: Extras = NOTHING, *, prune: bool = False
) -> list[tuple[str, str]]:
    """Kind and name of every difference; each is then mended where it may be."""
    all_of_them = differences(mirror, extras, prune=prune)
    for difference in all_of_them:
        if difference.mend is not None:
            difference.mend()
    return [(difference.kind, difference.name) for difference in all_of_them]


def run_of(mirror: Mirror, key: str) -> Run:
    [run] = mirror.runs(f"tags.`{KEY}` = '{key}'")
    return run


def left_by(mirror: Mirror, process: str, name: str = RUN.identity.name) -> str:
    """The id of a run that this process was logging."""
    tags = {KEY: RUN.key, NAME: name, PROCESS: process}
    return str(mirror.client.create_run(mirror.experiment, tags=tags).info.run_id)


def temporary_copy(project: Path) -> Path:
    """Where DVC would run an experiment of the project."""
    copy = project / ".dvc" / "tmp" / "exps" / "tmp1"
    copy.mkdir(parents=True)
    return copy


def killed_process() -> str:
    script = "from svhn_lab.tracking.process import this_process; print(this_process())"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_record_that_mlflow_lacks_is_put_there_and_then_nothing_differs(mirror: Mirror) -> None:
    assert found(mirror) == [("missing", "train/preact/seed-3")]
    assert run_of(mirror, RUN.key).info.status == "FINISHED"
    assert found(mirror) == []


def test_looking_changes_nothing(mirror: Mirror) -> None:
    assert differences(mirror, NOTHING)
    assert mirror.runs() == []


def test_what_a_killed_process_left_is_replaced(mirror: Mirror) -> None:
    left = left_by(mirror, killed_process())
    assert found(mirror) == [("broken", "train/preact/seed-3")]
    assert run_of(mirror, RUN.key).info.run_id != left
    assert found(mirror) == []


def test_what_was_killed_and_has_no_record_is_shown_as_killed(mirror: Mirror) -> None:
    mirror.add(RUN, circumstances())
    left = left_by(mirror, killed_process(), "train/baseline/seed-0")
    assert found(mirror) == [("broken", "train/baseline/seed-0")]
    assert mirror.client.get_run(left).info.status == "KILLED"
    assert found(mirror) == []


def test_a_run_that_goes_on_is_left_alone(mirror: Mirror) -> None:
    script = "from svhn_lab.tracking.process import this_process; print(this_process(), flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{script}; input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        process = other.stdout.readline().strip()
        going_on = left_by(mirror, process)
        assert found(mirror) == []
        assert mirror.client.get_run(going_on).info.status == "RUNNING"
        other.communicate("\n")
    assert found(mirror) == [("broken", "train/preact/seed-3")]


def test_what_this_process_logs_right_now_is_left_alone(mirror: Mirror, project: Path) -> None:
    (project / "results/train/preact/seed-3/run.json").unlink()
    so_far = replace(RUN, metrics={}, curves=RUN.curves[:1])
    mirror.follow(so_far, circumstances(seconds_per_epoch=[6.0]))
    assert found(mirror) == []
    assert run_of(mirror, RUN.key).info.status == "RUNNING"


def test_what_another_machine_has_not_ended_is_killed_if_one_says_so(mirror: Mirror) -> None:
    mirror.add(RUN, circumstances())
    elsewhere = f"other-{this_process()}"
    left = left_by(mirror, elsewhere, "train/baseline/seed-0")
    assert found(mirror) == []
    assert found(mirror, prune=True) == [("broken", "train/baseline/seed-0")]
    assert mirror.client.get_run(left).info.status == "KILLED"


def test_another_machines_run_of_a_record_hides_nothing(mirror: Mirror) -> None:
    left = left_by(mirror, f"other-{this_process()}")
    extras = Extras({RUN.key: {"test_accuracy": 0.9}}, {})
    assert found(mirror, extras) == [("missing", "train/preact/seed-3")]
    assert found(mirror, extras) == []
    assert mirror.client.get_run(left).info.status == "RUNNING"
    kinds = [kind for kind, _ in found(mirror, extras, prune=True)]
    assert kinds == ["broken"]
    assert [kind for kind, _ in found(mirror, extras)] == ["broken"], "which is then cleared away"
    assert found(mirror, extras, prune=True) == []
    assert run_of(mirror, RUN.key).data.metrics["test_accuracy"] == 0.9


def test_a_record_that_was_made_anew_meanwhile_is_not_put_back(mirror: Mirror) -> None:
    [difference] = differences(mirror, NOTHING)
    changed = replace(RUN, key="2" * 32)
    record.write(changed, circumstances())
    mirror.add(changed, circumstances())
    assert difference.mend is not None
    difference.mend()
    assert [run.data.tags[KEY] for run in mirror.runs()] == [changed.key]


def test_a_key_that_is_there_twice_is_there_once_after(mirror: Mirror) -> None:
    first = mirror.add(RUN, circumstances())
    second = left_by(mirror, "")
    mirror.client.set_terminated(second, "FINISHED")
    assert found(mirror) == [("doubled", "train/preact/seed-3")]
    assert run_of(mirror, RUN.key).info.run_id == first, "the older one stays"


def test_older_settings_are_marked_and_come_back(mirror: Mirror) -> None:
    mirror.add(RUN, circumstances())
    changed = replace(RUN, key="2" * 32)
    record.write(changed, circumstances())
    assert found(mirror) == [("missing", "train/preact/seed-3")]
    assert SUPERSEDED in run_of(mirror, RUN.key).data.tags
    record.write(RUN, circumstances())
    assert set(found(mirror)) == {("outdated", "train/preact/seed-3")}
    assert SUPERSEDED in run_of(mirror, changed.key).data.tags
    assert SUPERSEDED not in run_of(mirror, RUN.key).data.tags
    assert found(mirror) == []


def test_runs_of_dvc_experiments_stay_to_be_compared(mirror: Mirror) -> None:
    for number, name in enumerate(("one", "two"), start=2):
        experiment = replace(RUN, key=str(number) * 32)
        record.write(experiment, circumstances(dvc_experiment=name))
        assert [kind for kind, _ in found(mirror)] == ["missing"]
    record.write(RUN, circumstances())
    assert [kind for kind, _ in found(mirror)] == ["missing"]
    assert not any(SUPERSEDED in run.data.tags for run in mirror.runs())


def test_a_temporary_copy_judges_no_runs_of_the_checkout(
    mirror: Mirror, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.add(RUN, circumstances())
    monkeypatch.chdir(temporary_copy(project))
    record.write(replace(RUN, key="2" * 32), circumstances())  # as DVC restored it
    assert found(Mirror()) == [("missing", "train/preact/seed-3")]
    assert not any(SUPERSEDED in run.data.tags for run in mirror.runs())


def test_figures_and_files_are_attached_once(mirror: Mirror, project: Path) -> None:
    file = project / "timing.json"
    file.write_text("{}")
    extras = Extras({RUN.key: {"test_accuracy": 0.9}}, {RUN.key: [file]})
    assert found(mirror, extras) == [("missing", "train/preact/seed-3")]
    run = run_of(mirror, RUN.key)
    assert run.data.metrics["test_accuracy"] == 0.9
    assert [f.path for f in mirror.client.list_artifacts(run.info.run_id, "plots")] == [
        "plots/timing.json"
    ]
    assert found(mirror, extras) == []
    file.write_text('{"other": 1}')
    assert found(mirror, extras) == [("unattached", "train/preact/seed-3")]
    more = Extras({RUN.key: {"test_accuracy": 0.8}}, {})
    assert found(mirror, more) == [("unattached", "train/preact/seed-3")]
    assert run_of(mirror, RUN.key).data.metrics["test_accuracy"] == 0.8
    assert found(mirror, more) == []


def test_runs_lie_below_the_one_that_stands_for_them(mirror: Mirror) -> None:
    whole: Record = record.summed_up(Identity("train", "preact"), [RUN], {"net": "preact"})
    record.write(whole, circumstances(seconds_per_epoch=[]))
    assert [name for _, name in found(mirror)] == ["train/preact/seed-3", "train/preact"]
    tags = run_of(mirror, RUN.key).data.tags
    assert tags["mlflow.parentRunId"] == run_of(mirror, whole.key).info.run_id
    mirror.client.delete_run(run_of(mirror, RUN.key).info.run_id)
    assert [kind for kind, _ in found(mirror)] == ["missing", "unattached"]
    assert found(mirror) == []


def test_a_temporary_copy_leaves_the_checkouts_runs_where_they_lie(
    mirror: Mirror, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.add(RUN, circumstances())
    whole: Record = record.summed_up(Identity("train", "preact"), [RUN], {"net": "preact"})
    monkeypatch.chdir(temporary_copy(project))
    when = circumstances(seconds_per_epoch=[], dvc_experiment="one")
    record.write(whole, when)
    Mirror().add(whole, when)
    assert "mlflow.parentRunId" not in run_of(mirror, RUN.key).data.tags


def test_a_run_without_a_record_is_marked_if_one_says_so(mirror: Mirror, project: Path) -> None:
    mirror.add(RUN, circumstances())
    (project / "results/train/preact/seed-3/run.json").unlink()
    for _ in range(2):
        assert found(mirror) == [("orphaned", "train/preact/seed-3")]
    assert found(mirror, prune=True) == [("orphaned", "train/preact/seed-3")]
    assert SUPERSEDED in run_of(mirror, RUN.key).data.tags
    assert found(mirror) == found(mirror, prune=True) == []


def test_a_record_that_is_not_whole_is_named(mirror: Mirror, project: Path) -> None:
    (project / "results/train/preact/seed-3/metrics.json").unlink()
    [difference] = differences(mirror, NOTHING)
    assert difference.kind == "unreadable" and difference.mend is None
    assert "make it with `dvc repro train@preact`" in difference.says


@pytest.mark.parametrize(("first", "second"), [("", "anna"), ("anna", ""), ("anna", "bob")])
def test_nobody_touches_the_runs_of_another_experiment(
    first: str, second: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", first)
    record.write(RUN, circumstances())
    theirs = Mirror()
    theirs.add(RUN, circumstances())
    left_by(theirs, killed_process(), "train/baseline/seed-0")
    before = [(run.info.run_id, run.info.status, run.data.tags) for run in theirs.runs()]
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", second)
    own = Mirror()
    assert found(own) == [("missing", "train/preact/seed-3")]
    record.write(replace(RUN, key="2" * 32), circumstances())
    found(own, prune=True)
    assert [(run.info.run_id, run.info.status, run.data.tags) for run in theirs.runs()] == before


def test_a_temporary_copy_attaches_nothing_to_runs_of_the_checkout(
    mirror: Mirror, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.add(RUN, circumstances())
    monkeypatch.chdir(temporary_copy(project))
    record.write(RUN, circumstances())
    changed = replace(RUN, identity=Identity("train", "preact", 4), key="2" * 32)
    record.write(changed, circumstances(dvc_experiment="one"))
    figures = {key: {"cost": 1.0} for key in (RUN.key, changed.key)}
    assert found(Mirror(), Extras(figures, {})) == [("missing", "train/preact/seed-4")]
    assert "cost" not in run_of(mirror, RUN.key).data.metrics
    assert run_of(mirror, changed.key).data.metrics["cost"] == 1.0
