"""What tests share: a project folder to work in, small digits, a small recipe."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# Before any test imports them: no telemetry, and one thread, as every run of the lab has.
os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
for name in [name for name in os.environ if name.startswith(("MLFLOW_RUN", "MLFLOW_EXP"))]:
    del os.environ[name]
os.environ.pop("MLFLOW_TRACKING_URI", None)
torch.set_num_threads(1)
# No test is a stopwatch: the first example may import something heavy.
settings.register_profile("lab", deadline=None)
settings.load_profile("lab")

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder with the lab's own params.yaml and dvc.yaml, entered."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / "src").symlink_to(PROJECT / "src")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def _new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from svhn_lab.tracking.store import make  # here, as it imports MLflow

    folder = tmp_path_factory.mktemp("store")
    make(folder / "mlflow.db", folder)
    return folder / "mlflow.db"


@pytest.fixture
def store(project: Path, _new_store: Path) -> None:
    """The project has a store with nothing in it: a copy, as the lab takes with it when it is
    moved, since it takes MLflow seconds to make one."""
    shutil.copy(_new_store, project)


@pytest.fixture(autouse=True)
def _no_store_is_left_to_the_next_test() -> Iterator[None]:
    """`mlflow.set_tracking_uri` sets the variable as well, which commands that are started inherit:
    the next test's lab would write to this one's store."""
    yield
    os.environ.pop("MLFLOW_TRACKING_URI", None)
