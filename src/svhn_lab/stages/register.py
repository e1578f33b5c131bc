"""`register`: puts the best small network into MLflow's model registry. The arm and the seed are
chosen on validation digits; the test figures go with it as tags."""

import click
import numpy as np
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from svhn_lab.errors import UserError
from svhn_lab.evidence.selection import best_small_arm
from svhn_lab.nets.classifier import Classifier
from svhn_lab.params import load
from svhn_lab.stages import train
from svhn_lab.stages.layout import EVALUATION, REGISTRATION, read_json
from svhn_lab.stages.prepared import load_manifest
from svhn_lab.stages.runs import load_model
from svhn_lab.tracking import record, registry
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.mirror import Mirror
from svhn_lab.tracking.store import tracking_uri


def main() -> None:
    """Registers, and writes results/registration.json."""
    params = load()
    manifest = load_manifest()
    arms = read_json(EVALUATION, "evaluate")["arms"]
    arm = best_small_arm(arms, params.gate.max_parameters)
    if arm is None:
        reason = f"no arm has at most {params.gate.max_parameters:,} parameters"
        write_json(REGISTRATION, {"model": None, "reason": reason})
        click.echo(f"register: nothing registered: {reason}")
        return
    entry = arms[arm]
    best = int(np.argmax(entry["validation_accuracy"]))
    identity = train.identities(params, arm)[best]
    net = load_model(
        identity,
        params.arms[arm].net,
        num_classes=manifest.num_classes,
        image_size=manifest.image_size,
    )
    run = record.read(identity)
    name = registry.model_name(manifest.name, manifest.official)
    facts = {
        "run": identity.name,
        "dataset": manifest.name,
        "dataset_digest": manifest.digest,
        "parameters": entry["parameters"],
        "validation_accuracy": entry["validation_accuracy"][best],
        "test_accuracy": entry["test_accuracy"][best],
        "computed_in": run.params["computed_in"],  # when it was tested; it serves in float32
    }
    try:
        version = registry.register(
            Classifier(net, manifest.statistics),
            name,
            run_id=Mirror().add(run, record.read_provenance(identity)),
            key=run.key,
            image_size=manifest.image_size,
            num_classes=manifest.num_classes,
            tags=facts,
        )
    except (MlflowException, SQLAlchemyError) as failure:
        raise UserError(
            f"MLflow's registry at {tracking_uri()} cannot be used: {failure}; mend "
            "MLFLOW_TRACKING_URI or start its server, then `dvc repro register`"
        ) from None
    write_json(
        REGISTRATION,
        {"model": name, "version": version, "alias": registry.CHAMPION, "key": run.key} | facts,
    )
    click.echo(
        f"register: {identity.name} is models:/{name}@{registry.CHAMPION} (version {version})"
    )
