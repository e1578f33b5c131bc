"""Which commits and machines results come from."""

from collections.abc import Iterable
from pathlib import Path

from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity


def origin(identities: Iterable[Identity]) -> dict[str, list[str]]:
    """The commits and machines that the runs come from, each once."""
    runs = [record.read_provenance(identity) for identity in identities]
    commits = [f"{run.commit}{', with changes' if run.dirty else ''}" for run in runs if run.commit]
    machines = [
        f"{run.machine['system']}, {run.machine['cores']} cores, Python {run.machine['python']}, "
        + ", ".join(f"{package} {version}" for package, version in run.versions.items())
        for run in runs
    ]
    return {"commits": list(dict.fromkeys(commits)), "machines": list(dict.fromkeys(machines))}


def processor() -> str | None:
    """The name of this machine's processor, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), None)
