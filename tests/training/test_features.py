"""features.py: with the frozen front computed once, training is the same to the last bit, or but
for the rounding of a last batch that is smaller than the others."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recipes import recipe

from svhn_lab.data.batches import Digits, Statistics
from svhn_lab.nets import zoo
from svhn_lab.nets.freezing import freeze
from svhn_lab.recipes import NormPolicy, Recipe
from svhn_lab.training.features import Features, computed_once, fit_behind_front
from svhn_lab.training.fit import Epoch, fit

STATISTICS = Statistics((120.0, 120.0, 120.0), (50.0, 60.0, 70.0))


def digits(num_images: int, seed: int) -> Digits:
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (num_images, 32, 32, 3), dtype=torch.uint8, generator=random)
    return Digits(images, torch.arange(num_images) % 2)


def outcomes(
    net: str, depth: int, training: Recipe, norm_policy: NormPolicy = "eval"
) -> list[tuple[dict[str, torch.Tensor], list[tuple[float, float, float]]]]:
    """Weights and curves without and with frozen features."""
    found = []
    for train_by in (fit, fit_behind_front):
        built = freeze(zoo.build(net, num_classes=2, seed=0), range(depth), norm_policy)
        history: list[Epoch] = train_by(
            built, training, digits(24, 0), digits(9, 1), STATISTICS, seed=3
        )
        curves = [(e.train_loss, e.train_accuracy, e.validation_loss) for e in history]
        found.append((built.state_dict(), curves))
    return found


def assert_same(
    found: list[tuple[dict[str, torch.Tensor], list[tuple[float, float, float]]]],
) -> None:
    (weights, curves), (quick_weights, quick_curves) = found
    assert curves == quick_curves
    assert list(weights) == list(quick_weights)
    for name, value in weights.items():
        assert torch.equal(value, quick_weights[name]), name


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("depth", range(8))
def test_weights_and_curves_are_the_same_to_the_bit_at_every_depth(
    depth: int, precision: str
) -> None:
    assert_same(outcomes("preact", depth, recipe(batch_size=8, precision=precision)))


NETS = st.sampled_from(["baseline", "vgg", "inception", "resnet", "postact", "preact-fire"])


@settings(max_examples=15)
@given(
    net=NETS,
    depth=st.integers(0, 2),
    batch_size=st.sampled_from([2, 3, 4, 6, 8, 12, 24]),
    optimizer=st.sampled_from(["adam", "sgd", "rmsprop"]),
)
def test_whatever_the_network_and_recipe(
    net: str, depth: int, batch_size: int, optimizer: str
) -> None:
    assert_same(outcomes(net, depth, recipe(batch_size=batch_size, optimizer=optimizer)))


@settings(max_examples=10)
@given(net=NETS, depth=st.integers(1, 2), batch_size=st.sampled_from([5, 7, 9, 10, 16]))
def test_a_smaller_last_batch_changes_no_more_than_rounding(
    net: str, depth: int, batch_size: int
) -> None:
    # Of SGD, whose steps are as small as the gradients; Adam makes much of the sign of a tiny one.
    (weights, curves), (quick_weights, quick_curves) = outcomes(
        net, depth, recipe(batch_size=batch_size, optimizer="sgd")
    )
    for one, other in zip(curves, quick_curves, strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    for name, value in weights.items():
        torch.testing.assert_close(value, quick_weights[name], rtol=1e-4, atol=1e-5)


def test_norms_that_adapt_are_computed_anew() -> None:
    assert_same(outcomes("preact", 5, recipe(batch_size=8), "adapt"))


def test_augmented_digits_are_computed_anew() -> None:
    training = recipe(batch_size=8, crop_padding=2)
    assert_same(outcomes("preact", 5, training))
    net = freeze(zoo.build("preact", num_classes=2, seed=0), range(5))
    train, validation = digits(4, 0), digits(4, 1)
    assert computed_once(net, training, train, validation, STATISTICS) == (net, train, validation)


def test_what_is_computed_once_needs_no_front_any_more() -> None:
    net = freeze(zoo.build("preact", num_classes=2, seed=0), range(7))
    rest, made, seen = computed_once(
        net, recipe(batch_size=8), digits(24, 0), digits(9, 1), STATISTICS
    )
    assert isinstance(made, Features) and [part.shape for part in made.state] == [(24, 64)]
    assert len(seen) == 9 and torch.equal(seen.labels, digits(9, 1).labels)
    assert sum(p.numel() for p in rest.parameters()) == 130
