"""report.py: what goes into the page and the plots, whatever arms there are."""

from pathlib import Path
from typing import Any

import pytest
from entries import CURVES, entry
from ruamel.yaml import YAML

from svhn_lab.params import Params, parse
from svhn_lab.report import plots
from svhn_lab.stages.layout import PLOTS
from svhn_lab.stages.report import arm_figures, first_shown, plots_of, replace_plots, split_arms

PROJECT = Path(__file__).parents[2]
NAMED = {"accuracy-by-parameters", "accuracy-by-time", "differences", "confusion", "calibration"}


def params(arms: dict[str, Any], references: dict[str, str]) -> Params:
    raw = YAML(typ="safe").load((PROJECT / "params.yaml").read_text())
    return parse(
        raw | {"arms": arms, "references": references, "lab_report": {"accuracy": {}, "claims": {}}}
    )


def test_arms_that_change_the_recipe_and_those_that_change_the_network() -> None:
    split = split_arms(
        params(
            {
                "base": {"net": "baseline"},
                "sgd": {"net": "baseline", "optimizer": "sgd"},
                "deep": {"net": "deeper"},
                "deep-sgd": {"net": "deeper", "optimizer": "sgd"},
                "alone": {"net": "vgg"},
            },
            {"sgd": "base", "deep": "base", "deep-sgd": "deep"},
        )
    )
    assert split == {
        "changed_recipes": {"sgd", "deep-sgd"},
        "changed_networks": {"deep"},
        "recipe_arms": {"sgd", "base", "deep-sgd", "deep"},
        "network_arms": {"base", "deep", "alone"},
    }


def evaluation(classes: int, **arms: dict[str, Any]) -> dict[str, Any]:
    for arm in arms.values():
        arm["confusion"] = [[1] * classes for _ in range(classes)]
    return {"arms": arms, "dataset": {"classes": [f"class-{n}" for n in range(classes)]}}


@pytest.mark.parametrize("classes", [2, 10, 40])
@pytest.mark.parametrize("best", ["base", None])
@pytest.mark.parametrize("seeds", [1, 2])
def test_every_plot_that_dvc_yaml_names_is_drawn_even_of_one_arm(
    classes: int, best: str | None, seeds: int
) -> None:
    alone = entry(0.9, test_accuracy=[0.9] * seeds, interval=None if seeds == 1 else [0.8, 1.0])
    drawn = arm_figures(
        params({"base": {"net": "baseline"}}, {}),
        evaluation(classes, base=alone),
        best,
        {"base": CURVES["baseline"]},
    )
    assert set(drawn) >= NAMED
    for figure in drawn.values():
        assert plots.png(figure).startswith(b"\x89PNG")


def test_what_dvc_yaml_names_is_what_is_drawn() -> None:
    graph = YAML(typ="safe").load((PROJECT / "dvc.yaml").read_text())
    named = {Path(each).stem for each in graph["plots"] if isinstance(each, str)}
    assert named - NAMED == {
        "accuracy-by-depth",
        "time-by-depth",
        "flops-by-depth",
        "features-by-unit",
    }
    assert named >= NAMED


def test_curves_of_the_best_and_of_what_it_is_compared_with_are_shown_first() -> None:
    arms: dict[str, Any] = {
        "a": {"reference": None},
        "b": {"reference": None},
        "c": {"reference": "b"},
        "d": {"reference": None},
        "e": {"reference": None},
    }
    assert first_shown(arms, "c") == ["c", "b", "a", "d"]
    assert first_shown(arms, None) == ["a", "b", "c", "d"]


def test_plots_go_to_the_run_with_the_key_that_they_show() -> None:
    transfer = {
        "points": {"front/depth-0": {"whole_key": "x"}, "only/only-1": {"whole_key": "y"}},
        "own_points": ["front/depth-0"],
    }
    found = plots_of({"sgd": {"whole_key": "s"}}, transfer)
    assert set(found) == {"s", "x"} and found["s"][0] == "arms/sgd.png"


def test_plots_of_arms_that_are_gone_go_too(project: Path) -> None:
    replace_plots({Path("arms/old.png"): b"old", Path("a.svg"): b"a"})
    replace_plots({Path("a.svg"): b"b"})
    assert [p for p in PLOTS.rglob("*") if p.is_file()] == [PLOTS / "a.svg"]
    assert (PLOTS / "a.svg").read_bytes() == b"b"
