"""process.py: a process is told from a dead one, and from a later one that has its number."""

import os
import platform
import subprocess
import sys

from svhn_lab.tracking.process import is_here, lives, this_process


def test_this_process_lives() -> None:
    assert this_process().split(":")[-2] == str(os.getpid())
    assert lives(this_process()) and is_here(this_process())


def test_one_that_was_killed_does_not() -> None:
    script = "from svhn_lab.tracking.process import this_process; print(this_process(), flush=True)"
    command = [sys.executable, "-c", f"{script}; input()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        name = other.stdout.readline().strip()
        assert lives(name)
        other.kill()
        other.wait()
        assert not lives(name)


def test_a_number_that_another_process_has_by_now_is_not_taken_for_it() -> None:
    host, number, start = this_process().rsplit(":", 2)
    assert not lives(f"{host}:{number}:{int(start) - 3600}")


def test_of_another_machine_it_cannot_be_told() -> None:
    elsewhere = f"{platform.node()}-other:1:0"
    assert lives(elsewhere) and not is_here(elsewhere)
