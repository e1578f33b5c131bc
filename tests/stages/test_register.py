"""register.py against a real registry: the gate decides the alias, one content is one version, and
what was registered can be made again."""

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import torch
from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient
from tested_arms import leave_tested_arms
from toy import change_params

from svhn_lab.data.batches import normalised
from svhn_lab.errors import UserError
from svhn_lab.evidence.statistics import wilson_interval
from svhn_lab.stages import register, sync
from svhn_lab.stages.layout import EVALUATION, MANIFEST, MODEL_CARD, REGISTRATION
from svhn_lab.stages.prepared import load_manifest
from svhn_lab.stages.runs import load_model
from svhn_lab.tracking import registry
from svhn_lab.tracking.record import Identity
from svhn_lab.tracking.roles import KEY

MODEL = "svhn-small-rendered"
pytestmark = pytest.mark.usefixtures("store")


def versions(project: Path) -> list[ModelVersion]:
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    found = client.search_model_versions(f"name = '{MODEL}'")
    return sorted(found, key=lambda version: int(version.version))


def aliases() -> dict[str, int]:
    """By alias, the version that it is on."""
    holders = {alias: registry.holder(MODEL, alias) for alias in ("champion", "challenger")}
    return {alias: int(version.version) for alias, version in holders.items() if version}


