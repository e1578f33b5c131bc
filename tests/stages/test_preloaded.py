"""preloaded.py: a command that runs in a fork is to its caller as any other."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from ruamel.yaml import YAML

from svhn_lab.stages.preloaded import ADDRESS, preloading, run_in_fork

PROJECT = Path(__file__).parents[2]
LAB = [sys.executable, "-m", "svhn_lab"]
SECONDS = 60.0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux alone")


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def answers(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(address) == 0


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """Of commands that find the process, which has loaded everything."""
    with preloading() as variables:
        until(lambda: answers(variables[ADDRESS]))
        yield {**os.environ, **variables}


@pytest.fixture
def forks(environment: dict[str, str]) -> Callable[[], list[psutil.Process]]:
    """What gives the forks that run now."""
    [waiting] = [
        child
        for child in psutil.Process().children()
        if "svhn_lab.stages.preloaded" in child.cmdline()
    ]
    return waiting.children


@pytest.fixture
def fetching(project: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """`fetch` from a site that never answers."""
    yaml = YAML()
    params = yaml.load(project / "params.yaml")
    with socket.socket() as site:
        site.bind(("127.0.0.1", 0))
        site.listen()
        params["data"]["sources"] = ["svhn"]
        params["data"]["url"] = f"http://127.0.0.1:{site.getsockname()[1]}/"
        yaml.dump(params, project / "params.yaml")
        fetch = subprocess.Popen(
            [*LAB, "fetch"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with fetch:
            site.settimeout(SECONDS)
            connection, _ = site.accept()
            with connection:
                yield fetch


@pytest.fixture
def checked(project: Path) -> Path:
    """A project folder with all that `check` looks for."""
    for folder in ("benchmarks", "contests"):
        (project / folder).symlink_to(PROJECT / folder)
    return project


def test_it_says_what_the_command_says_and_ends_as_it_ends(
    checked: Path, environment: dict[str, str]
) -> None:
    def both() -> list[tuple[int, str, str]]:
        done = [
            subprocess.run([*LAB, "check"], env=env, capture_output=True, text=True)
            for env in (environment, {**os.environ})
        ]
        return [(each.returncode, each.stdout, each.stderr) for each in done]

    in_fork, as_ever = both()
    assert in_fork == as_ever
    assert in_fork[0] == 0
    params = checked / "params.yaml"
    params.write_text(params.read_text().replace("epochs: 5\n", "epochs: -5\n", 1))
    in_fork, as_ever = both()
    assert in_fork == as_ever
    assert in_fork[0] == 1
    assert "training.epochs" in in_fork[2]


def test_the_command_itself_loads_nothing(checked: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "svhn_lab", "check"]
    alone = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    in_fork = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stderr
    assert "svhn_lab.params" in alone
    assert "svhn_lab.stages.preloaded" in in_fork
    assert "svhn_lab.params" not in in_fork


def test_nothing_of_the_project_is_loaded_before_a_stage_begins() -> None:
    code = (
        "import sys; from importlib import import_module; from svhn_lab.stages import preloaded\n"
        "for library in preloaded.LIBRARIES: import_module(library)\n"
        "print(*sorted(name for name in sys.modules if name.startswith('svhn_lab')))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["svhn_lab", "svhn_lab.stages", "svhn_lab.stages.preloaded"]


def test_a_command_that_is_killed_takes_its_fork_with_it(
    fetching: subprocess.Popen[str], forks: Callable[[], list[psutil.Process]]
) -> None:
    assert len(forks()) == 1
    fetching.kill()
    until(lambda: not forks())


def test_an_interruption_reaches_the_fork(
    fetching: subprocess.Popen[str], forks: Callable[[], list[psutil.Process]]
) -> None:
    fetching.send_signal(signal.SIGINT)
    said, _ = fetching.communicate(timeout=SECONDS)
    assert (fetching.returncode, said.split()) == (1, ["Aborted!"])
    until(lambda: not forks())


def test_a_command_that_is_ended_ends_its_fork(
    fetching: subprocess.Popen[str], forks: Callable[[], list[psutil.Process]]
) -> None:
    fetching.terminate()
    assert fetching.wait(SECONDS) == 128 + signal.SIGTERM
    until(lambda: not forks())


def test_a_fork_that_is_killed_is_no_success(
    fetching: subprocess.Popen[str], forks: Callable[[], list[psutil.Process]]
) -> None:
    [fork] = forks()
    fork.kill()
    assert fetching.wait(SECONDS) == 128 + signal.SIGKILL


def test_where_none_waits_the_command_runs_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_in_fork() is None
    monkeypatch.setenv(ADDRESS, str(tmp_path / "nobody"))
    assert run_in_fork() is None
    assert ADDRESS not in os.environ


def test_an_address_that_is_too_long_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with preloading() as variables:
        assert variables == {}
