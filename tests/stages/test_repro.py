"""repro.py: what needs what, who begins first; with a real DVC it is tried in test_stores.py."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

import pytest

from svhn_lab.errors import UserError
from svhn_lab.stages.repro import Outcome, changed, height, in_turn, opened, threads, upstream

PROJECT = Path(__file__).parents[2]


def test_a_target_comes_with_all_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    repo = opened()
    assert upstream(repo, ["train@preact"]) == {
        "check": set(),
        "fetch": {"check"},
        "prepare": {"fetch"},
        "train@preact": {"prepare"},
    }
    everything = upstream(repo)
    assert {"report", "register", "train@baseline"} <= set(everything)
    assert {"train@preact", "train@baseline"} <= set(upstream(repo, ["train"]))
    with pytest.raises(UserError, match=r"dvc\.yaml: .*nothing"):
        upstream(repo, ["nothing"])


def test_the_one_on_one_core_begins_first_then_those_with_the_longest_way_to_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(PROJECT)
    heights = height(upstream(opened()))
    assert heights["report"] == heights["register"] == 0
    assert heights["evaluate"] == 1
    assert heights["pretrain"] > heights["finetune@front"] > heights["train@preact"] == 2
    assert max(heights, key=lambda stage: heights[stage]) == "check"
    ready = ["train@preact", "timing", "finetune@front"]
    assert in_turn(ready, heights) == ["timing", "finetune@front", "train@preact"]


def test_that_a_stage_is_running_is_said_in_one_line(project: Path) -> None:
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet", "--no-scm"], check=True)
    # As DVC itself notes what a process that is there writes right now.
    writes = {str(project / "data/raw"): {"pid": os.getpid(), "cmd": "dvc repro fetch"}}
    lock = project / ".dvc/tmp/rwlock"
    lock.write_text(json.dumps({"write": writes, "read": {}}))
    with pytest.raises(UserError, match=r"^a stage runs in this checkout, .* `svhn-lab ui`"):
        changed(opened(), ["fetch"])
    lock.unlink()
    assert changed(opened(), ["check", "fetch"]) == {"check", "fetch"}


def test_after_ctrl_c_nothing_more_begins() -> None:
    began, may_end = list[str](), threading.Event()

    def stage(name: str) -> None:
        began.append(name)
        may_end.wait(60)

    def interrupted() -> NoReturn:
        while not began:
            time.sleep(0.01)
        threading.Timer(0.2, may_end.set).start()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), threads(1) as pool:
        for name in ("goes on", "waits"):
            pool.submit(stage, name)
        interrupted()
    assert began == ["goes on"]


def test_what_dvc_skips_has_not_run() -> None:
    assert not Outcome(False, "Stage 'check' didn't change, skipping", 1.0).ran
    assert Outcome(False, "Stage 'check' is cached - skipping run, checking out outputs", 1.0).ran
    assert Outcome(False, "Running stage 'check':", 1.0).ran
