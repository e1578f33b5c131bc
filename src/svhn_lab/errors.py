"""The one exception that means "the user can mend this": shown as a message, never a traceback."""

import difflib
from collections.abc import Iterable
from pathlib import Path


class UserError(Exception):
    """What is wrong, where (file, key), and what would be right, in words for the user."""


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Which of those known is meant by a misspelt word, as a question; `otherwise` if none is
    like it."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean `{close[0]}`?" if close else otherwise


def damaged(place: Path, stage: str) -> UserError:
    """That what the stage has left at this place cannot be read any more."""
    return UserError(
        f"{place}: is damaged; `dvc checkout --force {stage}` brings it back, or "
        f"`dvc repro {stage}` makes it anew"
    )
