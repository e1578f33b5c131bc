"""Many runs side by side: one process a core, one thread a run. On a CPU that is faster than
several threads in one run, and results do not depend on the number of cores."""

from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from functools import partial
from typing import TypeVar

import torch
from loky import cpu_count, get_reusable_executor

# What numpy and scipy multiply with reads these when a worker starts.
THREAD_POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Task = TypeVar("Task")
Result = TypeVar("Result")


def one_thread() -> None:
    """Confines torch in this process to one thread."""
    torch.set_num_threads(1)


def fan_out(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    workers: int | None = None,
    on_result: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """`function` of every task, in the order of the tasks; `on_result` as each is done.

    One failing task does not stop the others: they finish, then the failures are raised together
    as an ExceptionGroup. With one worker everything happens in this process.
    """
    workers = min(len(tasks), workers or cpu_count())
    results: dict[int, Result] = {}
    failures: list[Exception] = []

    def collect(index: int, get: Callable[[], Result]) -> None:
        try:
            results[index] = get()
        except Exception as failure:
            failures.append(failure)
        else:
            on_result(results[index])

    if workers <= 1:
        one_thread()
        for index, task in enumerate(tasks):
            collect(index, partial(function, task))
    else:
        executor = get_reusable_executor(
            max_workers=workers, initializer=one_thread, env=dict.fromkeys(THREAD_POOLS, "1")
        )
        try:
            futures = {executor.submit(function, task): i for i, task in enumerate(tasks)}
            for future in as_completed(futures):
                collect(futures[future], future.result)
        finally:
            executor.shutdown(wait=True)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(tasks)} runs failed", failures)
    return [results[index] for index in range(len(tasks))]
