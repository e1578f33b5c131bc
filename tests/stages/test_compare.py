"""compare.py: two arms, seed by seed."""

import json
from pathlib import Path

import pytest
from left import leave_run
from tested_arms import leave_tested_arms
from toy import change_params

from svhn_lab.errors import UserError
from svhn_lab.params import load
from svhn_lab.stages import compare
from svhn_lab.stages.layout import ANSWERS, CONTESTS, EVALUATION
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import Identity

BASELINE, DEEPER = [900, 910, 920], [910, 930, 925]


def test_the_difference_is_paired(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_tested_arms(baseline=BASELINE, deeper=DEEPER)
    compare.main("deeper", "baseline", as_json=False)
    text = capsys.readouterr().out
    assert "deeper minus baseline: +1.17 points (95 % t interval −0.73 to +3.06), n = 3" in text
    [row] = [line for line in text.splitlines() if line.startswith("1 ")]
    assert row.split()[1:] == ["93.00", "%", "91.00", "%", "+2.00", "<", "0.001"]


def test_json_has_what_the_table_has(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_tested_arms(baseline=BASELINE, deeper=DEEPER)
    compare.main("deeper", "baseline", as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["arms"] == ["deeper", "baseline"]
    assert found["difference_mean"] == pytest.approx(0.035 / 3)
    assert len(found["p_mcnemar"]) == 3


def test_what_was_not_tested_is_refused(project: Path) -> None:
    leave_tested_arms(baseline=BASELINE, deeper=DEEPER)
    ANSWERS.unlink()
    with pytest.raises(UserError, match="has no answers of the run"):
        compare.main("deeper", "baseline", as_json=False)
    EVALUATION.unlink()
    with pytest.raises(UserError, match="deeper: has not been tested; `dvc repro evaluate`"):
        compare.main("deeper", "baseline", as_json=False)


def test_arms_on_other_digits_are_refused(project: Path) -> None:
    leave_tested_arms(baseline=BASELINE)
    left = json.loads(EVALUATION.read_text())
    change_params(project, {"contests": {"seeds": [0, 1, 2]}})
    settings = load().contests.arms["fixed-polar"].model_dump()
    keys = [f"polar {seed}" for seed in range(3)]
    for seed, key in enumerate(keys):
        leave_run(Identity("compete", "fixed-polar", seed), settings, key)
    entry = left["arms"]["baseline"] | {"keys": keys}
    others = left["dataset"] | {"test_digest": "e" * 32}
    write_json(CONTESTS, {"dataset": others, "arms": {"fixed-polar": entry}})
    with pytest.raises(UserError, match=r"fixed-polar and baseline were trained or tested on oth"):
        compare.main("fixed-polar", "baseline", as_json=False)


def test_arms_with_other_seeds_are_refused(project: Path) -> None:
    leave_tested_arms(baseline=BASELINE, deeper=DEEPER)
    found = json.loads(EVALUATION.read_text())
    found["arms"]["deeper"]["seeds"] = [5, 6, 7]
    EVALUATION.write_text(json.dumps(found))
    with pytest.raises(
        UserError, match=r"deeper has seeds \[5, 6, 7\], baseline \[0, 1, 2\]: they"
    ):
        compare.main("deeper", "baseline", as_json=False)
