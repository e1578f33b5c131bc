from pathlib import Path

import pytest

from svhn_lab.stages import lockfiles

WHOLE = """schema: '2.0'
stages:
  check:
    cmd: python -m svhn_lab check
    deps:
    - path: src
      hash: md5
      md5: d3b07384d113edec49eaa6238ad5ff00
  train@crop:
    cmd: python -m svhn_lab train crop
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_whole_lock_file_names_its_stages() -> None:
    Path("dvc.lock").write_text(WHOLE)
    Path("contests").mkdir()
    Path("contests/dvc.lock").write_text(WHOLE.replace("train@crop", "compete@a-0"))
    assert lockfiles.half_written() == []
    assert lockfiles.locked_stages() == {
        *("check", "train@crop"),
        *("contests/dvc.yaml:check", "contests/dvc.yaml:compete@a-0"),
    }


def test_no_lock_file_is_no_half_of_one() -> None:
    assert lockfiles.half_written() == []
    assert lockfiles.locked_stages() == set()


@pytest.mark.parametrize("end", ["", "schema: '2.", "stages:\n", "  check:\n", "hash", "    cmd"])
def test_what_dvc_was_killed_in_writing_is_half_written(end: str) -> None:
    half = WHOLE[: WHOLE.index(end) + len(end)]
    Path("dvc.lock").write_text(half)
    assert lockfiles.half_written() == [Path("dvc.lock")]


@pytest.mark.parametrize("end", ["", "{", '{"read": {}'])
def test_so_is_what_it_notes_of_its_processes(end: str) -> None:
    lockfiles.AT_WORK.parent.mkdir(parents=True)
    lockfiles.AT_WORK.write_text('{"read": {}, "write": {}}')
    assert lockfiles.half_written() == []
    lockfiles.AT_WORK.write_text(end)
    assert lockfiles.half_written() == [lockfiles.AT_WORK]
    assert lockfiles.remedy(lockfiles.AT_WORK).startswith("rm .dvc/tmp/rwlock, while no dvc")


def test_each_pipeline_has_its_own_remedy() -> None:
    lab, contests = (lockfiles.remedy(lock) for lock in lockfiles.LOCKS)
    assert lab.startswith("rm dvc.lock, then dvc repro, which")
    assert contests.startswith("rm contests/dvc.lock, then dvc repro contests/dvc.yaml, which")


def test_what_is_no_text_is_no_whole_lock_file() -> None:
    Path("dvc.lock").write_bytes(b"\xff\xfe\0")
    assert lockfiles.half_written() == [Path("dvc.lock")]
