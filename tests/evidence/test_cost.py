"""cost.py: operations counted by hand."""

from svhn_lab.evidence.cost import flops_per_image
from svhn_lab.nets import zoo


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
