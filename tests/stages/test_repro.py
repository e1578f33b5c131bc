"""repro.py: what needs what, who begins first; with a real DVC it is tried in test_stores.py."""

import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from at_work import dvc_at_work
from dvc.repo import Repo
from toy import change_params

from svhn_lab.errors import UserError
from svhn_lab.stages.repro import (
    Outcome,
    changed,
    height,
    in_turn,
    opened,
    repro_alone,
    threads,
    upstream,
)

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
    assert list(everything)[:4] == ["check", "fetch", "prepare", "train@baseline"], "as in dvc.yaml"
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
    at_work = dvc_at_work(project)
    with pytest.raises(UserError, match=r"^a stage runs in this checkout, .* `svhn-lab ui`"):
        changed(opened(), ["fetch"])
    at_work.unlink()
    assert changed(opened(), ["check", "fetch"]) == {"check", "fetch"}


def test_after_ctrl_c_what_waits_does_not_begin() -> None:
    began, may_end, over = list[str](), threading.Event(), threading.Event()

    def stage(name: str) -> None:
        began.append(name)
        may_end.wait(60)

    with pytest.raises(KeyboardInterrupt), threads(1, over) as pool:
        pool.submit(stage, "goes on")
        # The first stage ends once the second cannot begin any more.
        pool.submit(stage, "waits").add_done_callback(lambda _: may_end.set())
        raise KeyboardInterrupt
    assert "waits" not in began
    assert over.is_set()


def test_who_ends_it_ends_what_it_has_started(project: Path) -> None:
    for folder in ("benchmarks", "contests"):
        (project / folder).symlink_to(PROJECT / folder)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet", "--no-scm"], check=True)
    with socket.create_server(("127.0.0.1", 0)) as site:  # never answers
        url = f"http://127.0.0.1:{site.getsockname()[1]}/"
        change_params(project, {"data": {"sources": ["svhn"], "url": url}})
        repro = subprocess.Popen([sys.executable, "-m", "svhn_lab", "repro", "fetch"])
        try:
            site.settimeout(120)
            connection, _ = site.accept()
            with connection:  # by `fetch`, which therefore is among them
                started = psutil.Process(repro.pid).children(recursive=True)
                assert len(started) > 1
                repro.terminate()
                assert repro.wait(60) == 128 + signal.SIGTERM
                assert not psutil.wait_procs(started, timeout=60)[1]
        finally:
            repro.kill()


def test_who_waits_for_dvcs_lock_gives_up_when_all_is_over(project: Path) -> None:
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet", "--no-scm"], check=True)
    over = threading.Event()
    with Repo().lock, ThreadPoolExecutor(1) as pool:  # as another `dvc repro` holds it
        waiting = pool.submit(repro_alone, "check", 1, {"DVC_NO_ANALYTICS": "1"}, over)
        with pytest.raises(TimeoutError):
            waiting.result(10)
        over.set()
        outcome = waiting.result(60)
    assert outcome.failed
    later = repro_alone("check", 1, {}, over)
    assert later.failed and later.output == "", "it has not begun"


def test_what_dvc_skips_has_not_run() -> None:
    assert not Outcome(False, "Stage 'check' didn't change, skipping", 1.0).ran
    assert Outcome(False, "Stage 'check' is cached - skipping run, checking out outputs", 1.0).ran
    assert Outcome(False, "Running stage 'check':", 1.0).ran
