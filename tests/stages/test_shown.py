"""shown.py: what the page and the Markdown both show."""

from svhn_lab.params import load
from svhn_lab.stages.shown import contest_arms


def test_who_has_competed_is_shown_with_what_it_changes_and_how_long_it_trained() -> None:
    found = {"seconds_per_epoch": 30.0, "num_views": 1}
    arms = {
        "fixed-preact": found,
        "fixed-polar-relu": found,
        "free-preact-wide": found,
        "free-distilled-views": found | {"num_views": 8},
    }
    shown = contest_arms(load(), arms)
    assert shown["fixed-preact"] == found | {
        "changes": "net preact",
        "taught_by": None,
        "minutes": 2.5,
    }
    relu = shown["fixed-polar-relu"]
    assert relu["changes"] == "net contests.ablations.relu; ReLU for GELU"
    assert shown["free-preact-wide"]["minutes"] == 25  # of its 50 epochs
    assert shown["free-preact-wide"]["changes"].startswith("net preact-wide, epochs 50")
    pupil = shown["free-distilled-views"]
    assert pupil["taught_by"] == "free-polar-sizes"
    assert pupil["changes"].endswith(
        "; answers by 8 views of the image; taught by free-polar-sizes"
    )
