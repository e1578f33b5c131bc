"""evaluate.py: claims stand with their verdicts."""

from pathlib import Path

import pytest

from svhn_lab.params import load
from svhn_lab.stages.evaluate import claims

SHIPPED = load(Path(__file__).parents[2] / "params.yaml")


def test_claims_keep_what_they_say_beside_their_verdict() -> None:
    entries = {arm: {"test_accuracy": [0.8, 0.81, 0.79]} for arm in SHIPPED.arms}
    entries["crop"] = {"test_accuracy": [0.7799, 0.79, 0.7701]}
    found = claims(SHIPPED, entries)
    assert list(found) == list(SHIPPED.lab_report.claims)
    crop = found["crop"]
    assert crop["says"] == "Cropping costs 2 points" and crop["reported"] == -2
    assert crop["verdict"] == "upheld" and crop["difference"] == pytest.approx(-0.02)
    assert found["rotation"]["verdict"] == "not decided", "without spread nothing is"
