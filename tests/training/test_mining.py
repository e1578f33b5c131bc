"""mining.py: the hardest batches, or as many at random, from the epoch that is asked for."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from recipes import recipe

from svhn_lab.training.mining import fed_again

LOSSES = torch.tensor([0.3, 0.9, 0.1, 0.9, 0.5, 0.2, 0.4, 0.0])


def test_nothing_is_fed_again_without_mining_or_before_its_epoch() -> None:
    assert fed_again(LOSSES, recipe(), 9, torch.Generator()) == []
    assert (
        fed_again(LOSSES, recipe(mining="hard", mining_from=4, epochs=9), 3, torch.Generator())
        == []
    )


def test_the_hardest_come_first_and_the_first_of_equals() -> None:
    hard = recipe(mining="hard", mining_from=4, mining_fraction=0.5, epochs=9)
    assert fed_again(LOSSES, hard, 4, torch.Generator()) == [1, 3, 4, 6]


@given(
    losses=st.lists(st.floats(0, 10, width=32), min_size=1, max_size=60),
    fraction=st.floats(0.01, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_control_has_just_as_many_steps(
    losses: list[float], fraction: float, seed: int
) -> None:
    hard, control = (
        fed_again(
            torch.tensor(losses),
            recipe(mining=mining, mining_from=1, mining_fraction=fraction),
            1,
            torch.Generator().manual_seed(seed),
        )
        for mining in ("hard", "random")
    )
    assert len(hard) == len(control) == round(fraction * len(losses))
    assert len(set(control)) == len(control) and set(control) <= set(range(len(losses)))
    left_out = set(range(len(losses))) - set(hard)
    assert all(losses[i] >= losses[j] for i in hard for j in left_out)


def test_the_control_is_blind_to_the_losses() -> None:
    control = recipe(mining="random", mining_from=1, mining_fraction=0.5)
    chosen = [
        tuple(fed_again(losses, control, 1, torch.Generator().manual_seed(seed)))
        for losses in (LOSSES, LOSSES.flip(0))
        for seed in (0, 1, 2)
    ]
    assert chosen[:3] == chosen[3:] and len(set(chosen)) == 3
