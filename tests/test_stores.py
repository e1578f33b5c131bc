"""MLflow's store against whatever becomes of it: results that DVC restores without running, a lost
database, a moved checkout, queued experiments, stages side by side, a server that goes away. Real
DVC, real SQLite, real MLflow servers on SQLite and PostgreSQL."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from clone import Clone, tiny_clone, wait_for
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from servers import MlflowServer, postgresql
from toy import change_params

pytestmark = pytest.mark.slow
CLEAN = "doctor: nothing wrong"
MODEL = "svhn-small-rendered"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A tiny lab, built, its params.yaml and dvc.lock committed."""
    clone = tiny_clone(tmp_path_factory.mktemp("stores") / "lab")
    clone.run("dvc", "repro")
    commit(clone)
    return clone


@pytest.fixture
def lab(built: Clone, tmp_path: Path) -> Clone:
    """A copy of the built lab, which is a moved one as well: its store names its first place."""
    return built.copied_to(tmp_path / "lab")


def commit(clone: Clone) -> None:
    clone.run("git", "add", "--all")
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    clone.run("git", *who, "commit", "--quiet", "--message", "built")


def current(runs: list[Run]) -> dict[str, Run]:
    """By name, the runs that are of no DVC experiment and not superseded; each name once."""
    found = [
        run
        for run in runs
        if not {"svhn_lab.superseded", "svhn_lab.dvc_experiment"} & set(run.data.tags)
    ]
    names = [str(run.info.run_name) for run in found]
    assert len(names) == len(set(names))
    return dict(zip(names, found, strict=True))


def test_what_dvc_restores_without_running_is_current_again_after_sync(lab: Clone) -> None:
    before = (lab.path / "params.yaml").read_bytes()
    first = current(lab.keyed_runs())["train/crop/seed-0"]
    change_params(lab.path, {"arms": {"crop": {"crop_padding": 2}}})
    lab.run("dvc", "repro", "train@crop")
    second = current(lab.keyed_runs())["train/crop/seed-0"]
    assert second.info.run_id != first.info.run_id
    (lab.path / "params.yaml").write_bytes(before)
    assert "is cached - skipping run" in lab.run("dvc", "repro", "train@crop")
    findings = lab.try_run("python", "-m", "svhn_lab", "doctor")
    assert findings.returncode == 1 and "train/crop/seed-0" in findings.stdout
    assert "differences; nothing changed" in lab.lab("sync", "--dry-run")
    assert current(lab.keyed_runs())["train/crop/seed-0"].info.run_id == second.info.run_id
    lab.lab("sync")
    assert current(lab.keyed_runs())["train/crop/seed-0"].info.run_id == first.info.run_id
    assert lab.lab("doctor").startswith(CLEAN)
    assert "; 0 differences mended" in lab.lab("sync")


def test_a_lost_database_is_made_again_with_every_run_and_the_registered_model(lab: Clone) -> None:
    def figures() -> dict[str, dict[str, float]]:
        return {name: run.data.metrics for name, run in current(lab.keyed_runs()).items()}

    before = figures()
    assert before["train/crop/seed-1"]["test_accuracy"] >= 0
    (lab.path / "mlflow.db").unlink()
    shutil.rmtree(lab.path / "mlartifacts")
    assert "mlflow.db: is not there" in lab.try_run("python", "-m", "svhn_lab", "doctor").stdout
    lab.lab("sync")
    assert figures() == before
    assert lab.lab("doctor").startswith(CLEAN)
    client = MlflowClient(f"sqlite:///{lab.path}/mlflow.db")
    champion = client.get_model_version_by_alias(MODEL, "champion")
    assert champion.tags["svhn_lab.key"] == lab.read("results/registration.json")["key"]
    assert champion.description == (lab.path / "results/model-card.md").read_text()


