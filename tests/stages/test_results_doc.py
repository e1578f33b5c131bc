"""results_doc.py: what the Markdown shows beyond the page."""

from pathlib import Path

import pytest
from entries import entry

from svhn_lab.stages.layout import PUBLISHED
from svhn_lab.stages.results_doc import published, told_apart
from svhn_lab.tracking.files import write_json


def test_arms_are_told_from_their_references_by_the_interval_of_the_difference() -> None:
    def compared(low: float, high: float, p_holm: float) -> dict[str, object]:
        return entry(0.9, reference="base", difference_interval=[low, high], p_holm=p_holm)

    arms = {
        "base": entry(0.9),
        "up": compared(0.001, 0.01, 0.3),
        "down": compared(-0.01, -0.005, 0.01),
        "either": compared(-0.01, 0.01, 1.0),
        "one-seed": entry(0.9, reference="base"),
    }
    assert told_apart(arms) == {
        "better": ["up"],
        "worse": ["down"],
        "not told": ["either", "one-seed"],
        "corrected": ["down"],
    }


def test_published_networks_are_shown_on_the_digits_that_they_were_tested_on(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tested = {"test_digest": "d" * 32}
    networks = [{"name": "other 1.0", "test_accuracy": 0.9}]
    write_json(PUBLISHED, {"dataset": tested, "networks": networks})
    assert published(tested) == networks
    assert published({"test_digest": "e" * 32}) == []
    assert "published.json: left out" in capsys.readouterr().out
