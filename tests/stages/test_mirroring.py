"""mirroring.py: what MLflow lacks stays noted until it is there, and a damaged record is no fault
of the store. Stores that go and come back are tried in test_stores.py."""

import os
from pathlib import Path

import pytest
from tested_arms import leave_tested_arms

from svhn_lab.errors import UserError
from svhn_lab.stages import mirroring
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity


def test_the_mark_goes_once_all_is_there_and_not_before(project: Path) -> None:
    mirroring.BEHIND.touch()
    with mirroring.catching_up():
        assert mirroring.BEHIND.exists(), "of a process that is killed it is left"
    assert not mirroring.BEHIND.exists()


def test_a_mark_that_is_made_while_another_process_catches_up_stays(project: Path) -> None:
    for marked in (False, True):
        mirroring.BEHIND.unlink(missing_ok=True)
        if marked:
            mirroring.BEHIND.touch()
            os.utime(mirroring.BEHIND, ns=(0, 0))
        with mirroring.catching_up():
            mirroring.BEHIND.touch()
        assert mirroring.BEHIND.exists()


def test_who_fails_to_catch_up_leaves_the_mark(project: Path) -> None:
    mirroring.BEHIND.touch()
    with pytest.raises(ConnectionError), mirroring.catching_up():
        raise ConnectionError
    assert mirroring.BEHIND.exists()


def test_a_damaged_record_is_said_as_such(project: Path) -> None:
    leave_tested_arms(baseline=[900])
    run = Identity("train", "baseline", 0)
    (record.RUNS / run.path / "run.json").write_text("{")
    with pytest.raises(UserError, match=r"seed-0: is damaged; .*`dvc repro train@baseline`"):
        mirroring.mirror([run])
    assert not mirroring.BEHIND.exists()
