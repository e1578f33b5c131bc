"""shown.py: what the page and the Markdown both show."""

from pathlib import Path

from entries import entry

from svhn_lab.params import load
from svhn_lab.stages.layout import PUBLISHED
from svhn_lab.stages.shown import contest_arms, published, told_apart
from svhn_lab.tracking.files import write_json


def test_who_has_competed_is_shown_with_what_it_changes_and_how_long_it_trained() -> None:
    found = {"seconds_per_epoch": 30.0, "about": "", "num_sizes": 1}
    arms = {
        "fixed-polar": found,
        "fixed-polar-relu": found | {"about": "ReLU"},
        "free-preact-wide": found,
        "free-distilled-sizes": found | {"num_sizes": 2},
    }
    shown = contest_arms(load(), arms)
    assert shown["fixed-polar"] == found | {
        "changes": "net polar",
        "taught_by": None,
        "minutes": 2.5,
    }
    assert shown["fixed-polar-relu"]["changes"] == "net contests.ablations.relu; ReLU"
    assert shown["free-preact-wide"]["minutes"] == 25  # of its 50 epochs
    assert shown["free-preact-wide"]["changes"].startswith("net preact-wide, epochs 50")
    pupil = shown["free-distilled-sizes"]
    assert pupil["taught_by"] == "free-polar-sizes"
    assert pupil["changes"].endswith(
        "; answers by 2 sizes of the image; taught by free-polar-sizes"
    )


def test_arms_are_told_from_their_references_by_the_interval_of_the_difference() -> None:
    def compared(low: float, high: float) -> dict[str, object]:
        return entry(0.9, reference="base", difference_interval=[low, high])

    arms = {
        "base": entry(0.9),
        "up": compared(0.001, 0.01),
        "down": compared(-0.01, -0.001),
        "either": compared(-0.01, 0.01),
        "one-seed": entry(0.9, reference="base"),
    }
    assert told_apart(arms) == {
        "better": ["up"],
        "worse": ["down"],
        "not told": ["either", "one-seed"],
    }


def test_published_networks_are_shown_on_the_digits_that_they_were_tested_on(project: Path) -> None:
    tested = {"test_digest": "d" * 32}
    assert published(tested) == []
    networks = [{"name": "other 1.0", "test_accuracy": 0.9}]
    write_json(PUBLISHED, {"dataset": tested, "networks": networks})
    assert published(tested) == networks
    assert published({"test_digest": "e" * 32}) == []
