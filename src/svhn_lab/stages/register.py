"""`register`: puts the best small network into MLflow's model registry. The arm and the seed are
chosen on validation digits; the test figures go with it as tags."""

import click

from svhn_lab.evidence.selection import best_small_arm
from svhn_lab.nets.classifier import Classifier
from svhn_lab.params import load
from svhn_lab.stages.layout import EVALUATION, REGISTRATION, read_json
from svhn_lab.stages.prepared import load_manifest
from svhn_lab.stages.runs import load_model
from svhn_lab.stages.train import NUM_CLASSES
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import Identity


def main() -> None:
    """Registers, and writes results/registration.json."""
    from svhn_lab.tracking import registry
    from svhn_lab.tracking.mirror import Mirror

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
    validation, test = entry["validation_accuracy"], entry["test_accuracy"]
    best = validation.index(max(validation))
    identity = Identity("train", arm, entry["seeds"][best])
    run = record.read(identity)
    run_id = Mirror().add(run, record.read_provenance(identity))
    name = registry.model_name(manifest.name, manifest.official)
    version = registry.register(
        Classifier(
            load_model(identity, params.arms[arm].net, num_classes=NUM_CLASSES), manifest.statistics
        ),
        name,
        run_id=run_id,
        key=run.key,
        num_classes=NUM_CLASSES,
        tags={
            "dataset": manifest.name,
            "dataset_digest": manifest.digest,
            "run": identity.name,
            "parameters": entry["parameters"],
            "validation_accuracy": validation[best],
            "test_accuracy": test[best],
        },
    )
    write_json(
        REGISTRATION,
        {
            "model": name,
            "version": version,
            "alias": registry.CHAMPION,
            "run": identity.name,
            "key": run.key,
            "parameters": entry["parameters"],
            "validation_accuracy": validation[best],
            "test_accuracy": test[best],
        },
    )
    click.echo(
        f"register: {identity.name} is models:/{name}@{registry.CHAMPION} (version {version})"
    )
