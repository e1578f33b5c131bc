"""DVC's lock files, which DVC writes in place whenever a stage begins or ends: whoever kills it
right then leaves half of one, with which no command of DVC goes on."""

import json
from pathlib import Path

from dvc.dvcfile import Lockfile
from dvc.utils.strictyaml import YAMLValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

# Each with what DVC puts before the names of its stages.
LOCKS = {Path("dvc.lock"): "", Path("contests/dvc.lock"): "contests/dvc.yaml:"}

AT_WORK = Path(".dvc/tmp/rwlock")  # what DVC's processes read and write at this moment
BUSY = ("Unable to acquire lock", "is busy")  # what DVC says while another process has its lock


def is_busy(said: str) -> bool:
    """Whether a command of DVC that failed, and said this, only came while another was at work."""
    return any(words in said for words in BUSY)


def half_written() -> list[Path]:
    """Those that DVC cannot read."""
    return [lock for lock in (*LOCKS, AT_WORK) if lock.exists() and not _is_whole(lock)]


def remedy(lock: Path) -> str:
    """What brings back all that the lock file has said, as far as DVC has it in its cache."""
    if lock == AT_WORK:
        return f"rm {lock}, while no dvc runs here; nothing is lost with it"
    command = "dvc repro" if lock == Path("dvc.lock") else f"dvc repro {lock.with_suffix('.yaml')}"
    return f"rm {lock}, then {command}, which takes what has been built from DVC's cache"


def locked_stages() -> set[str]:
    """The stages that have been built, as DVC names them."""
    return {
        before + stage
        for lock, before in LOCKS.items()
        if lock.exists()
        for stage in _read(lock)["stages"]
    }


def _read(lock: Path) -> dict[str, dict[str, object]]:
    content: dict[str, dict[str, object]] = YAML(typ="safe").load(lock.read_text(encoding="utf-8"))
    return content


def _is_whole(lock: Path) -> bool:
    try:
        if lock == AT_WORK:
            json.loads(lock.read_text(encoding="utf-8"))
        else:
            Lockfile.validate(_read(lock), str(lock))
    except (ValueError, YAMLError, YAMLValidationError):
        return False
    return True
