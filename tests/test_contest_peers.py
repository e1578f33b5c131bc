"""contest_peers.py: networks of others in the sizes that the contests' table says."""

import pytest
import torch

from svhn_lab.nets import zoo
from svhn_lab.nets.network import num_parameters

PARAMETERS = {  # with ten classes
    "wrn_16_1": 175_066,  # table 1 of the paper has 0.2 million
    "simpnet_slim": 141_622,
    "mobilenet_v3_small": 139_906,
    "densenet": 137_590,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_peers_have_so_many_parameters_and_give_logits(name: str) -> None:
    net = zoo.build(f"benchmarks.contest_peers.{name}", num_classes=10, seed=0)
    assert num_parameters(net) == PARAMETERS[name]
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert len(net.freeze_units()) == 1


def test_wide_resnet_halves_the_map_twice_and_has_the_depth_of_its_name() -> None:
    net = zoo.build("benchmarks.contest_peers.wrn_16_1", num_classes=10, seed=0)
    convs = [part for part in net.modules() if isinstance(part, torch.nn.Conv2d)]
    assert len([conv for conv in convs if conv.kernel_size == (3, 3)]) == 13  # 16 with shortcuts
    assert [conv.stride for conv in convs].count((2, 2)) == 4  # two convolutions, their shortcuts
