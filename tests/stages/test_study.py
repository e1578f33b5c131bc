"""study.py: the depth is chosen on validation, and explanations get the right quantities."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svhn_lab.params import Params, load
from svhn_lab.stages import study

SHIPPED = load(Path(__file__).parents[2] / "params.yaml")
SPREAD = np.array([-0.004, 0.002, 0.003, -0.001])


def entry(
    accuracy: float,
    test_loss: float = 0.3,
    train_loss: float = 0.01,
    validation: float | None = None,
) -> dict[str, Any]:
    noise = np.random.default_rng(round(1000 * accuracy)).normal(0, 0.001, 4)
    return {
        "test_accuracy": (accuracy + SPREAD + noise - noise.mean()).tolist(),
        "validation_accuracy": ((validation or accuracy) + SPREAD[::-1]).tolist(),
        "test_loss": (test_loss + 5 * noise).tolist(),
        "train_loss": (train_loss + SPREAD / 10).tolist(),
        "seeds": [0, 1, 2, 3],
        "mean": accuracy,
        "interval": [accuracy - 0.01, accuracy + 0.01],
    }


def entries(**changes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {at: entry(0.95) for at in study.main_points(SHIPPED.transfer).values()}
    found |= {
        "diversity/8-classes-10-percent": entry(0.90),
        "diversity/2-classes-10-percent": entry(0.85),
    }
    return found | {f"front/{name}/size-50".replace("_", "-"): e for name, e in changes.items()}


def probe(accuracies: list[float], cka: list[float]) -> dict[str, Any]:
    units = list(range(1, 8))
    return {
        "units": units,
        "probe_accuracy": {
            str(u): (a + SPREAD * u).tolist() for u, a in zip(units, accuracies, strict=True)
        },
        "cka": {str(u): (c + SPREAD * u).tolist() for u, c in zip(units, cka, strict=True)},
    }


FALLING, RISING = list(np.linspace(0.9, 0.6, 7)), list(np.linspace(0.6, 0.9, 7))


def explained(params: Params = SHIPPED, **changes: Any) -> dict[str, Any]:
    given = {"entries": entries(), "probe": probe(FALLING, FALLING)} | changes
    return study.explanations(params, given["entries"], given["probe"])


def test_the_deepest_within_the_margin_is_chosen_whatever_the_test_digits_say() -> None:
    found = study.best(
        SHIPPED.transfer,
        entries(
            depth_2=entry(0.90, validation=0.960),
            depth_5=entry(0.91, validation=0.955),
            depth_6=entry(0.99, validation=0.945),
            depth_7=entry(0.99, validation=0.90),
        ),
    )
    assert (found["depth"], found["point"]) == (5, "front/depth-5/size-50")
    assert found["highest"]["depth"] == 2
    assert found["mean"] == 0.91


def test_overfitting_is_worse_accuracy_and_a_wider_gap_with_nothing_frozen() -> None:
    worse = explained(entries=entries(depth_0=entry(0.93, test_loss=0.5)))["overfitting"]
    assert worse["verdict"] == "holds"
    assert worse["tests"]["underperforms"]["difference"] == pytest.approx(0.02)
    assert worse["tests"]["gap"]["difference"] == pytest.approx(0.2, rel=0.05)
    both = explained(entries=entries(depth_0=entry(0.93, test_loss=0.5, train_loss=0.25)))
    assert both["overfitting"]["tests"]["gap"]["difference"] == pytest.approx(-0.04, abs=0.01)
    better = explained(entries=entries(depth_0=entry(0.97, test_loss=0.5)))["overfitting"]
    assert better["verdict"] == "does not hold"


def test_nothing_frozen_is_compared_with_the_best_of_the_others_on_validation() -> None:
    given = entries(depth_3=entry(0.955), depth_0=entry(0.96, test_loss=0.25))
    found = explained(entries=given)["overfitting"]
    assert "depth 3" in found["tests"]["underperforms"]["says"]


def test_draws_that_share_a_network_count_as_one() -> None:
    assert study.by_network([5, 6, 5, 6], [1.0, 2.0, 3.0, 5.0]) == [2.0, 3.5]
    shared = {name: e | {"seeds": [0, 1, 0, 1]} for name, e in entries().items()}
    found = explained(entries=shared)
    assert found["overfitting"]["tests"]["gap"]["seeds"] == 2
    assert found["specificity"]["tests"]["probe"]["seeds"] == 2
    assert {test["seeds"] for test in found["diversity"]["tests"].values()} == {2}


@pytest.mark.parametrize(
    ("accuracies", "cka", "verdict"),
    [
        (FALLING, FALLING, "holds"),
        (RISING, FALLING, "does not hold"),
        (FALLING, RISING, "does not hold"),
    ],
)
def test_specificity_is_worse_probes_and_more_change_in_deeper_units(
    accuracies: list[float], cka: list[float], verdict: str
) -> None:
    assert explained(probe=probe(accuracies, cka))["specificity"]["verdict"] == verdict


def test_diversity_is_told_by_more_digits_and_by_more_classes_of_as_many_digits() -> None:
    found = explained()["diversity"]
    assert found["verdict"] == "holds"
    assert set(found["tests"]) == {"digits", "classes-10"}
    assert found["tests"]["digits"]["difference"] == pytest.approx(0.05 / np.log2(10), rel=0.02)
    assert found["tests"]["classes-10"]["difference"] == pytest.approx(0.05, rel=0.02)


def test_without_less_pretraining_nothing_is_said_of_diversity() -> None:
    diversity = SHIPPED.transfer.diversity.model_copy(update={"less": ()})
    transfer = SHIPPED.transfer.model_copy(update={"diversity": diversity})
    found = explained(SHIPPED.model_copy(update={"transfer": transfer}))
    assert set(found) == {"overfitting", "specificity"}


def test_every_point_is_tested_once() -> None:
    groups = study.groups(SHIPPED)
    runs = [run for group in groups.values() for run in group.identities]
    assert len({run.name for run in runs}) == len(runs)
    assert len(groups) == 8 + 1 + 3 + 3 + 3 + 4 + 1 + 2
