"""finetune.py: what is paired with what."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from left import leave_run
from prepared_lab import leave_prepared
from toy import change_params

from svhn_lab.nets import zoo
from svhn_lab.nets.network import Network
from svhn_lab.params import Params, load
from svhn_lab.stages import finetune
from svhn_lab.stages.finetune import finetune_one, identities, pretraining, whole
from svhn_lab.stages.layout import PREPARED
from svhn_lab.stages.runs import save_model
from svhn_lab.stages.sweeps import Point, points
from svhn_lab.tracking import record
from svhn_lab.training.fit import Epoch


def params(draws: int) -> Params:
    shipped = load(Path(__file__).parents[2] / "params.yaml")
    transfer = shipped.transfer.model_copy(update={"draws": draws})
    return shipped.model_copy(update={"seeds": (7, 8, 9), "transfer": transfer})


def test_all_points_share_draws_and_draws_go_round_the_pretrained_networks() -> None:
    found = params(5)
    for point in [p for sweep in ("front", "back", "only") for p in points(found.transfer, sweep)]:
        runs = identities(found, point)
        assert [(run.draw, run.seed) for run in runs] == [(0, 7), (1, 8), (2, 9), (3, 7), (4, 8)]


def test_each_draw_from_scratch_has_fresh_weights_of_its_own() -> None:
    [scratch] = points(params(5).transfer, "scratch")
    runs = identities(params(5), scratch)
    assert [(run.draw, run.seed) for run in runs] == [(draw, draw) for draw in range(5)]


def test_the_draws_of_a_point_lie_below_the_run_that_stands_for_them() -> None:
    point = Point("front", "front", 3, 50)
    assert whole(point).name == "finetune/front/depth-3/size-50"
    assert whole(point).dvc_stage == "finetune@front"
    run = identities(params(2), point)[1]
    assert run.name == "finetune/front/depth-3/size-50/draw-1"
    assert run.path.parent == whole(point).path


class Noting:
    """In the place of training: what each run would begin with, by its name."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, Network]] = []

    def __call__(self, net: Network, *_: Any, seed: int, **__: Any) -> list[Epoch]:
        self.begun.append((seed, net))
        return []


@pytest.fixture
def noting(project: Path, monkeypatch: pytest.MonkeyPatch) -> Noting:
    """Of a lab whose networks of all seeds are pretrained."""
    leave_prepared(project)
    for seed in load().seeds:
        leave_run(pretraining(seed), {}, key=f"pretrained {seed}")
        save_model(pretraining(seed).weights, zoo.build("baseline", num_classes=8, seed=seed))
    noted = Noting()
    monkeypatch.setattr(finetune, "fit_behind_front", noted)
    return noted


def fine_tuned(depth: int, draw: int) -> str:
    """The key of a run of the sweep `front`."""
    found = load()
    point = next(p for p in points(found.transfer, "front") if p.number == depth)
    run = finetune_one((identities(found, point)[draw], point, found.transfer))
    return record.read(run).key


def test_points_of_a_draw_share_order_and_head_and_draws_share_neither(noting: Noting) -> None:
    for depth, draw in ((0, 0), (1, 0), (0, 3)):  # draws 0 and 3 are of one pretrained network
        fine_tuned(depth, draw)
    (order, net), (same_order, deeper), (other_order, other) = noting.begun
    assert (order, same_order, other_order) == (0, 0, 3)
    weights, same, others = (n.state_dict() for n in (net, deeper, other))
    assert torch.equal(weights["head.weight"], same["head.weight"])
    assert not torch.equal(weights["head.weight"], others["head.weight"])
    pretrained = zoo.build("baseline", num_classes=8, seed=0).state_dict()
    kept = [name for name in pretrained if not name.startswith("head")]
    assert kept and all(torch.equal(pretrained[n], w[n]) for n in kept for w in (weights, others))


def test_another_pretraining_sample_or_way_to_compute_makes_another_run(
    noting: Noting, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fine_tuned(0, 0)
    assert fine_tuned(0, 0) == before
    leave_run(pretraining(0), {}, key="pretrained otherwise")
    pretrained_otherwise = fine_tuned(0, 0)
    images = np.load(PREPARED / "train" / "images.npy")
    np.save(PREPARED / "train" / "images.npy", images ^ 1)
    another_sample = fine_tuned(0, 0)
    change_params(Path(), {"transfer": {"frozen_features": False}})
    monkeypatch.setattr(finetune, "fit", noting)
    assert len({before, pretrained_otherwise, another_sample, fine_tuned(0, 0)}) == 4
