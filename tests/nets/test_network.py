"""network.py: how weights begin, and what a new head leaves as it was."""

from dataclasses import replace

import pytest
import torch

from svhn_lab.nets import zoo
from svhn_lab.nets.network import INITIALISATIONS, Initialisation, built, with_new_head


@pytest.mark.parametrize("how", INITIALISATIONS)
def test_convolutions_begin_as_the_architecture_says(how: Initialisation) -> None:
    declared = replace(zoo.ZOO["preact"], initialisation=how)
    net = built(declared, num_classes=10, seed=0, image_size=32)
    again = built(declared, num_classes=10, seed=0, image_size=32)
    largest, same = (max(each.parameters(), key=torch.numel) for each in (net, again))
    assert torch.equal(largest, same)
    rows = largest.flatten(1)
    if how == "orthogonal":
        torch.testing.assert_close(rows @ rows.T, torch.eye(len(rows)), atol=1e-5, rtol=0)
    else:
        expected = {"torch": 1 / 3, "he": 2}[how] / rows.shape[1]
        assert rows.var().item() == pytest.approx(expected, rel=0.05)


def test_only_whitened_stems_look_at_digits() -> None:
    images = torch.randn(50, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for name, changes in (("contests.ablations.whitened", True), ("polar", False)):
        net = zoo.build(name, num_classes=10, seed=0)
        before = {key: value.clone() for key, value in net.state_dict().items()}
        net.whiten(images)
        changed = {key for key, value in net.state_dict().items() if (value != before[key]).any()}
        assert changed == ({"blocks.0.blocks.0.conv.weight"} if changes else set())


def test_a_new_head_leaves_the_rest_alone() -> None:
    net = zoo.build("baseline", num_classes=8, seed=0)
    before = {name: value.clone() for name, value in net.blocks.state_dict().items()}
    with_new_head(net, num_classes=2, seed=1)
    assert net(torch.zeros(4, 3, 32, 32)).shape == (4, 2)
    assert all(torch.equal(value, net.blocks.state_dict()[name]) for name, value in before.items())
