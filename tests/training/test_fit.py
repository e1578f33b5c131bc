"""fit.py: it learns, the same way every time, and stops when the loss is no number."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from recipes import recipe
from torch import Tensor, nn

from svhn_lab.data.batches import Digits, Statistics, channel_statistics
from svhn_lab.nets import zoo
from svhn_lab.nets.network import Network
from svhn_lab.training.checkpoints import Checkpoints, Stateful
from svhn_lab.training.fit import (
    Diverged,
    accuracy,
    autocast_dtype,
    fit,
    predict,
)


def striped(num_images: int) -> Digits:
    """Two classes that a convolution tells apart: stripes across and stripes down, noised."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(num_images) % 2
    across = torch.zeros(32, 32)
    across[::2] = 160
    stripes = torch.where(labels[:, None, None] == 0, across, across.T)
    noise = 90 * torch.rand(num_images, 32, 32, 3, generator=random)
    return Digits((stripes[..., None] + noise).to(torch.uint8), labels)


DIGITS = striped(100)
STATISTICS = channel_statistics(DIGITS.images)


def trained(seed: int = 0, **changes: object) -> tuple[Network, list[dict[str, float]]]:
    net = zoo.build("baseline", num_classes=2, seed=0)
    history = fit(net, recipe(**changes), DIGITS, striped(40), STATISTICS, seed=seed)
    return net, [{k: v for k, v in vars(epoch).items() if k != "seconds"} for epoch in history]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_learns_what_can_be_learnt(precision: str) -> None:
    net, history = trained(epochs=4, precision=precision)
    assert history[-1]["validation_accuracy"] == 1
    assert history[-1]["train_loss"] < history[0]["train_loss"] / 2
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3, 4]
    assert accuracy(predict(net, DIGITS, STATISTICS, precision=precision), DIGITS.labels) == 1


def test_the_same_seed_gives_the_same_bits_and_another_other_ones() -> None:
    net, history = trained(seed=3)
    again, same_history = trained(seed=3)
    other, _ = trained(seed=4)
    assert history == same_history
    weights, same, others = net.state_dict(), again.state_dict(), other.state_dict()
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert not torch.equal(weights["head.weight"], others["head.weight"])


