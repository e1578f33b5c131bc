"""A clone of the project at toy size, to run whole graphs in."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from toy import change_params

PROJECT = Path(__file__).parents[1]

TOY: dict[str, Any] = {
    "data": {"sources": ["rendered"], "rendered": {"train": 600, "test": 200}},
    "seeds": [0, 1],
    "training": {"epochs": 1},
    "transfer": {
        "sample_sizes": [10, 5],
        "draws": 2,
        "timing_repeats": 2,
        "finetune": {"epochs": 2},
        "sweeps": {
            "front": {"depths": [0, 7]},
            "random": None,
            "adapt": None,
            "back": None,
            "only": {"only": [7]},
            "all-digits": {"epochs": 1},
        },
        "diversity": {"depth": 7, "less": [{"classes": "all", "share": 0.5}]},
    },
}

# As small as a lab can be that has every stage: for tests that build it many times.
TINY: dict[str, Any] = {
    "data": {"sources": ["rendered"], "rendered": {"train": 200, "test": 100}},
    "seeds": [0, 1],
    "training": {"epochs": 2},
    "transfer": {
        "net": "baseline",
        "sample_sizes": [4],
        "draws": 2,
        "timing_repeats": 2,
        "finetune": {"epochs": 2},
        "sweeps": {
            "front": {"depths": [0, 2]},
            "random": None,
            "adapt": None,
            "back": None,
            "only": None,
            "all-digits": None,
        },
        "diversity": {"depth": 2, "less": []},
    },
    "gate": {"min_test_accuracy": 0, "max_calibration_error": 1},
}

# Python runs a module of this name at its start: which stage opens prepared test digits to read.
WATCH = """
import os, sys

def watch(event, arguments):
    if event == "open" and "data/prepared/test/" in str(arguments[0]):
        stage, mode = os.environ.get("DVC_STAGE"), arguments[1]
        if stage and mode and "r" in mode:
            with os.fdopen(os.open(os.environ["OPENED"], os.O_APPEND | os.O_WRONLY), "w") as log:
                print(stage, arguments[0], file=log)

sys.addaudithook(watch)
"""


class Clone:
    """A clone of the project, with what is not committed yet, at toy size."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened = path.parent / "opened.txt"
        self.opened.touch()
        self.watch = path.parent / "watch"
        self.watch.mkdir()
        (self.watch / "sitecustomize.py").write_text(WATCH)
        git = ["git", "-C", str(PROJECT)]
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(path)], check=True)
        listing = ["ls-files", "-z", "--modified", "--others", "--exclude-standard"]
        changed = subprocess.run([*git, *listing], capture_output=True, text=True, check=True)
        for name in filter(None, changed.stdout.split("\0")):
            if (PROJECT / name).exists():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(PROJECT / name, path / name)
            else:
                (path / name).unlink(missing_ok=True)
        change_params(path, TOY)

    def run(self, *command: str) -> str:
        """What the command prints; its exit code must be 0."""
        done = self.try_run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def try_run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{self.path / 'src'}{os.pathsep}{self.watch}",
            "OPENED": str(self.opened),
        }
        return subprocess.run(
            command, cwd=self.path, env=environment, capture_output=True, text=True
        )

    def runs(self) -> list[Run]:
        """Every run in the clone's store. A copy is read: MLflow keeps a file open that it has read
        once, even when another has taken its place."""
        copy = self.path.parent / f"runs-{uuid4()}.db"
        shutil.copy(self.path / "mlflow.db", copy)
        client = MlflowClient(f"sqlite:///{copy}")
        experiments = [e.experiment_id for e in client.search_experiments()]
        return list(client.search_runs(experiments, max_results=1000))

    def read(self, name: str) -> Any:
        return json.loads((self.path / name).read_text())
