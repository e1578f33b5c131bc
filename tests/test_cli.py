"""The command line as a user meets it: help at once, and one clear message for what is wrong."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from mlflow.tracking import MlflowClient

PROJECT = Path(__file__).parents[1]
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
        ("6, 7]", "6, 7, 8]", "transfer.depths: 8 is beyond preact, which has 7 freeze units"),
        ("[svhn, rendered]", "[]", "data.sources: list should have at least 1 item"),
    ],
)
def test_wrong_params_are_named_before_anything_is_touched(
    project: Path, old: str, new: str, expected: str
) -> None:
    set_param(old, new)
    assert expected in refused("check")
    assert not Path("results").exists()


def test_right_params_pass(project: Path) -> None:
    assert lab("check").returncode == 0


def test_an_unknown_arm_or_depth_is_answered_with_those_there_are(project: Path) -> None:
    assert "arms: has no 'sgdd'; there are: baseline, preact" in refused("train", "sgdd")
    assert "transfer.depths: has no '9'; there are: scratch, 0" in refused("finetune", "9")


def test_a_stage_before_its_time_is_told_what_comes_first(project: Path) -> None:
    assert "make it with `dvc repro fetch`" in refused("prepare")
    assert "make it with `dvc repro prepare`" in refused("train", "baseline")
    assert "make it with `dvc repro evaluate`" in refused("report")


def test_outside_a_project_the_command_says_where_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "params.yaml: not found; run this in the project's top folder" in refused("check")


@pytest.fixture
def svhn_part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with made-up digits in SVHN's own files."""
    place = tmp_path_factory.mktemp("digits")
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        pixels = random.integers(0, 256, (32, 32, 3, 300), dtype=np.uint8)
        labels = (np.arange(300) % 10 + 1).reshape(-1, 1).astype(np.uint8)
        scipy.io.savemat(place / f"{split}_32x32.mat", {"X": pixels, "y": labels})
    return place


def test_the_first_source_that_can_be_had_is_used_and_said_aloud(
    project: Path, svhn_part: Path
) -> None:
    set_param("[svhn, rendered]", f"[nowhere, {svhn_part}]")
    done = lab("fetch")
    assert done.returncode == 0, done.stderr
    assert "NOT AVAILABLE: params.yaml: data.sources: the folder nowhere does not" in done.stderr
    assert f"DIGITS: folder-{svhn_part.name} (NOT official SVHN)" in done.stdout
    assert f'"name": "folder-{svhn_part.name}"' in Path("data/raw/source.json").read_text()
    set_param("samples_per_class: 50", "samples_per_class: 5")
    assert lab("prepare").returncode == 0


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


def test_a_run_that_diverges_fails_with_its_step_and_stays_in_mlflow_as_failed(
    project: Path, svhn_part: Path
) -> None:
    set_param("[svhn, rendered]", f"[{svhn_part}]")
    set_param("samples_per_class: 50", "samples_per_class: 5")
    set_param("baseline: {net: baseline}", "baseline: {net: baseline, learning_rate: 1e30}")
    set_param("seeds: [0, 1, 2]", "seeds: [0]")
    assert lab("fetch").returncode == 0
    assert lab("prepare").returncode == 0
    message = refused("train", "baseline")
    assert "train/baseline/seed-0: the loss became nan at step" in message
    assert "lower the learning rate" in message
    assert not Path("models").exists()
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    [experiment] = client.search_experiments(filter_string="name = 'svhn-lab'")
    [run] = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FAILED"
    assert run.data.tags["svhn_lab.failure"].startswith("the loss became nan at step")


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
    for folder in (project, *project.parents[:2], svhn_part, *svhn_part.parents[:2]):
        folder.chmod(0o755)
    script = (
        "import os, scipy.io, sys, torchvision.datasets; from svhn_lab import cli; "
        "from svhn_lab.stages import fetch; os.geteuid() or os.seteuid(65534); "
        "sys.argv = ['svhn-lab', 'fetch']; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done
    assert "Error: data/.raw.new: Permission denied; make sure that the place" in done.stderr
