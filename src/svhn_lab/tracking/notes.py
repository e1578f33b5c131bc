"""What MLflow's pages say of experiment and runs, in Markdown."""

from svhn_lab.tracking.record import Record

EXPERIMENT = """\
Every run of svhn-lab: small convolutional networks and transfer learning on SVHN.
A run is called `stage/arm/condition/member`:

- `train/ARM` stands for all seeds of an arm; below it lie `train/ARM/seed-N`;
- `pretrain` and `pretrain/seed-N` are the transfer study's networks;
- `finetune/SWEEP/depth-K/size-S` stands for all draws of the small sample at a freeze depth;
  below it lie `.../draw-N`;
- `diversity/...` are pretrained on less; `timing` has what each freeze depth costs.

Accuracies are fractions, losses nats per digit. On a run that stands for several, `..._mean` is
their mean, and `test_accuracy_mean_low` and `..._high` its 95 % t interval; on a single run
`test_accuracy_low` and `..._high` are its 95 % Wilson interval. Runs of older settings have the
tag `svhn_lab.superseded`.
"""


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
        lines.append(f"Weights: `models/{identity.path.with_suffix('.pt').as_posix()}`.")
    if record.failure is not None:
        lines.append(f"**Failed:** {record.failure}.")
    return "\n\n".join(lines)
