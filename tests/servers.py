"""Real servers on loopback, for tests: MLflow's, and PostgreSQL's behind it."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from clone import kill

LOOPBACK = "127.0.0.1"
SECONDS_TO_START = 90
POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


class MlflowServer:
    """`mlflow server` on a database, which can be stopped and started again."""

    def __init__(self, database: str, folder: Path) -> None:
        self.port = free_port()
        self.uri = f"http://{LOOPBACK}:{self.port}"
        self._command = [
            *(sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database),
            *("--artifacts-destination", str(folder / "artifacts"), "--host", LOOPBACK),
            *("--port", str(self.port), "--workers", "1"),
        ]
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, start_new_session=True
            )
        answers(f"{self.uri}/health", self._log)

    def stop(self) -> None:
        if self._process is not None:
            kill(self._process)
        self._process = None


def answers(url: str, log: Path) -> None:
    """Waits until a server answers at the URL."""
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer: {log.read_text()}")


@contextmanager
def postgresql() -> Iterator[str]:
    """The URI of an empty database of a PostgreSQL server of its own."""
    if POSTGRES is None:
        pytest.skip("PostgreSQL is not installed (Debian's package `postgresql`)")
    # A folder that the server's own user may enter, which pytest's are not.
    folder = Path(tempfile.mkdtemp(prefix="svhn-lab-postgresql-"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # as which PostgreSQL does not start
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    data, port = folder / "data", free_port()

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(POSTGRES / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)

    try:
        run("initdb", "-D", str(data), "-U", "lab", "--auth=trust")
        options = f"-p {port} -c listen_addresses={LOOPBACK} -k {folder}"
        start = ("start", "-D", str(data), "-o", options, "-l", str(folder / "log"))
        run("pg_ctl", "-w", *start)
        try:
            yield f"postgresql+psycopg2://lab@{LOOPBACK}:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "stop", "-D", str(data))
    finally:
        shutil.rmtree(folder)
