"""Which MLflow store the lab writes to, and its creation: as a whole and once, under a lock, before
anything else opens it (a new SQLite store opened by several processes at once breaks for good)."""

import os
import socket
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from filelock import BaseFileLock, FileLock
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.tracking import MlflowClient
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from svhn_lab.errors import UserError
from svhn_lab.tracking import notes
from svhn_lab.tracking.files import replacing

EXPERIMENT = "svhn-lab"
SQLITE = "sqlite:///"
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
ARTIFACTS, MLFLOW_ARTIFACTS = "mlartifacts", "mlruns"
SECONDS_TO_CONNECT = 5.0
# What is raised by a store that cannot be reached, or does not answer as one.
UNUSABLE = (MlflowException, SQLAlchemyError, ConnectionError, TimeoutError)
# Where a SQLite store keeps the places of artifacts, absolute all of them.
PLACES = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}


def project_root(start: Path | None = None) -> Path:
    """The checkout that runs belong to: the folder with dvc.yaml at or above `start` (the working
    folder). A DVC experiment's temporary copy belongs to its real checkout, because a store in the
    copy would be deleted with it."""
    here = (start or Path.cwd()).resolve()
    return copied_from(here) or next(
        (folder for folder in (here, *here.parents) if (folder / "dvc.yaml").is_file()), here
    )


def copied_from(here: Path) -> Path | None:
    """The checkout that `here` is a temporary copy of, which `dvc exp run --temp` and `--queue`
    make in .dvc/tmp/exps/; None if it is none."""
    inside = here.parts
    for i in range(len(inside) - 2):
        if inside[i : i + 3] == (".dvc", "tmp", "exps"):
            return Path(*inside[:i])
    return None


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI if set, else mlflow.db in the checkout; a SQLite file always by its
    absolute path, as stages may run in a copy of the checkout."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}mlflow.db"
    if uri.startswith(SQLITE):
        # An absolute path (sqlite:////...) replaces the root that it is joined to.
        return f"{SQLITE}{project_root() / uri.removeprefix(SQLITE)}"
    return uri


def sqlite_file(uri: str) -> Path | None:
    """The file of a SQLite store; None of another."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


def experiment_name() -> str:
    """The experiment that runs are put into: MLFLOW_EXPERIMENT_NAME if set. Whoever shares a
    server sets it, as runs of one name in one experiment supersede each other."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT


def shown_uri() -> str:
    """The store as messages name it: without a password."""
    uri = tracking_uri()
    return make_url(uri).render_as_string(hide_password=True) if "@" in uri else uri


def cannot_be_used(failure: Exception, then: str = "") -> UserError:
    """What to say when one of UNUSABLE was raised; `then` is what to do afterwards."""
    return UserError(
        f"MLflow's store {shown_uri()} cannot be used: {failure}; mend MLFLOW_TRACKING_URI or "
        f"start its server{then and f', then {then}'}"
    )


def locked() -> BaseFileLock:
    """Within it no other process or thread of this checkout writes to the store. May be entered
    again from within."""
    return _lock(project_root() / ".mlflow.lock")


@cache
def _lock(file: Path) -> BaseFileLock:
    return FileLock(file)


def probe(uri: str) -> None:
    """Raises ConnectionError if nothing listens where the store should be. MLflow itself would try
    for minutes, and whoever asks holds a lock meanwhile."""
    where = urlsplit(uri)
    ports = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
    port = where.port or ports.get(where.scheme.partition("+")[0])
    if where.hostname and port:
        try:
            socket.create_connection((where.hostname, port), timeout=SECONDS_TO_CONNECT).close()
        except OSError as failure:  # no such host, no way to it, ...
            raise ConnectionError(f"{where.hostname}:{port}: {failure}") from None


def connect() -> MlflowClient:
    """A client of the store; a SQLite one is made if it is not there, and learns where its
    artifacts lie if it was moved. Raises one of UNUSABLE, or OSError of a SQLite file, if the store
    cannot be used."""
    uri, root = tracking_uri(), project_root()
    # MLflow's own patience (five retries, 120 s each) keeps a stage waiting when a server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    probe(uri)
    file = sqlite_file(uri)
    with locked():
        if file is not None:
            make(file, root)
        client = MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)  # raises if the store cannot be used
        if file is not None:
            bring_home(file, root)
    return client