def test_the_best_on_validation_becomes_champion_and_says_why(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_tested_arms(
        baseline=[950, 900, 850], deeper=[990, 990, 990]
    )  # deeper has too many parameters
    for _ in range(2):
        register.main()
    [version] = versions(project)
    assert "train/baseline/seed-2 is models:/svhn-small-rendered@champion (version 1)" in (
        capsys.readouterr().out
    )
    assert aliases() == {"champion": 1}
    registration = json.loads(Path("results/registration.json").read_text())
    low, high = wilson_interval(850, 1000)
    assert version.tags == {
        KEY: registration["key"],
        "run": "train/baseline/seed-2",
        "dataset": "rendered",
        "dataset_digest": "d" * 32,
        "test_digest": "t" * 32,
        "commit": "c" * 40,
        "commit_dirty": "true",
        "parameters": "26346",
        "validation_accuracy": "0.7",
        "test_accuracy": "0.85",
        "test_accuracy_low": str(low),
        "test_accuracy_high": str(high),
        "calibration_error": "0.03",
        "temperature": version.tags["temperature"],
        "tested_in": "float32",
        "gate": "passed",
        "gate_why": version.tags["gate_why"],
        "gate_champion": "there was no champion to be worse than",
    }
    assert "26,346 parameters, 150,000 at most" in version.tags["gate_why"]
    card = Path("results/model-card.md").read_text()
    assert version.description == card
    how = "adam at 0.001 (net baseline, epochs 1; all else as `training` in params.yaml says)"
    assert how in card, "as it was trained, whatever params.yaml says of the arm now"
    assert "Tested in float32; it serves in float32" in card
    assert "not SVHN's official files" in card and "85.00 % of 1,000 digits" in card
    assert registry.right_answers(version).sum() == 850


def test_results_on_other_digits_than_those_prepared_are_refused(project: Path) -> None:
    leave_tested_arms(baseline=[950])
    manifest = json.loads(MANIFEST.read_text())
    MANIFEST.write_text(json.dumps(manifest | {"digest": "e" * 32}))
    with pytest.raises(UserError, match=r"evaluation.json: is of other digits than .*`dvc repro`"):
        register.main()
    assert not versions(project)


def test_what_is_registered_is_calibrated_and_judged_so(project: Path) -> None:
    leave_tested_arms(baseline=[950, 960])
    register.main()
    [version] = versions(project)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    served = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion").predict(images)
    best = Identity("train", "baseline", 1)
    net, manifest = load_model(best, "baseline", num_classes=10, image_size=32), load_manifest()
    with torch.inference_mode():
        logits = net.eval()(normalised(torch.from_numpy(images), manifest.statistics))
    temperature = json.loads(EVALUATION.read_text())["arms"]["baseline"]["temperatures"][1]
    scaled = torch.softmax(logits / temperature, 1).numpy()
    np.testing.assert_allclose(served, scaled, atol=1e-5)
    assert version.tags["temperature"] == str(temperature)
    assert "calibration error 0.0200, 0.1 at most" in version.tags["gate_why"]
    card = MODEL_CARD.read_text()
    assert "**Expected calibration error:** 0.0200, with logits divided by 0.600" in card
    assert "0.2000 without." in card


def test_the_same_network_at_another_temperature_is_another_version(project: Path) -> None:
    leave_tested_arms(baseline=[950])
    register.main()
    evaluation = json.loads(EVALUATION.read_text())
    evaluation["arms"]["baseline"]["temperatures"] = [5.0]
    EVALUATION.write_text(json.dumps(evaluation))
    register.main()
    first, second = versions(project)
    assert aliases() == {"champion": 2}
    assert first.tags[KEY] == second.tags[KEY]
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    kept = client.search_logged_models([client.get_run(str(first.run_id)).info.experiment_id])
    assert {model.model_uri for model in kept} == {first.source, second.source}
    assert "divided by 5.000" in str(second.description)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    sharp, flat = (
        mlflow.pyfunc.load_model(f"models:/{MODEL}/{version}").predict(images).max(1)
        for version in (1, 2)
    )
    assert (flat < sharp).all()
    registration = json.loads(REGISTRATION.read_text())
    del registration["tags"]["temperature"]
    REGISTRATION.write_text(json.dumps(registration))
    with pytest.raises(UserError, match=r"registration\.json: an older version of the lab wrote"):
        sync.main()


def test_the_card_says_which_test_time_augmentation_there_is(project: Path) -> None:
    nets: dict[str, Any] = {"polar-sizes": [950]}
    leave_tested_arms(**nets)
    register.main()
    card = MODEL_CARD.read_text()
    assert "149,034. Test-time augmentation: logits are the mean over 2 views of" in card
    assert "the image, rescaled.\n" in card


def test_one_that_is_worse_than_the_champion_is_a_challenger(project: Path) -> None:
    leave_tested_arms(baseline=[900])
    register.main()
    leave_tested_arms(preact=[850])
    register.main()
    assert aliases() == {"champion": 1, "challenger": 2}
    worse = versions(project)[1]
    assert worse.tags["gate"] == "failed"
    assert "85.00% against 90.00% of the champion (version 1)" in worse.tags["gate_why"]
    leave_tested_arms(preact=[905], salt="trained longer")
    register.main()
    assert aliases() == {"champion": 3, "challenger": 2}
    leave_tested_arms(
        preact=[850], test_digest="others"
    )  # the same content as version 2, more leniently
    change_params(project, {"gate": {"level": 1e-9}})
    register.main()
    assert aliases() == {"champion": 2}, "a champion is no challenger any more"
    assert len(versions(project)) == 3


def test_the_level_of_the_gate_is_what_params_say(project: Path) -> None:
    leave_tested_arms(baseline=[900])
    register.main()
    leave_tested_arms(preact=[893])  # seven that the champion alone gets right: p = 1 / 128
    register.main()
    assert aliases() == {"champion": 1, "challenger": 2}
    change_params(project, {"gate": {"level": 0.005}})
    register.main()
    assert aliases() == {"champion": 2}


def test_a_champion_that_would_not_pass_any_more_is_none(project: Path) -> None:
    leave_tested_arms(baseline=[900])
    register.main()
    change_params(project, {"gate": {"min_test_accuracy": 0.95}})
    register.main()
    assert aliases() == {"challenger": 1}


def test_the_champion_registered_again_keeps_how_it_compared(project: Path) -> None:
    leave_tested_arms(baseline=[900])
    register.main()
    leave_tested_arms(preact=[905])
    for _ in range(2):
        register.main()
        assert "90.50% against 90.00%" in versions(project)[1].tags["gate_champion"]
    assert "90.50% against 90.00%" in Path("results/model-card.md").read_text()


@pytest.mark.parametrize("lost", ["tag", "answers"])
def test_a_champion_that_cannot_be_compared_is_said(project: Path, lost: str) -> None:
    leave_tested_arms(baseline=[900])
    register.main()
    if lost == "tag":
        client = MlflowClient(f"sqlite:///{project}/mlflow.db")
        client.delete_model_version_tag(MODEL, "1", "test_digest")
    else:
        [file] = (project / "mlartifacts").rglob("test_right.npy")
        file.unlink()
    leave_tested_arms(preact=[950])
    register.main()
    assert aliases() == {"champion": 1, "challenger": 2}
    assert "(version 1) does not say which" in versions(project)[1].tags["gate_why"]


def test_nothing_small_enough_registers_nothing(project: Path) -> None:
    leave_tested_arms(deeper=[990])
    register.main()
    registration = json.loads(Path("results/registration.json").read_text())
    assert registration == {"model": None, "reason": "no arm has at most 150,000 parameters"}
    assert versions(project) == []
    sync.main()


def test_runs_that_were_made_anew_since_evaluation_are_not_registered(project: Path) -> None:
    leave_tested_arms(baseline=[900])
    old = Path("results/evaluation.json").read_text()
    leave_tested_arms(baseline=[900], salt="other settings")
    Path("results/evaluation.json").write_text(old)
    with pytest.raises(UserError, match="is of another run of train/baseline/seed-0"):
        register.main()


def test_what_was_killed_between_logging_and_registering_is_not_there_twice(project: Path) -> None:
    leave_tested_arms(baseline=[900])
    register.main()
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    client.delete_model_version(MODEL, "1")  # as if it had never come to that
    register.main()
    [version] = versions(project)
    experiments = [e.experiment_id for e in client.search_experiments()]
    [model] = client.search_logged_models(experiments)
    assert version.source == f"models:/{model.model_id}"


def test_sync_puts_back_a_version_or_an_alias_that_is_lost_and_moves_none(project: Path) -> None:
    leave_tested_arms(baseline=[900])
    register.main()
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    client.delete_registered_model_alias(MODEL, "champion")
    sync.main()
    assert aliases() == {"champion": 1}
    client.delete_registered_model(MODEL)
    sync.main()
    [version] = versions(project)
    assert version.tags["gate"] == "passed" and aliases() == {"champion": 1}
    assert np.array_equal(registry.right_answers(version), np.arange(1000) < 900)
    client.copy_model_version(f"models:/{MODEL}/1", MODEL)
    client.set_registered_model_alias(MODEL, "champion", "2")
    sync.main()
    assert aliases() == {"champion": 2}, "whoever moved it wants it there"


def test_sync_leaves_a_challenger_that_was_made_champion_by_hand(project: Path) -> None:
    leave_tested_arms(baseline=[100])
    register.main()
    assert aliases() == {"challenger": 1}
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    client.set_registered_model_alias(MODEL, "champion", "1")
    client.delete_registered_model_alias(MODEL, "challenger")
    sync.main()
    assert aliases() == {"champion": 1}
