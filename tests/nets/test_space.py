"""space.py: what the search chooses among."""

from contests.ablations import POLAR
from svhn_lab.nets import space, zoo


def test_a_choice_is_the_network_that_it_describes() -> None:
    assert space.architecture(POLAR) == zoo.ZOO["polar"]
