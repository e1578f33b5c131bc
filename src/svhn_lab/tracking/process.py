"""Whether the process that a run belongs to still lives: what tells a run that goes on from one
that was killed."""

import os
import platform

import psutil

CLOCK_SLACK = 5.0  # seconds: a moment of start is worked out anew each time, from the boot's


def this_process() -> str:
    """The name of this process, which no other has: machine, process id, moment of its start."""
    return f"{platform.node()}:{os.getpid()}:{psutil.Process().create_time():.0f}"


def is_here(process: str) -> bool:
    """Whether it is, or was, a process of this machine."""
    return process.rpartition(":")[0].rpartition(":")[0] == platform.node()


def lives(process: str) -> bool:
    """Whether the process of this name is still there. Of another machine's that cannot be told,
    so it is taken to be."""
    if not is_here(process):
        return True
    _, number, start = process.rsplit(":", 2)
    try:
        found = float(psutil.Process(int(number)).create_time())
    except psutil.NoSuchProcess:
        return False
    return abs(found - float(start)) < CLOCK_SLACK
