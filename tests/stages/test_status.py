"""status.py: what would run, and how long it took."""

from pathlib import Path

import pytest

from svhn_lab.errors import UserError
from svhn_lab.stages import durations
from svhn_lab.stages.status import DONE, FOLLOWS, OUT_OF_DATE, main, states, summary

NEEDS = {"check": set(), "train@a": {"check"}, "train@b": {"check"}, "report": {"train@a"}}


def test_what_follows_from_a_stage_that_is_out_of_date_may_run_too(project: Path) -> None:
    found = {each.stage: each.state for each in states(NEEDS, {"train@a"})}
    assert found == {"check": DONE, "train@a": OUT_OF_DATE, "train@b": DONE, "report": FOLLOWS}
    assert summary(states(NEEDS, set())) == "All 4 stages are up to date."
    said = summary(states(NEEDS, {"train@a"}), ["contests/dvc.yaml:contests"])
    assert said.endswith("`svhn-lab repro contests/dvc.yaml:contests` runs what is needed.")


def test_a_wrong_params_yaml_is_named_before_dvc_reads_it(project: Path) -> None:
    (project / "params.yaml").write_text("arms:\n\t- a tab\n")
    with pytest.raises(UserError, match=r"^params\.yaml: is not valid YAML: line 2: "):
        main(as_json=False)


def test_how_long_a_stage_took_is_kept_unless_it_failed(project: Path) -> None:
    with durations.timed("train@a"):
        pass
    lasted = durations.last("train@a")
    assert lasted is not None and 0 <= lasted.seconds < 60
    with pytest.raises(ZeroDivisionError), durations.timed("train@a"):
        raise ZeroDivisionError
    assert durations.last("train@a") == lasted
    assert durations.last("report") is None
    text = summary(states(NEEDS, {"train@a"}))
    assert text.startswith("1 of 4 stages are out of date, 1 follow from them; those of which")


def test_a_damaged_note_of_a_duration_is_none(project: Path) -> None:
    durations.FOLDER.mkdir(parents=True)
    (durations.FOLDER / "check.json").write_text("{")
    assert durations.last("check") is None
