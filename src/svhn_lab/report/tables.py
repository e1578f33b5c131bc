"""Tables on the terminal."""

from collections.abc import Sequence

from tabulate import tabulate


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of words under a head, aligned: the first column left, the others right."""
    text: str = tabulate(
        rows,
        head,
        tablefmt="simple",
        disable_numparse=True,
        colalign=("left", *["right"] * (len(head) - 1)),
    )
    return text
