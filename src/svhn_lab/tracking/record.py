"""What a run leaves on disk: the truth, of which MLflow is a mirror. `run.json`, `metrics.json`
and `curves.tsv` follow from the inputs alone; whatever has a clock or a commit in it lies apart."""

import csv
import hashlib
import io
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from svhn_lab import __version__
from svhn_lab.errors import UserError, damaged
from svhn_lab.tracking.files import write_json, write_text

RUNS = Path("results")
MODELS = Path("models")
PROVENANCE = Path("results/provenance")

BESIDE = ("metrics.json", "curves.tsv")  # run.json, which has their md5
DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
)  # of what should be JSON of a certain form

MADE = ("data/", "models/", "results/")  # where the outs of stages lie, and nothing else

# What makes a checkout dirty; DVC rewrites its lock files while the lab runs.
CHANGES = (".", ":!dvc.lock", ":!contests/dvc.lock")

GRAPHS = ("dvc.yaml", "contests/dvc.yaml")  # the lab, and its second, long pipeline
# Stages of the second. By the first three, those who compete are trained.
COMPETE, DISTIL, ADAPT, CONTESTS, SEARCH = "compete", "distil", "adapt", "contests", "search"
COMPETING = (COMPETE, DISTIL, ADAPT)
OF_EACH_ARM = ("train", "finetune")  # stages of the first of which each arm, or sweep, has its own


Checkout = tuple[str | None, list[str] | None]  # see checkout_state


@dataclass(frozen=True)
class Identity:
    """Which run this is: a stage, an arm of it, a condition within the arm, and a seed or a draw;
    what does not apply is empty. With `draw`, `seed` says which pretrained network the draw started
    from. Without either it stands for all runs of its condition."""

    stage: str
    arm: str
    seed: int | None = None
    draw: int | None = None
    condition: str = ""

    @property
    def member(self) -> str:
        """The run among those of its condition."""
        if self.draw is not None:
            return f"draw-{self.draw}"
        return "" if self.seed is None else f"seed-{self.seed}"

    @property
    def dvc_stage(self) -> str:
        """The stage that makes the run, as `dvc repro` takes it."""
        if self.stage in COMPETING:
            return f"contests/dvc.yaml:{self.stage}@{self.arm}-{self.seed}"
        if self.stage in (CONTESTS, SEARCH):
            return f"contests/dvc.yaml:{self.stage}"
        return f"{self.stage}@{self.arm}" if self.stage in OF_EACH_ARM else self.stage

    @property
    def path(self) -> Path:
        """Where it lies below results/, models/ and results/provenance/. All that compete lie
        together, so that `contests` finds them in one place, whichever stage trained them."""
        folder = COMPETE if self.stage in COMPETING else self.stage
        return Path(folder, self.arm, self.condition, self.member)

    @property
    def weights(self) -> Path:
        """Where its network lies, if it leaves one."""
        return MODELS / self.path.with_suffix(".pt")

    @property
    def name(self) -> str:
        """The run's name in MLflow."""
        return self.path.as_posix()


@dataclass(frozen=True)
class Record:
    """Everything about a run that follows from its inputs. (Of `timing`, whose result is seconds,
    it is what was measured.)"""

    identity: Identity
    key: str  # see content_key
    params: dict[str, Any]
    dataset: dict[str, Any]  # name, digest, number of digits in every split
    num_parameters: dict[str, Any]  # total, trainable, by layer; and buffers
    failure: str | None = None  # why it has no result; None when it has
    metrics: dict[str, float] = field(default_factory=dict)
    curves: list[dict[str, float]] = field(default_factory=list)  # one entry an epoch
    members: list[str] = field(default_factory=list)  # keys of the runs that this one sums up

    def was_made_by(self, settings: Mapping[str, Any]) -> bool:
        """Whether it was made with just these settings, whatever others it has."""
        return settings.items() <= self.params.items()


@dataclass(frozen=True)
class Provenance:
    """When, where and how long: never the same twice, so no stage but `report` may depend on it."""

    started: str  # ISO 8601, UTC
    seconds: float
    seconds_per_epoch: list[float]
    commit: str | None
    dirty: bool | None
    dvc_stage: str | None
    machine: dict[str, Any]
    versions: dict[str, str]
    dvc_experiment: str | None = None  # the name that `dvc exp run` gave it
    changed: list[str] | None = None  # the files that make it dirty; older runs do not tell


def content_key(
    identity: Identity, params: Mapping[str, Any], data_digest: str, code_digest: str
) -> str:
    """md5 of all that decides a run's result: two runs with one key are the same run."""
    content = [asdict(identity), params, data_digest, code_digest]
    return hashlib.md5(json.dumps(content, sort_keys=True).encode()).hexdigest()


def summed_up(identity: Identity, runs: Sequence[Record], params: Mapping[str, Any]) -> Record:
    """One record that stands for several runs of a condition: the means of their metrics."""
    first, keys = runs[0], [run.key for run in runs]
    return Record(
        identity=identity,
        key=content_key(identity, {**params, "members": keys}, first.dataset["digest"], ""),
        params={**params, "runs": len(runs)},
        dataset=first.dataset,
        num_parameters=first.num_parameters,
        metrics={
            f"{name}_mean": sum(run.metrics[name] for run in runs) / len(runs)
            for name in first.metrics
        },
        members=keys,
    )


def definitions(root: Path = Path(), graphs: Sequence[str] = GRAPHS) -> dict[str, Any]:
    """The stages of both pipelines, or of these, by name; their paths begin at `root`."""
    read = YAML(typ="safe").load
    files = [root / name for name in graphs if (root / name).is_file()]
    return {
        name: stage
        for file in files
        for name, stage in read(file.read_text(encoding="utf-8"))["stages"].items()
    }