def test_a_moved_checkout_finds_its_artifacts_and_writes_to_its_own_place(lab: Clone) -> None:
    picture = lab.path / "results/preview.png"
    assert f"models:/{MODEL}@champion" in lab.lab("predict", str(picture))
    assert lab.lab("doctor").startswith(CLEAN)
    client = MlflowClient(f"sqlite:///{lab.path}/mlflow.db")
    places = {run.info.artifact_uri.rpartition("/mlartifacts/")[0] for run in lab.keyed_runs()}
    assert places == {lab.path.as_uri()}
    some = lab.keyed_runs()[0].info.run_id
    assert client.list_artifacts(some, "record")
    change_params(lab.path, {"arms": {"crop": {"crop_padding": 2}}})
    lab.run("dvc", "repro", "train@crop")
    assert lab.lab("doctor").startswith(CLEAN)


def test_what_is_damaged_on_disk_is_named_with_what_mends_it(lab: Clone) -> None:
    (lab.path / "models/train/crop/seed-0.pt").write_bytes(b"other weights")
    (lab.path / "results/finetune/front/depth-0/size-4/draw-1/metrics.json").unlink()
    shutil.rmtree(lab.path / "results/page")
    findings = lab.try_run("python", "-m", "svhn_lab", "doctor")
    assert findings.returncode == 1
    for said in (
        "models/train/crop: is modified, against what dvc.lock has of stage train@crop",
        "results/finetune/front: is modified",
        "results/page: is deleted",
        "remedy: dvc checkout results/page, or dvc repro report",
        "records: results/finetune/front/depth-0/size-4/draw-1/metrics.json: not found",
    ):
        assert said in findings.stdout
    lab.run("dvc", "checkout", "--force", "--allow-missing")
    assert lab.lab("doctor").startswith(CLEAN)
    change_params(lab.path, {"arms": {"crop": {"crop_padding": 2}}})
    assert lab.lab("doctor").startswith(CLEAN), "to be out of date is no fault"


def test_half_a_lock_file_is_named_and_what_was_built_comes_back_without_it(lab: Clone) -> None:
    before, lock = lab.weights(), lab.path / "dvc.lock"
    lock.write_bytes(b"")  # DVC empties the file, then fills it
    assert lab.try_run("dvc", "repro").returncode
    for command in ("doctor", "repro"):
        said = lab.try_run("python", "-m", "svhn_lab", command)
        assert said.returncode == 1
        assert "dvc.lock: is half-written" in said.stdout + said.stderr
        assert "rm dvc.lock, then dvc repro" in said.stdout + said.stderr
    lock.unlink()
    assert "python -m svhn_lab train" not in lab.run("dvc", "repro")
    assert lab.weights() == before
    assert lab.lab("doctor").startswith(CLEAN)


def test_queued_and_temporary_experiments_appear_in_the_labs_own_store(lab: Clone) -> None:
    before = current(lab.keyed_runs())
    for epochs in (1, 3, 4):
        lab.run("dvc", "exp", "run", "--queue", "--name", f"e{epochs}", *setting(epochs))
    lab.run("dvc", "exp", "run", "--run-all", "--jobs", "2")
    lab.run("dvc", "exp", "run", "--temp", "--name", "e5", *setting(5))
    runs = lab.keyed_runs()
    assert {name: run.info.run_id for name, run in current(runs).items()} == {
        name: run.info.run_id for name, run in before.items()
    }
    of = {
        run.data.tags["svhn_lab.dvc_experiment"]: run
        for run in runs
        if run.info.run_name == "train/crop/seed-1" and "svhn_lab.dvc_experiment" in run.data.tags
    }
    assert {name: run.data.params["epochs"] for name, run in of.items()} == {
        f"e{epochs}": str(epochs) for epochs in (1, 3, 4, 5)
    }
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert all("test_accuracy" in run.data.metrics for run in of.values())
    assert not any("svhn_lab.superseded" in run.data.tags for run in of.values())
    assert lab.lab("doctor").startswith(CLEAN)


def setting(epochs: int) -> tuple[str, str]:
    return "--set-param", f"+arms.crop.epochs={epochs}"