class Recording(nn.Module):
    """Notes the mean of every training batch it sees."""

    def __init__(self, num_outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(3, num_outputs)
        self.seen: list[float] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.seen.append(images.mean().item())
        logits: torch.Tensor = self.linear(images.mean((2, 3)))
        return logits


def test_all_networks_meet_the_digits_in_the_order_of_the_seed() -> None:
    small, large = Recording(2), Recording(5)
    for net in (small, large):
        fit(net, recipe(), DIGITS, striped(4), STATISTICS, seed=7)
    assert small.seen == large.seen
    assert small.seen[:7] != small.seen[7:], "each epoch has an order of its own"


def test_every_digit_counts_once_an_epoch_the_last_batch_too() -> None:
    net, _ = trained(epochs=2)  # knows the digits by now
    logits = predict(net, DIGITS, STATISTICS, precision="float32")
    still = recipe(epochs=1, learning_rate=1e-9)
    [epoch] = fit(net, still, DIGITS, striped(4), STATISTICS, seed=0)
    assert epoch.steps == 7  # 6 batches of 16 and one of 4
    expected = nn.functional.cross_entropy(logits, DIGITS.labels).item()
    assert epoch.train_loss == pytest.approx(expected, rel=1e-4)
    assert epoch.train_accuracy == pytest.approx(accuracy(logits, DIGITS.labels)) != 0.5


class Contrary(nn.Module):
    """Knows the stripes, and calls each by the other's name."""

    def forward(self, images: Tensor) -> Tensor:
        down = images.mean(2).std(2).mean(1)  # how much columns differ
        across = images.mean(3).std(2).mean(1)
        return 20 * torch.stack([down - across, across - down], dim=1)


def test_what_a_teacher_says_takes_the_place_of_labels() -> None:
    net, teacher = zoo.build("baseline", num_classes=2, seed=0), Contrary()
    assert accuracy(predict(teacher, DIGITS, STATISTICS, precision="float32"), DIGITS.labels) == 0
    fit(net, recipe(epochs=4), DIGITS, striped(40), STATISTICS, seed=0, teachers=[teacher])
    assert accuracy(predict(net, DIGITS, STATISTICS, precision="float32"), DIGITS.labels) == 0


class Doubting(nn.Module):
    """Says 0.4 and 0.6 of everything."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.tensor([0.4, 0.6]).log().expand(len(images), 2)


def test_a_teachers_doubt_is_learned_too() -> None:
    net = zoo.build("baseline", num_classes=2, seed=0)
    said = predict(net, DIGITS, STATISTICS, precision="float32").log_softmax(1)
    still = recipe(epochs=1, learning_rate=1e-9)
    [epoch] = fit(net, still, DIGITS, striped(4), STATISTICS, seed=0, teachers=[Doubting()])
    expected = -(torch.tensor([0.4, 0.6]) * said).sum(1).mean().item()
    assert epoch.train_loss == pytest.approx(expected, rel=1e-4)


def test_a_teacher_sees_the_digits_as_they_are_changed_and_learns_nothing() -> None:
    net, teacher = Recording(2), zoo.build("preact", num_classes=2, seed=1)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    views: list[float] = []
    teacher.register_forward_pre_hook(lambda _, inputs: views.append(inputs[0].mean().item()))
    changing = recipe(inversion=0.5, cutout=8)
    fit(net, changing, DIGITS, striped(4), STATISTICS, seed=0, teachers=[teacher])
    assert net.seen == views
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_teachers_take_turns_batch_by_batch() -> None:
    net, first, second = Recording(2), zoo.build("baseline", num_classes=2, seed=1), Contrary()
    said: list[nn.Module] = []
    for teacher in (first, second):
        teacher.register_forward_hook(lambda teacher, *_: said.append(teacher))
    mined = recipe(epochs=2, mining="hard", mining_from=1)
    fit(net, mined, DIGITS, striped(4), STATISTICS, seed=0, teachers=[first, second])
    assert len(net.seen) == 18, "an odd number each epoch, and it goes on where it was"
    assert said == [first, second] * 9, "of batches that are fed again, too"


def test_a_loss_that_is_no_number_stops_the_run_and_says_where() -> None:
    net = zoo.build("baseline", num_classes=2, seed=0)
    broken = Statistics((120.0, 120.0, 120.0), (1e-45, 1.0, 1.0))
    with pytest.raises(Diverged, match=r"the loss became nan at step 1 \(epoch 1\)"):
        fit(net, recipe(), DIGITS, striped(4), broken, seed=0)


def test_weights_that_the_last_step_broke_stop_the_run_too() -> None:
    net = zoo.build("baseline", num_classes=2, seed=0)
    with pytest.raises(Diverged, match=r"the loss became nan at step 1 \(epoch 1\)"):
        fit(net, recipe(batch_size=100, learning_rate=1e30), DIGITS, striped(4), STATISTICS, seed=0)


def test_predict_leaves_the_mode_as_it_was_and_keeps_the_order() -> None:
    net = zoo.build("preact", num_classes=2, seed=0)
    net.train()
    logits = predict(net, DIGITS, STATISTICS, precision="float32")
    assert net.training
    assert logits.shape == (100, 2)
    one = predict(net, DIGITS.take(torch.tensor([57])), STATISTICS, precision="float32")
    torch.testing.assert_close(one[0], logits[57])


def test_the_precision_is_what_was_asked_for() -> None:
    assert autocast_dtype("float32") is None
    assert autocast_dtype("bfloat16") is torch.bfloat16
    assert autocast_dtype("auto") in (None, torch.bfloat16)


class Beginnings(Checkpoints):
    """Keeps nothing, but notes what each random generator begins with."""

    def restore(
        self, parts: Mapping[str, Stateful], generators: Mapping[str, torch.Generator]
    ) -> list[dict[str, Any]]:
        self.drawn = [
            tuple(torch.rand(4, generator=each.clone_state()).tolist())
            for each in generators.values()
        ]
        return []


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_nothing_that_is_left_to_chance_repeats_something_else(seed: int) -> None:
    net, beginnings = zoo.build("polar", num_classes=2, seed=seed), Beginnings()
    fit(net, recipe(), DIGITS, striped(4), STATISTICS, seed=seed, checkpoints=beginnings)
    of_weights = torch.rand(4, generator=torch.Generator().manual_seed(seed))
    assert len({*beginnings.drawn, tuple(of_weights.tolist())}) == 4


def test_layers_draw_from_the_seed_and_leave_torch_as_it_was() -> None:
    def weights(before: int) -> Tensor:
        torch.manual_seed(before)
        net = zoo.build("polar", num_classes=2, seed=0)
        state = torch.get_rng_state()
        fit(net, recipe(), DIGITS, striped(4), STATISTICS, seed=1)
        assert torch.equal(torch.get_rng_state(), state)
        trained: Tensor = net.state_dict()["head.weight"]
        return trained

    assert torch.equal(weights(0), weights(5))


def test_the_learning_rate_falls_by_its_factor_each_epoch() -> None:
    _, history = trained(epochs=4, learning_rate=0.01, learning_rate_decay=0.5)
    rates = [epoch["learning_rate"] for epoch in history]
    assert rates == pytest.approx([0.01, 0.005, 0.0025, 0.00125])


def test_one_cycle_rises_and_then_falls_to_nothing_step_by_step() -> None:
    net = Recording(2)
    settings = recipe(epochs=10, learning_rate=0.01, schedule="one-cycle")
    history = fit(net, settings, DIGITS, striped(4), STATISTICS, seed=0)
    rates = [epoch.learning_rate for epoch in history]
    assert max(rates) == rates[1] == pytest.approx(0.01, rel=0.05)
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] < 1e-5


def test_label_smoothing_is_that_of_torch_in_training_alone() -> None:
    _, plain = trained(epochs=1, learning_rate=1e-9)
    net, smooth = trained(epochs=1, learning_rate=1e-9, label_smoothing=0.5)
    logits = predict(net, DIGITS, STATISTICS, precision="float32")
    expected = nn.functional.cross_entropy(logits, DIGITS.labels, label_smoothing=0.5).item()
    assert smooth[0]["train_loss"] == pytest.approx(expected, rel=1e-4)
    assert smooth[0]["validation_loss"] == pytest.approx(plain[0]["validation_loss"], rel=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        *({"crop_padding": 2}, {"rotation": 10}, {"shift": 2}, {"scale": 0.2}, {"shear": 10}),
        *({"colour": 0.5}, {"inversion": 0.5}, {"cutout": 8}, {"blur": 2}, {"noise": 0.1}),
    ],
    ids=str,
)
def test_augmentation_changes_what_is_trained_on(change: dict[str, float]) -> None:
    plain, changed = Recording(2), Recording(2)
    fit(plain, recipe(), DIGITS, striped(4), STATISTICS, seed=7)
    fit(changed, recipe(**change), DIGITS, striped(4), STATISTICS, seed=7)
    assert plain.seen != changed.seen


def test_augmentation_leaves_the_order_as_it_was() -> None:
    still, turned = Recording(2), Recording(2)
    one_colour = Digits(
        torch.arange(100, dtype=torch.uint8)[:, None, None, None].expand(100, 32, 32, 3),
        DIGITS.labels,
    )
    fit(still, recipe(), one_colour, striped(4), STATISTICS, seed=7)
    fit(turned, recipe(rotation=1e-9), one_colour, striped(4), STATISTICS, seed=7)
    assert still.seen == pytest.approx(turned.seen)


@pytest.mark.parametrize("mining", ["hard", "random"])
def test_mining_feeds_batches_of_the_same_epoch_again(mining: str) -> None:
    net = Recording(2)
    history = fit(
        net,
        recipe(epochs=3, mining=mining, mining_from=2, mining_fraction=0.4),
        DIGITS,
        striped(4),
        STATISTICS,
        seed=0,
    )
    assert len(net.seen) == 7 + 2 * (7 + 3)
    second, again = net.seen[7:14], net.seen[14:17]
    assert set(again) <= set(second) and len(set(again)) == 3
    assert [epoch.steps for epoch in history] == [7, 17, 27]
    plain = Recording(2)
    fit(plain, recipe(epochs=3), DIGITS, striped(4), STATISTICS, seed=0)
    assert [*net.seen[:14], *net.seen[17:24]] == plain.seen, "the order stays that of the seed"


def test_a_broken_loss_is_counted_with_the_steps_that_mining_added() -> None:
    net = zoo.build("baseline", num_classes=2, seed=0)
    broken = recipe(batch_size=100, learning_rate=1e30, mining="hard", mining_from=1)
    with pytest.raises(Diverged, match=r"at step 2 \(epoch 1\)"):
        fit(
            net,
            broken.model_copy(update={"mining_fraction": 1.0}),
            DIGITS,
            striped(4),
            STATISTICS,
            seed=0,
        )


@pytest.mark.slow
def test_a_compiled_network_learns_the_same() -> None:
    _, plain = trained(epochs=2)
    _, compiled = trained(epochs=2, compile=True)
    for one, other in zip(plain, compiled, strict=True):
        assert other["train_loss"] == pytest.approx(one["train_loss"], rel=0.05)
        assert other["steps"] == one["steps"]
