"""Records -> MLflow. Mirroring is idempotent: one content key is one finished run, however often
it is mirrored; a run of the same name with another key is marked superseded. A run is FINISHED (or
FAILED, if its record says so) only when all of it is there; whatever is not is made anew."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlflow.entities import Metric, Param, Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NOTE

from svhn_lab.tracking.entities import (
    dataset_input,
    ended,
    epoch_metrics,
    final_metrics,
    milliseconds,
    tags,
)
from svhn_lab.tracking.notes import note
from svhn_lab.tracking.record import BESIDE, RUNS, Provenance, Record
from svhn_lab.tracking.roles import (
    ARM,
    DVC_EXPERIMENT,
    FILES,
    KEY,
    NAME,
    STAGE,
    SUPERSEDED,
    Roles,
    in_charge,
    is_back,
    sort_out,
    status,
)
from svhn_lab.tracking.store import connect, locked, open_store, own_experiment, runs_of

RECORD_FILES = ("run.json", *BESIDE)
METRICS_PER_BATCH = 1000  # MLflow takes no more at once


@dataclass
class Live:
    """A run that this process logs while it goes on."""

    run_id: str
    started: str
    num_epochs: int = 0  # logged so far

    def is_of(self, record: Record, circumstances: Provenance) -> bool:
        """Whether it shows the beginning of this run, and not of one that has begun anew since."""
        same = self.started == circumstances.started
        return same and self.num_epochs <= len(record.curves)


PAGE = 1000  # runs that the store is asked for at once


class Mirror:
    """The lab's experiment in an MLflow store. What its methods do to one run is done under the
    lock of the checkout, so that two processes never make the same run."""

    def __init__(self, *, to_look: bool = False) -> None:
        """With `to_look`, no experiment is made, and no run can be added."""
        if to_look:
            self.client, self.experiment = connect(), ""
        else:
            self.client, self.experiment = open_store()
        # A run made inside `mlflow run` lies in its parent's experiment. Of any others, which may
        # be other people's, nothing is touched.
        tagged = self.client.search_experiments(filter_string=f"tags.`{runs_of()}` = 'true'")
        own = own_experiment(self.client)
        self.experiments = [str(experiment.experiment_id) for experiment in tagged]
        self.experiments += [own] if own and own not in self.experiments else []
        self._live: dict[str, Live] = {}  # by key
        self._ended: set[str] = set()  # keys

    def runs(self, condition: str = f"tags.`{KEY}` != ''") -> list[Run]:
        """Every run of the lab that meets the condition."""
        found: list[Run] = []
        token = None if self.experiments else ""
        while token != "":
            page = self.client.search_runs(
                self.experiments, condition, max_results=PAGE, page_token=token
            )
            found += page
            token = page.token or ""
        return found

    def logs(self, run: Run) -> bool:
        """Whether this process logs the run right now."""
        return run.info.run_id in {live.run_id for live in self._live.values()}

    def follow(self, record: Record, circumstances: Provenance) -> None:
        """Logs how far a run that goes on has come, each epoch once."""
        with locked():
            if record.key in self._ended:
                return
            live = self._live.get(record.key)
            if live and not live.is_of(record, circumstances):
                self.client.delete_run(self._live.pop(record.key).run_id)
            if record.key not in self._live:
                if self._clear(record, circumstances).whole is not None:
                    self._ended.add(record.key)  # the same run was there before
                    return
                self._live[record.key] = self._begin(record, circumstances)
            try:
                self._log_epochs(self._live[record.key], record, circumstances)
            except Exception:
                # What has been logged is not known: `add` will make the run anew.
                del self._live[record.key]
                raise

    def add(self, record: Record, circumstances: Provenance) -> str:
        """The id of the run's one mirror image, made or repaired if need be."""
        with locked():
            self._ended.add(record.key)
            live = self._live.pop(record.key, None)
            if live and not live.is_of(record, circumstances):
                live = None  # which leaves it to be cleared away
            found = self._clear(record, circumstances, kept=live)
            if found.whole is not None:
                if live is not None:  # another process was faster
                    self.client.delete_run(live.run_id)
                run_id = str(found.whole.info.run_id)
                if is_back(found.whole, circumstances.dvc_experiment):
                    self.client.delete_tag(run_id, SUPERSEDED)
            else:
                live = live or self._begin(record, circumstances)
                self._log_epochs(live, record, circumstances)
                self._end(live.run_id, record, circumstances)
                run_id = live.run_id
            if record.members:
                self.adopt(run_id, record, circumstances)
            return run_id

    def adopt(self, run_id: str, record: Record, circumstances: Provenance) -> None:
        """Puts the runs that the record sums up under its own run; a temporary copy of the checkout
        leaves those of the checkout where they are."""
        members, identity = set(record.members), record.identity
        # The members of an arm of the contests are of another stage than what sums them up.
        tag, value = (ARM, identity.arm) if identity.arm else (STAGE, identity.stage)
        for run in self.runs(f"tags.`{tag}` = '{value}'"):
            tags = run.data.tags
            its_own = in_charge(tags.get(DVC_EXPERIMENT), circumstances.dvc_experiment)
            if tags[KEY] in members and its_own and tags.get(MLFLOW_PARENT_RUN_ID) != run_id:
                self.client.set_tag(run.info.run_id, MLFLOW_PARENT_RUN_ID, run_id)

    def attach(self, run_id: str, figures: Mapping[str, float]) -> None:
        """Logs further figures on a finished run; those that it has already are left alone, and of
        others MLflow shows the newest."""
        if new := missing_figures(self.client.get_run(run_id), figures):
            now = milliseconds(datetime.now(UTC).isoformat())
            values = [Metric(name, v, now, 0) for name, v in new.items()]
            self.client.log_batch(run_id, values)

    def attach_files(self, run_id: str, files: Sequence[Path]) -> None:
        """Logs further files on a finished run."""
        for file in files:
            self.client.log_artifact(run_id, str(file), "plots")
        self.client.set_tag(run_id, FILES, files_digest(files))

    def _clear(self, record: Record, circumstances: Provenance, kept: Live | None = None) -> Roles:
        """Marks or deletes what other runs there are of the record's name."""
        runs = [
            run
            for run in self.runs(f"tags.`{NAME}` = '{record.identity.name}'")
            if kept is None or run.info.run_id != kept.run_id
        ]
        found = sort_out(runs, record.key, status(record), circumstances.dvc_experiment)
        for run in found.outdated:
            self.client.set_tag(run.info.run_id, SUPERSEDED, "true")
        for run in (*found.broken, *found.doubled):
            self.client.delete_run(run.info.run_id)
        return found

    def _begin(self, record: Record, circumstances: Provenance) -> Live:
        run = self.client.create_run(
            self.experiment,
            start_time=milliseconds(circumstances.started),
            run_name=record.identity.name,
            tags=tags(record, circumstances),
        )
        run_id = str(run.info.run_id)
        params = [Param(name, str(value)) for name, value in record.params.items()]
        self.client.log_batch(run_id, params=params)
        self.client.log_inputs(run_id, [dataset_input(record)])
        return Live(run_id, circumstances.started)

    def _log_epochs(self, live: Live, record: Record, circumstances: Provenance) -> None:
        self._log(live.run_id, epoch_metrics(record, circumstances, after=live.num_epochs))
        live.num_epochs = len(record.curves)

    def _end(self, run_id: str, record: Record, circumstances: Provenance) -> None:
        self._log(run_id, final_metrics(record, circumstances))
        for file in RECORD_FILES:  # the folder of a run that sums up others holds theirs too
            self.client.log_artifact(run_id, str(RUNS / record.identity.path / file), "record")
        self.client.set_tag(run_id, MLFLOW_RUN_NOTE, note(record))
        if record.failure is not None:
            self.client.set_tag(run_id, "svhn_lab.failure", record.failure)
        self.client.set_terminated(run_id, status(record), end_time=ended(circumstances))

    def _log(self, run_id: str, values: list[Metric]) -> None:
        for i in range(0, len(values), METRICS_PER_BATCH):
            self.client.log_batch(run_id, values[i : i + METRICS_PER_BATCH])


def missing_figures(run: Run, figures: Mapping[str, float]) -> dict[str, float]:
    """Those of the figures that the run does not show."""
    return {name: v for name, v in figures.items() if run.data.metrics.get(name) != v}


def files_digest(files: Iterable[Path]) -> str:
    """md5 of the files' names and content."""
    digest = hashlib.md5()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
