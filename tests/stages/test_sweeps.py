"""sweeps.py: which points a sweep has, and how long each trains."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svhn_lab.params import load
from svhn_lab.stages.sweeps import as_many_steps, points, recipe, settings
from svhn_lab.transfer_params import Transfer

SHIPPED = load(Path(__file__).parents[2] / "params.yaml").transfer


def with_sizes(*sizes: int) -> Transfer:
    return SHIPPED.model_copy(update={"sample_sizes": sizes})


def test_a_sweep_is_run_at_the_first_size_or_at_every_one_or_on_all_digits() -> None:
    transfer = with_sizes(50, 10)
    assert [(p.number, p.size) for p in points(transfer, "back")] == [(2, 50), (4, 50), (6, 50)]
    assert [(p.number, p.size) for p in points(transfer, "scratch")] == [(0, 50), (0, 10)]
    assert [(p.number, p.size) for p in points(transfer, "all-digits")] == [(0, None)]


def test_points_are_named_by_what_is_frozen_and_how_many_digits_there_are() -> None:
    names = [p.condition for s in ("front", "only", "all-digits") for p in points(SHIPPED, s)]
    assert names[:2] == ["depth-0/size-50", "depth-1/size-50"]
    assert names[-2:] == ["only-7/size-50", "depth-0/size-all"]


@pytest.mark.parametrize(("size", "epochs"), [(50, 15), (10, 75), (25, 25), (250, 3), (5000, 1)])
def test_every_size_trains_for_as_many_steps(size: int, epochs: int) -> None:
    transfer = with_sizes(50, 10, 25, 250, 5000)
    [point] = [p for p in points(transfer, "front") if (p.number, p.size) == (3, size)]
    assert recipe(point, transfer).epochs == epochs
    assert recipe(point, transfer).batch_size == 20


@given(st.integers(1, 50), st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 300))
def test_other_digits_make_as_many_steps(
    epochs: int, digits: int, others: int, batch_size: int
) -> None:
    found = as_many_steps(epochs, digits, others, batch_size)
    own = math.ceil(others / batch_size)
    assert found >= 1
    off = abs(found * own - epochs * math.ceil(digits / batch_size))
    assert off <= own / 2 or found == 1, "as near as whole epochs come"


def test_all_digits_train_as_long_as_the_sweep_says() -> None:
    [point] = points(SHIPPED, "all-digits")
    assert (recipe(point, SHIPPED).epochs, recipe(point, SHIPPED).batch_size) == (5, 128)


def test_settings_say_what_is_frozen() -> None:
    [back, *_] = points(SHIPPED, "back")
    [only, *_] = points(SHIPPED, "only")
    assert settings(back, SHIPPED)["freezing"] == "back"
    assert settings(back, SHIPPED)["freeze_depth"] == 2
    assert settings(only, SHIPPED)["only_unit"] == 1
    assert "freeze_depth" not in settings(only, SHIPPED)
