"""probe.py: features are those behind each unit."""

import numpy as np
import torch

from svhn_lab.data.batches import Digits, Statistics
from svhn_lab.nets import zoo
from svhn_lab.stages.probe import averaged, features_by_unit

STATISTICS = Statistics((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))
IMAGES = torch.randint(
    0, 256, (3, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)


def test_every_unit_has_its_output() -> None:
    net = zoo.build("preact", num_classes=2, seed=0)
    found = features_by_unit(net, Digits(IMAGES, torch.zeros(3)), STATISTICS)
    assert {unit: maps.shape[1:] for unit, maps in found.items()} == {
        1: (32, 32, 32),
        2: (32, 32, 32),
        3: (32, 16, 16),
        4: (48, 16, 16),
        5: (48, 8, 8),
        6: (64, 8, 8),
        7: (64, 1, 1),
    }
    with torch.inference_mode():
        last = net.eval().features(IMAGES.permute(0, 3, 1, 2) / 255).numpy()
    np.testing.assert_allclose(found[7].reshape(3, 64), last, atol=1e-5)


def test_a_block_that_cannot_stop_within_counts_with_its_last_unit() -> None:
    net = zoo.build("inception", num_classes=2, seed=0)
    found = features_by_unit(net, Digits(IMAGES, torch.zeros(3)), STATISTICS)
    assert list(found) == [1, 7, 13, 19]


def test_maps_are_averaged_over_squares() -> None:
    maps = np.arange(2 * 64, dtype=np.float32).reshape(1, 2, 8, 8)
    squares = averaged(maps)
    assert squares.shape == (1, 2 * 16)
    assert squares[0, 0] == maps[0, 0, :2, :2].mean()
    assert averaged(maps[..., :1, :1]).shape == (1, 2)
