"""The whole graph, really run at toy size in a clone of the project: real DVC, real `mlflow run`, a
real SQLite store."""

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from clone import Clone
from mlflow.tracking import MlflowClient
from toy import change_params, keep_arms

ARMS = ("baseline", "crop", "preact", "postact")
# Two depths and scratch at two sizes, one unit alone, all digits: each on two draws.
POINTS = 2 * 2 + 2 + 1 + 1
# The arms and the pretraining twice each, the points, two pretrainings on less, two draws on them.
TOY_MODELS = len(ARMS) * 2 + 2 + POINTS * 2 + 2 + 2
# Those that stand for several: arms, the pretraining, points, pretrained on less and fine-tuned.
TOY_WHOLES = len(ARMS) + 1 + POINTS + 2
TOY_RUNS = TOY_MODELS + TOY_WHOLES + 1  # and the timing


# Commits what has been built, and leaves HEAD and the index where they are.
COMMIT_APART = """
export GIT_INDEX_FILE=$(mktemp -u)
git read-tree HEAD
git add dvc.lock params.yaml
git -c user.name=lab -c user.email=lab commit-tree "$(git write-tree)" -p HEAD -m built
"""


@contextlib.contextmanager
def other_params(clone: Path, changes: Mapping[str, Any]) -> Iterator[None]:
    """Other settings for a while; then the file is as it was, to the byte."""
    before = (clone / "params.yaml").read_bytes()
    change_params(clone, changes)
    try:
        yield
    finally:
        (clone / "params.yaml").write_bytes(before)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The toy lab, built by `mlflow run`."""
    clone = Clone.of_project(tmp_path_factory.mktemp("graph") / "lab")
    keep_arms(clone.path, *ARMS)
    clone.run("mlflow", "run", ".", "--env-manager=local")
    return clone


pytestmark = pytest.mark.slow


def test_every_run_is_in_mlflow_once_under_one_parent(lab: Clone) -> None:
    runs = lab.keyed_runs()
    assert len(runs) == TOY_RUNS
    assert len({run.data.tags["svhn_lab.key"] for run in runs}) == TOY_RUNS
    assert {run.info.status for run in lab.runs()} == {"FINISHED"}
    [parent] = [run for run in lab.runs() if "svhn_lab.key" not in run.data.tags]
    names = {run.info.run_id: str(run.info.run_name) for run in runs}
    alone = {id for id, name in names.items() if name.startswith("timing/")}
    members = {id for id, name in names.items() if re.search(r"/(seed|draw)-\d+$", name)} - alone
    assert len(runs) - len(members) - len(alone) == TOY_WHOLES
    for run in runs:
        above = run.data.tags["mlflow.parentRunId"]
        if run.info.run_id in members:
            assert names[above] == names[run.info.run_id].rpartition("/")[0]
        else:
            assert above == parent.info.run_id
    assert {run.info.experiment_id for run in lab.runs()} == {parent.info.experiment_id}


def test_a_run_shows_what_a_reader_looks_for(lab: Clone) -> None:
    [run] = [run for run in lab.keyed_runs() if run.info.run_name == "train/baseline/seed-1"]
    evaluation = lab.read("results/evaluation.json")
    assert run.data.metrics["parameters"] == 26_346
    assert run.data.metrics["test_accuracy"] == evaluation["arms"]["baseline"]["test_accuracy"][1]
    assert run.data.metrics["test_accuracy_low"] < run.data.metrics["test_accuracy_high"]
    assert {"train_loss", "validation_accuracy", "seconds_per_epoch"} <= set(run.data.metrics)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=lab.path, capture_output=True, text=True, check=True
    )
    assert run.data.tags["mlflow.source.git.commit"] == commit.stdout.strip()
    assert run.data.tags["svhn_lab.dirty"] == "true"
    assert run.data.tags["svhn_lab.dvc_stage"] == "train@baseline"
    assert run.inputs is not None
    assert run.inputs.dataset_inputs[0].dataset.name == "rendered"


def test_there_is_an_entry_for_every_arm_and_every_point(lab: Clone) -> None:
    evaluation, transfer = lab.read("results/evaluation.json"), lab.read("results/transfer.json")
    assert evaluation["dataset"]["splits"] == {"train": 540, "validation": 60, "test": 200}
    assert list(evaluation["arms"]) == list(ARMS)
    points = transfer["points"]
    assert len(points) == POINTS and list(transfer["diversity"]) == [
        "diversity/8-classes-50-percent"
    ]
    for entry in [*evaluation["arms"].values(), *points.values()]:
        assert len(entry["seeds"]) == len(entry["test_accuracy"]) == 2
        assert len(entry["validation_accuracy"]) == 2
        assert entry["mean"] == pytest.approx(np.mean(entry["test_accuracy"]))
        low, high = entry["interval"]
        assert low <= entry["mean"] <= high
    head = 64 * 2 + 2
    trainable = {name: entry["trainable_parameters"] for name, entry in points.items()}
    assert trainable["front/depth-0/size-10"] == 124_426 - 650 + head
    assert trainable["front/depth-7/size-5"] == head
    assert trainable["only/only-7/size-10"] == 64 * 64 * 9 + 2 * 64 * 2 + head
    for entry in points.values():
        assert len(entry["train_accuracy"]) == len(entry["train_loss"]) == 2


def test_every_point_is_compared_with_the_depth_chosen_on_validation(lab: Clone) -> None:
    transfer = lab.read("results/transfer.json")
    best, points = transfer["best"], transfer["points"]
    assert best["point"] in transfer["own_points"]
    validation = {
        points[name]["number"]: np.mean(points[name]["validation_accuracy"])
        for name in transfer["own_points"]
    }
    as_good = [d for d, mean in validation.items() if mean >= max(validation.values()) - 0.01]
    assert best["depth"] == max(as_good)
    for name, entry in (points | transfer["diversity"]).items():
        assert entry["reference"] == (None if name == best["point"] else best["point"])
    assert set(transfer["explanations"]) == {"overfitting", "specificity", "diversity"}


def test_a_smaller_sample_lies_within_the_larger_one_of_its_draw(lab: Clone) -> None:
    few, many = (
        np.load(lab.path / f"data/prepared/subsets/finetune/draws/{size}.npy") for size in (5, 10)
    )
    assert few.shape == (2, 10) and many.shape == (2, 20)
    assert all(set(small) < set(large) for small, large in zip(few, many, strict=True))


def test_costs_are_measured_both_ways_at_every_depth(lab: Clone) -> None:
    timing = lab.read("results/timing.json")
    assert list(timing["depths"]) == ["0", "7"]
    assert set(timing["speedup"]) == {"head_only", "head_only_training", "sweep"}
    deepest = timing["depths"]["7"]
    assert deepest["frozen_features"]["forward_flops_per_image"] == 2 * 64 * 2
    assert timing["explanation"]["tests"]["falls"]["says"].startswith("Training time")


def test_the_run_of_a_depth_shows_mean_interval_costs_and_plots(lab: Clone) -> None:
    runs = [r for r in lab.keyed_runs() if r.info.run_name == "finetune/front/depth-7/size-10"]
    [run] = [run for run in runs if "svhn_lab.superseded" not in run.data.tags]
    entry = lab.read("results/transfer.json")["points"]["front/depth-7/size-10"]
    cost = lab.read("results/timing.json")["depths"]["7"]["frozen_features"]
    metrics = run.data.metrics
    assert metrics["test_accuracy_mean"] == entry["mean"]
    assert metrics["test_accuracy_mean_low"] == entry["interval"][0]
    assert metrics["validation_accuracy_mean"] == np.mean(entry["validation_accuracy"])
    assert metrics["cost/frozen_features/forward_ms_per_batch"] == cost["forward_ms_per_batch"][1]
    client = MlflowClient(f"sqlite:///{lab.path}/mlflow.db")
    files = {file.path for file in client.list_artifacts(run.info.run_id, "plots")}
    assert files == {
        "plots/timing.json",
        "plots/accuracy-by-depth.png",
        "plots/time-by-depth.png",
    }
    assert len(client.list_artifacts(run.info.run_id, "record")) == 3


def test_frozen_features_change_no_bit_of_any_model(lab: Clone) -> None:
    def weights() -> dict[Path, bytes]:
        folder = lab.path / "models/finetune"
        return {path: path.read_bytes() for path in folder.rglob("*.pt")}

    before = weights()
    with other_params(lab.path, {"transfer": {"frozen_features": False}}):
        for sweep in ("front", "scratch", "only", "all-digits"):
            lab.run("python", "-m", "svhn_lab", "finetune", sweep)
        assert weights() == before and len(before) == 2 * POINTS
    lab.run("dvc", "checkout", "--force", "dvc.yaml")
    lab.lab("sync")  # they are other runs all the same


def test_arms_are_compared_pair_by_pair_with_their_references(lab: Clone) -> None:
    arms = lab.read("results/evaluation.json")["arms"]
    assert {name: arm["reference"] for name, arm in arms.items()} == {
        "baseline": None,
        "crop": "baseline",
        "preact": None,  # its reference is no arm of the toy lab
        "postact": "preact",
    }
    crop, baseline = arms["crop"], arms["baseline"]
    pairs = zip(crop["test_accuracy"], baseline["test_accuracy"], strict=True)
    assert crop["difference"] == pytest.approx(np.mean([a - b for a, b in pairs]))
    low, high = crop["difference_interval"]
    assert low <= crop["difference"] <= high
    # Two toy seeds can do equally well or badly, and then there is no p value.
    assert crop["p_t"] is None or 0 <= crop["p_t"] <= crop["p_holm"] <= 1
    assert len(crop["p_mcnemar"]) == 2
    assert crop["lab_accuracy"] is None and baseline["lab_accuracy"] == 0.8628
    for arm in arms.values():
        assert arm["seconds_per_epoch"] > 0 and arm["flops_per_image"] > 10**6
        assert 0 <= arm["calibration_error"] <= 1
        counts = np.array(arm["confusion"])
        assert counts.shape == (10, 10) and counts.sum() == 2 * 200
        assert np.trace(counts) / counts.sum() == pytest.approx(arm["mean"])
        shares = np.diag(counts) / counts.sum(1)
        np.testing.assert_allclose(arm["per_class_accuracy"], shares)


def test_the_claims_about_the_arms_are_judged(lab: Clone) -> None:
    claims = lab.read("results/evaluation.json")["claims"]
    assert set(claims) == {"crop", "preactivation"}
    for claim in claims.values():
        assert claim["verdict"] in ("upheld", "rejected", "not decided")
        assert claim["seeds"] == 2
    page = (lab.path / "results/page/index.html").read_text()
    assert "Cropping costs 2 points" in page


def test_the_results_are_written_as_markdown_with_their_digits_commit_and_machine(
    lab: Clone,
) -> None:
    lab.run("python", "-m", "svhn_lab", "report", "--markdown")
    text = (lab.path / "docs/results.md").read_text()
    study = (lab.path / "docs/freeze-depth.md").read_text()
    for name in re.findall(r"\]\((images/[^)]*)\)", study):
        assert (lab.path / "docs" / name).is_file()
    assert "**Best depth: " in study and "| `only` | only-7 |" in study
    evaluation = lab.read("results/evaluation.json")
    assert evaluation["dataset"]["digest"] in text and "“rendered”" in text
    commit = lab.run("git", "rev-parse", "HEAD").strip()
    assert f"`{commit}`, with uncommitted changes" in text
    assert f"{os.cpu_count()} cores" in text
    for arm in evaluation["arms"].values():
        assert f"{100 * arm['mean']:.2f} %" in text


def test_results_of_other_runs_than_those_evaluated_are_not_written(lab: Clone) -> None:
    for changes in ({"seeds": [0]}, {"arms": {"new": {"net": "baseline"}}}):
        with other_params(lab.path, changes):
            refused = lab.try_run("python", "-m", "svhn_lab", "report", "--markdown")
        assert refused.returncode == 1
        assert (
            "evaluation.json: is of other arms, runs or settings than params.yaml" in refused.stderr
        )


def test_no_stage_but_evaluate_opens_the_test_digits(lab: Clone) -> None:
    opened = lab.opened.read_text().splitlines()
    assert {line.split()[0] for line in opened} == {"evaluate"}


def test_the_registered_champion_takes_raw_images_of_any_number(lab: Clone) -> None:
    registration = lab.read("results/registration.json")
    assert registration["model"] == "svhn-small-rendered"
    mlflow.set_tracking_uri(f"sqlite:///{lab.path}/mlflow.db")
    champion = mlflow.pyfunc.load_model("models:/svhn-small-rendered@champion")
    for number in (1, 3):
        images = np.random.default_rng(0).integers(0, 256, (number, 32, 32, 3), dtype=np.uint8)
        probabilities = champion.predict(images)
        assert probabilities.shape == (number, 10)
        np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


def test_plots_are_compared_with_those_of_a_commit(lab: Clone) -> None:
    built = lab.run("bash", "-euc", COMMIT_APART).strip()
    changed = lab.path / "results/plots/curves/accuracy/crop.tsv"
    before = changed.read_text()
    changed.write_text(before.replace("1\t", "1\t0", 1))
    try:
        compared = json.loads(lab.run("dvc", "plots", "diff", "--json", built))
    finally:
        changed.write_text(before)
    assert "errors" not in compared
    [curve] = compared["data"]["results/plots/curves/accuracy/crop.tsv"]
    revisions = {point["rev"] for point in curve["content"]["data"]["values"]}
    assert revisions == {built, "workspace"}
    assert "results/plots/confusion.png" in compared["data"]


def test_nothing_runs_again_when_nothing_changed(lab: Clone) -> None:
    before = {path: path.stat().st_mtime_ns for path in (lab.path / "results").rglob("*.*")}
    keyed = {run.info.run_id for run in lab.keyed_runs()}
    assert "Running stage" not in lab.run("dvc", "repro")
    assert {p: p.stat().st_mtime_ns for p in (lab.path / "results").rglob("*.*")} == before
    of_now = [run for run in lab.keyed_runs() if "svhn_lab.superseded" not in run.data.tags]
    assert len(of_now) == TOY_RUNS
    assert {run.info.run_id for run in lab.keyed_runs()} == keyed


def test_changing_one_arm_would_run_that_arm_and_what_follows_from_it_alone(lab: Clone) -> None:
    with other_params(lab.path, {"arms": {"baseline": {"epochs": 2}}}):
        plan = lab.run("dvc", "repro", "--dry")
    stages = [line.split("'")[1] for line in plan.splitlines() if line.startswith("Running stage")]
    assert sorted(stages) == ["check", "evaluate", "register", "report", "train@baseline"]


def test_editing_one_arm_trains_that_arm_alone(lab: Clone) -> None:
    def models() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (lab.path / "models").rglob("*.pt")}

    before = models()
    with other_params(lab.path, {"arms": {"crop": {"crop_padding": 2}}}):
        lab.run("dvc", "repro")
        changed = {path.parent.name for path, moment in models().items() if moment != before[path]}
    assert changed == {"crop"}
    lab.run("dvc", "repro")


def test_what_is_said_of_arms_trains_none(lab: Clone) -> None:
    with other_params(lab.path, {"references": {"crop": "preact"}}):
        plan = lab.run("dvc", "repro", "--dry")
    stages = [line.split("'")[1] for line in plan.splitlines() if line.startswith("Running stage")]
    # And what follows, if that gives another out.
    assert sorted(stages) == ["check", "evaluate", "report"]


def test_wrong_params_stop_the_graph_while_every_result_is_still_there(lab: Clone) -> None:
    before = sorted((lab.path / "models").rglob("*.pt"))
    with other_params(lab.path, {"training": {"batch_size": -1}}):
        done = lab.try_run("dvc", "repro")
    assert done.returncode != 0
    assert "params.yaml: training.batch_size: should be greater" in done.stdout + done.stderr
    assert len(before) == TOY_MODELS
    assert sorted((lab.path / "models").rglob("*.pt")) == before


def test_what_the_data_lack_stops_the_graph_while_everything_is_still_there(lab: Clone) -> None:
    places = [lab.path / "data", lab.path / "models", lab.path / "results"]
    before = {path for place in places for path in place.rglob("*.*")}
    with other_params(lab.path, {"transfer": {"sample_sizes": [5000]}}):
        done = lab.try_run("dvc", "repro")
    assert done.returncode != 0
    assert "sample_sizes: has 5000, but the training split has" in done.stdout + done.stderr
    assert before <= {path for place in places for path in place.rglob("*.*")}
    assert len([path for path in before if path.suffix == ".pt"]) == TOY_MODELS


def test_other_small_draws_do_not_touch_the_arms(lab: Clone) -> None:
    with other_params(lab.path, {"transfer": {"sample_sizes": [9]}}):
        lab.run("dvc", "repro", "prepare")
        assert lab.run("dvc", "status", "--quiet", "train@baseline", "train@preact") == ""
        assert lab.try_run("dvc", "status", "--quiet", "finetune@front").returncode != 0
    lab.run("dvc", "repro", "prepare")
    assert lab.run("dvc", "status", "--quiet", "finetune@front") == "", "nothing is left of them"


def test_editing_one_sweep_would_run_that_sweep_and_what_follows_from_it(lab: Clone) -> None:
    with other_params(lab.path, {"transfer": {"sweeps": {"only": {"only": [6]}}}}):
        plan = lab.run("dvc", "repro", "--dry")
    stages = [line.split("'")[1] for line in plan.splitlines() if line.startswith("Running stage")]
    assert {"check", "evaluate", "finetune@only"} <= set(stages)
    assert not {"pretrain", "finetune@front", "finetune@scratch", "diversity", "timing"} & set(
        stages
    )


def test_the_entry_points_run_one_arm_and_one_sweep(lab: Clone) -> None:
    arm = lab.run("mlflow", "run", ".", "--env-manager=local", "-e", "train", "-P", "arm=baseline")
    assert "Stage 'train@baseline' didn't change" in arm
    sweep = lab.run(
        "mlflow", "run", ".", "--env-manager=local", "-e", "finetune", "-P", "sweep=only"
    )
    assert "Stage 'finetune@only' didn't change" in sweep


def test_a_lost_database_is_made_again_from_the_records(lab: Clone) -> None:
    def figures() -> dict[str, dict[str, float]]:
        return {
            run.info.run_name: run.data.metrics
            for run in lab.keyed_runs()
            if "svhn_lab.superseded" not in run.data.tags
        }

    # DVC restored the runs of an arm that was changed and changed back; this tells MLflow.
    lab.run("python", "-m", "svhn_lab", "sync")
    before = figures()
    assert len(before) == TOY_RUNS
    (lab.path / "mlflow.db").unlink()
    assert f"sync: {TOY_RUNS} runs on disk, all in MLflow" in lab.run(
        "python", "-m", "svhn_lab", "sync"
    )
    assert figures() == before
    assert len(lab.keyed_runs()) == TOY_RUNS
