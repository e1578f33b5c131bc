"""`repro` (no stage of the graph): what `dvc repro` does, with stages that do not need each other
side by side. A stage spends seconds on starting, so that two at once are quicker even where each
could use every core; the results are the same."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from graphlib import TopologicalSorter
from types import FrameType

import click
import psutil
from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import Repo
from loky import cpu_count

from svhn_lab.errors import UserError
from svhn_lab.params import load
from svhn_lab.stages import lockfiles
from svhn_lab.stages.layout import GRAPH
from svhn_lab.stages.preloaded import preloading

HINT = "To track the changes with git, run:"  # after each stage, and once is enough
TRIES = 100
SECONDS_BETWEEN_TRIES = 0.5
SKIPPED = "didn't change, skipping"
# Before others that become ready with it: it uses one core however many are free, and late it would
# run beside `evaluate`, which would then have half of the machine.
FIRST = ("timing",)


@dataclass(frozen=True)
class Outcome:
    """What `dvc repro` made of one stage."""

    failed: bool
    output: str
    seconds: float

    @property
    def ran(self) -> bool:
        """Whether the outs may be others than before."""
        return SKIPPED not in self.output


def opened() -> Repo:
    """The project as DVC sees it. Raises UserError if there is none here, or if DVC was killed
    while it wrote a lock file."""
    for lock in lockfiles.half_written():
        raise UserError(f"{lock}: is half-written; {lockfiles.remedy(lock)}")
    try:
        return Repo()
    except DvcException as failure:
        raise UserError(f"dvc.yaml: {failure}") from None


def upstream(repo: Repo, targets: Iterable[str] = ()) -> dict[str, set[str]]:
    """By stage, what it needs directly: of the targets, or without any of all that dvc.yaml has,
    and all that they need. Raises UserError if DVC knows no such target."""
    try:
        graph = repo.index.graph
        named = list(targets) or [str(GRAPH)]
        wanted = {stage for target in named for stage in repo.stage.collect(target)}
    except DvcException as failure:
        raise UserError(f"dvc.yaml: {failure}") from None
    needed = {stage.addressing: {s.addressing for s in graph.successors(stage)} for stage in graph}
    kept: dict[str, set[str]] = {}
    todo = [stage.addressing for stage in wanted]
    while todo:
        stage = todo.pop()
        if stage not in kept:
            kept[stage] = needed[stage]
            todo += needed[stage]
    return {stage: kept[stage] for stage in needed if stage in kept}  # as dvc.yaml lists them


def changed(repo: Repo, stages: Collection[str]) -> set[str]:
    """Which of the stages DVC finds out of date as things are. Raises UserError if it cannot tell,
    as while one runs."""
    # By file, as DVC reads that anew for every stage that is named.
    graphs = sorted({stage.rpartition(":")[0] or str(GRAPH) for stage in stages})
    try:
        return set(repo.status(targets=graphs)) & set(stages)
    except LockError:
        raise UserError(
            "a stage runs in this checkout, and DVC tells nothing meanwhile; wait until it is "
            "done, or see by `svhn-lab ui` how far its runs have come"
        ) from None
    except DvcException as failure:
        raise UserError(f"dvc status: {failure}") from None


def repro_alone(
    stage: str, workers: int, variables: Mapping[str, str], over: threading.Event
) -> Outcome:
    """`dvc repro` of this stage without what it needs, with these environment variables; so many of
    its runs go on at once. While DVC is locked by another stage that starts or ends, it is tried
    again. Once all is `over` it does not begin, or ends."""
    command = [sys.executable, "-m", "dvc", "repro", "--single-item", stage]
    environment = {**os.environ, **variables, "LOKY_MAX_CPU_COUNT": str(workers)}
    started = time.monotonic()
    failed, said = True, ""
    for _ in range(TRIES):
        if over.is_set():
            break
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            if over.is_set():  # too late for who has ended the others
                process.terminate()
            said, _ = process.communicate()
        failed = bool(process.returncode)
        if not (failed and lockfiles.is_busy(said)):
            break
        over.wait(SECONDS_BETWEEN_TRIES)
    return Outcome(failed, said.partition(HINT)[0].strip(), time.monotonic() - started)


def height(needs: Mapping[str, set[str]]) -> dict[str, int]:
    """By stage, how many follow one on another behind it."""
    heights = dict.fromkeys(needs, 0)
    for stage in reversed(list(TopologicalSorter(needs).static_order())):
        for needed in needs[stage]:
            heights[needed] = max(heights[needed], heights[stage] + 1)
    return heights


def in_turn(stages: Iterable[str], heights: Mapping[str, int]) -> list[str]:
    """These stages, which are ready, in the order in which they begin."""
    return sorted(stages, key=lambda stage: (stage not in FIRST, -heights[stage]))


@contextmanager
def threads(number: int, over: threading.Event) -> Iterator[ThreadPoolExecutor]:
    """So many. Whatever ends the body, Ctrl-C too, sets `over`, and what waits for a thread does
    not begin any more. On an exit, processes that have been started are ended too: unlike Ctrl-C,
    the signal that asked for it has reached this one alone."""
    pool = ThreadPoolExecutor(number)
    try:
        yield pool
    except SystemExit:
        over.set()
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.terminate()
        raise
    finally:
        over.set()
        pool.shutdown(cancel_futures=True)


def exit_on(number: int, _: FrameType | None) -> None:
    """Ends this process by its own means on a signal, with the code that a shell has for it."""
    sys.exit(128 + number)


def main(targets: Iterable[str], jobs: int) -> None:
    """Brings the targets, or all, up to date. Raises UserError if params.yaml is wrong, if a stage
    fails, after those beside it have ended, or if DVC was killed while it wrote its lock file."""
    signal.signal(signal.SIGTERM, exit_on)
    cpus_per_run = load().compute.cpus_per_run  # says what is wrong with it, where DVC would not
    repo = opened()
    needs = upstream(repo, targets)
    out_of_date = changed(repo, needs)
    jobs = min(jobs, max(1, cpu_count() // cpus_per_run))
    heights = height(needs)
    order = TopologicalSorter(needs)
    order.prepare()
    ran, over = set[str](), threading.Event()
    failed: list[str] = []
    num_done = 0
    preloaded: AbstractContextManager[dict[str, str]] = (
        preloading() if out_of_date else nullcontext({})
    )
    with preloaded as variables, threads(jobs, over) as pool:
        going: dict[Future[Outcome], str] = {}
        while going or (order.is_active() and not failed):
            ready = () if failed else order.get_ready()
            to_run = [stage for stage in ready if stage in out_of_date or needs[stage] & ran]
            side_by_side = min(jobs, len(going) + len(to_run))
            for stage in in_turn(to_run, heights):
                workers = max(1, cpu_count() // side_by_side)
                going[pool.submit(repro_alone, stage, workers, variables, over)] = stage
            for stage in set(ready) - set(to_run):
                num_done += 1
                order.done(stage)
            for future in wait(going, return_when=FIRST_COMPLETED).done:
                stage = going.pop(future)
                if future.cancelled():
                    continue
                outcome = future.result()
                num_done += 1
                progress = f"[{num_done}/{len(needs)}] {stage}: {outcome.seconds:.1f} s"
                click.echo(f"{outcome.output}\n{progress}\n")
                if outcome.failed:
                    failed.append(stage)
                    for other in going:
                        other.cancel()
                elif outcome.ran:
                    ran.add(stage)
                order.done(stage)
    if failed:
        raise UserError(f"{', '.join(failed)}: failed; what it said is above")
    click.echo(f"repro: {len(needs)} stages up to date, {len(ran)} of them made anew")
