"""A clone of the project at toy size, to run whole graphs in."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from toy import change_params, keep_arms

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
    "gate": {"min_test_accuracy": 0, "max_calibration_error": 1},
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
    """A lab at toy size in a folder of its own, as a user would have it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment: dict[str, str] = {}  # besides this process's own
        self.opened = path.parent / "opened.txt"
        self.opened.touch()
        self._log = path.parent / "started.log"
        self.watch = path.parent / "watch"
        self.watch.mkdir()
        (self.watch / "sitecustomize.py").write_text(WATCH)

    @classmethod
    def of_project(cls, path: Path, size: Mapping[str, Any] = TOY) -> "Clone":
        """A clone of the project, with what is not committed yet."""
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
        change_params(path, size)
        return cls(path)

    def copied_to(self, path: Path) -> "Clone":
        """This lab with all that it has built, at another place."""
        shutil.copytree(self.path, path, symlinks=True)
        return Clone(path)

    def run(self, *command: str) -> str:
        """What the command prints; its exit code must be 0."""
        done = self.try_run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def try_run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.path, env=self._environment(), capture_output=True, text=True
        )

    def lab(self, *arguments: str) -> str:
        """What `python -m svhn_lab ARGUMENTS` prints; its exit code must be 0."""
        return self.run("python", "-m", "svhn_lab", *arguments)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """The command, going on, with a process group of its own; what it prints goes to a file."""
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.path,
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        """What the commands that were started have printed, the last of it."""
        return self._log.read_text()[-4000:]

    def _environment(self) -> dict[str, str]:
        return (
            os.environ
            | {
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": f"{self.path / 'src'}{os.pathsep}{self.watch}",
                "OPENED": str(self.opened),
            }
            | self.environment
        )

    def runs(self) -> list[Run]:
        """Every run in the clone's store. Of SQLite a copy is read: MLflow keeps a file open that
        it has read once, even when another has taken its place."""
        uri = self.environment.get("MLFLOW_TRACKING_URI")
        if uri is None:
            copy = self.path.parent / f"runs-{uuid4()}.db"
            shutil.copy(self.path / "mlflow.db", copy)
            uri = f"sqlite:///{copy}"
        client = MlflowClient(uri)
        experiments = [e.experiment_id for e in client.search_experiments()]
        return list(client.search_runs(experiments, max_results=1000))

    def keyed_runs(self) -> list[Run]:
        """Those of them that are the lab's own."""
        return [run for run in self.runs() if "svhn_lab.key" in run.data.tags]

    def weights(self) -> dict[str, bytes]:
        """The content of every file of weights, by its path."""
        models = self.path / "models"
        return {str(p.relative_to(models)): p.read_bytes() for p in models.rglob("*.pt")}

    def read(self, name: str) -> Any:
        return json.loads((self.path / name).read_text())


def tiny_clone(path: Path) -> Clone:
    """A clone with two arms, as small as can be."""
    clone = Clone.of_project(path, TINY)
    keep_arms(clone.path, "baseline", "crop")
    return clone


def kill(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and all that it started, at once and without a word."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(what: Callable[[], bool], seconds: float = 120) -> None:
    """Until it is so; fails if that takes too long."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, what
        time.sleep(0.2)
