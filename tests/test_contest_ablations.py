"""ablations.py of the contests: each network lacks, or has, one ingredient."""

from itertools import combinations

import pytest

from contests import ablations
from svhn_lab.nets import zoo
from svhn_lab.nets.network import Architecture, num_parameters
from svhn_lab.params import load

ABLATIONS = {
    name: value for name, value in vars(ablations).items() if isinstance(value, Architecture)
}


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_is_of_about_the_same_size(name: str) -> None:
    net = zoo.build(f"contests.ablations.{name}", num_classes=10, seed=0)
    assert 105_000 <= num_parameters(net) <= 150_000


def test_no_two_ablations_are_the_same_network() -> None:
    for one, other in combinations([zoo.ZOO["polar"], *ABLATIONS.values()], 2):
        assert one != other


def test_every_ablation_competes() -> None:
    contests = load().contests
    nets = {arm.net for arm in contests.arms.values()}
    assert {f"contests.ablations.{name}" for name in ABLATIONS} <= nets
    assert contests.competing.keys() - contests.about.keys() == {"fixed-preact"}
    assert contests.about.keys() <= contests.competing.keys()
