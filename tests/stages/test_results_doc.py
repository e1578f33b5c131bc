"""results_doc.py: what the Markdown shows beyond the page."""

from pathlib import Path

import pytest
from entries import entry
from left import DATASET, leave_run
from ruamel.yaml import YAML

from svhn_lab.errors import UserError
from svhn_lab.params import load
from svhn_lab.stages import results_doc
from svhn_lab.stages.layout import CONTESTS, PUBLISHED
from svhn_lab.stages.results_doc import published
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import Identity


def test_published_networks_are_shown_on_the_digits_that_they_were_tested_on(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tested = {"test_digest": "d" * 32}
    networks = [{"name": "other 1.0", "test_accuracy": 0.9}]
    write_json(PUBLISHED, {"dataset": tested, "networks": networks})
    assert published(tested) == networks
    assert published({"test_digest": "e" * 32}) == []
    assert "published.json: left out" in capsys.readouterr().out


def only(project: Path, arm: str, net: str, seeds: list[int]) -> None:
    """Leaves the contests with this arm alone."""
    yaml = YAML()
    params = yaml.load(project / "params.yaml")
    params["contests"] |= {"arms": {arm: {"net": net}}, "seeds": seeds, "teachers": arm}
    params["contests"] |= {"distilled": {}, "adapted": {}, "references": {}}
    yaml.dump(params, project / "params.yaml")


def test_contests_of_other_arms_seeds_or_settings_than_those_of_now_are_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only(project, "fixed-polar", "polar", seeds=[0])
    settings = load().contests.arms["fixed-polar"].model_dump()
    leave_run(Identity("compete", "fixed-polar", 0), settings, key="k")
    found = entry(0.9) | {"seeds": [0], "keys": ["k"], "num_views": 1}
    dataset = DATASET | {"splits": {"train": 10, "validation": 5, "test": 5}, "official": False}
    dataset |= {"test_digest": "t" * 32}
    write_json(PUBLISHED, {"dataset": dataset, "networks": []})
    write_json(CONTESTS, {"dataset": dataset, "arms": {"fixed-polar": found}})
    results_doc.main("contests")
    assert "The contests: docs/small-networks.md" in capsys.readouterr().out
    for others in (
        ("fixed-polar", "polar", [0, 1]),
        ("fixed-polar", "preact", [0]),
        ("fixed-preact", "preact", [0]),
    ):
        only(project, *others)
        with pytest.raises(UserError, match=r"contests\.json: is of other arms, .*`make contests`"):
            results_doc.main("contests")
