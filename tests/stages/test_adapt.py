"""adapt.py: where an adapted network starts, and what it is fine-tuned on."""

from pathlib import Path
from typing import Any

import pytest
import torch
from left import leave_run
from prepared_lab import PER_CLASS, leave_prepared, number_of
from toy import change_params

from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.params import load
from svhn_lab.stages import adapt
from svhn_lab.stages.competitors import identity, pretrained
from svhn_lab.stages.prepared import load_target
from svhn_lab.stages.runs import save_model

ARM = "free-adapted-views"
SMALL = {
    "seeds": [0, 1],
    "arms": {"free-polar-views": {"net": "baseline"}},
    "adapted": {ARM: {"net": "baseline"}, "free-continued-views": {"net": "baseline"}},
}


def test_it_starts_from_the_network_of_its_seed_with_the_digits_that_it_asks_for(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_params(project, {"contests": SMALL})
    leave_prepared(project, extra=30)
    params, target = load(), load_target()
    starts = [pretrained(params, seed) for seed in (0, 1)]
    nets = [zoo.build("baseline", num_classes=10, seed=7 + seed) for seed in (0, 1)]
    for start, net in zip(starts, nets, strict=True):
        leave_run(start, {}, key=f"pretrained {start.seed}")
        save_model(start.weights, net)
    given: list[Any] = []
    monkeypatch.setattr(adapt, "run", lambda *arguments: given.append(arguments))
    arm = params.contests.adapted[ARM]
    with_rendered = arm.model_copy(update={"rendered": 5})
    for seed, wanted in [(0, arm), (1, arm), (0, with_rendered)]:
        adapt.adapt_one((identity(params, ARM, seed), wanted), start=starts[seed])
    for (run, net, _, settings, train, validation, _), seed in zip(given, (0, 1, 0), strict=True):
        weights = net.state_dict()
        for name, value in nets[seed].state_dict().items():
            assert torch.equal(weights[name], value)
        assert (run.stage, run.seed) == ("adapt", seed)
        assert settings["number_of_digits"] == len(target)
        assert torch.equal(train.images[: len(target)], target.images)
        assert settings["pretrained_key"] == f"pretrained {seed}"
        assert settings["pretrained"] == "free-polar-views"
        numbers = number_of(validation.images.numpy())
        assert max(numbers) >= 15 * PER_CLASS, "comparable with that of other arms"
    assert [len(each[4]) - len(target) for each in given] == [0, 0, 5]
    assert ["rendered_digest" in each[3] for each in given] == [False, False, True]
    control = arm.model_copy(update={"digits": "any"})
    for seed in (0, 0, 1):
        adapt.adapt_one((identity(params, ARM, seed), control), start=starts[seed])
    of_control = [number_of(each[4].images.numpy()) for each in given[-3:]]
    for chosen in of_control:
        assert len(set(chosen)) == len(target), "as many"
        assert max(chosen) >= 15 * PER_CLASS, "extra ones too"
    assert of_control[0] == of_control[1] != of_control[2]
    digests = [each[3]["digits_digest"] for each in given]
    assert digests[0] == digests[1] == digests[2] != digests[3]
    starts[1].weights.unlink()
    with pytest.raises(UserError, match=r"seed-1\.pt: not found; make it with .*-views-1`"):
        adapt.adapt_one((identity(params, ARM, 1), arm), start=starts[1])
