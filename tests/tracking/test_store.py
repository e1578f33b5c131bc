"""store.py: one store for one checkout, whatever the working folder; made once, by whomever."""

import multiprocessing
from pathlib import Path

import pytest

from svhn_lab.tracking.store import open_store, project_root, tracking_uri


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


def test_a_store_is_made_once_and_found_again(project: Path) -> None:
    _, experiment = open_store()
    client, again = open_store()
    assert again == experiment
    assert client.get_experiment(experiment).name == "svhn-lab"
    assert client.get_experiment(experiment).artifact_location == (project / "mlartifacts").as_uri()


@pytest.mark.slow
def test_many_processes_may_open_a_new_store_at_once(project: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(6) as pool:
        experiments = [pool.apply_async(_experiment) for _ in range(6)]
        assert len({experiment.get(120) for experiment in experiments}) == 1


def _experiment() -> str:
    return open_store()[1]
