"""seeds.py of the contests: one line of params.yaml changes, and no other."""

from contests.seeds import with_seeds
from svhn_lab.params import PARAMS_FILE


def test_the_seeds_alone_change() -> None:
    text = PARAMS_FILE.read_text(encoding="utf-8")
    before, after = text.splitlines(), with_seeds(text, 3).splitlines()
    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert [line.split("#")[0].rstrip() for _, line in changed] == ["  seeds: [0, 1, 2]"]
    assert with_seeds(with_seeds(text, 3), 5) == text
