"""store.py: one store for one checkout, whatever the working folder; made once, by whomever."""

import multiprocessing
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from records import RUN, circumstances

from svhn_lab.tracking import record
from svhn_lab.tracking.mirror import Mirror
from svhn_lab.tracking.reconcile import Extras, differences
from svhn_lab.tracking.record import Record
from svhn_lab.tracking.roles import KEY
from svhn_lab.tracking.store import open_store, probe, project_root, tracking_uri


def test_the_store_is_the_checkouts_from_any_folder_in_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(project / "a" / "b")
    assert tracking_uri() == f"sqlite:///{project}/mlflow.db"


def test_a_temporary_experiment_writes_to_the_real_checkout(tmp_path: Path) -> None:
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "tmpabc"
    copy.mkdir(parents=True)
    (copy / "dvc.yaml").touch()
    assert project_root(copy) == tmp_path


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("sqlite:///mlflow.db", "sqlite:///{project}/mlflow.db"),
        ("sqlite:////var/runs.db", "sqlite:////var/runs.db"),
    ],
)
def test_the_environment_names_another_store(
    uri: str, expected: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert tracking_uri() == expected.format(project=project)


def test_a_host_that_is_not_there_is_a_store_that_cannot_be_used() -> None:
    with pytest.raises(ConnectionError, match=r"no-such-host\.invalid:5000: "):
        probe("http://no-such-host.invalid:5000")


def test_a_store_is_made_once_and_found_again(project: Path) -> None:
    _, experiment = open_store()
    client, again = open_store()
    assert again == experiment
    assert client.get_experiment(experiment).name == "svhn-lab"
    assert client.get_experiment(experiment).artifact_location == (project / "mlartifacts").as_uri()


@pytest.mark.slow
def test_many_processes_may_write_to_a_new_store_at_once(project: Path) -> None:
    runs = [
        replace(RUN, identity=replace(RUN.identity, seed=seed), key=str(seed) * 32)
        for seed in range(8)
    ]
    for run in runs:
        record.write(run, circumstances())
    with multiprocessing.get_context("spawn").Pool(8) as pool:
        added = [pool.apply_async(_add, (run,)) for run in runs]
        experiments = {run.get(180) for run in added}
    assert len(experiments) == 1
    lab = Mirror()
    assert {run.data.tags[KEY] for run in lab.runs()} == {run.key for run in runs}
    assert differences(lab, Extras({}, {})) == []


def _add(run: Record) -> str:
    lab = Mirror()
    lab.add(run, circumstances())
    return lab.experiment


def test_a_process_killed_while_it_makes_a_store_leaves_none(project: Path) -> None:
    script = (
        "import os, signal, alembic.command; from svhn_lab.tracking import store; "
        "alembic.command.upgrade = lambda *_: os.kill(os.getpid(), signal.SIGKILL); "
        "store.open_store()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert list(project.glob(".mlflow.db.*[0-9]")) and not (project / "mlflow.db").exists()
    open_store()
    assert not list(project.glob(".mlflow.db.*[0-9]"))


def test_a_store_outside_the_checkout_is_not_taken_along(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several checkouts may share it; the first one's artifacts stay where they are."""
    shared = project / "shared.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{shared}")
    places = []
    for name in ("one", "two"):
        (project / name).mkdir()
        (project / name / "dvc.yaml").touch()
        monkeypatch.chdir(project / name)
        client, experiment = open_store()
        places.append(client.get_experiment(experiment).artifact_location)
    assert places == [(project / "one" / "mlartifacts").as_uri()] * 2
