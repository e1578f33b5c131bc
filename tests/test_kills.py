"""A lab that is killed at any moment, again and again, ends as if nothing had happened: the same
weights to the bit, every run in MLflow once, nothing for `doctor` to find. Real DVC, real SQLite,
real PostgreSQL behind a real MLflow server."""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from clone import Clone, kill, tiny_clone
from servers import MlflowServer, postgresql

KILLS = 20
LONGEST = 14.0  # seconds from one kill to the next: a stage takes less, so that some are done

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The weights of a lab that nobody killed."""
    clone = tiny_clone(tmp_path_factory.mktemp("undisturbed") / "lab")
    clone.run("dvc", "repro", "finetune", "train")
    return clone.weights()


@pytest.fixture(params=["sqlite", "postgresql"])
def clone(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Clone]:
    """A lab with each kind of store."""
    clone = tiny_clone(tmp_path / "lab")
    if request.param == "sqlite":
        yield clone
        return
    with postgresql() as database:
        server = MlflowServer(database, tmp_path)
        clone.environment["MLFLOW_TRACKING_URI"] = server.uri
        try:
            server.start()
            yield clone
        finally:
            server.stop()


def forget(clone: Clone) -> None:
    """Takes away all that the lab has built but for MLflow's store, so that it is built again."""
    for place in ("data", "models", "results", ".dvc/cache"):
        shutil.rmtree(clone.path / place)
    (clone.path / "dvc.lock").unlink()


def mend_lock(clone: Clone) -> None:
    """The one thing that keeps a killed lab from going on: DVC writes its lock files in place, and
    cannot read half of one. Does what `doctor` says; fails if something else is wrong."""
    findings = clone.try_run("python", "-m", "svhn_lab", "doctor").stdout
    broken = re.findall(r"^graph: (.*): is half-written$", findings, re.MULTILINE)
    assert broken, f"{findings}\n{clone.said()}"
    for lock in broken:
        (clone.path / lock).unlink()


def test_a_lab_that_is_killed_again_and_again_loses_and_doubles_nothing(
    clone: Clone, undisturbed: dict[str, bytes]
) -> None:
    chance = Random(0)
    for _ in range(KILLS):
        repro = clone.start("dvc", "repro")
        try:
            if repro.wait(timeout=chance.uniform(0.5, LONGEST)):
                mend_lock(clone)
            else:
                forget(clone)
        except subprocess.TimeoutExpired:
            kill(repro)
    if clone.try_run("dvc", "repro").returncode:
        mend_lock(clone)
        clone.run("dvc", "repro")
    assert {name: clone.weights()[name] for name in undisturbed} == undisturbed
    runs = clone.keyed_runs()
    assert {run.info.status for run in runs} == {"FINISHED"}
    # Each measurement of times is a run of its own, as its result is a time.
    keys = Counter(run.data.tags["svhn_lab.key"] for run in runs)
    assert set(keys.values()) == {1}
    current = [run.info.run_name for run in runs if "svhn_lab.superseded" not in run.data.tags]
    assert len(current) == len(set(current)) == len(list(clone.path.glob("results/**/run.json")))
    assert clone.lab("doctor").startswith("doctor: nothing wrong")
