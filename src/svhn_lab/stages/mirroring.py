"""The stages' way to MLflow. A store that cannot be used loses nothing and stops nothing: the
records are on disk, it is said once, and whichever stage next finds the store there catches up with
all that is on disk, as `svhn-lab sync` does."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from svhn_lab.tracking import progress, record
from svhn_lab.tracking.record import Identity

if TYPE_CHECKING:
    from svhn_lab.tracking.mirror import Mirror

BEHIND = Path(".mlflow.behind")  # is there while MLflow lacks something that is on disk
SECONDS_BETWEEN_LOOKS = 1.0  # at runs that go on
SECONDS_BETWEEN_TRIES = 15.0  # at a store that could not be used


def mirror(identities: Iterable[Identity]) -> None:
    """Puts these runs, which are done, into MLflow, now or later."""

    # Read first: that a record is damaged is no fault of the store.
    done = [(record.read(each), record.read_provenance(each)) for each in identities]

    def add(lab: "Mirror") -> None:
        for run, circumstances in done:
            lab.add(run, circumstances)

    if not _STORE.attempt(add):
        BEHIND.touch()


def mirror_all() -> None:
    """Makes MLflow hold all that is on disk, test figures and plots among it, now or later."""
    if not _STORE.attempt(_catch_up):
        BEHIND.touch()


@contextmanager
def followed(identities: Iterable[Identity]) -> Iterator[None]:
    """Within it MLflow shows how far these runs have come. They are trained in any process that
    shares this disk; a store that is down keeps none of them waiting."""
    over = threading.Event()

    def look() -> None:
        seen: dict[Identity, int] = {}
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            for identity in identities:
                _follow(identity, seen)

    looking = threading.Thread(target=look, name="mlflow", daemon=True)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()


def _follow(identity: Identity, seen: dict[Identity, int]) -> None:
    """Logs what is new of one run; `seen` has the moments of what was logged."""
    try:
        moment = progress.file(identity).stat().st_mtime_ns
    except FileNotFoundError:
        return
    if seen.get(identity) == moment:
        return
    told = progress.read(identity)
    if told and _STORE.attempt(lambda lab: lab.follow(*told)):
        seen[identity] = moment


class _Store:
    """The lab's store, opened at the first result: MLflow is imported while runs go on. Used by one
    thread at a time."""

    def __init__(self) -> None:
        self._lab: Mirror | None = None
        self._try_from = 0.0
        self._said = False
        self._one_by_one = threading.Lock()

    def attempt(self, action: "Callable[[Mirror], None]") -> bool:
        """Does something with the store; whether it could. A store that could not be used a moment
        ago is not tried."""
        with self._one_by_one:
            if time.monotonic() < self._try_from:
                return False
            began = time.monotonic()
            try:
                from svhn_lab.tracking.mirror import Mirror

                self._lab = self._lab or Mirror()
                action(self._lab)
                if BEHIND.exists():
                    _catch_up(self._lab)
            # Whatever it is (a database's driver, an artifact store's client, a full disk), it
            # concerns the mirror alone, and no stage may fail by it.
            except Exception as failure:
                now = time.monotonic()
                self._try_from = now + max(SECONDS_BETWEEN_TRIES, 5 * (now - began))
                if not self._said:
                    _warn(failure)
                self._said = True
                return False
            return True


_STORE = _Store()


def _catch_up(lab: "Mirror") -> None:
    from svhn_lab.stages import extras
    from svhn_lab.tracking.reconcile import differences

    with catching_up():
        for difference in differences(lab, extras.on_disk()):
            if difference.mend is not None:
                difference.mend()


@contextmanager
def catching_up() -> Iterator[None]:
    """Within it MLflow gets all that is on disk. The mark goes at the end, unless another process
    has made it anew meanwhile; whoever is killed before leaves it."""
    before = _moment_of_mark()
    yield
    if _moment_of_mark() == before:
        BEHIND.unlink(missing_ok=True)


def _moment_of_mark() -> int | None:
    try:
        return BEHIND.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _warn(failure: Exception) -> None:
    from svhn_lab.tracking.store import copied_from, shown_uri

    [first_line, *_] = [*str(failure).strip().splitlines(), type(failure).__name__]
    remedy = (
        "the next stage then catches up, and so does `python -m svhn_lab sync`."
        if copied_from(Path.cwd().resolve()) is None
        else "then `dvc exp apply` brings this experiment's results, and `python -m svhn_lab sync` "
        "its runs."
    )
    click.secho(
        f"MLflow's store {shown_uri()} cannot be used: {first_line}\n"
        "Nothing is lost: the results are on disk. Mend MLFLOW_TRACKING_URI or start its server; "
        f"{remedy}",
        fg="yellow",
        err=True,
    )
