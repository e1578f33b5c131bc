"""The command line as a user meets it: help at once, and one clear message for what is wrong."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from toy import keep_arms

PROJECT = Path(__file__).parents[1]
COMMAND = str(Path(sys.executable).with_name("svhn-lab"))
STAGES = [
    "check",
    "fetch",
    "prepare",
    "train",
    "pretrain",
    "finetune",
    "timing",
    "evaluate",
    "report",
    "register",
]


def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m svhn_lab ARGUMENTS` in the working folder."""
    return subprocess.run(
        [sys.executable, "-m", "svhn_lab", *arguments], capture_output=True, text=True
    )


def refused(*arguments: str) -> str:
    """What the command answers; it must be one message, no traceback, and an exit code of 1."""
    done = lab(*arguments)
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    assert "Error: " in done.stderr
    return done.stderr.partition("Error: ")[2]


def set_param(old: str, new: str) -> None:
    text = Path("params.yaml").read_text()
    assert old in text
    Path("params.yaml").write_text(text.replace(old, new))


def test_help_lists_every_command_and_loads_nothing_heavy() -> None:
    script = (
        "import sys; from svhn_lab.cli import cli; cli(['--help'], standalone_mode=False); "
        "print(sorted({'torch', 'mlflow', 'numpy', 'pydantic', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert all(f"\n  {stage} " in done.stdout for stage in STAGES)
    assert done.stdout.endswith("[]\n")


def test_the_shell_completes_commands_and_arms(project: Path) -> None:
    def completed(words: str, number: int) -> list[str]:
        wanted = {"_SVHN_LAB_COMPLETE": "bash_complete", "COMP_WORDS": words}
        done = subprocess.run(
            [shutil.which("svhn-lab", path=str(Path(sys.executable).parent)) or "svhn-lab"],
            env=os.environ | wanted | {"COMP_CWORD": str(number)},
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.partition(",")[2] for line in done.stdout.splitlines() if line]

    assert completed("svhn-lab st", 1) == ["status"]
    assert completed("svhn-lab show preact-f", 2) == ["preact-fire"]
    Path("params.yaml").unlink()
    assert completed("svhn-lab show preact", 2) == []
    assert "_SVHN_LAB_COMPLETE=zsh_complete" in lab("completion", "zsh").stdout


@pytest.mark.parametrize("stage", STAGES)
def test_every_command_says_what_it_does(stage: str) -> None:
    from click.testing import CliRunner

    from svhn_lab.cli import cli

    answer = CliRunner().invoke(cli, [stage, "--help"])
    assert answer.exit_code == 0
    assert len(answer.output.splitlines()) > 4


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("batch_size: 128", "batch_size: -128", "params.yaml: training.batch_size: should be"),
        ("precision:", "precison:", "precison: unknown key; did you mean `precision`?"),
        ("{net: preact}", "{net: resnt}", "arms.preact.net: no network is called 'resnt'"),
        (
            "optimizer: adamw",
            "optimizer: sparse-adam",
            "arms.adamw.optimizer: sparse-adam takes sparse gradients only",
        ),
        ("  deeper: baseline", "  deeper: basline", "references.deeper: no arm is called 'basl"),
        ("6, 7], sizes", "6, 8], sizes", "transfer.sweeps.front: freeze depth 8 is beyond the"),
        ("[svhn, rendered]", "[]", "data.sources: list should have at least 1 item"),
    ],
)
def test_wrong_params_are_named_before_anything_is_touched(
    project: Path, old: str, new: str, expected: str
) -> None:
    set_param(old, new)
    assert expected in refused("check")
    assert not Path("results").exists()


