from pathlib import Path
from typing import Any

import pytest
import torch
from left import manifest
from prepared_lab import leave_prepared

from svhn_lab.data.batches import Digits
from svhn_lab.errors import UserError
from svhn_lab.params import load
from svhn_lab.stages import train
from svhn_lab.stages.train import with_rendered
from svhn_lab.tracking.record import Identity


def digits(image_size: int = 32) -> Digits:
    return Digits(torch.zeros(3, image_size, image_size, 3, dtype=torch.uint8), torch.arange(3))


def run(seed: int) -> Identity:
    return Identity("train", "free", seed)


@pytest.mark.parametrize("image_size", [32, 16])
def test_drawn_digits_come_behind_the_training_digits(image_size: int) -> None:
    given = digits(image_size)
    more = with_rendered(given, 5, run(0), manifest(image_size=image_size))
    assert len(more) == 8
    assert torch.equal(more.images[:3], given.images) and torch.equal(more.labels[:3], given.labels)
    assert more.images[3:].float().std(dim=(1, 2, 3)).min() > 0  # each shows something


def test_each_seed_has_drawn_digits_of_its_own() -> None:
    first, again, other = (with_rendered(digits(), 5, run(s), manifest()) for s in (0, 0, 1))
    assert torch.equal(first.images, again.images) and torch.equal(first.labels, again.labels)
    assert not torch.equal(first.images, other.images)


def test_no_digits_are_drawn_for_other_classes() -> None:
    with pytest.raises(UserError, match=r"free: rendered is 5, but .* classes of some are c, a, t"):
        with_rendered(digits(), 5, run(0), manifest(classes="cat"))


def test_what_was_drawn_is_among_the_settings_of_a_run(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: list[dict[str, Any]] = []
    monkeypatch.setattr(train, "run", lambda *given, **_: settings.append(given[3]))
    leave_prepared(project)
    plain = load().arms["baseline"]
    some, more = (plain.model_copy(update={"rendered": number}) for number in (5, 6))
    for seed, arm in ((0, plain), (0, some), (0, some), (1, some), (0, more)):
        train.train_one((run(seed), arm))
    none, first, again, *others = (found.get("rendered_digest") for found in settings)
    assert none is None
    assert first == again
    assert len({first, *others}) == 3
