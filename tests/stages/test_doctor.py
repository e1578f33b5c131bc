"""doctor.py: what is damaged is named with its remedy, and what is not is left alone."""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from at_work import dvc_at_work
from mlflow.tracking import MlflowClient
from tested_arms import leave_tested_arms
from toy import change_params

from svhn_lab.data.batches import Images, Labels
from svhn_lab.errors import UserError
from svhn_lab.stages import doctor, register, sync
from svhn_lab.stages.doctor import Finding
from svhn_lab.stages.layout import EVALUATION, MANIFEST, PREPARED, TRANSFER
from svhn_lab.stages.prepared import digest_of
from svhn_lab.tracking.files import write_array, write_json
from svhn_lab.tracking.store import make

MODEL = "svhn-small-rendered"


def problems(findings: Iterable[Finding]) -> list[str]:
    """Each with its remedy."""
    return [f"{finding.problem} -> {finding.remedy}" for finding in findings]


def test_params_that_are_wrong_are_named_line_by_line(project: Path) -> None:
    assert problems(doctor.params()) == []
    change_params(project, {"seeds": [], "training": {"epochs": -1}})
    found = [*doctor.params()]
    assert [each.problem.split(": ")[1] for each in found] == ["seeds", "training.epochs"]
    assert {each.remedy for each in found} == {"mend it; `svhn-lab check` looks again"}
    (project / "params.yaml").write_text("arms:\n\t- a tab\n")
    [said] = problems(doctor.params())
    assert "params.yaml: is not valid YAML" in said


def test_results_that_are_damaged_are_named(
    store: None, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_tested_arms(baseline=[900])
    register.main()
    for file in (EVALUATION, TRANSFER, MANIFEST):
        file.write_text("{")
    capsys.readouterr()
    assert doctor.main(as_json=True) == 1
    found = {each["problem"]: each["remedy"] for each in json.loads(capsys.readouterr().out)}
    for file, stage in ((EVALUATION, "evaluate"), (MANIFEST, "prepare")):
        assert f"dvc repro {stage}" in found[f"{file}: is damaged"]


def test_too_little_room_is_said() -> None:
    assert problems(doctor.disk(0)) == []
    [said] = problems(doctor.disk(2**60))
    assert "GiB are free here" in said and "dvc gc --workspace" in said


def test_that_a_stage_is_running_is_no_damage_to_mend(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "dvc.lock").write_text("schema: '2.0'\nstages:\n  check:\n    cmd: nothing\n")
    at_work = dvc_at_work(project)
    [said] = problems(doctor.graph())
    assert said.startswith("a stage runs in this checkout") and "-> wait until it is done" in said
    assert doctor.main(as_json=False) == 1
    assert capsys.readouterr().out.endswith("doctor: 1 finding\n")
    at_work.unlink()
    [said] = problems(doctor.graph())
    assert said.startswith("results/checked.txt: is deleted")


def test_digits_that_are_not_those_of_their_manifest_are_named(project: Path) -> None:
    assert problems(doctor.digits()) == [], "there are none yet"
    splits: dict[str, tuple[Images, Labels]] = {
        split: (np.full((4, 8, 8, 3), shade, dtype=np.uint8), np.arange(4))
        for shade, split in enumerate(("train", "test"))
    }
    leave_tested_arms()
    manifest = json.loads(MANIFEST.read_text())
    sizes = dict.fromkeys(splits, 4)
    write_json(MANIFEST, manifest | {"digest": digest_of(splits), "splits": sizes})
    for split, (images, labels) in splits.items():
        write_array(PREPARED / split / "images.npy", images)
        write_array(PREPARED / split / "labels.npy", labels)
    assert problems(doctor.digits()) == []
    images = splits["test"][0].copy()
    images[0, 0, 0, 0] += 1
    write_array(PREPARED / "test" / "images.npy", images)
    [said] = problems(doctor.digits())
    assert f"manifest.json says {digest_of(splits)} -> dvc repro --force" in said
    (PREPARED / "train" / "labels.npy").write_bytes(b"half")
    [said] = problems(doctor.digits())
    assert "data/prepared: cannot be read" in said


def test_a_record_without_its_weights_is_named(project: Path) -> None:
    leave_tested_arms(baseline=[900, 950])
    assert problems(doctor.records()) == []
    Path("models/train/baseline/seed-1.pt").unlink()
    [said] = problems(doctor.records())
    assert said == (
        "train/baseline/seed-1: models/train/baseline/seed-1.pt is not there"
        " -> dvc checkout train@baseline, or dvc repro train@baseline"
    )


@pytest.mark.parametrize("name", ["run.json", "metrics.json", "curves.tsv"])
def test_a_record_that_is_damaged_is_named(project: Path, store: None, name: str) -> None:
    leave_tested_arms(baseline=[900])
    register.main()
    (project / "results/train/baseline/seed-0" / name).write_text("")
    [said] = problems(doctor.records())
    assert "results/train/baseline/seed-0" in said and "is damaged" in said
    if name != "run.json":  # of which it is not known whose it is
        assert problems(doctor.store()) == []
    with pytest.raises(UserError, match="is damaged"):
        sync.main()


def test_another_folder_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "docs").mkdir()
    monkeypatch.chdir(project / "docs")
    with pytest.raises(UserError, match="run this in the project's top folder"):
        doctor.main(as_json=False)
    with pytest.raises(UserError, match="run this in the project's top folder"):
        sync.main(prune=True)


