"""Many runs side by side: processes on this machine, or tasks of a Ray cluster, by default with one
thread a run. On a CPU that is faster than several threads in one run. Results are the same to the
bit wherever they are computed, and beside how many others; only other numbers of threads round
otherwise. A run whose worker dies is run again."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from loky import cpu_count, get_reusable_executor
from tqdm import tqdm

from svhn_lab.errors import UserError
from svhn_lab.params import Compute
from svhn_lab.training.allocator import keep_freed_memory
from svhn_lab.training.device import computing_on, device_of

# What numpy and scipy multiply with reads these when a worker starts.
THREAD_POOLS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# What a worker keeps of freed memory (see allocator.py) loky takes for a leak, and by default makes
# an end of a worker that holds 300 MB more than after its first run.
WORKER = THREAD_POOLS | {"LOKY_MAX_MEMORY_LEAK_SIZE": "4e9"}
SECONDS_IDLE = 20.0  # after which a worker with nothing to do ends
SECONDS_ORPHANED = 1.0  # that a worker is left without the process that it works for, at most
TRIES = 3  # of a run whose worker is killed each time

Task = TypeVar("Task")
Result = TypeVar("Result")
Collect = Callable[[int, Callable[[], Any]], None]  # by index, what gives a task's result or raises

HERE = Compute(backend="local", address=None, cpus_per_run=1, gpus_per_run=0)


class WorkerLost(UserError):
    """The process of a run was killed, as often as it was tried."""

    def __init__(self) -> None:
        super().__init__(
            f"the process of a run was killed {TRIES} times; if memory is short, let fewer run at "
            "once (set LOKY_MAX_CPU_COUNT=1, and JOBS=1 for `make lab`)"
        )


def confine(compute: Compute = HERE) -> None:
    """Gives torch in this process the threads of one run, and the memory that it frees."""
    torch.set_num_threads(compute.cpus_per_run)
    keep_freed_memory()


def fan_out(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    compute: Compute = HERE,
    workers: int | None = None,
    on_result: Callable[[Result], None] = lambda _: None,
    unit: str = "run",
) -> list[Result]:
    """`function` of every task, in the order of the tasks; `on_result` as each is done, in this
    process, where a bar counts them, each a `unit`. On this machine as many as there are `workers`
    run at once, by default one a core (or as few as `compute` allows).

    One failing task does not stop the others: they finish, then the failures are raised together
    as an ExceptionGroup. With one local worker everything happens in this process. Raises UserError
    if Ray is asked for and cannot be had.
    """
    results: dict[int, Result] = {}
    failures: list[Exception] = []
    with tqdm(total=len(tasks), unit=unit, disable=None, leave=False) as bar:

        def collect(index: int, get: Callable[[], Result]) -> None:
            try:
                results[index] = get()
            except Exception as failure:
                failures.append(failure)
            else:
                on_result(results[index])
            bar.update()

        workers = min(len(tasks), workers or local_workers(compute))
        if compute.backend == "ray":
            _on_ray(function, tasks, compute, collect)
        elif workers <= 1:
            confine(compute)
            with computing_on(device_of(compute)):
                for index, task in enumerate(tasks):
                    collect(index, partial(function, task))
        else:
            here = str(Path.cwd())  # workers may have begun elsewhere
            _in_processes(partial(_there, function, compute, here), tasks, workers, collect)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(tasks)} runs failed", failures)
    return [results[index] for index in range(len(tasks))]


def local_workers(compute: Compute) -> int:
    """How many runs have room on this machine at once; all of them on its first GPU, if on one, as
    it is Ray that can hand out several."""
    workers: int = cpu_count() // compute.cpus_per_run
    if compute.gpus_per_run:
        workers = min(workers, int(1 / compute.gpus_per_run))
    return max(1, workers)


def _there(function: Callable[[Task], Result], compute: Compute, folder: str, task: Task) -> Result:
    """The task in a worker; `folder` is where the paths of this project begin."""
    confine(compute)
    os.chdir(folder)
    with computing_on(device_of(compute)):
        return function(task)


def _end_with(parent: int) -> None:
    """Has this worker end soon after the process that it works for, however that ends. Otherwise it
    would go on to the end of its run, beside whoever has begun the same run again."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_ORPHANED)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _in_processes(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int, collect: Collect
) -> None:
    left = dict(enumerate(tasks))

    def submit(some: Mapping[int, Task], workers: int) -> None:
        # Workers stay for the next fan-out: each has imported torch, which takes seconds.
        executor = get_reusable_executor(
            max_workers=workers,
            env=WORKER,
            timeout=SECONDS_IDLE,
            initializer=_end_with,
            initargs=(os.getpid(),),
        )
        try:
            futures = {executor.submit(function, task): index for index, task in some.items()}
            for future in as_completed(futures):
                # When one worker is killed, what is not done yet is lost with it.
                if not isinstance(future.exception(), BrokenProcessPool):
                    del left[futures[future]]
                    collect(futures[future], future.result)
        except BaseException:
            executor.shutdown(kill_workers=True)
            raise

    for _ in range(TRIES - 1):
        submit(dict(left), workers)
        if not left:
            return
    # At last each is alone: it has all of the memory, and if it is killed, no other one with it.
    for index in list(left):
        submit({index: left[index]}, workers=1)
        if index in left:
            collect(index, _raise_lost)


def _raise_lost() -> None:
    raise WorkerLost


@contextmanager
def _environment_with(variables: Mapping[str, str]) -> Iterator[None]:
    """Within it, this process's environment has these as well."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]


def _on_ray(
    function: Callable[[Task], Result], tasks: Sequence[Task], compute: Compute, collect: Collect
) -> None:
    if compute.address is not None:
        # A try waits for half a minute; Ray, which reads this when imported, makes twenty of them.
        os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "1")
    try:
        import ray
    except ImportError:
        raise UserError(
            "params.yaml: compute.backend: is ray, which is not installed; install it with "
            "`pip install 'svhn-lab[ray]'`, or set backend: local"
        ) from None
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    where: dict[str, Any] = {"address": compute.address, "runtime_env": {"env_vars": THREAD_POOLS}}
    environment = {}
    if compute.address is None:
        # What is started here inherits these, sooner than Ray would set them. A cluster's machines
        # have a Python of their own.
        environment = {**THREAD_POOLS, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        where = {"address": "local", "include_dashboard": False}  # whatever others have started
    try:
        with _environment_with(environment):
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **where)
    except (ConnectionError, ValueError) as failure:
        raise UserError(
            f"params.yaml: compute.address: no Ray cluster answers at {compute.address!r} "
            f"({failure}); start one with `ray start --head`, or set address: null"
        ) from None
    run = ray.remote(
        num_cpus=compute.cpus_per_run, num_gpus=compute.gpus_per_run, max_retries=TRIES - 1
    )(_there)

    def result(reference: Any) -> Any:
        try:
            return ray.get(reference)
        except ray.exceptions.RayTaskError as failure:
            raise failure.cause from None
        except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError):
            raise WorkerLost from None

    here = str(Path.cwd())
    try:
        pending = {
            run.remote(function, compute, here, task): index for index, task in enumerate(tasks)
        }
        while pending:
            [done], _ = ray.wait(list(pending), num_returns=1)
            collect(pending.pop(done), partial(result, done))
    finally:
        ray.shutdown()
