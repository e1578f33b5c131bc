"""space.py: what the search chooses among."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contests.ablations import POLAR
from svhn_lab.nets import space, zoo
from svhn_lab.nets.network import built, num_parameters
from svhn_lab.params import load

SIZE = {"image_size": 32, "num_classes": 10}
RATIOS = {"stem": 1.0, "second": 1.5, "third": 2.0}


def parameters(choice: dict[str, Any]) -> int:
    return num_parameters(built(space.architecture(choice), seed=0, **SIZE))


def test_a_choice_is_the_network_that_it_describes() -> None:
    assert space.architecture(POLAR) == zoo.ZOO["polar"]


def test_channels_are_multiples_of_the_first_blocks() -> None:
    choice = {name: value for name, value in POLAR.items() if name != "first"} | RATIOS
    assert space.widened(choice, 32) == POLAR
    assert list(space.widened(choice, 32)) == list(POLAR)
    assert space.widest(choice, 124_426, **SIZE) == POLAR
    assert space.widest(choice, 10, **SIZE) is None


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_whatever_is_chosen_is_as_large_as_is_allowed(data: st.DataObject) -> None:
    params = load()
    alternatives = params.contests.search.space.model_dump()
    choice = {name: data.draw(st.sampled_from(each), name) for name, each in alternatives.items()}
    largest = params.gate.max_parameters
    found = space.widest(choice, largest, **SIZE)
    assert found is not None
    assert 0.7 * largest <= parameters(found) <= largest
    assert parameters(space.widened(choice, found["first"] + 2)) > largest


def test_the_smallest_networks_have_some_of_everything() -> None:
    smallest = POLAR | {"stem": 2, "first": 2, "second": 2, "third": 2, "squeeze": 4}
    for convolution in ("full", "5x5", "depthwise", "fire"):
        assert parameters(smallest | {"convolution": convolution}) > 0
