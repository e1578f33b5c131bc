"""The second pipeline at toy size: real DVC."""

import json
from pathlib import Path

import pytest
from clone import kill, tiny_clone, wait_for
from toy import change_params

pytestmark = pytest.mark.slow

ARMS = {
    "free-plain": {"net": "baseline"},
    "free-sizes": {"net": "polar-sizes", "inversion": 0.5, "schedule": "one-cycle"},
}
TEACHERS = "free-plain"
DISTILLED = {"free-taught": {"net": "baseline", "rendered": 100, "shift": 1}}
ADAPTED = {"free-adapted": {"net": "baseline", "learning_rate": 0.0001, "inversion": 0.5}}

SEARCH = {
    "trials": 4,
    "side_by_side": 2,
    "seeds": [0, 1],
    "space": {
        **{"stem": [0.5, 1], "second": [1], "third": [1, 400], "convs": [1, 2]},
        **{"convolution": ["full"], "activation": ["relu", "gelu"], "squeeze": [None, 4]},
        **{"dropout": [0.0, 0.1], "positions": [None], "head": ["all"]},
        "both_polarities": [False],
    },
}
ONE_TRIAL = {"trials": 1, "seeds": [0], "space": {"third": [1]}}


def test_contests_are_run_apart_and_their_winner_can_be_registered(tmp_path: Path) -> None:
    lab = tiny_clone(tmp_path / "lab")
    references = {"free-sizes": "free-plain"}
    change_params(lab.path, {"contests": {"seeds": [0, 1], "search": ONE_TRIAL}})
    replace_arms(lab.path, references)
    assert "contests" not in lab.run("dvc", "repro"), "the lab leaves the contests alone"
    alone = lab.read("results/registration.json")
    assert alone["stage"] == "train"

    lab.lab("repro", "--jobs", "2", "contests/dvc.yaml")
    found = lab.read("results/contests.json")
    evaluation = lab.read("results/evaluation.json")
    assert found["dataset"] == evaluation["dataset"]
    assert list(found["arms"]) == [*ARMS, *DISTILLED, *ADAPTED]
    plain = found["arms"]["free-plain"]
    lab_entry = evaluation["arms"]["baseline"]
    assert plain["test_accuracy"] == lab_entry["test_accuracy"], "the same recipe and digits"
    sizes = found["arms"]["free-sizes"]
    assert sizes["reference"] == "free-plain"
    assert [sizes[key] for key in ("num_views", "threads", "buffers")] == [2, [1], 1_004]
    assert [plain[key] for key in ("num_views", "buffers")] == [1, 0]
    lab.lab("report", "--markdown", "contests")
    written = (lab.path / "docs/small-networks.md").read_text()
    assert "net baseline; the plainest |" in written and "distilled from free-plain |" in written
    assert "inversion 0.5; adapted from free-plain |" in written
    assert "no significant difference: `free-sizes`" in written
    runs = {run.info.run_name: run for run in lab.keyed_runs()}
    stages = {"free-plain": "compete", "free-taught": "distil", "free-adapted": "adapt"}
    for arm, stage in stages.items():
        assert runs[f"compete/{arm}/seed-0"].data.params["stage"] == stage
    assert runs["contests/free-taught"].data.params["taught_by"] == TEACHERS
    whole = runs["contests/free-plain"]
    assert whole.data.metrics["test_accuracy_mean"] == plain["mean"]
    taught = runs["compete/free-taught/seed-1"]
    keys = [runs[f"compete/{TEACHERS}/seed-{n}"].data.tags["svhn_lab.key"] for n in (0, 1)]
    assert taught.data.params["teachers"] == str(keys)
    adapted = runs["compete/free-adapted/seed-1"]
    assert adapted.data.params["pretrained_key"] == keys[1]
    assert runs["contests/free-adapted"].data.params["pretrained"] == TEACHERS
    parent = taught.data.tags["mlflow.parentRunId"]
    assert parent == runs["contests/free-taught"].info.run_id
    assert lab.lab("doctor").startswith("doctor: nothing wrong")

    said = lab.run("make", "-o", ".venv/.installed", "contests", "SEEDS=3")
    page = (lab.path / "results/page/index.html").read_text()
    assert "free-taught" in page and "Networks that the search tried" in page
    assert "What no network of" in page
    ran = [line for line in said.splitlines() if line.startswith("[") and "@" in line]
    more = [line for line in ran if "-2:" in line]
    assert len(more) == 4, "one more seed of each arm"
    again = {line.split()[1] for line in set(ran) - set(more)}
    distil = "contests/dvc.yaml:distil@free-taught"
    assert again == {f"{distil}-0:", f"{distil}-1:"}, "by one more teacher"

    # Whoever is best on validation digits is registered, wherever it was trained.
    better = lab.path / "results/contests.json"
    content = json.loads(better.read_text())
    cards = {}
    for arm, stage, accuracy in [("free-adapted", "adapt", 0.99), ("free-taught", "distil", 1.0)]:
        content["arms"][arm]["validation_accuracy"] = [accuracy] * 3
        better.write_text(json.dumps(content))
        lab.run("dvc", "repro", "--force", "--single-item", "register")
        registered = lab.read("results/registration.json")
        assert (registered["stage"], registered["arm"]) == (stage, arm)
        cards[arm] = (lab.path / "results/model-card.md").read_text()
    assert "rendered 100" in cards["free-taught"]
    assert "probabilities that 3 other networks predict" in cards["free-taught"]
    assert ": the network `free-plain`, seed " in cards["free-adapted"]
    assert "of these digits, those of the dataset's own `train` split, " in cards["free-adapted"]
    lab.run("dvc", "repro", "--force", "--single-item", "report")
    assert "free-taught" in (lab.path / "results/page/index.html").read_text()


