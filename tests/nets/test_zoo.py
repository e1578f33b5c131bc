"""zoo.py: every network is what it is declared to be."""

import pytest
import torch

from svhn_lab.errors import UserError
from svhn_lab.nets import zoo

PARAMETERS = {"baseline": 26_346, "preact": 124_426}
FREEZE_UNITS = {"baseline": 2, "preact": 7}


def test_every_network_is_counted_here() -> None:
    assert set(zoo.ZOO) == set(PARAMETERS) == set(FREEZE_UNITS)


@pytest.mark.parametrize("name", zoo.ZOO)
def test_the_number_of_parameters_is_exact(name: str) -> None:
    counts = zoo.parameter_counts(zoo.build(name, num_classes=10, seed=0))
    assert counts["total"] == counts["trainable"] == PARAMETERS[name]
    assert sum(counts["layers"].values()) == PARAMETERS[name]


@pytest.mark.parametrize("name", zoo.ZOO)
def test_it_gives_logits_of_any_number_of_images_and_classes(name: str) -> None:
    net = zoo.build(name, num_classes=3, seed=0)
    assert net(torch.zeros(5, 3, 32, 32)).shape == (5, 3)


@pytest.mark.parametrize("name", zoo.ZOO)
def test_freeze_units_hold_every_parameter_but_the_head_once(name: str) -> None:
    net = zoo.build(name, num_classes=10, seed=0)
    units = net.freeze_units()
    assert len(units) == FREEZE_UNITS[name]
    held = [id(p) for unit in units for module in unit for p in module.parameters()]
    assert sorted(held) == sorted(id(p) for p in net.blocks.parameters())
    assert all(
        sum(isinstance(module, torch.nn.Conv2d) and module.kernel_size != (1, 1) for module in unit)
        == 1
        for unit in units
    )


def test_weights_follow_from_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = zoo.build("preact", num_classes=10, seed=5).state_dict()
    before = torch.rand(1)
    torch.manual_seed(1)
    again = zoo.build("preact", num_classes=10, seed=5).state_dict()
    other = zoo.build("preact", num_classes=10, seed=6).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])
    assert torch.equal(before, torch.rand(1)), "building draws from no one else's random numbers"


def test_a_new_head_leaves_the_rest_alone() -> None:
    net = zoo.build("baseline", num_classes=8, seed=0)
    before = {name: value.clone() for name, value in net.blocks.state_dict().items()}
    zoo.with_new_head(net, num_classes=2, seed=1)
    assert net(torch.zeros(4, 3, 32, 32)).shape == (4, 2)
    assert all(torch.equal(value, net.blocks.state_dict()[name]) for name, value in before.items())


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(UserError, match=r"'resent'.*there are: baseline, preact"):
        zoo.build("resent", num_classes=10, seed=0)
