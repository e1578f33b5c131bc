"""A record as MLflow has it: tags, metrics with their moments, the dataset. Values to values."""

import json
import os
from datetime import datetime
from itertools import accumulate

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from svhn_lab.tracking.process import this_process
from svhn_lab.tracking.record import Provenance, Record
from svhn_lab.tracking.roles import ARM, DVC_EXPERIMENT, KEY, NAME, PROCESS, STAGE


def milliseconds(moment: str) -> int:
    """MLflow's time stamp of an ISO 8601 moment."""
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def ended(circumstances: Provenance) -> int:
    """The time stamp of a run's end."""
    return milliseconds(circumstances.started) + round(circumstances.seconds * 1000)


def tags(record: Record, circumstances: Provenance) -> dict[str, str]:
    """Key, name, stage, commit; the parent where `mlflow run` started this process."""
    identity = record.identity
    values = {
        KEY: record.key,
        NAME: identity.name,
        STAGE: identity.stage,
        ARM: identity.arm,
        PROCESS: this_process(),
        DVC_EXPERIMENT: circumstances.dvc_experiment,
        "svhn_lab.dvc_stage": circumstances.dvc_stage,
        "svhn_lab.dirty": None if circumstances.dirty is None else str(circumstances.dirty).lower(),
        "mlflow.source.git.commit": circumstances.commit,
        "mlflow.source.name": "svhn-lab",
        "mlflow.source.type": "PROJECT",
        MLFLOW_PARENT_RUN_ID: os.environ.get("MLFLOW_RUN_ID"),
    }
    return {name: value for name, value in values.items() if value}


def epoch_metrics(record: Record, circumstances: Provenance, after: int) -> list[Metric]:
    """The curves behind the first `after` epochs, at the moments when the epochs were done."""
    began, seconds = milliseconds(circumstances.started), circumstances.seconds_per_epoch
    elapsed = accumulate(seconds)
    return [
        Metric(name, value, began + round(1000 * after_so_long), int(row["epoch"]))
        for row, took, after_so_long in list(zip(record.curves, seconds, elapsed, strict=True))[
            after:
        ]
        for name, value in (row | {"seconds_per_epoch": took}).items()
        if name != "epoch"
    ]


def final_metrics(record: Record, circumstances: Provenance) -> list[Metric]:
    """Figures that no curve ends with, parameter counts, and seconds."""
    counts = record.num_parameters
    last_epoch = record.curves[-1] if record.curves else {}
    single = {
        **{name: value for name, value in record.metrics.items() if name not in last_epoch},
        "seconds": circumstances.seconds,
        "parameters": counts["total"],
        "parameters_trainable": counts["trainable"],
        # Records that are older than this count are without it.
        **{name: counts[name] for name in ("buffers",) if name in counts},
        **{f"parameters_by_layer/{layer}": n for layer, n in counts["layers"].items()},
    }
    moment = ended(circumstances)
    return [Metric(name, float(value), moment, 0) for name, value in single.items()]


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
