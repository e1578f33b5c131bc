"""finetune.py: what is paired with what."""

from pathlib import Path

from svhn_lab.params import load
from svhn_lab.stages.finetune import identities


def test_all_depths_share_draws_and_draws_go_round_the_pretrained_networks() -> None:
    shipped = load(Path(__file__).parents[2] / "params.yaml")
    params = shipped.model_copy(
        update={"seeds": (7, 8, 9), "transfer": shipped.transfer.model_copy(update={"draws": 5})}
    )
    runs = identities(params, 3)
    assert [(run.draw, run.seed) for run in runs] == [(0, 7), (1, 8), (2, 9), (3, 7), (4, 8)]
    assert {run.arm for run in runs} == {"3"}
    scratch = identities(params, "scratch")
    assert [(run.draw, run.seed) for run in scratch] == [(draw, draw) for draw in range(5)]
