"""timing.py: every depth is timed, and less is trained the deeper one freezes."""

import torch
from recipes import recipe

from svhn_lab.data.batches import Digits, Statistics
from svhn_lab.nets import zoo
from svhn_lab.nets.freezing import freeze
from svhn_lab.stages.timing import measure


def test_each_depth_has_its_median_between_its_quartiles() -> None:
    digits = Digits(torch.zeros(8, 32, 32, 3, dtype=torch.uint8), torch.arange(8) % 2)
    nets = {
        depth: freeze(zoo.build("baseline", num_classes=2, seed=0), depth) for depth in (0, 1, 2)
    }
    statistics = Statistics((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    table = measure(nets, recipe(batch_size=4), digits, statistics, repeats=3)
    assert list(table) == ["0", "1", "2"]
    trainable = [row["trainable_parameters"] for row in table.values()]
    assert trainable == [1216 + 4640 + 4098, 4640 + 4098, 4098]
    for row in table.values():
        low, high = row["seconds_per_epoch_quartiles"]
        assert 0 < low <= row["seconds_per_epoch"] <= high
