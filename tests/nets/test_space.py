"""space.py and ablations.py: what the search and the table of ingredients are made of."""

import pytest

from svhn_lab.nets import ablations, space, zoo
from svhn_lab.nets.zoo import Architecture

ABLATIONS = {
    name: value for name, value in vars(ablations).items() if isinstance(value, Architecture)
}


def test_a_choice_is_the_network_that_it_describes() -> None:
    assert space.architecture(ablations.POLAR) == zoo.ZOO["polar"]


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_is_another_network_of_about_the_same_size(name: str) -> None:
    assert ABLATIONS[name] != zoo.ZOO["polar"]
    net = zoo.build(f"svhn_lab.nets.ablations:{name}", num_classes=10, seed=0)
    assert 105_000 <= zoo.num_parameters(net) <= 150_000
