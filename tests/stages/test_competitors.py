"""competitors.py: who competes, with which seeds, and by which stage."""

import pytest

from svhn_lab.errors import UserError
from svhn_lab.params import load
from svhn_lab.stages.competitors import identity, pretrained, teachers
from svhn_lab.tracking.record import Identity


def test_an_arm_is_trained_by_labels_by_teachers_or_from_another_network_on() -> None:
    params = load()
    assert identity(params, "fixed-polar", 0) == Identity("compete", "fixed-polar", 0)
    pupil = identity(params, "free-distilled-views", 1)
    assert pupil == Identity("distil", "free-distilled-views", 1)
    assert teachers(params)[1] == Identity("compete", "free-polar-views", 1)
    adapted = identity(params, "free-adapted-views", 2)
    assert adapted == Identity("adapt", "free-adapted-views", 2)
    assert pretrained(params, 2) == Identity("compete", "free-polar-views", 2)


def test_a_seed_that_nobody_tests_is_refused() -> None:
    with pytest.raises(UserError, match=r"contests\.seeds: has no 17; there are: 0, 1, 2, 3, 4"):
        identity(load(), "fixed-polar", 17)