def own_experiment(client: MlflowClient) -> str | None:
    """The id of the experiment that runs are put into outside `mlflow run`; None if it is not there
    yet."""
    experiment = client.get_experiment_by_name(experiment_name())
    return None if experiment is None else str(experiment.experiment_id)


def open_store() -> tuple[MlflowClient, str]:
    """A client, and the id of the experiment to put runs into, made if it is not there: inside
    `mlflow run` the one that its parent run is in. Raises as `connect`."""
    client = connect()
    with locked():
        if inherited := os.environ.get("MLFLOW_EXPERIMENT_ID"):
            # So that these runs are found again from outside `mlflow run`.
            client.set_experiment_tag(inherited, runs_of(), "true")
            return client, inherited
        if own := own_experiment(client):
            _describe(client, own)
            return client, own
        # A server knows where to put artifacts; to a bare database the checkout's place is given.
        bare = tracking_uri().startswith(DATABASES)
        artifacts = (project_root() / ARTIFACTS).as_uri() if bare else None
        name = experiment_name()
        return client, str(client.create_experiment(name, artifacts, notes.EXPERIMENT_TAGS))


def _describe(client: MlflowClient, experiment: str) -> None:
    """Gives an experiment that others have made, or older versions of the lab, what it lacks. A
    note that somebody has rewritten stays; the view is the lab's own."""
    has = client.get_experiment(experiment).tags
    for name, value in notes.EXPERIMENT_TAGS.items():
        if name not in has or (name == notes.VIEW_TAG and has[name] != value):
            client.set_experiment_tag(experiment, name, value)


def runs_of() -> str:
    """The tag of experiments, made by `mlflow run`, that hold runs of the lab's own one."""
    return f"svhn_lab.runs_of.{experiment_name()}"


def make(file: Path, root: Path) -> None:
    """Makes a new store beside its place and renames it there: a process killed meanwhile leaves
    no half of one, which nothing could open again. Other checkouts may be about to do the same."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with _lock(file.with_name(f".{file.name}.lock")):
        if file.exists() and file.stat().st_size:
            return
        for left_behind in file.parent.glob(f".{file.name}.*[0-9]"):
            left_behind.unlink()
        _make_beside(file, root)


def _make_beside(file: Path, root: Path) -> None:
    with replacing(file) as beside:
        SqlAlchemyStore(f"{SQLITE}{beside}", (root / MLFLOW_ARTIFACTS).as_uri()).engine.dispose()


def former_root(file: Path, root: Path) -> Path | None:
    """Where the checkout lay when the lab's experiments were made, if that was elsewhere and the
    store came along; None of a store that lies outside, which several checkouts may share."""
    if not file.is_relative_to(root):
        return None
    with closing(sqlite3.connect(file)) as store:
        rows = store.execute("SELECT artifact_location FROM experiments").fetchall()
    places = [Path(unquote(urlsplit(place).path)) for (place,) in rows if place]
    labs = [place.parent for place in places if place.name == ARTIFACTS]
    # Before the lab has made its own, `mlflow run` has made MLflow's default one.
    defaults = [place.parent.parent for place in places if place.parent.name == MLFLOW_ARTIFACTS]
    return next((place for place in labs or defaults if place != root), None)


def bring_home(file: Path, root: Path) -> None:
    """Makes a SQLite store, whose checkout has been moved or copied, name the artifacts that came
    with it. MLflow keeps their places absolute and has no command for this."""
    old = former_root(file, root)
    if old is None:
        return
    with closing(sqlite3.connect(file)) as store, store:
        for table, columns in PLACES.items():
            for column in columns:
                for before, after in ((old.as_uri(), root.as_uri()), (f"{old}", f"{root}")):
                    store.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?)"
                        f" WHERE substr({column}, 1, ?) = ?",
                        (f"{after}/", len(before) + 2, len(before) + 1, f"{before}/"),
                    )
