"""`status` (no stage of the graph): what is done, what `dvc repro` would run, and how long each
stage took when it last ran here."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from graphlib import TopologicalSorter

import click

from svhn_lab.params import load
from svhn_lab.report.tables import table
from svhn_lab.stages.durations import last
from svhn_lab.stages.repro import changed, opened, upstream

DONE, OUT_OF_DATE, FOLLOWS = "done", "out of date", "follows"


@dataclass(frozen=True)
class State:
    """Of one stage. A stage that `follows` one that is out of date runs if that one's results are
    others than before."""

    stage: str
    state: str
    seconds: float | None  # when it last ran here
    ended: str | None


def states(needs: Mapping[str, set[str]], out_of_date: set[str]) -> list[State]:
    """Every stage, in the order in which they can run; `needs` says what each needs directly."""
    found: dict[str, State] = {}
    for stage in TopologicalSorter(needs).static_order():
        if stage in out_of_date:
            state = OUT_OF_DATE
        elif any(found[needed].state != DONE for needed in needs[stage]):
            state = FOLLOWS
        else:
            state = DONE
        lasted = last(stage)
        found[stage] = State(
            stage, state, lasted and lasted.seconds, None if lasted is None else lasted.ended
        )
    return list(found.values())


def summary(found: list[State], targets: Iterable[str] = ()) -> str:
    """How much there is to do, and how."""
    to_run = [each for each in found if each.state != DONE]
    if not to_run:
        return f"All {len(found)} stages are up to date."
    sure = sum(each.state == OUT_OF_DATE for each in to_run)
    known = [each.seconds for each in to_run if each.seconds is not None]
    took = f"; those of which it is known took {sum(known):.0f} s last time" if known else ""
    return (
        f"{sure} of {len(found)} stages are out of date, {len(to_run) - sure} follow from them"
        f"{took}. `{' '.join(['svhn-lab repro', *targets])}` runs what is needed."
    )


def main(targets: Collection[str] = (), *, as_json: bool) -> None:
    """Prints every stage of the targets and of what they need, or without any of dvc.yaml. Raises
    UserError if params.yaml is wrong, or DVC cannot read the graph."""
    load()  # says what is wrong with it, where DVC would not
    repo = opened()
    needs = upstream(repo, targets)
    found = states(needs, changed(repo, needs))
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
        return
    rows = [
        (
            each.stage,
            each.state,
            "–" if each.seconds is None else f"{each.seconds:.1f}",
            each.ended or "–",
        )
        for each in found
    ]
    click.echo(table(("stage", "state", "took (s)", "ended"), rows))
    click.echo(summary(found, targets))
