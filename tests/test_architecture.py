"""The shape of the code: imports run downwards, stages depend in dvc.yaml on what they import, and
names are where a reader looks for them."""

import ast
import copy
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import ruamel.yaml
from ruamel.yaml import YAML

from svhn_lab.tracking import record

PROJECT = Path(__file__).parents[1]
SOURCE = PROJECT / "src"
PACKAGE = SOURCE / "svhn_lab"
GRAPH = record.definitions(PROJECT)

# Each may import itself and what stands below it.
LAYERS = {
    "stages": 8,
    "training": 7,
    "tracking": 7,
    "report": 7,
    "evidence": 7,
    "nets": 6,
    "data": 6,
    "params": 5,
    "contest_params": 4,
    "transfer_params": 4,
    "recipes": 3,
    "schema": 2,
    "wrong_params": 1,
    "defaults": 0,
    "errors": 0,
}

# What a stage imports without its outs depending on it: how messages read, how params.yaml is read
# (the values are tracked as params), how files are written, and the mirror, which is no out.
NO_DEPENDENCY = {
    "contest_params.py",
    "errors.py",
    "params.py",
    "recipes.py",
    "schema.py",
    "transfer_params.py",
    "wrong_params.py",
    "report/formats.py",
    "report/tables.py",
    "stages/durations.py",
    "stages/extras.py",
    "stages/mirroring.py",
    "tracking/entities.py",
    "tracking/files.py",
    "tracking/mirror.py",
    "tracking/notes.py",
    "tracking/process.py",
    "tracking/progress.py",
    "tracking/reconcile.py",
    "tracking/roles.py",
    "tracking/store.py",
}


def imported(file: Path) -> set[Path]:
    """The package's modules that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    candidates = {SOURCE / (name.replace(".", "/") + ".py") for name in names}
    return {path for path in candidates if path.is_file()}


@cache
def reached(file: Path) -> frozenset[Path]:
    """The package's modules that run when a module is used, itself among them."""
    seen, todo = {file}, [file]
    while todo:
        new = imported(todo.pop()) - seen
        seen |= new
        todo += new
    return frozenset(seen)


def layer(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path.name not in ("__init__.py", "__main__.py", "cli.py")
)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards(module: Path) -> None:
    for other in imported(module):
        below = LAYERS[layer(other)] < LAYERS[layer(module)]
        # Two layers side by side may see each other only where one is the other's vocabulary.
        same = layer(other) == layer(module)
        nets_on_data = (layer(module), layer(other)) == ("nets", "data")
        assert below or same or nets_on_data, f"{module} imports {other}"


def test_every_stage_has_a_module_and_a_command_of_its_name() -> None:
    from svhn_lab.cli import cli

    for stage, definition in GRAPH.items():
        assert (PACKAGE / "stages" / f"{stage}.py").is_file()
        assert definition["cmd"].startswith(f"python -m svhn_lab {stage}")
        assert stage in cli.commands


@pytest.mark.parametrize("stage", GRAPH)
def test_a_stage_depends_on_exactly_the_sources_that_it_imports(stage: str) -> None:
    used = {
        path.relative_to(PACKAGE).as_posix()
        for path in reached(PACKAGE / "stages" / f"{stage}.py")
        if path.name != "__init__.py"
    } - (set() if stage == "check" else NO_DEPENDENCY)
    named = [
        dependency.removeprefix("src/svhn_lab/")
        for dependency in GRAPH[stage]["deps"]
        if dependency.startswith("src/")
    ]
    missing = {
        file for file in used if not any(file == n or file.startswith(n + "/") for n in named)
    }
    unused = {n for n in named if not any(file == n or file.startswith(n + "/") for file in used)}
    assert not missing and not unused


def test_only_what_evaluates_depends_on_the_test_digits() -> None:
    dependents = {
        stage
        for stage, definition in GRAPH.items()
        if "data/prepared/test" in definition["deps"] or "data/prepared" in definition["deps"]
    }
    assert dependents == {"evaluate", "contests"}


def outs(definition: dict[str, Any]) -> list[str]:
    """The paths of a stage's outs, with and without settings of their own."""
    listed = definition.get("outs", []) + definition.get("metrics", [])
    return [path for out in listed for path in ([out] if isinstance(out, str) else out)]


def clocked(graph: dict[str, Any]) -> set[str]:
    """The stages that depend on something with a clock in it."""
    clocks = [*outs(graph["timing"]), "results/provenance", "results"]
    return {
        stage
        for stage, definition in graph.items()
        for dependency in definition["deps"]
        if dependency in clocks or dependency.startswith("results/provenance")
    }


def test_nothing_but_the_report_depends_on_a_clock() -> None:
    assert clocked(GRAPH) == {"report"}
    for clock in ("results/timing.json", "results/provenance/train"):
        wrong = copy.deepcopy(GRAPH)
        wrong["evaluate"]["deps"].append(clock)
        assert clocked(wrong) == {"report", "evaluate"}


def test_mlflows_own_environment_has_what_the_project_needs() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    environment = YAML(typ="safe").load((PROJECT / "python_env.yaml").read_text())
    assert environment["dependencies"] == project["dependencies"]


def test_yaml_is_parsed_in_c() -> None:
    assert ruamel.yaml.__with_libyaml__, "else DVC spends seconds on params.yaml"
