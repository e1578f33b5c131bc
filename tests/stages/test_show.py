"""show.py: an arm's runs on the terminal."""

import json
from pathlib import Path

import pytest
from tested_arms import leave_tested_arms

from svhn_lab.errors import UserError
from svhn_lab.stages import show
from svhn_lab.stages.layout import EVALUATION

RIGHT = [900, 910, 920]


def test_runs_are_shown_with_curves_and_what_they_come_to(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_tested_arms(baseline=RIGHT)
    show.main(["baseline"], as_json=False)
    text = capsys.readouterr().out
    assert "baseline: 26,346 parameters" in text
    [row] = [line for line in text.splitlines() if line.startswith("train/baseline/seed-1")]
    assert row.split()[1:6] == ["1", "60.00", "%", "60.00", "%"]
    assert "91.00 %" in row and "▁" in row
    assert "test, n = 3 seeds: 91.00 % (88.52 to 93.48 %)" in text


def test_json_has_whole_curves(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_tested_arms(baseline=RIGHT)
    show.main(["baseline"], as_json=True)
    [arm] = json.loads(capsys.readouterr().out)
    assert [run["test_accuracy"] for run in arm["runs"]] == [0.9, 0.91, 0.92]
    assert arm["runs"][2]["curves"][0]["validation_accuracy"] == 0.7


def test_an_arm_that_was_trained_anew_since_is_not_tested(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_tested_arms(baseline=RIGHT)
    old = EVALUATION.read_text()
    leave_tested_arms(salt="other", baseline=RIGHT)
    EVALUATION.write_text(old)
    show.main(["baseline"], as_json=False)
    assert "not tested; `dvc repro evaluate` tests it" in capsys.readouterr().out


def test_an_unknown_arm_and_one_without_runs_are_refused(project: Path) -> None:
    with pytest.raises(UserError, match=r"has no 'baselin'; did you mean `baseline`\?"):
        show.main(["baselin"], as_json=False)
    with pytest.raises(UserError, match="make it with `dvc repro train@preact`"):
        show.main(["preact"], as_json=False)


def test_arms_of_the_contests_are_known_as_well(project: Path) -> None:
    with pytest.raises(
        UserError, match=r"make it with `dvc repro contests/dvc\.yaml:compete@fixed-p"
    ):
        show.main(["fixed-polar"], as_json=False)
    with pytest.raises(UserError, match=r"did you mean `free-preact-wide`\?"):
        show.main(["free-preact-wid"], as_json=False)
