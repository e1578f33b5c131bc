"""freezing.py: what is frozen keeps its bits through real training, at every depth."""

from collections.abc import Sequence

import pytest
import torch
from recipes import recipe

from svhn_lab.data.batches import Digits, Statistics
from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.nets.freezing import freeze
from svhn_lab.params import NormPolicy
from svhn_lab.training.fit import fit

STATISTICS = Statistics((120.0, 120.0, 120.0), (50.0, 50.0, 50.0))
RECIPE = recipe(batch_size=8, learning_rate=0.01)


def digits(num_images: int) -> Digits:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (num_images, 32, 32, 3), dtype=torch.uint8, generator=random)
    return Digits(images, torch.arange(num_images) % 2)


def state_by_unit(net: zoo.Network) -> list[list[torch.Tensor]]:
    """Copies of the weights and buffers of every freeze unit."""
    return [
        [value.clone() for module in unit for value in module.state_dict().values()]
        for unit in net.freeze_units()
    ]


def same(before: Sequence[torch.Tensor], after: Sequence[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def trained(depth: int, norm_policy: NormPolicy) -> tuple[list[bool], list[bool]]:
    """By unit: whether every bit stayed, and whether the parameters' bits stayed."""
    net = zoo.build("preact", num_classes=2, seed=0)
    freeze(net, depth, norm_policy)
    before = state_by_unit(net)
    parameters = [
        [p.detach().clone() for m in unit for p in m.parameters()] for unit in net.freeze_units()
    ]
    fit(net, RECIPE, digits(16), digits(4), STATISTICS, seed=0)
    stayed = [same(a, b) for a, b in zip(before, state_by_unit(net), strict=True)]
    after = [[p for m in unit for p in m.parameters()] for unit in net.freeze_units()]
    return stayed, [same(a, b) for a, b in zip(parameters, after, strict=True)]


@pytest.mark.parametrize("depth", range(8))
def test_frozen_weights_and_buffers_keep_their_bits_and_the_others_move(depth: int) -> None:
    stayed, _ = trained(depth, "eval")
    assert stayed == [True] * depth + [False] * (7 - depth)


def test_the_policy_adapt_lets_statistics_move_and_keeps_the_weights() -> None:
    stayed, weights_stayed = trained(7, "adapt")
    assert weights_stayed == [True] * 7
    assert stayed == [True] + [False] * 6, "all but the stem, which has no norm"


def test_the_policy_holds_whoever_calls_train() -> None:
    net = freeze(zoo.build("preact", num_classes=2, seed=0), 3)
    net.train()
    modes = [
        [m.training for m in unit if isinstance(m, torch.nn.BatchNorm2d)]
        for unit in net.freeze_units()
    ]
    assert modes == [[], [False], [False, False], [True], [True, True], [True], [True, True]]


def test_trainable_parameters_fall_with_depth_to_the_head_alone() -> None:
    net = zoo.build("preact", num_classes=2, seed=0)
    counts = [zoo.num_parameters(freeze(net, depth), trainable_only=True) for depth in range(8)]
    assert counts == sorted(counts, reverse=True) and len(set(counts)) == 8
    assert counts[0] == zoo.num_parameters(net)
    assert counts[7] == zoo.num_parameters(net.head)


@pytest.mark.parametrize("depth", [-1, 8])
def test_a_depth_beyond_the_network_is_refused(depth: int) -> None:
    with pytest.raises(UserError, match=r"has 7 freeze units; .* takes 0\.\.7"):
        freeze(zoo.build("preact", num_classes=2, seed=0), depth)