@pytest.mark.parametrize("command", [[sys.executable, "-m", "svhn_lab"], [COMMAND]], ids=len)
def test_right_params_pass(project: Path, command: list[str]) -> None:
    for folder in ("benchmarks", "contests"):  # networks that params.yaml names are there
        (project / folder).symlink_to(PROJECT / folder)
    done = subprocess.run([*command, "check"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_arm_or_sweep_is_answered_with_those_there_are(project: Path) -> None:
    assert "arms: has no 'sgdd'; there are: baseline, deeper, " in refused("train", "sgdd")
    assert "transfer.sweeps: has no '9'; there are: front, scratch" in refused("finetune", "9")


@pytest.mark.parametrize(
    ("command", "first"),
    [
        ("prepare", "fetch"),
        ("train baseline", "prepare"),
        ("pretrain", "prepare"),
        ("finetune scratch", "prepare"),
        ("diversity", "prepare"),
        ("probe", "prepare"),
        ("timing", "prepare"),
        ("evaluate", "prepare"),
        ("report", "evaluate"),
    ],
)
def test_a_stage_before_its_time_is_told_what_comes_first(
    project: Path, command: str, first: str
) -> None:
    assert f"make it with `dvc repro {first}`" in refused(*command.split())


def test_outside_a_project_the_command_says_where_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "params.yaml: not found; run this in the project's top folder" in refused("check")


def write_digits(place: Path) -> Path:
    """Made-up digits in SVHN's own files."""
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        pixels = random.integers(0, 256, (32, 32, 3, 300), dtype=np.uint8)
        labels = (np.arange(300) % 10 + 1).reshape(-1, 1).astype(np.uint8)
        scipy.io.savemat(place / f"{split}_32x32.mat", {"X": pixels, "y": labels})
    return place


@pytest.fixture
def svhn_part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with made-up digits."""
    return write_digits(tmp_path_factory.mktemp("digits"))


def make_toy(sources: Path) -> None:
    """Settings for few digits and one short run of one arm."""
    keep_arms(Path(), "baseline")
    set_param("[svhn, rendered]", f"[{sources}]")
    set_param("sample_sizes: [50]", "sample_sizes: [5]")
    set_param("seeds: [0, 1, 2]", "seeds: [0]")
    set_param("  epochs: 5", "  epochs: 1")


@pytest.fixture(scope="session")
def prepared_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder after `fetch` and `prepare` with toy settings."""
    place = tmp_path_factory.mktemp("prepared")
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(PROJECT / name, place)
    with contextlib.chdir(place):
        make_toy(write_digits(tmp_path_factory.mktemp("digits")))
        for stage in ("fetch", "prepare"):
            done = lab(stage)
            assert done.returncode == 0, done.stderr
    return place / "data"


@pytest.fixture
def prepared(project: Path, prepared_data: Path) -> Path:
    """A project after `fetch` and `prepare` with toy settings, entered."""
    shutil.copytree(prepared_data, project / "data")
    make_toy(Path("unused"))
    return project


def test_the_first_source_that_can_be_had_is_used_and_said_aloud(
    project: Path, svhn_part: Path
) -> None:
    set_param("[svhn, rendered]", f"[nowhere, {svhn_part}]")
    done = lab("fetch")
    assert done.returncode == 0, done.stderr
    assert "NOT AVAILABLE: params.yaml: data.sources: the folder nowhere does not" in done.stderr
    assert f"DIGITS: folder-{svhn_part.name} (NOT official SVHN)" in done.stdout
    assert f'"name": "folder-{svhn_part.name}"' in Path("data/raw/source.json").read_text()


def test_bad_digits_are_refused_and_the_good_ones_stay(project: Path, svhn_part: Path) -> None:
    set_param("[svhn, rendered]", f"[{svhn_part}]")
    assert lab("fetch").returncode == 0
    before = {path: path.read_bytes() for path in Path("data/raw").rglob("*.*")}
    assert len(before) == 5
    whole = (svhn_part / "test_32x32.mat").read_bytes()
    (svhn_part / "test_32x32.mat").write_bytes(whole[: len(whole) // 2])
    assert "test_32x32.mat: cannot be read as a MATLAB 5 file" in refused("fetch")
    shutil.rmtree(svhn_part)
    assert f"the folder {svhn_part} does not exist" in refused("fetch")
    assert {path: path.read_bytes() for path in Path("data/raw").rglob("*.*")} == before
    assert [path.name for path in Path("data").iterdir()] == ["raw"]


def runs(project: Path) -> list[Run]:
    """What the project's own store holds of single seeds."""
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    [experiment] = client.search_experiments(filter_string="name = 'svhn-lab'")
    of_seeds = "attributes.run_name LIKE '%/seed-%'"
    return list(client.search_runs([experiment.experiment_id], of_seeds))


def test_a_run_that_diverges_fails_with_its_step_and_stays_in_mlflow_as_failed(
    prepared: Path,
) -> None:
    Path("models/train/baseline").mkdir(parents=True)
    older = Path("models/train/baseline/seed-0.pt")
    older.write_bytes(b"weights of other settings")
    set_param("baseline: {net: baseline}", "baseline: {net: baseline, learning_rate: 1e+30}")
    message = refused("train", "baseline")
    assert "train/baseline/seed-0: the loss became nan at step" in message
    assert "lower the learning rate" in message
    assert not older.exists(), "no weights but those of the record beside them"
    [run] = runs(prepared)
    assert run.info.status == "FAILED"
    assert run.data.tags["svhn_lab.failure"].startswith("the loss became nan at step")
    assert "train/baseline/seed-0: the loss became nan" in refused("evaluate")


def test_a_store_that_is_down_stops_nothing_and_sync_catches_up(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    done = lab("train", "baseline")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("MLflow's store http://127.0.0.1:9 cannot be used") == 1
    assert "python -m svhn_lab sync" in done.stderr
    assert Path("models/train/baseline/seed-0.pt").exists()
    assert "MLflow's store http://127.0.0.1:9 cannot be used" in refused("sync")
    findings = json.loads(lab("doctor", "--json").stdout)
    assert [finding["check"] for finding in findings] == ["store"]
    assert "start its server" in findings[0]["remedy"]
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    missing = "".join(
        f"missing: {name}: is not in MLflow\n"
        for name in ("train/baseline/seed-0", "train/baseline")
    )
    assert "sync: 2 runs on disk, no store yet" in lab("sync", "--dry-run").stdout
    mended = "sync: 2 runs on disk, all in MLflow; {} differences mended\n"
    assert lab("sync").stdout == missing + mended.format(2)
    assert lab("sync").stdout == mended.format(0)
    assert lab("doctor").returncode == 0
    [run] = runs(prepared)
    assert (run.info.run_name, run.info.status) == ("train/baseline/seed-0", "FINISHED")


def test_sync_gives_a_run_no_figures_of_an_older_one(prepared: Path) -> None:
    assert lab("train", "baseline").returncode == 0
    [older] = runs(prepared)
    tested = {"test_accuracy": [0.5], "test_interval": [[0.44, 0.56]]}
    entry = tested | {"keys": [older.data.tags["svhn_lab.key"]]}
    Path("results/evaluation.json").write_text(json.dumps({"arms": {"baseline": entry}}))
    Path("results/transfer.json").write_text(
        json.dumps({"points": {}, "diversity": {}, "own_points": []})
    )
    assert lab("sync").returncode == 0
    set_param("baseline: {net: baseline}", "baseline: {net: baseline, batch_size: 64}")
    assert lab("train", "baseline").returncode == 0
    assert lab("sync").returncode == 0
    accuracies = {
        "svhn_lab.superseded" in run.data.tags: run.data.metrics.get("test_accuracy")
        for run in runs(prepared)
    }
    assert accuracies == {True: 0.5, False: None}


def test_a_picture_that_is_not_there_is_named_before_anything_is_loaded(project: Path) -> None:
    done = lab("predict", "nowhere.jpg")
    assert done.returncode == 2 and "'nowhere.jpg' does not exist" in done.stderr
    assert not Path("mlflow.db").exists()


def test_weights_of_another_network_are_named(prepared: Path) -> None:
    assert lab("train", "baseline").returncode == 0
    set_param("baseline: {net: baseline}", "baseline: {net: preact}")
    assert "holds the weights of another network than 'preact'" in refused("evaluate")
    weights = Path("models/train/baseline/seed-0.pt")
    weights.write_bytes(weights.read_bytes()[:-10])
    assert "seed-0.pt: is damaged; `dvc checkout --force train@baseline`" in refused("evaluate")


def test_a_place_that_runs_cannot_write_to_is_named(prepared: Path) -> None:
    Path("models").touch()
    message = refused("train", "baseline")
    assert "models/train/baseline" in message and "Not a directory" in message


def test_samples_that_the_data_lack_are_said_before_anything_is_lost(prepared: Path) -> None:
    before = {path: path.read_bytes() for path in Path("data").rglob("*.*")}
    set_param("sample_sizes: [5]", "sample_sizes: [500]")
    assert "sample_sizes: has 500, but the training split has 27" in refused("prepare")
    assert {path: path.read_bytes() for path in Path("data").rglob("*.*")} == before


def test_svhn_alone_that_cannot_be_reached_says_what_to_do(project: Path) -> None:
    set_param("[svhn, rendered]", "[svhn]")
    set_param("http://ufldl.stanford.edu/", "http://127.0.0.1:9/")
    message = refused("fetch")
    assert "127.0.0.1:9 cannot be reached (Connection refused)" in message
    assert "add `rendered` to the list" in message


def test_a_place_that_cannot_be_written_is_named(project: Path, svhn_part: Path) -> None:
    set_param("[svhn, rendered]", f"[{svhn_part}]")
    Path("data").mkdir(mode=0o555)
    # Root may write anywhere, so it becomes somebody who may not, everything imported before.
    for place in (project, svhn_part):
        for folder in (place, *place.parents):
            if "pytest-of-" in str(folder):  # pytest's own, however deep its workers' lie
                folder.chmod(0o755)
    script = (
        "import os, scipy.io, sys, torchvision.datasets; from svhn_lab import cli; "
        "from svhn_lab.stages import fetch; os.geteuid() or os.seteuid(65534); "
        "sys.argv = ['svhn-lab', 'fetch']; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done
    assert "Error: data/.raw.new: Permission denied; make sure that the place" in done.stderr
