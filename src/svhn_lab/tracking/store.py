"""Which MLflow store the lab writes to, and its creation: once, under a lock, before anything else
opens it (a new SQLite store opened by several processes at once breaks for good)."""

import os
from pathlib import Path

from filelock import FileLock
from mlflow.tracking import MlflowClient

EXPERIMENT = "svhn-lab"
SQLITE = "sqlite:///"


def project_root(start: Path | None = None) -> Path:
    """The checkout that runs belong to: the folder with dvc.yaml at or above `start` (the working
    folder). A DVC experiment's temporary copy (.dvc/tmp/exps/...) belongs to its real checkout,
    because a store in the copy would be deleted with it."""
    here = (start or Path.cwd()).resolve()
    inside = here.parts
    for i in range(len(inside) - 2):
        if inside[i : i + 3] == (".dvc", "tmp", "exps"):
            return Path(*inside[:i])
    return next(
        (folder for folder in (here, *here.parents) if (folder / "dvc.yaml").is_file()), here
    )


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI if set, else mlflow.db in the checkout; a SQLite file always by its
    absolute path, as stages may run in a copy of the checkout."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}mlflow.db"
    if uri.startswith(SQLITE):
        # An absolute path (sqlite:////...) replaces the root that it is joined to.
        return f"{SQLITE}{project_root() / uri.removeprefix(SQLITE)}"
    return uri


def open_store() -> tuple[MlflowClient, str]:
    """A client and the experiment's id, store and experiment made if they are not there.

    Inside `mlflow run` the experiment is the one that its parent run is in.
    """
    uri = tracking_uri()
    root = project_root()
    # MLflow's own five retries keep a stage waiting for minutes when a server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    with FileLock(root / ".mlflow.lock"):
        client = MlflowClient(tracking_uri=uri)
        if inherited := os.environ.get("MLFLOW_EXPERIMENT_ID"):
            client.search_experiments(max_results=1)  # makes a new SQLite store, under the lock
            return client, inherited
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is not None:
            return client, str(experiment.experiment_id)
        local = uri.startswith(SQLITE)
        artifacts = (root / "mlartifacts").as_uri() if local else None
        return client, str(client.create_experiment(EXPERIMENT, artifact_location=artifacts))
