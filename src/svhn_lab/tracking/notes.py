"""What MLflow's pages say of experiment and runs, and how they show the runs at first."""

import json

from mlflow.utils.mlflow_tags import (
    MLFLOW_EXPERIMENT_PRIMARY_METRIC_GREATER_IS_BETTER,
    MLFLOW_EXPERIMENT_PRIMARY_METRIC_NAME,
    MLFLOW_RUN_NOTE,
)

from svhn_lab.tracking.record import Record

EXPERIMENT = """\
Every run of svhn-lab: small convolutional networks and transfer learning on SVHN.
A run is called `stage/arm/condition/member`:

- `train/ARM` stands for all seeds of an arm; below it lie `train/ARM/seed-N`;
- `pretrain` and `pretrain/seed-N` are the transfer study's networks;
- `finetune/SWEEP/depth-K/size-S` stands for all draws of the small sample at a freeze depth;
  below it lie `.../draw-N`;
- `diversity/...` are pretrained on less; `timing` has what each freeze depth costs;
- `contests/ARM` stands for all seeds of an arm of the contests; below it lie
  `compete/ARM/seed-N`; `search/trial-N/...` are the networks that were tried before.

Accuracies are fractions, losses nats per digit. On a run that stands for several, `..._mean` is
their mean, and `test_accuracy_mean_low` and `..._high` its 95 % t interval; on a single run
`test_accuracy_low` and `..._high` are its 95 % Wilson interval. Runs of older settings have the
tag `svhn_lab.superseded`.
"""


# A view of the table of runs, as MLflow's own "share view" keeps one: the columns that tell most,
# and runs below those that stand for them, which MLflow does in this order alone.
VIEW = "svhn-lab"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
COLUMNS = (
    "attributes.`Created`",
    "attributes.`Duration`",
    *(
        f"metrics.`{name}`"
        for name in (
            *("test_accuracy_mean", "test_accuracy", "validation_accuracy_mean"),
            *("parameters", "seconds"),
        )
    ),
    "params.`net`",
)
EXPERIMENT_TAGS = {
    MLFLOW_RUN_NOTE: EXPERIMENT,  # experiments have their note under the same name
    MLFLOW_EXPERIMENT_PRIMARY_METRIC_NAME: "test_accuracy_mean",
    MLFLOW_EXPERIMENT_PRIMARY_METRIC_GREATER_IS_BETTER: "True",
    "mlflow.experimentKind": "custom_model_development",
    VIEW_TAG: json.dumps(
        {"selectedColumns": COLUMNS, "orderByKey": "attributes.start_time", "orderByAsc": False}
    ),
}


def runs_page(experiment_id: str) -> str:
    """Where MLflow's pages show the runs in that view, relative to its server."""
    view = f"viewStateShareKey={VIEW}&workflowType=machine_learning"
    return f"/#/experiments/{experiment_id}/runs?{view}"


def note(record: Record) -> str:
    """What a run's page says of it: what it is, and how it is made again."""
    identity = record.identity
    what = [f"**{identity.name}**"]
    if record.members:
        what.append(f"stands for {len(record.members)} runs, which lie below it")
    elif identity.draw is not None:
        what.append(f"draw {identity.draw} of the small sample, network of seed {identity.seed}")
    elif identity.seed is not None:
        what.append(f"seed {identity.seed}")
    if net := record.params.get("net"):
        what.append(f"network `{net}`, {record.num_parameters['total']:,} parameters")
    lines = [f"{'; '.join(what)}.", f"Made by `dvc repro {identity.dvc_stage}`."]
    if record.curves and record.failure is None:
        lines.append(f"Weights: `{identity.weights.as_posix()}`.")
    if record.failure is not None:
        lines.append(f"**Failed:** {record.failure}.")
    return "\n\n".join(lines)
