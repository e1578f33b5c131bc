"""README.md: a newcomer who types its commands, one after the other, gets through."""

import re
import sys
from pathlib import Path

import pytest
from clone import TINY, Clone
from toy import keep_arms

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# What goes on until it is stopped is tried in test_browser.py and test_serving.py; `make test` is
# what is going on now.
ELSEWHERE = ("svhn-lab ui", "mlflow models serve", "make test")

pytestmark = pytest.mark.slow


def commands() -> list[str]:
    """Every command of the README, in order, without what is said of it."""
    lines = [line.strip() for block in BLOCK.finditer(README) for line in block[1].splitlines()]
    return [re.sub(r"\s+#.*$", "", line) for line in lines]


def test_every_command_works_in_the_order_of_the_page(tmp_path: Path) -> None:
    lab = Clone.of_project(tmp_path / "lab", TINY)
    keep_arms(lab.path, "baseline", "preact")
    # This environment is the one that `make setup` would make.
    (lab.path / ".venv").symlink_to(sys.prefix)
    tried = []
    for command in commands():
        if command.startswith(ELSEWHERE):
            continue
        if command == "make lab":
            printed = lab.run("make", "-o", ".venv/.installed", "lab")
            assert "The page:  results/page/index.html" in printed
            assert (lab.path / "results/page/index.html").exists()
            (lab.path / "photo.jpg").write_bytes((lab.path / "results/preview.png").read_bytes())
        else:
            lab.run("bash", "-euc", command)
        tried.append(command)
    assert {"make lab", "svhn-lab doctor", "svhn-lab compare preact baseline"} <= set(tried)
    assert len(tried) >= 14