def test_a_search_that_was_killed_ends_with_the_same_trials(tmp_path: Path) -> None:
    lab = tiny_clone(tmp_path / "lab")
    change_params(lab.path, {"contests": {"search": SEARCH}, "gate": {"max_parameters": 20_000}})
    lab.run("dvc", "repro", "prepare")
    killed = lab.copied_to(tmp_path / "killed" / "lab")
    stage = "contests/dvc.yaml:search"
    lab.run("dvc", "repro", stage)
    expected = lab.read("results/search.json")
    assert len(expected["trials"]) == 4
    for trial in expected["trials"]:
        too_large = trial["choice"]["third"] == 400
        assert (trial["network"] is None) == too_large
        assert trial["state"] == ("pruned" if too_large else "complete")
        assert (trial["validation_accuracy"] is None) == too_large
        assert too_large or 10_000 < trial["parameters"] <= 20_000
    names = {run.info.run_name for run in lab.keyed_runs()}
    complete = [t["trial"] for t in expected["trials"] if t["state"] == "complete"]
    assert names >= {f"search/trial-{n:03}/seed-{seed}" for n in complete for seed in (0, 1)}

    searching = killed.start("dvc", "repro", stage)
    wait_for(lambda: any(killed.path.glob("results/search/*/*/run.json")))
    kill(searching)
    killed.run("dvc", "repro", stage)
    assert killed.read("results/search.json") == expected

    change_params(killed.path, {"contests": {"search": {"trials": 5}}})
    killed.run("dvc", "repro", stage)
    more = killed.read("results/search.json")["trials"]
    assert [t for t in more if t["trial"] < 4] == expected["trials"]
    change_params(killed.path, {"contests": {"search": {"trials": 4}}})
    killed.run("dvc", "repro", stage)
    assert killed.read("results/search.json") == expected, "fewer are not more"
    assert killed.lab("doctor").startswith("doctor: nothing wrong")
    change_params(killed.path, {"gate": {"max_parameters": 2_000}})
    assert "search: begins anew" in killed.run("dvc", "repro", stage)
    smaller = killed.read("results/search.json")["trials"]
    assert {trial["trial"] for trial in smaller} == set(range(4))
    for trial in smaller:
        assert trial["state"] == "pruned" or 1_000 < trial["parameters"] <= 2_000, (
            "what was allowed before is not any more"
        )
    change_params(killed.path, {"training": {"learning_rate": 1e30}})
    refused = killed.try_run("dvc", "repro", stage)
    assert refused.returncode and "could be trained to the end" in refused.stderr
    change_params(killed.path, {"gate": {"max_parameters": 10}})
    refused = killed.try_run("dvc", "repro", stage)
    assert refused.returncode
    assert "none of 4 networks can have at most 10 parameters" in refused.stderr


def replace_arms(project: Path, references: dict[str, str]) -> None:
    """Puts ARMS in the place of who competes."""
    from ruamel.yaml import YAML

    yaml = YAML()
    tree = yaml.load(project / "params.yaml")
    tree["contests"] |= {"arms": ARMS, "references": references}
    tree["contests"] |= {"about": {"free-plain": "the plainest"}}
    tree["contests"] |= {"teachers": TEACHERS, "distilled": DISTILLED}
    tree["contests"] |= {"pretrained": TEACHERS, "adapted": ADAPTED}
    yaml.dump(tree, project / "params.yaml")