def code_digest(stage: str, root: Path = Path()) -> str:
    """md5 of the source files that dvc.yaml, or that of the contests, names as deps of the stage:
    whatever of its deps no stage makes."""
    return _code_digest(stage, root.resolve())  # one process may be in several checkouts in turn


@cache
def _code_digest(stage: str, root: Path) -> str:
    digest = hashlib.md5()
    for dependency in definitions(root)[stage]["deps"]:
        if not dependency.startswith(MADE):
            path = root / dependency
            files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
            for file in files:
                digest.update(file.relative_to(root).as_posix().encode() + b"\0")
                digest.update(file.read_bytes())
    return digest.hexdigest()


def checkout_state() -> Checkout:
    """The commit that is checked out, and which files differ from it; None outside Git."""
    status = _git("status", "--porcelain", "--", *CHANGES)
    if status is None:
        return None, None
    # Two letters that say how it differs, then the file.
    return _git("rev-parse", "HEAD"), [line.split(maxsplit=1)[1] for line in status.splitlines()]


def provenance(
    started: datetime,
    seconds: float,
    seconds_per_epoch: list[float],
    checkout: Checkout,
) -> Provenance:
    """The circumstances of a run in this process; `checkout` is that when it started."""
    commit, changed = checkout
    return Provenance(
        started=started.astimezone(UTC).isoformat(timespec="seconds"),
        seconds=seconds,
        seconds_per_epoch=seconds_per_epoch,
        commit=commit,
        dirty=None if changed is None else bool(changed),
        dvc_stage=os.environ.get("DVC_STAGE"),
        machine={
            "system": f"{platform.system()} {platform.machine()}",
            "processor": processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
        versions={package: version(package) for package in ("torch", "mlflow", "dvc")}
        | {"svhn-lab": __version__},
        dvc_experiment=os.environ.get("DVC_EXP_NAME"),
        changed=changed,
    )


@cache
def processor() -> str | None:
    """The name of this machine's processor, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), None)


def _git(*arguments: str) -> str | None:
    """What git answers here; None outside a checkout or without git."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def write(record: Record, circumstances: Provenance) -> None:
    """Leaves the run on disk: results/<stage>/<arm>/<member>/ and results/provenance/...

    run.json goes first and comes last: a folder that has it is whole, and of one run.
    """
    folder = RUNS / record.identity.path
    (folder / "run.json").unlink(missing_ok=True)
    content = asdict(record)
    curves, metrics = content.pop("curves"), content.pop("metrics")
    write_json(provenance_file(record.identity), asdict(circumstances))
    write_text(folder / "curves.tsv", _table(curves))
    write_json(folder / "metrics.json", metrics)
    md5 = {name: _md5(folder / name) for name in BESIDE}
    write_json(folder / "run.json", content | {"files": md5})


def provenance_file(identity: Identity) -> Path:
    """Where it is told when and where the run was; of one that stands for several, beside its
    members'."""
    path = PROVENANCE / identity.path
    return path.with_suffix(".json") if identity.member else path / "all.json"


def exists(identity: Identity) -> bool:
    """Whether the run is on disk, whole."""
    return (RUNS / identity.path / "run.json").is_file()


def scan() -> tuple[list[Identity], list[Path]]:
    """Every run that lies on disk, those that stand for several behind the others, and the files
    of those that cannot be read. Runs of arms that params.yaml no longer names are among them, as
    long as DVC leaves them there."""
    single, whole, damaged = list[Identity](), list[Identity](), list[Path]()
    for file in sorted(RUNS.rglob("run.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            identity = Identity(**content["identity"])
            (whole if content["members"] else single).append(identity)
        except FileNotFoundError:  # a stage makes it anew this moment
            continue
        except DAMAGE:
            damaged.append(file)
    return single + whole, damaged


def on_disk() -> list[Identity]:
    """Every run that lies on disk and can be read, in the order of `scan`."""
    return scan()[0]


def read(identity: Identity) -> Record:
    """The run that `write` left on disk. Raises UserError if it is not there, or not as it was
    left."""
    folder = RUNS / identity.path
    try:
        content = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        with (folder / "curves.tsv").open(encoding="utf-8", newline="") as file:
            curves = [
                {name: float(value) for name, value in row.items()}
                for row in csv.DictReader(file, delimiter="\t")
            ]
        content.pop("identity")
        if content.pop("files") != {name: _md5(folder / name) for name in BESIDE}:
            raise ValueError
        return Record(identity=identity, metrics=metrics, curves=curves, **content)
    except FileNotFoundError as failure:
        raise UserError(
            f"{failure.filename}: not found; make it with `dvc repro {identity.dvc_stage}`"
        ) from None
    except DAMAGE:
        raise damaged(folder, identity.dvc_stage) from None


def read_provenance(identity: Identity) -> Provenance:
    """When and where the run was. Raises UserError if nothing tells, or it cannot be read."""
    file = provenance_file(identity)
    try:
        return Provenance(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(
            f"{file}: not found; make it with `dvc repro {identity.dvc_stage}`"
        ) from None
    except DAMAGE:
        raise damaged(file, identity.dvc_stage) from None


def _md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes()).hexdigest()


def _table(rows: list[dict[str, float]]) -> str:
    """Tab-separated rows under one header; floats as Python prints them, so none is rounded."""
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, list(rows[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return out.getvalue()
