"""distil.py: who teaches."""

from pathlib import Path

import pytest
import torch
from left import leave_run, manifest
from toy import change_params

from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.params import load
from svhn_lab.stages.competitors import teachers
from svhn_lab.stages.distil import load_teachers
from svhn_lab.stages.runs import save_model


def test_the_networks_of_all_seeds_teach_and_none_may_be_missing(project: Path) -> None:
    change_params(
        project,
        {"contests": {"seeds": [0, 1], "arms": {"free-polar-sizes": {"net": "baseline"}}}},
    )
    first, second = teachers(load())
    nets = [zoo.build("baseline", num_classes=10, seed=seed) for seed in (0, 1)]
    for teacher, net in zip((first, second), nets, strict=True):
        leave_run(teacher, {}, key=f"of seed {teacher.seed}")
        save_model(teacher.weights, net)
    found = load_teachers(load(), manifest())
    assert list(found) == ["of seed 0", "of seed 1"]
    for net, trained in zip(nets, found.values(), strict=True):
        expected = net.state_dict()["head.weight"]
        assert torch.equal(trained.state_dict()["head.weight"], expected)
    second.weights.unlink()
    with pytest.raises(UserError, match=r"seed-1\.pt: not found; make it with .*-sizes-1`"):
        load_teachers(load(), manifest())
