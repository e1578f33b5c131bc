"""cost.py: operations counted by hand."""

from functools import partial

import torch

from svhn_lab.evidence.cost import flops_of_step, flops_per_image, peak_memory
from svhn_lab.nets import zoo
from svhn_lab.nets.freezing import freeze


def test_operations_are_those_counted_by_hand() -> None:
    net = zoo.build("baseline", num_classes=10, seed=0)
    first = 32 * 32 * 16 * (5 * 5 * 3)
    second = 16 * 16 * 32 * (3 * 3 * 16)
    head = 8 * 8 * 32 * 10
    assert flops_per_image(net, 32) == 2 * (first + second + head)
    assert net.training


def test_a_depthwise_convolution_costs_one_filter_a_channel() -> None:
    full, depthwise = (
        flops_per_image(zoo.build(name, num_classes=10, seed=0), 32)
        for name in ("preact", "preact-depthwise")
    )
    pixels_and_widths = [(32, 32, 32), (32, 32, 32), (16, 32, 48), (16, 48, 48)]
    pixels_and_widths += [(8, 48, 64), (8, 64, 64)]
    saved = sum(
        side**2 * (9 * before * after - (9 * before + before * after))
        for side, before, after in pixels_and_widths
    )
    assert full - depthwise == 2 * saved


def test_a_step_has_two_products_backward_for_each_forward_but_for_the_first() -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Linear(16, 4))
    forward, backward = flops_of_step(lambda: layers(torch.ones(5, 8)).sum())
    first, second = 2 * 5 * 8 * 16, 2 * 5 * 16 * 4
    assert forward == first + second
    assert backward == first + 2 * second, "the images need no gradient"


def test_what_is_frozen_in_front_costs_nothing_backward() -> None:
    net = zoo.build("baseline", num_classes=2, seed=0)
    images = torch.zeros(1, 3, 32, 32)

    def step(depth: int) -> torch.Tensor:
        out: torch.Tensor = freeze(net, range(depth))(images).sum()
        return out

    costs = [flops_of_step(partial(step, depth)) for depth in (0, 1, 2)]
    assert len({forward for forward, _ in costs}) == 1
    backward = [b for _, b in costs]
    assert backward == sorted(backward, reverse=True)
    assert backward[-1] == 2 * 8 * 8 * 32 * 2, "the head's weights alone"


def test_peak_memory_is_what_was_held_at_once() -> None:
    kept = torch.zeros(1000)

    def action() -> None:
        one = kept + kept  # 4,000 bytes
        two = one + one
        del one
        torch.add(two, two)

    assert peak_memory(action) == 8000
    assert peak_memory(lambda: None) == 0