def test_the_same_runs_made_again_side_by_side_are_in_the_store_once(lab: Clone) -> None:
    stages = ("train@baseline", "train@crop", "finetune@front")
    for changes in ({}, {"training": {"learning_rate": 0.01}}):
        change_params(lab.path, changes)
        going_on = [
            lab.start("dvc", "repro", "--force", "--single-item", stage) for stage in stages
        ]
        assert [each.wait(timeout=300) for each in going_on] == [0, 0, 0]
        runs = lab.keyed_runs()
        keys = [run.data.tags["svhn_lab.key"] for run in runs]
        assert len(keys) == len(set(keys))
        assert {run.info.status for run in runs} == {"FINISHED"}
        current(runs)


@contextlib.contextmanager
def no_database(folder: Path) -> Iterator[str]:
    """A new SQLite database for a server."""
    yield f"sqlite:///{folder}/server.db"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_server_that_goes_away_in_mid_training_and_comes_back_lacks_nothing(
    kind: str, tmp_path: Path
) -> None:
    clone = tiny_clone(tmp_path / "lab")
    change_params(clone.path, {"arms": {arm: {"epochs": 150} for arm in ("baseline", "crop")}})
    clone.run("dvc", "repro", "prepare")
    with contextlib.ExitStack() as stack:

        def new_server(name: str) -> MlflowServer:
            folder = tmp_path / name
            folder.mkdir()
            database = postgresql() if kind == "postgresql" else no_database(folder)
            server = MlflowServer(stack.enter_context(database), folder)
            stack.callback(server.stop)
            server.start()
            clone.environment["MLFLOW_TRACKING_URI"] = server.uri
            return server

        server = new_server("first")
        training = clone.start("dvc", "repro", "train")

        def goes_on() -> bool:
            """Whether a run is shown with the epochs that it has done."""
            runs = clone.keyed_runs()
            return any(r.info.status == "RUNNING" and "train_loss" in r.data.metrics for r in runs)

        wait_for(goes_on)
        assert not list(clone.path.glob("results/train/*/*/run.json")), "no run is done yet"
        server.stop()
        wait_for(lambda: len(list(clone.path.glob("results/train/*/*/run.json"))) >= 2)
        server.start()
        assert training.wait(timeout=300) == 0, "a server that is down fails no stage"
        said = (tmp_path / "started.log").read_text()
        assert said.count("Nothing is lost") == 1, "it is said once"
        runs = clone.keyed_runs()
        arms = [f"train/{arm}" for arm in ("baseline", "crop")]
        seeds = [f"{arm}/seed-{seed}" for arm in arms for seed in (0, 1)]
        assert sorted(current(runs)) == sorted(arms + seeds)
        assert {run.info.status for run in runs} == {"FINISHED"}
        client = MlflowClient(server.uri)
        for seed in seeds:
            run_id = current(runs)[seed].info.run_id
            steps = [p.step for p in client.get_metric_history(run_id, "train_loss")]
            assert steps == list(range(1, 151))
        assert clone.lab("doctor").startswith(CLEAN)
        before = {name: run.data.metrics for name, run in current(clone.keyed_runs()).items()}
        server.stop()
        new_server("second")
        clone.lab("sync")
        assert before == {n: run.data.metrics for n, run in current(clone.keyed_runs()).items()}
        assert clone.lab("doctor").startswith(CLEAN)


def test_stages_side_by_side_make_what_dvc_repro_makes(built: Clone, tmp_path: Path) -> None:
    clone = tiny_clone(tmp_path / "lab")
    said = clone.lab("repro", "--jobs", "3")
    assert f"stages up to date, {said.count('Running stage')} of them made anew" in said
    assert clone.weights() == built.weights()
    assert "Running stage" not in clone.run("dvc", "repro")
    assert ", 0 of them made anew" in clone.lab("repro")
    assert clone.lab("doctor").startswith(CLEAN)
    change_params(clone.path, {"arms": {"crop": {"learning_rate": 1e30}}})
    failed = clone.try_run("python", "-m", "svhn_lab", "repro")
    assert failed.returncode == 1
    assert "train@crop: failed; what it said is above" in failed.stderr
    assert "the loss became nan at step" in failed.stdout
