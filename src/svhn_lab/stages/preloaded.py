"""Stages that begin with torch and MLflow in memory. Importing both takes a stage seconds; so
`svhn-lab repro` keeps a process that has done it, and a stage's command asks that process for a
fork of itself, which runs the stage in its place.

That process imports nothing of the project itself: each stage runs the code as it is when DVC looks
at it. A stage that cannot have a fork, as under `dvc repro`, begins as ever."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from runpy import run_module
from types import FrameType

ADDRESS = "SVHN_LAB_PRELOADED"  # where the process listens, in the environment of the stages
LIBRARIES = (
    "loky",
    "mlflow",
    "mlflow.artifacts",
    "mlflow.store.tracking.sqlalchemy_store",
    "pydantic",
    "sklearn.metrics",
    "torch",
)
LONGEST_ADDRESS = 107  # bytes, on Linux (unix(7))


@contextmanager
def preloading() -> Iterator[dict[str, str]]:
    """Within it such a process waits, and ends with this one; gives what stages need in their
    environment to find it. There is none on other systems than Linux, as a process that has loaded
    much cannot be trusted to fork there; nor if temporary files lie in too long a path."""
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder) / "stages")
        if not sys.platform.startswith("linux") or len(os.fsencode(address)) > LONGEST_ADDRESS:
            yield {}
            return
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            waiting = subprocess.Popen(
                [sys.executable, "-m", __name__, str(listener.fileno())],
                stdin=subprocess.PIPE,  # is closed when this process ends, however it does
                pass_fds=[listener.fileno()],
            )
        try:
            yield {ADDRESS: address}
        finally:
            waiting.kill()
            waiting.communicate()


def run_in_fork() -> int | None:
    """Has this process's command run in a fork: its arguments, folder, environment, and what it
    reads and writes. Gives the exit code, as a shell has it, or None if there is nothing to fork.
    Who interrupts or ends this process, does so to the fork and its workers."""
    address = os.environ.pop(ADDRESS, None)
    if address is None:
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address)
            socket.send_fds(connection, [b"\n"], [0, 1, 2])
            command = {"argv": sys.argv, "folder": str(Path.cwd()), "environment": dict(os.environ)}
            connection.sendall(json.dumps(command).encode() + b"\n")
            answers = connection.makefile()
            fork = answers.readline()
        except OSError:
            return None
        if not fork:  # it ended before
            return None

        ended_by = signal.SIGKILL.value  # if by nobody who asked this process

        def pass_on(number: int, _: FrameType | None) -> None:
            nonlocal ended_by
            ended_by = number
            with suppress(ProcessLookupError):
                os.killpg(int(fork), number)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, pass_on)
        code = answers.readline()
        answers.read()  # until it has ended
    return int(code) if code else 128 + ended_by


def _serve(listener: socket.socket) -> socket.socket | None:
    """In a fork, the connection to who asked for it; None in the process itself, once its standard
    input is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks are awaited by who asked for them
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return None
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setsid()  # a group of its own, with its workers, which ends as one
            listener.close()
            return connection
        connection.close()


def _take_the_place(connection: socket.socket) -> None:
    """Makes this process like the one that asked, and ends it as soon as that one has ended."""
    _, descriptors, _, _ = socket.recv_fds(connection, 1, 3)
    line = connection.makefile().readline()
    if not line:  # it has ended already
        sys.exit()
    for standard, descriptor in enumerate(descriptors):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    asked = json.loads(line)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.argv = asked["argv"]

    def end_with_it() -> None:
        with suppress(OSError):
            connection.recv(1)  # it says no more, so this is its end
        os.killpg(0, signal.SIGTERM)  # workers too, at once
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=end_with_it, daemon=True).start()
    connection.sendall(f"{os.getpid()}\n".encode())


def _exit_code() -> int:
    """Runs `python -m svhn_lab` and gives the exit code that it asks for."""
    try:
        run_module("svhn_lab", run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _main(descriptor: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with who started it
    # Python warns of threads that a fork lacks. Those of numpy's libraries are made again.
    warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)
    listener = socket.socket(fileno=descriptor)
    for library in LIBRARIES:
        import_module(library)
    listener.listen()  # not before: who asks sooner is refused, and begins as ever
    connection = _serve(listener)
    if connection is None:
        return
    _take_the_place(connection)
    code = _exit_code()
    connection.sendall(f"{code}\n".encode())
    sys.exit(code)  # who asked waits for the end itself


if __name__ == "__main__":
    _main(int(sys.argv[1]))
