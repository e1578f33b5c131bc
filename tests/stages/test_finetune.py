"""finetune.py: what is paired with what."""

from pathlib import Path

from svhn_lab.params import Params, load
from svhn_lab.stages.finetune import identities, whole
from svhn_lab.stages.sweeps import Point, points


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
