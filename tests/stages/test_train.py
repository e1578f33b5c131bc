import pytest
import torch
from left import manifest

from svhn_lab.data.batches import Digits
from svhn_lab.errors import UserError
from svhn_lab.stages.train import with_rendered
from svhn_lab.tracking.record import Identity


def digits(image_size: int = 32) -> Digits:
    return Digits(torch.zeros(3, image_size, image_size, 3, dtype=torch.uint8), torch.arange(3))


def run(seed: int) -> Identity:
    return Identity("train", "free", seed)


@pytest.mark.parametrize("image_size", [32, 16])
def test_drawn_digits_come_behind_the_training_digits(image_size: int) -> None:
    train = digits(image_size)
    more = with_rendered(train, 5, run(0), manifest(image_size=image_size))
    assert len(more) == 8
    assert torch.equal(more.images[:3], train.images) and torch.equal(more.labels[:3], train.labels)
    assert more.images[3:].float().std(dim=(1, 2, 3)).min() > 0  # each shows something


def test_each_seed_has_drawn_digits_of_its_own() -> None:
    first, again, other = (with_rendered(digits(), 5, run(s), manifest()) for s in (0, 0, 1))
    assert torch.equal(first.images, again.images) and torch.equal(first.labels, again.labels)
    assert not torch.equal(first.images, other.images)


def test_no_digits_are_drawn_for_other_classes() -> None:
    with pytest.raises(UserError, match=r"free: rendered is 5, but .* classes of some are c, a, t"):
        with_rendered(digits(), 5, run(0), manifest(classes="cat"))
