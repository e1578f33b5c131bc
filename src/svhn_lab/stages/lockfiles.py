"""DVC's lock files, of which DVC writes each in place at every stage's end: whoever kills it right
then leaves half of one, with which no command of DVC goes on."""

from pathlib import Path

from dvc.dvcfile import Lockfile
from dvc.utils.strictyaml import YAMLValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

# Each with what DVC puts before the names of its stages.
LOCKS = {Path("dvc.lock"): "", Path("contests/dvc.lock"): "contests/dvc.yaml:"}


def half_written() -> list[Path]:
    """Those that DVC cannot read."""
    return [lock for lock in LOCKS if lock.exists() and not _is_whole(lock)]


def remedy(lock: Path) -> str:
    """What brings back all that the lock file has said, as far as DVC has it in its cache."""
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
        Lockfile.validate(_read(lock), str(lock))
    except (YAMLError, YAMLValidationError, UnicodeDecodeError):
        return False
    return True
