"""fan_out.py: results do not depend on where runs are computed or how many at once, one failure
stops no other, and a run whose worker is killed is run again. Real processes, a real Ray."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from svhn_lab.errors import UserError
from svhn_lab.params import Compute
from svhn_lab.training.device import CPU, computing_on, device, device_of
from svhn_lab.training.fan_out import HERE, WorkerLost, fan_out, local_workers

RAY = HERE.model_copy(update={"backend": "ray"})
EVERYWHERE = [
    pytest.param(HERE, 1, id="here"),
    pytest.param(HERE, 2, id="processes"),
    pytest.param(RAY, None, id="ray", marks=pytest.mark.slow),
]


@pytest.fixture(autouse=True)
def clusters_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers at this one: without an address a cluster is started here all the same."""
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")


def product(seed: int) -> list[float]:
    """A sum whose bits depend on the number of threads that share it."""
    random = torch.Generator().manual_seed(seed)
    values = torch.randn(300_000, generator=random)
    return [values.sum().item(), float(torch.get_num_threads())]


def fails_on_odd(number: int) -> int:
    if number % 2:
        raise UserError(f"{number} is odd")
    return number


def killed_at_first(place: Path) -> str:
    """Of each place, the first process is killed in mid-run; says where paths begin."""
    if not place.exists():
        place.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return f"{Path.cwd()} {place.name}"


def where(_: int) -> tuple[int, Path]:
    """The process, and where its paths begin."""
    time.sleep(0.2)  # for the other worker to take one too
    return os.getpid(), Path.cwd()


def is_killed_if_first(number: int) -> int:
    """The others are still at work when it happens."""
    time.sleep(0.5 if number else 0.1)
    if number == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def is_killed(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(("compute", "workers"), EVERYWHERE)
def test_results_come_in_order_and_bit_for_bit_the_same_everywhere(
    compute: Compute, workers: int | None
) -> None:
    alone = fan_out(product, range(5), workers=1)
    assert alone == fan_out(product, range(5), compute=compute, workers=workers)
    assert {threads for _, threads in alone} == {1.0}


def test_workers_stay_and_follow_to_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fan_out(where, range(4), workers=2)
    monkeypatch.chdir(tmp_path)
    after = fan_out(where, range(4), workers=2)
    assert {process for process, _ in after} <= {process for process, _ in before}
    assert {folder for _, folder in after} == {tmp_path}


@pytest.mark.parametrize(("compute", "workers"), EVERYWHERE)
def test_a_run_has_as_many_threads_as_are_asked_for(compute: Compute, workers: int | None) -> None:
    two = compute.model_copy(update={"cpus_per_run": 2})
    try:
        found = fan_out(product, range(2), compute=two, workers=workers)
    finally:
        torch.set_num_threads(1)
    assert {threads for _, threads in found} == {2.0}


@pytest.mark.parametrize(("compute", "workers"), EVERYWHERE)
def test_the_others_finish_before_failures_are_raised_together(
    compute: Compute, workers: int | None
) -> None:
    done: list[int] = []
    with pytest.raises(ExceptionGroup, match="2 of 5 runs failed") as caught:
        fan_out(fails_on_odd, range(5), compute=compute, workers=workers, on_result=done.append)
    assert sorted(done) == [0, 2, 4]
    assert sorted(str(failure) for failure in caught.value.exceptions) == ["1 is odd", "3 is odd"]
    assert all(isinstance(failure, UserError) for failure in caught.value.exceptions)


@pytest.mark.parametrize(("compute", "workers"), EVERYWHERE[1:])
def test_a_run_whose_worker_is_killed_is_run_again(
    compute: Compute, workers: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = [tmp_path / name for name in "abc"]
    places[1].touch()
    found = fan_out(killed_at_first, places, compute=compute, workers=workers)
    assert found == [f"{tmp_path} {name}" for name in "abc"]


@pytest.mark.parametrize(("compute", "workers"), EVERYWHERE[1:])
def test_a_run_that_is_killed_each_time_fails(compute: Compute, workers: int | None) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        fan_out(is_killed, range(2), compute=compute, workers=workers)
    assert {type(failure) for failure in caught.value.exceptions} == {WorkerLost}
    assert "killed 3 times; if memory is short" in str(caught.value.exceptions[0])


def test_a_run_that_is_killed_each_time_takes_no_other_with_it() -> None:
    with pytest.raises(ExceptionGroup, match="1 of 4 runs failed") as caught:
        fan_out(is_killed_if_first, range(4), workers=2)
    assert [type(failure) for failure in caught.value.exceptions] == [WorkerLost]


GOING_ON = """
import os
import sys
import time
from svhn_lab.training.fan_out import fan_out

def goes_on(place):
    with open(place, "w") as file:
        file.write(f"{os.getpid()} is at work")
    time.sleep(600)

fan_out(goes_on, sys.argv[1:], workers=2)
"""


def test_no_worker_goes_on_without_the_process_that_it_works_for(tmp_path: Path) -> None:
    places = [tmp_path / name for name in "ab"]
    parent = subprocess.Popen([sys.executable, "-c", GOING_ON, *map(str, places)])
    try:
        until = time.monotonic() + 120
        while not all(p.exists() and p.read_text().endswith("at work") for p in places):
            assert time.monotonic() < until and parent.poll() is None
            time.sleep(0.1)
        workers = [psutil.Process(int(place.read_text().split()[0])) for place in places]
    finally:
        parent.kill()
        parent.wait()
    gone, alive = psutil.wait_procs(workers, timeout=60)
    assert len(gone) == 2 and not alive


WITHOUT_CLUSTER = """
import sys
from svhn_lab.params import Compute
from svhn_lab.training.fan_out import fan_out

nowhere = Compute(backend="ray", address=sys.argv[1], cpus_per_run=1, gpus_per_run=0)
fan_out(print, range(2), compute=nowhere)
"""


@pytest.mark.slow
@pytest.mark.parametrize("address", ["auto", "127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_named_soon(address: str) -> None:
    # In a process of its own: this one has imported Ray, and may have had a cluster.
    command = [sys.executable, "-c", WITHOUT_CLUSTER, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    said = f"UserError: params.yaml: compute.address: no Ray cluster answers at {address!r}"
    assert said in done.stderr


def test_runs_are_on_the_processor_unless_gpus_are_asked_for() -> None:
    assert device() == device_of(HERE) == CPU
    with computing_on(torch.device("meta")):
        assert device().type == "meta"
    assert device() == CPU


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about a machine without a GPU")
def test_a_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match=r"gpus_per_run: is 0\.5, but torch finds no GPU"):
        device_of(HERE.model_copy(update={"gpus_per_run": 0.5}))


@pytest.mark.parametrize(("share", "at_most"), [(0, 64), (0.5, 2), (1, 1), (2, 1)])
def test_runs_on_a_gpu_share_the_first_one(
    share: float, at_most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("svhn_lab.training.fan_out.cpu_count", lambda: 64)
    assert local_workers(HERE.model_copy(update={"gpus_per_run": share})) == at_most


def grown(megabytes: int) -> int:
    """The process, which from now on holds so much more."""
    KEPT.append(b"x" * (megabytes * 2**20))
    time.sleep(1.5)  # loky looks at most once a second
    return os.getpid()


KEPT: list[bytes] = []


def test_a_worker_may_keep_what_it_has_freed() -> None:
    assert len(set(fan_out(grown, [1, 1, 400, 400, 1, 1], workers=2))) == 2
