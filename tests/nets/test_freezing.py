"""freezing.py: what is frozen keeps its bits through real training, at every depth."""

from collections.abc import Callable, Collection, Sequence

import pytest
import torch
from recipes import recipe

from svhn_lab.data.batches import Digits, Statistics
from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.nets.freezing import Freezing, freeze, frozen_units, is_fixed, split
from svhn_lab.nets.network import Network, num_parameters
from svhn_lab.nets.residual import PreActivation
from svhn_lab.recipes import NormPolicy
from svhn_lab.training.features import fit_behind_front
from svhn_lab.training.fit import fit

STATISTICS = Statistics((120.0, 120.0, 120.0), (50.0, 50.0, 50.0))
RECIPE = recipe(batch_size=8, learning_rate=0.01)


def digits(num_images: int) -> Digits:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (num_images, 32, 32, 3), dtype=torch.uint8, generator=random)
    return Digits(images, torch.arange(num_images) % 2)


def state_by_unit(net: Network) -> list[list[torch.Tensor]]:
    """Copies of the weights and buffers of every freeze unit."""
    return [
        [value.clone() for module in unit for value in module.state_dict().values()]
        for unit in net.freeze_units()
    ]


def same(before: Sequence[torch.Tensor], after: Sequence[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def trained(
    units: Collection[int],
    norm_policy: NormPolicy,
    train: Callable[..., object] = fit,
    name: str = "preact",
) -> tuple[list[bool], list[bool]]:
    """By unit: whether every bit stayed, and whether the parameters' bits stayed."""
    net = zoo.build(name, num_classes=2, seed=0)
    freeze(net, units, norm_policy)
    before = state_by_unit(net)
    parameters = [
        [p.detach().clone() for m in unit for p in m.parameters()] for unit in net.freeze_units()
    ]
    train(net, RECIPE, digits(16), digits(4), STATISTICS, seed=0)
    stayed = [same(a, b) for a, b in zip(before, state_by_unit(net), strict=True)]
    after = [[p for m in unit for p in m.parameters()] for unit in net.freeze_units()]
    return stayed, [same(a, b) for a, b in zip(parameters, after, strict=True)]


SETTINGS = [("front", depth) for depth in range(8)] + [("back", 1), ("back", 4), ("back", 7)]
SETTINGS += [("only", unit) for unit in (1, 3, 6, 7)]


def test_what_is_left_to_chance_is_not_split_off() -> None:
    declared = PreActivation(6, convs=1, dropout=0.5)
    block = declared.build(6).requires_grad_(False)
    [unit] = block.freeze_units()
    norm, _, _, dropout, _ = unit
    net = zoo.build("polar", num_classes=2, seed=0)
    net.held_in_eval = (norm, dropout)
    assert not is_fixed(unit, net), "the norm after the sum moves"
    net.held_in_eval = tuple(part for part in unit if part is not dropout)
    assert not is_fixed(unit, net), "channels are dropped at random"
    net.held_in_eval = unit
    assert is_fixed(unit, net)


def test_units_of_both_polarities_are_frozen_like_others() -> None:
    stayed, _ = trained(range(5), "eval", name="polar")
    assert stayed == [True] * 5 + [False] * 2


@pytest.mark.parametrize("train", [fit, fit_behind_front])
@pytest.mark.parametrize(("freezing", "number"), SETTINGS)
def test_frozen_weights_and_buffers_keep_their_bits_and_the_others_move(
    freezing: Freezing, number: int, train: Callable[..., object]
) -> None:
    units = frozen_units(freezing, number, 7)
    stayed, _ = trained(units, "eval", train)
    assert stayed == [unit in units for unit in range(7)]


def test_the_policy_adapt_lets_statistics_move_and_keeps_the_weights() -> None:
    stayed, weights_stayed = trained(range(7), "adapt")
    assert weights_stayed == [True] * 7
    assert stayed == [True] + [False] * 6, "all but the stem, which has no norm"


def test_the_policy_holds_whoever_calls_train() -> None:
    net = freeze(zoo.build("preact", num_classes=2, seed=0), range(3))
    net.train()
    modes = [
        [m.training for part in unit for m in part.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        for unit in net.freeze_units()
    ]
    assert modes == [[], [False], [False, False], [True], [True, True], [True], [True, True]]


def test_trainable_parameters_fall_with_depth_to_the_head_alone() -> None:
    net = zoo.build("preact", num_classes=2, seed=0)
    counts = [num_parameters(freeze(net, range(d)), trainable_only=True) for d in range(8)]
    assert counts == sorted(counts, reverse=True) and len(set(counts)) == 8
    assert counts[0] == num_parameters(net)
    assert counts[7] == num_parameters(net.head)


def test_units_are_counted_from_either_end_or_left_out_alone() -> None:
    assert list(frozen_units("front", 2, 5)) == [0, 1]
    assert list(frozen_units("back", 2, 5)) == [3, 4]
    assert list(frozen_units("only", 2, 5)) == [0, 2, 3, 4]
    assert list(frozen_units("back", 5, 5)) == list(frozen_units("front", 5, 5)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("freezing", "number", "message"),
    [
        ("front", 8, r"freeze depth 8 is beyond .* has 7 freeze units; take 0\.\.7"),
        ("back", -1, "freeze depth -1 is beyond"),
        ("only", 0, r"unit 0 is beyond the network, which has 7 freeze units; take 1\.\.7"),
    ],
)
def test_what_is_beyond_the_network_is_refused(
    freezing: Freezing, number: int, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        frozen_units(freezing, number, 7)


def test_a_unit_that_the_network_does_not_have_cannot_be_frozen() -> None:
    with pytest.raises(IndexError):
        freeze(zoo.build("baseline", num_classes=2, seed=0), [2])


@pytest.mark.parametrize("name", zoo.ZOO)
def test_front_and_rest_together_are_the_network_at_every_depth(name: str) -> None:
    net = zoo.build(name, num_classes=2, seed=0).eval()
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    num_units = len(net.freeze_units())
    lengths = []
    for depth in range(num_units + 1):
        front, rest = split(freeze(net, range(depth)))
        lengths.append(len(front))
        assert torch.equal(rest.eval()(*front(images)), net(images))
    assert lengths == sorted(lengths)
    assert lengths[0] == 0 and lengths[-1] == len(net.steps())


def test_what_may_still_change_is_not_in_the_front() -> None:
    net = zoo.build("preact", num_classes=2, seed=0)
    assert len(split(freeze(net, range(4)))[0]) == 4
    assert len(split(freeze(net, range(4), "adapt"))[0]) == 1, "the stem has no statistics"
    assert len(split(freeze(net, [1, 2, 3]))[0]) == 0
    assert len(split(freeze(net, [0, 1, 3]))[0]) == 2
