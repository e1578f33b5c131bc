"""Records -> MLflow. Mirroring is idempotent: one content key is one finished run, however often
it is mirrored; a run of the same name with another key is marked superseded."""

import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    Metric,
    Param,
    Run,
)
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from svhn_lab.tracking.record import RUNS, Provenance, Record
from svhn_lab.tracking.store import open_store

KEY = "svhn_lab.key"
NAME = "svhn_lab.name"
STAGE = "svhn_lab.stage"
ARM = "svhn_lab.arm"
SUPERSEDED = "svhn_lab.superseded"
RECORD_FILES = ("run.json", "metrics.json", "curves.tsv")
METRICS_PER_BATCH = 1000  # MLflow takes no more at once


class Mirror:
    """The lab's experiment in an MLflow store."""

    def __init__(self) -> None:
        self.client, self.experiment = open_store()
        # A run made inside `mlflow run` lies in its parent's experiment, whichever that was.
        self.experiments = [
            experiment.experiment_id for experiment in self.client.search_experiments()
        ]

    def add(self, record: Record, circumstances: Provenance) -> str:
        """The id of the run's one mirror image, made or repaired if need be."""
        name = record.identity.name
        whole: Run | None = None
        for run in self._search(f"tags.`{NAME}` = '{name}'"):
            if run.data.tags[KEY] != record.key:
                self.client.set_tag(run.info.run_id, SUPERSEDED, "true")
            elif run.info.status == "FINISHED" and whole is None:
                whole = run
            else:  # half-written, failed before, or doubled
                self.client.delete_run(run.info.run_id)
        if whole is not None and SUPERSEDED in whole.data.tags:
            self.client.delete_tag(whole.info.run_id, SUPERSEDED)
        run_id = str(whole.info.run_id) if whole else self._create(record, circumstances)
        if record.members:
            self._adopt(run_id, record)
        return run_id

    def _adopt(self, run_id: str, record: Record) -> None:
        """Puts the runs that the record sums up under its own run."""
        members = set(record.members)
        arm = (
            f"tags.`{STAGE}` = '{record.identity.stage}' AND tags.`{ARM}` = '{record.identity.arm}'"
        )
        for run in self._search(arm):
            tags = run.data.tags
            if tags[KEY] in members and tags.get(MLFLOW_PARENT_RUN_ID) != run_id:
                self.client.set_tag(run.info.run_id, MLFLOW_PARENT_RUN_ID, run_id)

    def attach(self, run_id: str, figures: Mapping[str, float]) -> None:
        """Logs further figures on a finished run; those that it has already are left alone, and of
        others MLflow shows the newest."""
        run = self.client.get_run(run_id)
        new = {name: v for name, v in figures.items() if run.data.metrics.get(name) != v}
        if new:
            now = milliseconds(datetime.now(UTC).isoformat())
            values = [Metric(name, v, now, 0) for name, v in new.items()]
            self.client.log_batch(run_id, values)

    def _search(self, condition: str) -> Iterable[Run]:
        token = None
        while token != "":
            page = self.client.search_runs(
                self.experiments, condition, max_results=1000, page_token=token
            )
            yield from page
            token = page.token or ""

    def _create(self, record: Record, circumstances: Provenance) -> str:
        began = milliseconds(circumstances.started)
        ended = began + round(circumstances.seconds * 1000)
        run = self.client.create_run(
            self.experiment,
            start_time=began,
            run_name=record.identity.name,
            tags=tags(record, circumstances),
        )
        run_id = str(run.info.run_id)
        params = [Param(name, str(value)) for name, value in record.params.items()]
        self.client.log_batch(run_id, params=params)
        values = list(metrics(record, circumstances, began))
        for i in range(0, len(values), METRICS_PER_BATCH):
            self.client.log_batch(run_id, values[i : i + METRICS_PER_BATCH])
        self.client.log_inputs(run_id, [dataset_input(record)])
        for file in RECORD_FILES:  # the folder of a run that sums up others holds theirs too
            self.client.log_artifact(run_id, str(RUNS / record.identity.path / file), "record")
        status = "FINISHED" if record.failure is None else "FAILED"
        self.client.set_terminated(run_id, status, end_time=ended)
        return run_id


def milliseconds(moment: str) -> int:
    """MLflow's time stamp of an ISO 8601 moment."""
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def tags(record: Record, circumstances: Provenance) -> dict[str, str]:
    """Key, name, stage, commit; the parent where `mlflow run` started this process."""
    identity = record.identity
    values = {
        KEY: record.key,
        NAME: identity.name,
        STAGE: identity.stage,
        ARM: identity.arm,
        "svhn_lab.dvc_stage": circumstances.dvc_stage,
        "svhn_lab.failure": record.failure,
        "svhn_lab.dirty": None if circumstances.dirty is None else str(circumstances.dirty).lower(),
        "mlflow.source.git.commit": circumstances.commit,
        "mlflow.source.name": "svhn-lab",
        "mlflow.source.type": "PROJECT",
        MLFLOW_PARENT_RUN_ID: os.environ.get("MLFLOW_RUN_ID"),
    }
    return {name: value for name, value in values.items() if value}


def metrics(record: Record, circumstances: Provenance, began: int) -> Iterable[Metric]:
    """Curves by epoch, final figures, parameter counts, and seconds."""
    elapsed = 0.0
    for row, seconds in zip(record.curves, circumstances.seconds_per_epoch, strict=True):
        elapsed += seconds
        moment, epoch = began + round(elapsed * 1000), int(row["epoch"])
        for name, value in row.items():
            if name != "epoch":
                yield Metric(name, value, moment, epoch)
        yield Metric("seconds_per_epoch", seconds, moment, epoch)
    moment = began + round(circumstances.seconds * 1000)
    counts = record.num_parameters
    last_epoch = record.curves[-1] if record.curves else {}
    single = {
        **{name: value for name, value in record.metrics.items() if name not in last_epoch},
        "seconds": circumstances.seconds,
        "parameters": counts["total"],
        "parameters_trainable": counts["trainable"],
        **{f"parameters_by_layer/{layer}": n for layer, n in counts["layers"].items()},
    }
    for name, value in single.items():
        yield Metric(name, float(value), moment, 0)


def dataset_input(record: Record) -> DatasetInput:
    """The dataset as MLflow's own dataset entity: name, digest, and split sizes as its profile."""
    dataset = Dataset(
        name=record.dataset["name"],
        digest=record.dataset["digest"],
        source_type="local",
        source=json.dumps({"uri": "data/prepared"}),
        profile=json.dumps(record.dataset["splits"]),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])
