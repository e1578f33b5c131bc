"""distil.py: who teaches."""

from pathlib import Path

import pytest
import torch
from left import leave_run, manifest
from toy import change_params

from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.nets.blocks import ConvPool, SeveralViews
from svhn_lab.nets.network import Architecture
from svhn_lab.params import load
from svhn_lab.stages.competitors import teachers
from svhn_lab.stages.distil import load_teachers
from svhn_lab.stages.runs import save_model


def teach(project: Path, seeds: list[int], net: str) -> None:
    """Makes networks of this kind the teachers (and what others start from)."""
    arms = {"free-polar-views": {"net": net}}
    adapted = {f"free-{name}-views": {"net": net} for name in ("adapted", "continued")}
    change_params(project, {"contests": {"seeds": seeds, "arms": arms, "adapted": adapted}})


def test_the_networks_of_all_seeds_teach_and_none_may_be_missing(project: Path) -> None:
    teach(project, [0, 1], "baseline")
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
    with pytest.raises(UserError, match=r"seed-1\.pt: not found; make it with .*-views-1`"):
        load_teachers(load(), manifest())


def test_teachers_say_what_they_see_in_the_one_view(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = Architecture((SeveralViews((ConvPool(4, kernel=3),), (-4, 4), shift=1),))
    monkeypatch.setitem(zoo.ZOO, "several", several)
    teach(project, [0], "several")
    [identity] = teachers(load())
    net = zoo.build("several", num_classes=10, seed=0)
    leave_run(identity, {}, key="teacher")
    save_model(identity.weights, net)
    [teacher] = load_teachers(load(), manifest()).values()
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    by_one = net.train()(images)
    assert torch.allclose(teacher.eval()(images), by_one)
    assert not torch.allclose(net.eval()(images), by_one)