def test_looking_makes_no_store(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_tested_arms(baseline=[900])
    sync.main(dry_run=True)
    assert "1 runs on disk, no store yet" in capsys.readouterr().out
    assert not (project / "mlflow.db").exists()
    make(project / "mlflow.db", project)
    sync.main(dry_run=True)
    assert "1 runs on disk, 1 differences; nothing changed" in capsys.readouterr().out
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    assert [experiment.name for experiment in client.search_experiments()] == ["Default"]


def test_a_store_without_what_is_on_disk_is_named_run_by_run(project: Path) -> None:
    assert problems(doctor.store()) == [], "nothing is on disk, and no store is made to look at"
    assert not Path("mlflow.db").exists()
    leave_tested_arms(baseline=[900, 950])
    [said] = problems(doctor.store())
    assert "mlflow.db: is not there, though there are runs on disk -> python -m svhn_lab" in said
    register.main()  # which puts the best run there alone
    [said] = problems(doctor.store())
    assert said == "missing: train/baseline/seed-0: is not in MLflow -> python -m svhn_lab sync"
    sync.main()
    assert problems(doctor.store()) == []


def test_a_store_of_another_schema_is_named_with_the_command_that_upgrades_it(
    project: Path, store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_tested_arms(baseline=[900])
    with closing(sqlite3.connect(project / "mlflow.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'older'")
    [said] = problems(doctor.store())
    assert "out-of-date database schema (found version older" in said
    assert f"mlflow db upgrade sqlite:///{project}/mlflow.db" in said
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")  # which may have a password
    [said] = problems(doctor.store())
    assert 'mlflow db upgrade "$MLFLOW_TRACKING_URI"' in said


def test_a_file_that_is_no_store_is_named(project: Path) -> None:
    leave_tested_arms(baseline=[900])
    (project / "mlflow.db").write_text("no database, though it has its name" * 100)
    [said] = problems(doctor.store())
    assert "mlflow.db: cannot be used: " in said and "file is not a database" in said
    with pytest.raises(UserError, match="file is not a database"):
        sync.main()


def test_a_champion_that_cannot_be_had_is_named(
    project: Path, store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_tested_arms(baseline=[900])
    register.main()
    assert problems(doctor.store()) == []
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    client.set_model_version_tag(MODEL, "1", "gate", "failed")
    [said] = problems(doctor.store())
    assert "(version 1) has not passed the gate" in said
    client.set_model_version_tag(MODEL, "1", "gate", "passed")
    client.delete_registered_model_alias(MODEL, "champion")
    [said] = problems(doctor.store())
    assert said == f"models:/{MODEL} has no champion -> python -m svhn_lab sync"
    sync.main()
    [file] = (project / "mlartifacts").rglob("test_right.npy")
    file.unlink()
    [said] = problems(doctor.store())
    assert f"models:/{MODEL}@champion (version 1) cannot be loaded" in said


def test_findings_are_told_to_people_and_to_scripts(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.main(as_json=False) == 0
    assert capsys.readouterr().out.startswith("doctor: nothing wrong (params, disk, digits, ")
    leave_tested_arms(baseline=[900])
    (PREPARED / "train").mkdir()
    assert doctor.main(as_json=False) == 1
    out = capsys.readouterr().out
    assert "digits: data/prepared: cannot be read" in out and "    remedy: dvc repro" in out
    assert out.endswith("doctor: 2 findings\n")
    assert doctor.main(as_json=True) == 1
    found = json.loads(capsys.readouterr().out)
    assert [each["check"] for each in found] == ["digits", "store"]
    assert set(found[0]) == {"check", "problem", "remedy"}
