"""What MLflow shows of the freeze-depth study beside the runs themselves: at each depth, on the run
that stands for its draws, what it costs, and the plots."""

from collections.abc import Mapping
from typing import Any

from svhn_lab.stages.layout import PLOTS, TIMING
from svhn_lab.stages.mirroring import mirror
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity

FILES = (TIMING, PLOTS / "accuracy-by-depth.png", PLOTS / "time-by-depth.png")


def costs(row: Mapping[str, Any]) -> dict[str, float]:
    """A row of timing.json as metrics: medians, operations, bytes."""
    found = {}
    for mode in ("as_is", "frozen_features"):
        for name, value in row[mode].items():
            if name.endswith(("_ms_per_batch", "_per_epoch")):
                found[f"cost/{mode}/{name}"] = value[1]
            elif name != "training_seconds":
                found[f"cost/{mode}/{name}"] = float(value)
    return found


def mirror_study(transfer: Mapping[str, Any], timing: Mapping[str, Any]) -> bool:
    """Puts costs and plots on the runs of the study's own depths that lie on disk; whether it
    could. `transfer` and `timing` as in their JSON files."""
    own = {
        Identity("finetune", point["sweep"], condition=name.partition("/")[2]): point
        for name, point in transfer["points"].items()
        if name in transfer["own_points"] and str(point["number"]) in timing["depths"]
    }
    return mirror(
        [identity for identity in own if record.exists(identity)],
        {p["whole_key"]: costs(timing["depths"][str(p["number"])]) for p in own.values()},
        {p["whole_key"]: [file for file in FILES if file.exists()] for p in own.values()},
    )
