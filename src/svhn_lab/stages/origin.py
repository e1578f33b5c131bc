"""Which commits and machines results come from."""

from collections.abc import Iterable

from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity, Provenance


def changes(run: Provenance) -> str:
    """What is said of a commit, if the checkout differed from it."""
    if not run.dirty:
        return ""
    return ", with uncommitted changes" + (f" in {', '.join(run.changed)}" if run.changed else "")


def origin(identities: Iterable[Identity]) -> dict[str, list[str]]:
    """The commits and machines that the runs come from, each once."""
    runs = [record.read_provenance(identity) for identity in identities]
    commits = [f"{run.commit}{changes(run)}" for run in runs if run.commit]
    machines = [
        ", ".join(
            [
                run.machine["system"],
                run.machine.get("processor") or "unknown processor",
                f"{run.machine['cores']} cores",
                f"Python {run.machine['python']}",
                *(f"{package} {version}" for package, version in run.versions.items()),
            ]
        )
        for run in runs
    ]
    return {"commits": list(dict.fromkeys(commits)), "machines": list(dict.fromkeys(machines))}
