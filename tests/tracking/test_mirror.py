"""mirror.py against a real SQLite store: one key is one finished run, however often and whatever
was there before."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from mlflow.entities import Metric, Run
from records import RUN, circumstances

from svhn_lab.tracking import record
from svhn_lab.tracking.entities import milliseconds
from svhn_lab.tracking.mirror import Mirror
from svhn_lab.tracking.record import Identity
from svhn_lab.tracking.roles import KEY, SUPERSEDED

WHEN = circumstances()


@pytest.fixture
def mirror(store: None) -> Mirror:
    record.write(RUN, WHEN)
    return Mirror()


def runs(mirror: Mirror) -> list[Run]:
    return list(mirror.client.search_runs(mirror.experiments))


def test_a_run_carries_all_that_the_record_tells(mirror: Mirror) -> None:
    run_id = mirror.add(RUN, WHEN)
    run = mirror.client.get_run(run_id)
    assert (run.info.run_name, run.info.status) == ("train/preact/seed-3", "FINISHED")
    assert run.info.end_time - run.info.start_time == 12_500
    assert run.data.params == {"net": "preact", "epochs": "2"}
    assert run.data.metrics == {
        "train_loss": 0.25,
        "validation_accuracy": 0.75,
        "seconds_per_epoch": 6.25,
        "seconds": 12.5,
        "parameters": 5,
        "parameters_trainable": 3,
        "parameters_by_layer/head": 5,
        "buffers": 2,
    }
    curve = mirror.client.get_metric_history(run_id, "train_loss")
    assert [(point.step, point.value) for point in curve] == [(1, 0.5), (2, 0.25)]
    began = milliseconds(WHEN.started)
    assert [point.timestamp - began for point in curve] == [6_000, 12_250]
    assert run.data.tags["mlflow.source.git.commit"] == "c" * 40
    assert run.data.tags["svhn_lab.dirty"] == "false"
    assert run.inputs is not None
    [dataset] = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("rendered", "d" * 32)
    assert dataset.dataset.profile == '{"train": 10, "test": 5}'
    assert {f.path for f in mirror.client.list_artifacts(run_id, "record")} == {
        "record/run.json",
        "record/metrics.json",
        "record/curves.tsv",
    }


def test_mirroring_twice_makes_one_run(mirror: Mirror) -> None:
    assert mirror.add(RUN, WHEN) == mirror.add(RUN, WHEN) == Mirror().add(RUN, WHEN)
    assert len(runs(mirror)) == 1


def test_runs_are_found_on_whatever_page_of_the_store_they_are(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [
        replace(RUN, identity=Identity("train", "preact", n), key=f"{n}" * 32) for n in (4, 5)
    ]
    for each in (RUN, *others):
        record.write(each, WHEN)
        mirror.add(each, WHEN)
    monkeypatch.setattr("svhn_lab.tracking.mirror.PAGE", 1)
    assert {run.data.tags[KEY] for run in mirror.runs()} == {RUN.key, "4" * 32, "5" * 32}


def test_another_key_supersedes_the_older_run_and_coming_back_revives_it(mirror: Mirror) -> None:
    first = mirror.add(RUN, WHEN)
    changed = replace(RUN, key="2" * 32)
    second = mirror.add(changed, WHEN)
    assert SUPERSEDED in mirror.client.get_run(first).data.tags
    assert SUPERSEDED not in mirror.client.get_run(second).data.tags
    assert mirror.add(RUN, WHEN) == first
    assert SUPERSEDED not in mirror.client.get_run(first).data.tags
    assert SUPERSEDED in mirror.client.get_run(second).data.tags


def test_runs_that_were_broken_off_are_replaced(mirror: Mirror) -> None:
    whole = mirror.add(RUN, WHEN)
    mirror.client.set_terminated(whole, "KILLED")
    new = mirror.add(RUN, WHEN)
    assert new != whole
    assert [run.info.run_id for run in runs(mirror)] == [new]


def test_a_run_that_goes_on_is_shown_with_each_epoch_once(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, int]] = []  # as MLflow shows what comes twice but once
    log_batch = mirror.client.log_batch

    def noting(run_id: str, metrics: Sequence[Metric] = (), **more: Any) -> None:
        sent.extend((metric.key, metric.step) for metric in metrics if metric.step)
        log_batch(run_id, metrics, **more)

    monkeypatch.setattr(mirror.client, "log_batch", noting)

    def shown() -> tuple[str, list[tuple[int, float]]]:
        [run] = runs(mirror)
        points = mirror.client.get_metric_history(run.info.run_id, "train_loss")
        return run.info.status, [(point.step, point.value) for point in points]

    for epochs, expected in ((0, []), (1, [(1, 0.5)]), (1, [(1, 0.5)]), (2, [(1, 0.5), (2, 0.25)])):
        so_far = replace(RUN, metrics={}, curves=RUN.curves[:epochs])
        mirror.follow(so_far, replace(WHEN, seconds_per_epoch=WHEN.seconds_per_epoch[:epochs]))
        assert shown() == ("RUNNING", expected)
    run_id = mirror.add(RUN, WHEN)
    assert shown() == ("FINISHED", [(1, 0.5), (2, 0.25)])
    mirror.follow(RUN, WHEN)
    assert shown() == ("FINISHED", [(1, 0.5), (2, 0.25)]), "what is done is not followed any more"
    assert mirror.client.get_run(run_id).info.end_time - 12_500 == milliseconds(WHEN.started)
    assert len(sent) == len(set(sent)) == 6, "two epochs of three curves"


def test_a_run_that_begins_anew_is_shown_from_its_beginning(mirror: Mirror) -> None:
    def follow(epochs: int, **changes: str) -> None:
        so_far = replace(RUN, metrics={}, curves=RUN.curves[:epochs])
        seconds = WHEN.seconds_per_epoch[:epochs]
        mirror.follow(so_far, circumstances(seconds_per_epoch=seconds, **changes))

    follow(2)
    follow(0)  # its worker was killed, and another has taken it up
    follow(1)
    later = "2026-01-02T03:05:00+00:00"
    follow(1, started=later)
    run_id = mirror.add(RUN, replace(WHEN, started=later))
    assert [run.info.run_id for run in runs(mirror)] == [run_id]
    curve = mirror.client.get_metric_history(run_id, "train_loss")
    assert [(point.step, point.value) for point in curve] == [(1, 0.5), (2, 0.25)]


def test_the_same_run_made_again_is_not_shown_as_another(mirror: Mirror) -> None:
    first = mirror.add(RUN, WHEN)
    again = Mirror()
    again.follow(replace(RUN, metrics={}, curves=[]), replace(WHEN, seconds_per_epoch=[]))
    assert again.add(RUN, WHEN) == first
    assert [run.info.run_id for run in runs(mirror)] == [first]


def test_of_two_that_make_one_run_at_once_the_first_to_end_stays(mirror: Mirror) -> None:
    slow, quick = Mirror(), Mirror()
    slow.follow(replace(RUN, metrics={}, curves=[]), replace(WHEN, seconds_per_epoch=[]))
    whole = quick.add(RUN, WHEN)
    assert slow.add(RUN, WHEN) == whole
    assert [run.info.run_id for run in runs(mirror)] == [whole]


def test_a_failed_run_is_marked_and_tells_why(mirror: Mirror) -> None:
    failed = replace(RUN, failure="the loss became nan at step 3", metrics={}, curves=[])
    run_id = mirror.add(failed, replace(WHEN, seconds_per_epoch=[]))
    run = mirror.client.get_run(run_id)
    assert run.info.status == "FAILED"
    assert run.data.tags["svhn_lab.failure"] == "the loss became nan at step 3"


def test_more_metrics_than_mlflow_takes_at_once_are_all_logged(mirror: Mirror) -> None:
    curves = [{"epoch": float(e), "train_loss": 1 / e} for e in range(1, 1201)]
    run_id = mirror.add(replace(RUN, curves=curves), replace(WHEN, seconds_per_epoch=[0.1] * 1200))
    assert len(mirror.client.get_metric_history(run_id, "train_loss")) == 1200


def test_test_figures_are_attached_once(mirror: Mirror) -> None:
    run_id = mirror.add(RUN, WHEN)
    for _ in range(2):
        mirror.attach(run_id, {"test_accuracy": 0.9})
    assert [p.value for p in mirror.client.get_metric_history(run_id, "test_accuracy")] == [0.9]
    assert mirror.client.get_run(run_id).data.tags[KEY] == RUN.key


def test_of_figures_measured_again_the_newer_is_shown(mirror: Mirror) -> None:
    run_id = mirror.add(RUN, WHEN)
    for seconds in (3.0, 2.0):
        mirror.attach(run_id, {"cost": seconds})
    assert mirror.client.get_run(run_id).data.metrics["cost"] == 2.0


@pytest.mark.parametrize(("stage", "arm"), [("train", "preact"), ("pretrain", "")])
def test_a_run_that_stands_for_several_is_their_parent(
    mirror: Mirror, stage: str, arm: str
) -> None:
    members = [
        replace(RUN, identity=Identity(stage, arm, seed), key=str(seed) * 32) for seed in (1, 2)
    ]
    other = replace(RUN, identity=Identity(stage, arm, 9), key="9" * 32)
    for run in (*members, other):
        record.write(run, WHEN)
    ids = [mirror.add(run, WHEN) for run in members]
    alone = mirror.add(other, WHEN)
    whole = record.summed_up(Identity(stage, arm), members, {"net": "preact"})
    circumstances = replace(WHEN, seconds_per_epoch=[])
    record.write(whole, circumstances)
    for _ in range(2):
        parent = mirror.add(whole, circumstances)
        tags = [mirror.client.get_run(run_id).data.tags for run_id in ids]
        assert [each["mlflow.parentRunId"] for each in tags] == [parent] * 2
    assert "mlflow.parentRunId" not in mirror.client.get_run(alone).data.tags
    assert "stands for 2 runs" in mirror.client.get_run(parent).data.tags["mlflow.note.content"]
    assert {f.path for f in mirror.client.list_artifacts(parent, "record")} == {
        "record/run.json",
        "record/metrics.json",
        "record/curves.tsv",
    }


def test_inside_mlflow_run_a_run_is_its_parents_child(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = mirror.client.create_experiment("the parent's own")
    parent = mirror.client.create_run(experiment).info.run_id
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
    monkeypatch.setenv("MLFLOW_RUN_ID", parent)
    child = mirror.client.get_run(Mirror().add(RUN, WHEN))
    assert child.data.tags["mlflow.parentRunId"] == parent
    assert child.info.experiment_id == experiment
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")
    assert Mirror().add(RUN, WHEN) == child.info.run_id, "found again from outside"


def test_a_record_from_before_buffers_were_counted_has_none(mirror: Mirror) -> None:
    older = replace(RUN, num_parameters={"total": 5, "trainable": 3, "layers": {"head": 5}})
    run = mirror.client.get_run(mirror.add(older, WHEN))
    assert "buffers" not in run.data.metrics and run.data.metrics["parameters"] == 5
