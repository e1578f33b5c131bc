"""The lab at toy size: the shipped params.yaml with few arms and whatever else is changed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def merge(tree: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Sets the leaves of `changes` in `tree`; None removes what is there."""
    for key, value in changes.items():
        if value is None:
            del tree[key]
        elif isinstance(value, Mapping):
            merge(tree.setdefault(key, {}), value)
        else:
            tree[key] = value


def change_params(project: Path, changes: Mapping[str, Any]) -> None:
    """Changes the project's params.yaml, and nothing else in it."""
    yaml = YAML()
    tree = yaml.load(project / "params.yaml")
    merge(tree, changes)
    yaml.dump(tree, project / "params.yaml")


def keep_arms(project: Path, *arms: str) -> None:
    """Removes every other arm from the project's params.yaml, with what is said of it."""
    yaml = YAML()
    tree = yaml.load(project / "params.yaml")
    report = tree["lab_report"]
    for section in (tree["arms"], tree["references"], report["accuracy"]):
        for name in [name for name in section if name not in arms]:
            del section[name]
    for arm in [arm for arm, other in tree["references"].items() if other not in arms]:
        del tree["references"][arm]
    for name, claim in list(report["claims"].items()):
        if not {claim["arm"], claim["reference"]} <= set(arms):
            del report["claims"][name]
    yaml.dump(tree, project / "params.yaml")
