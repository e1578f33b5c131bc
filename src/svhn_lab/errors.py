"""The one exception that means "the user can mend this": shown as a message, never a traceback."""

from pathlib import Path


class UserError(Exception):
    """What is wrong, where (file, key), and what would be right, in words for the user."""


def damaged(place: Path, stage: str) -> UserError:
    """That what the stage has left at this place cannot be read any more."""
    return UserError(
        f"{place}: is damaged; `dvc checkout --force {stage}` brings it back, or "
        f"`dvc repro {stage}` makes it anew"
    )
