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
